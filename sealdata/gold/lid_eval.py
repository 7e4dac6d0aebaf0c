"""Evaluates language identification on references.

The figures are the languages that a model finds in the references of each language, and what the
rules of a recipe drop. The rules are also tried on text that is declared to be in another language.
"""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.references import ENGLISH, read_references
from sealdata.languages import confusable_set
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.scorers.lid import Lid
from sealdata.stages.rules import Rule

MAX_SWAPPED = 300  # evenly spaced texts of each other language, declared to be in a language


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LanguageResult(_Facts):
    """The references of one language, declared to be in it."""

    lang: str
    texts: int
    right: int  # texts whose likeliest language is the declared one
    in_set: int  # texts whose likeliest language is in the confusable set of the declared one
    dropped: int  # texts that any rule on language ID drops
    reasons: dict[str, int]  # dropped texts by reason of the rule
    taken_for: dict[str, int]  # likeliest language -> texts, the most frequent first


class Swap(_Facts):
    """References of one language declared to be in another."""

    declared: str
    true: str
    confusable: bool  # both are in one confusable set
    texts: int
    caught: int  # texts that any rule on language ID drops


class LidFacts(_Facts):
    """The result of ``sealdata lid eval``."""

    model: str
    sha256: str
    recipe: str
    rules: list[dict[str, Any]]
    languages: list[LanguageResult]
    swaps: list[Swap]


def evaluate(recipe: Recipe, base: Path, refs: Path, model: str | None = None) -> LidFacts:
    """Identify every reference in ``refs`` by the recipe's scorer ``lid`` (or another ``model``).

    English texts are tested by the rules on ``lid`` scores of the English side, other texts by
    those of the other side. The texts are not cleaned, and no other rule is applied.

    Raises:
        ConfigError: the recipe has no ``[score.lid]``, or there are no references.
        DataError: the model is not on this machine or is not a fastText classifier.
    """
    scorer, rules = lid_scorer_and_rules(recipe, base, model)
    texts = reference_texts(read_references(refs))
    [use] = scorer.models()
    return LidFacts(
        model=use.name,
        sha256=use.sha256,
        recipe=recipe.name,
        rules=[rule.model_dump(mode="json") for rule in recipe.rule if _is_lid(rule.score)],
        languages=[
            _language(scorer, rules, lang, lang_texts) for lang, lang_texts in texts.items()
        ],
        swaps=[
            _swap(scorer, rules, lang, true, other)
            for lang in texts
            for true, other in texts.items()
            if true != lang
        ],
    )


def lid_scorer_and_rules(
    recipe: Recipe, base: Path, model: str | None
) -> tuple[Lid, tuple[Rule, ...]]:
    """The recipe's scorer ``lid`` and the rules on its scores."""
    if "lid" not in recipe.score:
        raise ConfigError(f"recipe {recipe.name} has no [score.lid]")
    params = recipe.score["lid"] | ({"model": model} if model else {})
    plan = Plan(recipe.model_copy(update={"score": recipe.score | {"lid": params}}), base)
    scorer = plan.scorers["lid"]
    assert isinstance(scorer, Lid)
    return scorer, tuple(rule for rule in plan.bound_rules() if _is_lid(rule.score))


def _is_lid(score: str) -> bool:
    return score.startswith("lid.")


def reference_texts(refs: pl.DataFrame) -> dict[str, pl.Series]:
    """The distinct texts of each language, English first."""
    texts = {ENGLISH: refs["src"].unique(maintain_order=True)}
    for [lang], lang_refs in refs.group_by("lang", maintain_order=True):
        texts[str(lang)] = lang_refs["tgt"].unique(maintain_order=True)
    return texts


def _top_and_dropped(
    scorer: Lid, rules: tuple[Rule, ...], lang: str, texts: pl.Series
) -> tuple[pl.Series, dict[str, pl.Series]]:
    """The likeliest language of each text, and for each reason which texts the rules drop."""
    english = lang == ENGLISH
    side = "src" if english else "tgt"
    rows = [(text, "") if english else ("", text) for text in texts]
    scores = scorer.score(make_pairs(rows, tgt_lang=lang))
    scores = scores.rename({name: f"lid.{name}" for name in scores.columns})
    dropped: dict[str, pl.Series] = {}
    for rule in rules:
        if rule.score.startswith(f"lid.{side}_"):
            failed = rule.failed(scores, lang)
            dropped[rule.reason] = failed | dropped.get(rule.reason, failed)
    return scores[f"lid.{side}_top"], dropped


def _any(dropped: dict[str, pl.Series], height: int) -> int:
    failures = sum(dropped.values(), pl.repeat(0, height, eager=True))
    return int((failures > 0).sum())


def _language(scorer: Lid, rules: tuple[Rule, ...], lang: str, texts: pl.Series) -> LanguageResult:
    top, dropped = _top_and_dropped(scorer, rules, lang, texts)
    counts = top.fill_null("none").alias("top").value_counts().sort("count", "top", descending=True)
    texts_by_lang = dict(counts.rows())
    lang_set = {lang, *confusable_set(lang)}
    return LanguageResult(
        lang=lang,
        texts=len(texts),
        right=texts_by_lang.get(lang, 0),
        in_set=sum(count for code, count in texts_by_lang.items() if code in lang_set),
        dropped=_any(dropped, len(texts)),
        reasons={reason: int(failed.sum()) for reason, failed in dropped.items()},
        taken_for=texts_by_lang,
    )


def _swap(scorer: Lid, rules: tuple[Rule, ...], lang: str, true: str, texts: pl.Series) -> Swap:
    spaced = texts.gather_every(max(1, -(-len(texts) // MAX_SWAPPED)))
    _, dropped = _top_and_dropped(scorer, rules, lang, spaced)
    return Swap(
        declared=lang,
        true=true,
        confusable=true in confusable_set(lang),
        texts=len(spaced),
        caught=_any(dropped, len(spaced)),
    )
