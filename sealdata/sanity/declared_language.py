"""Is the text of a source or stream in the language that the recipe declares?"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import polars as pl

from sealdata.build_manifest import Finding
from sealdata.component import load
from sealdata.errors import SealError
from sealdata.fetch.models.store import find_model
from sealdata.languages import (
    ENGLISH,
    confusable_set,
    find_language,
    length_range,
    relatives,
    resolve,
)
from sealdata.lid.labels import labels_of
from sealdata.lid.language_checker import LanguageChecker
from sealdata.lid.model import open_model
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import SourceTable
from sealdata.sanity.chinese import other_characters
from sealdata.sanity.findings import error, warning
from sealdata.sanity.inputs import named
from sealdata.sanity.samples import Samples, share, spread
from sealdata.scorers.balance import Balance
from sealdata.scorers.lid import Lid
from sealdata.scorers.ratio import Ratio

TEXTS = 500  # of each side
MIN_TEXTS = 20  # that differ and have letters; with fewer, nothing is judged
# Share of texts in the declared language below which it is another one. Good text has 0.55 or more
# (short messages of software in Javanese), Javanese read as English 0.18.
MAX_DECLARED = 0.25
MIN_SHARE = 0.5  # share of texts in one language from which that is the language of the side
# Shares by which a side is in a language that is confused with the declared one: of texts in that
# one, and in exactly the declared one. lid.176 takes 66 % of good Malay for Indonesian, and 83 to
# 98 % of Indonesian.
MIN_RELATIVE, MAX_EXACTLY = 0.75, 0.05
# Shares of pairs with both sides in each other's language: some are an accident of the corpus.
SOME_SWAPPED, MANY_SWAPPED = 0.02, 0.25
# Share of texts in one other language from which the side is a mixture.
MIXED = 0.2
_CHARS = 2_000  # of a document


class Detected(NamedTuple):
    """What the texts of one side look like."""

    declared: float  # share in the declared language or one that is confused with it, 0 to 1
    exactly: float  # share whose likeliest language is the declared one
    likeliest: str  # the most frequent likeliest language, FLORES-200 or the model's label
    share: float  # of texts in it
    set_share: float  # of texts in it or one that is confused with it
    second: str  # the most frequent language that is neither declared nor confused with it
    second_share: float  # of texts in it or one that is confused with it; 0 if there is none
    in_script: float  # share of texts mostly in the script of the declared language
    has_label: bool  # the model has a label for the declared language or its set
    num_texts: int  # with letters


def wrong_languages(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Sides and streams that are not in their declared language, by language ID of a sample.

    An error where hardly any text is in it and most are in one other language, or in another
    script; else a warning.
    """
    checker = checker_of(plan)
    for table, sample in samples.tables(plan):
        if sample.good.height < MIN_TEXTS:
            continue
        if isinstance(table, SourceTable):
            pairs, other = spread(sample.good, TEXTS), table.other_lang
            texts_of = {ENGLISH: pairs["src"], other: pairs["tgt"]}
            # Both are scored once: identifying languages is the costliest part of the check.
            scores = checker.scores(pairs["src"], ENGLISH), checker.scores(pairs["tgt"], other)
            src = detect(checker, pairs["src"], ENGLISH, scores[0])
            tgt = detect(checker, pairs["tgt"], other, scores[1])
            if src and tgt and _swapped(checker, pairs, src, tgt, other):
                yield error(
                    "swapped-languages",
                    named(table),
                    f"the file has {_name(other)} where the recipe declares English, and the "
                    f"reverse; declare src_lang = {table.tgt_lang!r} and tgt_lang = "
                    f"{table.src_lang!r}",
                )
                continue
            yield from _partly_swapped(named(table), scores[0]["top"], scores[1]["top"], other)
            sides = [(f"its {_name(lang)} side", lang, detected) for lang, detected in
                     ((ENGLISH, src), (other, tgt))]  # fmt: skip
        else:
            texts = spread(sample.good, TEXTS)["text"].str.slice(0, _CHARS)
            texts_of = {table.lang: texts}
            sides = [("its text", table.lang, detect(checker, texts, table.lang))]
        for what, lang, detected in sides:
            if detected and (judgement := judge(detected, lang)):
                level, message = judgement
                say = error if level == "error" else warning
                yield say("wrong-language", named(table), f"{what} {message}")
            elif detected and (message := other_characters(texts_of[lang], lang)):
                yield warning(
                    "wrong-language",
                    named(table),
                    f"{what} may not be {_name(lang)}: {message}; correct the language",
                )


