"""The contract of scorers and cleaners: checks that every one must pass, built in or plugin.

A check returns nothing, or raises ``BrokenError`` with what is wrong.
"""

import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.component import Component, load
from sealdata.errors import ConfigError
from sealdata.filter_stages import RULE_STAGES
from sealdata.pairs import make_pairs
from sealdata.plugins.metric import Metric
from sealdata.plugins.samples import MIXED_PAIRS, pair_frames, text_columns
from sealdata.scorers import Scorer

Check = Callable[[], None]
MIN_MEANING = 15  # characters that say unit, range and direction of a column

# Ranges that a column's meaning may state: "0 to 1", "0 or more", "-1 to 1".
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"(?:^|[\s,(])({_NUMBER}) (?:to ({_NUMBER})|or more)\b")


class BrokenError(Exception):
    """A component does not hold to its contract; the message says how."""


class Result(NamedTuple):
    """The outcome of one check; ``problem`` is empty where it holds."""

    name: str
    problem: str


def run_checks(checks: Iterator[tuple[str, Check]]) -> list[Result]:
    """The outcome of each check, in order. An exception of the component is a problem too."""
    results = []
    for name, check in checks:
        problem = ""
        try:
            check()
        except BrokenError as error:
            problem = str(error)
        # The component is someone's code: whatever it raises is a result of the check.
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            problem = f"raises {type(error).__name__}: {said}"
        results.append(Result(name, problem))
    return results


def expect(holds: bool, problem: str) -> None:
    """Go on if ``holds``.

    Raises:
        BrokenError: it does not.
    """
    if not holds:
        raise BrokenError(problem)


def common_checks(
    kind: str, cls: type[Component], options: Mapping[str, Any]
) -> Iterator[tuple[str, Check]]:
    """What components of every kind must hold to."""
    name = cls.component_name()
    plugins = {kind: {name: lambda: cls}}

    def documented() -> None:
        base = {parent.__doc__ for parent in cls.__mro__[1:]}
        expect(bool(cls.__doc__) and cls.__doc__ not in base, "the class has no docstring")

    def strict() -> None:
        try:
            load(kind, name, {**options, "no_such_option": 1}, plugins)
        except ConfigError as error:
            expect("unknown key 'no_such_option'" in str(error), f"the error is: {error}")
            return
        raise BrokenError("an unknown option is taken without an error")

    def identified() -> None:
        made, again = (cls.model_validate(options) for _ in range(2))
        prints = made.fingerprint()
        expect(prints.get("version") == cls.version, "the fingerprint lacks the version")
        expect(prints == again.fingerprint(), "equal options have two fingerprints")
        json.dumps(prints)  # keys are made of JSON

    def pickled() -> None:
        made = cls.model_validate(options)
        again = pickle.loads(pickle.dumps(made))
        expect(again.fingerprint() == made.fingerprint(), "another fingerprint after pickling")

    yield "has a docstring", documented
    yield "refuses unknown options", strict
    yield "has one fingerprint for equal options", identified
    yield "can be pickled for another process", pickled


def scorer_checks(cls: type[Scorer], options: Mapping[str, Any]) -> Iterator[tuple[str, Check]]:
    """What scorers must hold to."""
    yield from common_checks("scorers", cls, options)
    make = partial(cls.model_validate, options)
    yield "says when it runs and what its columns are", partial(_columns, cls)
    for what, pairs in pair_frames().items():
        # Scored once for both checks: a scorer with a model takes long.
        scored = cache(partial(_scored, make, pairs))
        yield (
            f"has one row per pair, and the same types ({what})",
            partial(_rows, make, pairs, scored),
        )
        yield f"stays in the ranges that it states ({what})", partial(_ranges, make, scored)
    yield "scores a pair by itself, in any order and company", partial(_alone, make)
    yield "leaves its input as it is and keeps no state", partial(_stateless, make)


def _columns(cls: type[Scorer]) -> None:
    expect(cls.stage in RULE_STAGES, f"stage {cls.stage!r} is none of {', '.join(RULE_STAGES)}")
    expect(bool(cls.columns), "it has no columns")
    for column, meaning in cls.columns.items():
        expect(
            bool(re.fullmatch("[a-z_]+", column)), f"column {column!r}: small letters and _ only"
        )
        expect(len(meaning) > MIN_MEANING, f"column {column!r}: say unit, range and direction")
    columns = {*cls.columns, *cls.corpus_columns}
    strangers = set(cls.ranges) - columns | cls.seldom - columns
    expect(not strangers, f"no columns for the ranges of {', '.join(sorted(strangers))}")
    renamed = set(cls.renamed) & set(cls.columns) or set(cls.renamed.values()) - set(cls.columns)
    expect(not renamed, f"renamed columns are wrong: {', '.join(sorted(renamed))}")


def _scored(make: Callable[[], Scorer], pairs: pl.DataFrame) -> pl.DataFrame:
    return make().score(pairs)


