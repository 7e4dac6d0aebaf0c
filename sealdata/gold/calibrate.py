"""Calibration: where a score lies for translations and for what is none, and the limit between."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.references import read_references
from sealdata.gold.trial import recipe_languages
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.scorers import Scorer

QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
_ENGLISH = "eng_Latn"
_DECIMALS = 4  # of a limit, rounded down: never above the value it is taken from


class Spread(BaseModel):
    """Scores of one kind of pair: ``good``, ``shuffled``, ``next`` or ``other language``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    pairs: int
    missing: int  # pairs without the score
    quantiles: list[float]  # at QUANTILES
    histogram: list[int]  # over the bins of the language
    auc: float | None = None  # probability that a good pair scores above one of these; ties half
    accepted: float | None = None  # share at or above the limit


class Calibration(BaseModel):
    """One score and language; higher is better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: str
    lang: str
    limit: float  # at most the wanted share of good pairs is below
    rejected: float  # the share of good pairs that is
    bins: list[float]  # edges of the histograms
    good: Spread
    negatives: list[Spread]


def calibrate(
    plan: Plan,
    folder: Path,
    scores: Sequence[str],
    false_reject: float,
    tell: Callable[[str], None] = lambda said: None,
) -> list[Calibration]:
    """Every score of ``scores`` (default: those with a ``min`` of its language and similarity
    rules) for every language of the recipe that ``folder`` has references of.

    Negatives of a similarity are the English of another line: ``shuffled``, and ``next``, which
    in running text is the harder one. Those of language ID are the same lines in another language
    of the folder, declared as this one; in place of the English, those of this language. The texts
    are cleaned as the recipe says. A language whose references all lack a score (short_margin of
    long sentences, within_set_margin of a language without relatives) has none
    of it: ``tell`` is told.

    Raises:
        ConfigError: a score that the recipe does not have, or no references that have it.
        DataError: see ``read_references``.
    """
    references = read_references(folder)
    langs = [lang for lang in recipe_languages(plan.recipe) if lang in set(references["lang"])]
    if not langs:
        raise ConfigError(f"{folder} has no references in a language of {plan.recipe.name!r}")
    for cleaner in plan.cleaners.values():
        references = references.with_columns(
            cleaner.clean(references[side]).alias(side) for side in ("src", "tgt")
        )
    found = []
    for name in scores or _default_scores(plan):
        scorer, column = _scorer(plan, name)
        for lang in langs:
            sets = _pairs(references, lang, scorer.stage, column)
            values = {
                kind: scorer.score(pairs)[column].cast(pl.Float64).round(6).to_numpy()
                for kind, pairs in sets.items()
            }
            if np.isnan(values["good"]).all():
                tell(f"left out: {name} of {lang}, which none of its references has")
            else:
                found.append(_calibration(name, lang, values, false_reject))
    if not found:
        raise ConfigError(f"no reference in {folder} has a score to take a limit from")
    return found


def _default_scores(plan: Plan) -> list[str]:
    rules = [*plan.rules("lid"), *plan.rules("similarity")]
    names = [
        rule.score
        for rule in rules
        if rule.min is not None and rule.score not in plan.corpus_scores()
    ]
    if not names:
        raise ConfigError(
            f"{plan.recipe.name!r} has no rule with a min on language ID or similarity; name a "
            "score: --score laser.cosine"
        )
    return list(dict.fromkeys(names))


def _scorer(plan: Plan, name: str) -> tuple[Scorer, str]:
    scorer, _, column = name.partition(".")
    if name in plan.corpus_scores():
        raise ConfigError(
            f"--score {name}: it rests on neighbours in the corpus, which references do not have; "
            "take its limit from the report of a build"
        )
    if scorer not in plan.scorers or column not in plan.scorers[scorer].columns:
        known = [f"{s}.{c}" for s, found in plan.scorers.items() for c in found.columns]
        raise ConfigError(
            f"--score {name}: the recipe has no such score; it has {', '.join(known)}"
        )
    return plan.scorers[scorer], column


def _pairs(references: pl.DataFrame, lang: str, stage: str, column: str) -> dict[str, pl.DataFrame]:
    """Pair frames by kind, ``good`` first."""
    own = references.filter(pl.col("lang") == lang)
    good = make_pairs(list(zip(own["src"], own["tgt"], strict=True)), tgt_lang=lang)
    if stage == "lid" and column.startswith("src_"):
        rows = list(zip(own["tgt"], own["tgt"], strict=True))
        return {"good": good, "other language": make_pairs(rows, tgt_lang=lang)}
    if stage == "lid":
        others = references.filter(pl.col("lang") != lang)
        few = others.filter(pl.int_range(pl.len()).over("lang") < own.height)
        rows = list(zip(few["src"], few["tgt"], strict=True))
        return {"good": good, "other language": make_pairs(rows, tgt_lang=lang)}
    if own.height < 4:
        raise ConfigError(f"{own.height} references of {lang} are too few; 4 at the very least")
    order = np.random.RandomState(1).permutation(own.height)
    partner = np.empty(own.height, dtype=np.int64)
    partner[order] = np.roll(order, 1)  # a cycle through all lines: none keeps its own
    kinds = {"shuffled": partner, "next": np.roll(np.arange(own.height), -1)}
    found = {"good": good}
    for kind, places in kinds.items():
        src = own["src"].gather(places)
        wrong = (src != own["src"]).to_list()  # a repeated sentence is no negative
        rows = [
            pair
            for pair, keep in zip(zip(src, own["tgt"], strict=True), wrong, strict=True)
            if keep
        ]
        found[kind] = make_pairs(rows, tgt_lang=lang)
    return found


def _calibration(
    score: str, lang: str, values: dict[str, np.ndarray], false_reject: float
) -> Calibration:
    known = {kind: found[~np.isnan(found)] for kind, found in values.items()}
    good = np.sort(known["good"])
    limit = float(good[int(false_reject * len(good))])
    limit = float(np.floor(round(limit * 10**_DECIMALS, 3)) / 10**_DECIMALS)
    every = np.concatenate(list(known.values()))
    bins = np.linspace(every.min(), max(every.max(), every.min() + 1e-6), 41)
    spreads = [
        Spread(
            kind=kind,
            pairs=len(values[kind]),
            missing=len(values[kind]) - len(found),
            quantiles=np.quantile(found, QUANTILES).round(4).tolist() if len(found) else [],
            histogram=np.histogram(found, bins)[0].tolist(),
            auc=None if kind == "good" or not len(found) else area_under_curve(good, found),
            accepted=None if kind == "good" or not len(found) else float((found >= limit).mean()),
        )
        for kind, found in known.items()
    ]
    return Calibration(
        score=score,
        lang=lang,
        limit=limit,
        rejected=float((good < limit).mean()),
        bins=bins.tolist(),
        good=spreads[0],
        negatives=spreads[1:],
    )


def area_under_curve(good: np.ndarray, bad: np.ndarray) -> float:
    """Probability that a random ``good`` value is above a random ``bad`` one; ties count half."""
    ordered = np.sort(bad)
    below = np.searchsorted(ordered, good, "left") + np.searchsorted(ordered, good, "right")
    return float(below.sum() / 2 / len(good) / len(bad))


def recipe_lines(found: Sequence[Calibration], plan: Plan) -> str:
    """Rules with a limit per language, as TOML to put into the recipe, in place of those on the
    same score: their reasons are kept."""
    reasons = {rule.score: rule.reason for rule in reversed(plan.recipe.rule)}
    lines = []
    for score in dict.fromkeys(one.score for one in found):
        rows = [one for one in found if one.score == score]
        other = "low_similarity" if score.startswith("laser.") else "wrong_language"
        lines += [
            "[[rule]]",
            f'reason = "{reasons.get(score, other)}"',
            f'score = "{score}"',
            f"min = {min(row.limit for row in rows):g} # of a language without a limit of its own",
            "",
            "[rule.languages]",
            *(f"{row.lang} = {{ min = {row.limit:g} }}" for row in rows),
            "",
        ]
    return "\n".join(lines)