def unjudged_languages(plan: Plan) -> Iterator[Finding]:
    """Declared languages that the check cannot tell, where no scorer ``lid`` says so already."""
    if any(isinstance(scorer, Lid) for scorer in plan.scorers.values()):
        return  # its note names them on the terminal, in the report and on the card
    sides = {code for table in plan.recipe.source for code in (table.src_lang, table.tgt_lang)}
    declared = sides | {table.lang for table in plan.recipe.document_streams}
    missing = checker_of(plan).labels.missing(sorted(declared))
    if missing:
        yield warning(
            "unjudged-language",
            "languages",
            f"the bundled language ID has no label for {', '.join(map(_name, missing))}, so only "
            "the script of such text is checked; `sealdata models list` has models of more",
        )


def estimated_lengths(plan: Plan) -> Iterator[Finding]:
    """Declared languages without a length factor, where a scorer needs it."""
    if not any(isinstance(scorer, Ratio | Balance) for scorer in plan.scorers.values()):
        return
    codes = dict.fromkeys(c for t in plan.recipe.source for c in (t.src_lang, t.tgt_lang))
    for language in map(resolve, codes):
        if language.length_factor is None:
            low, high = length_range(language.script)
            yield warning(
                "estimated-length",
                "languages",
                f"no length factor of {language.name} is known, so any from {low:g} to {high:g} "
                "counts as right; measure it with `sealdata lengths --refs FOLDER --write RECIPE`",
            )


def detect(
    checker: LanguageChecker, texts: pl.Series, lang: str, scores: pl.DataFrame | None = None
) -> Detected | None:
    """The languages of some texts that are declared to be in ``lang``; None if too few differ and
    have letters. ``scores`` are those of the checker, if they are known."""
    # "Number 1", "Number 2", ... is one text: the model is right or wrong about all of them.
    differ = texts.str.replace_all(r"\d+", "").is_first_distinct()
    if differ.sum() < MIN_TEXTS:
        return None
    texts = texts.filter(differ)
    scores = checker.scores(texts, lang) if scores is None else scores.filter(differ)
    margin = scores["set_margin"].fill_null(scores["short_margin"])
    judged = margin.is_not_null()
    num_texts = int(judged.sum())
    if num_texts < MIN_TEXTS:
        return None
    tops = scores.filter(judged)["top"]
    top, top_share, set_share = _likeliest(tops)
    others = tops.filter(~tops.is_in([lang, *relatives(lang)]))
    second, _, among_others = _likeliest(others) if others.len() else ("", 0.0, 0.0)
    return Detected(
        declared=share(margin.drop_nulls() > 0),
        exactly=share(tops == lang),
        likeliest=top,
        share=top_share,
        set_share=set_share,
        second=second,
        second_share=among_others * others.len() / num_texts,
        in_script=_in_script(texts.filter(judged), lang),
        has_label=bool(checker.labels.set_mask(lang).any()),
        num_texts=num_texts,
    )


def _likeliest(top: pl.Series) -> tuple[str, float, float]:
    """The language of most texts, the share of texts in it, and of those in any of its set.

    The set is chosen first: Javanese is spread over the labels of its relatives.
    """
    counts = dict(top.value_counts(sort=True).iter_rows())
    of_set: Counter[tuple[str, ...]] = Counter()
    for lang, count in counts.items():
        of_set[confusable_set(lang) or (lang,)] += count
    members, set_count = of_set.most_common(1)[0]
    likeliest = next(lang for lang in counts if lang in members)
    return likeliest, counts[likeliest] / top.len(), set_count / top.len()