def _rows(
    make: Callable[[], Scorer], pairs: pl.DataFrame, scored: Callable[[], pl.DataFrame]
) -> None:
    scores = scored()
    columns = list(make().columns)
    expect(scores.columns == columns, f"the columns are {scores.columns}, not {columns}")
    expect(scores.height == pairs.height, f"{scores.height} rows for {pairs.height} pairs")
    ordinary = make().score(make_pairs([("Hello there.", "Halo semua.")]))
    expect(scores.schema == ordinary.schema, f"types depend on the rows: {dict(scores.schema)}")
    for column in scores.select(pl.selectors.float()):
        finite = column.drop_nulls().is_finite().all()
        expect(bool(finite), f"{column.name} is NaN or infinite; null is for what is undefined")


def stated_range(meaning: str) -> tuple[float, float] | None:
    """The range in a column's meaning (``0 to 1``, ``0 or more``); None if it states none, or
    several."""
    ranges = _RANGE.findall(meaning)
    if len(ranges) != 1:
        return None
    low, high = ranges[0]
    return float(low), float(high or "inf")


def _ranges(make: Callable[[], Scorer], scored: Callable[[], pl.DataFrame]) -> None:
    scores, ranges = scored(), make().ranges
    for name, meaning in make().columns.items():
        is_text = name in ranges and ranges[name] is None
        expect(not is_text or scores.schema[name] == pl.String, f"{name} is not text")
        stated = ranges.get(name) or stated_range(meaning)
        if stated is None or not scores.schema[name].is_numeric():
            continue
        outside = scores[name].drop_nulls().cast(pl.Float64)
        outside = outside.filter((outside < stated[0]) | (outside > stated[1]))
        first = outside[0] if outside.len() else None
        expect(first is None, f"{name} is {first}, and its meaning says {meaning!r}")


def _alone(make: Callable[[], Scorer]) -> None:
    pairs = make_pairs(MIXED_PAIRS)
    scores = make().score(pairs)
    backwards = make().score(pairs.reverse()).reverse()
    expect(backwards.equals(scores), "the scores depend on the order of the pairs")
    for row in range(pairs.height):
        single = make().score(pairs[row])
        where = f"{pairs['src'][row][:20]!r}, {pairs['tgt'][row][:20]!r}"
        expect(single.equals(scores[row]), f"the score of {where} depends on other pairs")


def _stateless(make: Callable[[], Scorer]) -> None:
    pairs = make_pairs(MIXED_PAIRS)
    before = pairs.clone()
    scorer = make()
    first = scorer.score(pairs)
    expect(pairs.equals(before), "it changes the pairs that it is given")
    scorer.score(make_pairs([("Another one.", "Yang lain.")]))
    expect(scorer.score(pairs).equals(first), "the second call returns other scores")


def cleaner_checks(cls: type[Cleaner], options: Mapping[str, Any]) -> Iterator[tuple[str, Check]]:
    """What cleaners must hold to."""
    yield from common_checks("cleaners", cls, options)
    make = partial(cls.model_validate, options)
    for what, text in text_columns().items():
        yield f"returns one text for each, and none is null ({what})", partial(_texts, make, text)
        yield f"changes nothing when it runs again ({what})", partial(_again, make, text)
    yield "cleans a text by itself, in any order and company", partial(_texts_alone, make)
    yield "leaves its input as it is and keeps no state", partial(_cleaner_state, make)


def _texts(make: Callable[[], Cleaner], text: pl.Series) -> None:
    cleaned = make().clean(text)
    expect(cleaned.dtype == pl.String, f"the result is {cleaned.dtype}, not String")
    expect(cleaned.len() == text.len(), f"{cleaned.len()} texts for {text.len()}")
    expect(cleaned.null_count() == 0, "a text became null")


def _again(make: Callable[[], Cleaner], text: pl.Series) -> None:
    cleaned = make().clean(text)
    for once, twice in zip(cleaned, make().clean(cleaned), strict=True):
        expect(once == twice, f"{once[:40]!r} becomes {twice[:40]!r}")


def _texts_alone(make: Callable[[], Cleaner]) -> None:
    text = text_columns()["odd"]
    cleaned = make().clean(text)
    expect(
        make().clean(text.reverse()).reverse().equals(cleaned), "a text depends on those before it"
    )
    for row in range(text.len()):
        single = make().clean(text[row : row + 1])
        expect(single.equals(cleaned[row : row + 1]), f"{text[row][:20]!r} depends on other texts")


def _cleaner_state(make: Callable[[], Cleaner]) -> None:
    text = text_columns()["odd"]
    before = text.clone()
    cleaner = make()
    runs = [cleaner.clean(text) for _ in range(2)]
    expect(text.equals(before), "it changes the texts that it is given")
    expect(all(a.equals(b) for a, b in pairwise(runs)), "the second call returns other texts")


def metric_checks(cls: type[Metric], options: Mapping[str, Any]) -> Iterator[tuple[str, Check]]:
    """What metrics must hold to without an audit. An audit checks the values."""
    yield from common_checks("metrics", cls, options)

    def described() -> None:
        expect(bool(cls.figures), "it has no figures")
        for figure, meaning in cls.figures.items():
            expect(bool(re.fullmatch("[a-z_]+", figure)), f"figure {figure!r}: small letters and _")
            expect(len(meaning) > MIN_MEANING, f"figure {figure!r}: say unit, range and direction")

    yield "says what its figures are", described
