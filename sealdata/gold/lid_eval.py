"""Language identification held against references: what it takes each language for, and at what
cost the rules of a recipe catch text in another language."""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.references import ENGLISH, read_references
from sealdata.languages import confusable_set, resolve
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.scorers.lid import Lid
from sealdata.stages.rules import Rule

SWAPPED = 300  # texts of each other language, evenly spaced, that are declared to be in a language


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LanguageResult(_Facts):
    """The references of one language, declared to be in it."""

    lang: str
    texts: int
    right: int  # the likeliest language is the declared one
    in_set: int  # it is the declared one or one of its confusable set
    dropped: int  # by any of the recipe's rules on language ID
    reasons: dict[str, int]  # dropped by each rule's reason
    taken_for: dict[str, int]  # likeliest language -> texts, the most frequent first


class Swap(_Facts):
    """References of one language declared to be in another."""

    declared: str
    true: str
    confusable: bool  # they are of one set
    texts: int
    caught: int  # dropped by any of the recipe's rules on language ID


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

    Texts are judged by the rules on ``lid`` scores of the side that is not English, English by
    those of its own; nothing is cleaned and no other rule is asked.

    Raises:
        ConfigError: the recipe has no ``[score.lid]``, or there are no references.
        DataError: the model is not on this machine or no fastText classifier.
    """
    scorer, rules = judges(recipe, base, model)
    texts = reference_texts(read_references(refs))
    [use] = scorer.models()
    return LidFacts(
        model=use.name,
        sha256=use.sha256,
        recipe=recipe.name,
        rules=[rule.model_dump(mode="json") for rule in recipe.rule if _is_lid(rule.score)],
        languages=[_language(scorer, rules, lang, own) for lang, own in texts.items()],
        swaps=[
            _swap(scorer, rules, lang, true, other)
            for lang in texts
            for true, other in texts.items()
            if true != lang
        ],
    )


def judges(recipe: Recipe, base: Path, model: str | None) -> tuple[Lid, tuple[Rule, ...]]:
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
    for [lang], own in refs.group_by("lang", maintain_order=True):
        texts[str(lang)] = own["tgt"].unique(maintain_order=True)
    return texts


def _judged(
    scorer: Lid, rules: tuple[Rule, ...], lang: str, texts: pl.Series
) -> tuple[pl.Series, dict[str, pl.Series]]:
    """The likeliest language of each text, and by reason which texts the rules drop."""
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
    top, dropped = _judged(scorer, rules, lang, texts)
    counts = top.fill_null("none").alias("top").value_counts().sort("count", "top", descending=True)
    taken = dict(counts.rows())
    kin = {lang, *confusable_set(lang)}
    return LanguageResult(
        lang=lang,
        texts=len(texts),
        right=taken.get(lang, 0),
        in_set=sum(count for code, count in taken.items() if code in kin),
        dropped=_any(dropped, len(texts)),
        reasons={reason: int(failed.sum()) for reason, failed in dropped.items()},
        taken_for=taken,
    )


def _swap(scorer: Lid, rules: tuple[Rule, ...], lang: str, true: str, texts: pl.Series) -> Swap:
    some = texts.gather_every(max(1, -(-len(texts) // SWAPPED)))
    _, dropped = _judged(scorer, rules, lang, some)
    return Swap(
        declared=lang,
        true=true,
        confusable=true in resolve(lang).confusable,
        texts=len(some),
        caught=_any(dropped, len(some)),
    )