def judge(detected: Detected, lang: str) -> tuple[str, str] | None:
    """The level of a finding and what to say of a side; None if it seems to be in ``lang``."""
    cure = "correct the language in the recipe, or leave it out"
    of = f"of {detected.num_texts} sampled texts"
    likeliest = f"{detected.share:.0%} {of} are {_name(detected.likeliest)}"
    if detected.in_script < MAX_DECLARED:
        script = f"{detected.in_script:.0%} {of} are in its script"
        return "error", f"is not {_name(lang)}: {script}, and {likeliest}; {cure}"
    if not detected.has_label:
        return None  # the terminal, the report and the card name languages without a label
    resembles = detected.likeliest in relatives(lang)
    is_other = detected.likeliest != lang and not resembles and detected.set_share >= MIN_SHARE
    if detected.declared < MAX_DECLARED and is_other:
        return "error", f"is not {_name(lang)}: {likeliest}; {cure}"
    if detected.declared < MIN_SHARE:
        few = f"only {detected.declared:.0%} {of} look like it"
        return "warning", f"may not be {_name(lang)}: {few}, {likeliest}"
    if detected.second_share >= MIXED:
        mixed = f"{detected.second_share:.0%} {of} are {_name(detected.second)}"
        return "warning", f"is a mixture: {mixed}; put them into a file of their own"
    # That Bhojpuri is taken for Hindi is known, and says nothing about this text.
    is_mixed_up = detected.likeliest in confusable_set(lang)
    if is_mixed_up and detected.share >= MIN_RELATIVE and detected.exactly <= MAX_EXACTLY:
        return "warning", f"may not be {_name(lang)}: {likeliest}, which resembles it"
    return None


def _swapped(
    checker: LanguageChecker, pairs: pl.DataFrame, src: Detected, tgt: Detected, other: str
) -> bool:
    if max(src.declared, tgt.declared) >= MAX_DECLARED:
        return False
    crossed = detect(checker, pairs["src"], other), detect(checker, pairs["tgt"], ENGLISH)
    return all(detected is not None and _fits(detected) for detected in crossed)


def _partly_swapped(where: str, src: pl.Series, tgt: pl.Series, other: str) -> Iterator[Finding]:
    """Some lines that have the sides in each other's language, by the likeliest one of each."""
    theirs = list({other, *relatives(other)} - {ENGLISH})
    crossed = src.is_in(theirs) & (tgt == ENGLISH)
    swapped = share(crossed)
    if swapped >= SOME_SWAPPED:
        message = (
            f"{swapped:.0%} of {src.len()} sampled pairs have {_name(other)} where the recipe "
            "declares English, and the reverse; put such lines into a file of their own"
        )
        say = error if swapped >= MANY_SWAPPED else warning
        yield say("swapped-languages", where, message)


def _fits(detected: Detected) -> bool:
    return (detected.declared if detected.has_label else detected.in_script) >= MIN_SHARE


def _in_script(texts: pl.Series, lang: str) -> float:
    """Share of texts of which most letters are in the script of ``lang``; 1 if it is not known."""
    frame = pl.DataFrame({"src": texts, "tgt": texts}).with_columns(
        src_lang=pl.lit(lang), tgt_lang=pl.lit(lang)
    )
    shares = load("scorers", "script").score(frame)["src_share"].drop_nulls()
    return share(shares > MIN_SHARE) if shares.len() else 1.0


def checker_of(plan: Plan) -> LanguageChecker:
    """The language identification of the recipe; the bundled one if it has none on this machine."""
    scorers = (scorer for scorer in plan.scorers.values() if isinstance(scorer, Lid))
    return _open(next(scorers, Lid()).model)


@cache
def _open(name: str) -> LanguageChecker:
    try:
        path = find_model(name)
    except SealError:  # a finding of its own
        path = find_model(Lid().model)
    model = open_model(path)
    return LanguageChecker(labels_of(model.labels), model.likeliest, Lid().short)


def _name(lang: str) -> str:
    language = find_language(lang)
    return language.name if language else f"language {lang!r} of the model"
