"""Scores and outcomes of pairs in memory: what a build would say of them, without files."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from sealdata.component import load_table
from sealdata.filter_stages import RULE_STAGES
from sealdata.pipeline.plan import Plan
from sealdata.plugins.loading import find_plugins
from sealdata.scorers import Scorer
from sealdata.stages.clean import EMPTY_SIDE, emptied
from sealdata.stages.rules import Evaluation
from sealdata.stages.score import score_slices

DEFAULT_SCORERS = ("lid", "laser")


def open_scorers(
    tables: Mapping[str, Mapping[str, Any]], languages: Sequence[str]
) -> dict[str, Scorer]:
    """Scorers by name with their parameters, ready for pairs of ``languages`` (FLORES codes).

    Raises:
        ConfigError: an unknown scorer or parameter.
        SealError: a model is absent; it is looked for before any text is read.
    """
    plugins = find_plugins().classes
    scorers = {name: load_table("scorers", name, table, plugins) for name, table in tables.items()}
    return bind(scorers, languages)


def bind(scorers: Mapping[str, Scorer], languages: Sequence[str]) -> dict[str, Scorer]:
    """The scorers for ``languages``, all their models found.

    Raises:
        SealError: a model is absent.
    """
    bound = {name: scorer.for_languages(languages) for name, scorer in scorers.items()}
    for scorer in bound.values():
        scorer.fingerprint()  # reads the digest of the model, so that an absent one fails here
    return bound


def notes(scorers: Mapping[str, Scorer]) -> list[str]:
    """What the models of some scorers cannot judge, a line each, as the report and card have it."""
    uses = [
        model
        for scorer in scorers.values()
        for model in scorer.models()
        if model.note and not model.demonstration  # that of a toy is about its training data
    ]
    return [f"{model.use} by {model.name}. {model.note}" for model in uses]


def named_scores(scorers: Mapping[str, Scorer], pairs: pl.DataFrame) -> pl.DataFrame:
    """Score columns ``scorer.name``, a row for each pair, in order."""
    frames = score_slices(scorers, pairs)
    columns = [
        column.alias(f"{name}.{column.name}")
        for name, frame in frames.items()
        for column in frame.get_columns()
    ]
    return pl.DataFrame(columns)


def evaluate_pairs(
    plan: Plan, pairs: pl.DataFrame, tgt_lang: str, source: str = ""
) -> tuple[pl.DataFrame, Evaluation]:
    """Pairs of one language after cleaning, and what the rules of the plan say of each.

    Stages that compare pairs with others (duplicates, evaluation sets, near duplicates, caps) do
    not run. As in a build, pairs that an early rule drops lack the scores of later stages.
    ``source`` is the source of the recipe whose limits hold; without one, those of the language do.
    """
    plan = plan.pairwise_only()
    rules = [rule.for_source(source, tgt_lang) for rule in plan.bound_rules()]
    cleaned = pairs
    for cleaner in plan.cleaners.values():
        cleaned = cleaned.with_columns(
            cleaner.clean(cleaned[side]).alias(side) for side in ("src", "tgt")
        )
    # As in a build: cleaning may leave nothing to see, whatever rules the recipe has.
    empty = emptied(cleaned)
    flags: list[tuple[str, str, pl.Series]] = [(RULE_STAGES[0], EMPTY_SIDE, empty)]
    surviving = pl.repeat(True, pairs.height, eager=True)
    columns: list[pl.DataFrame] = []
    for stage in RULE_STAGES:
        scorers = {name: s for name, s in plan.scorers.items() if s.stage == stage}
        if scorers:
            scores = _spread(named_scores(scorers, cleaned.filter(surviving)), surviving)
            columns.append(scores)
            flags += [
                (stage, rule.reason, rule.failed(scores, tgt_lang) & surviving)
                for rule in rules
                if rule.stage == stage
            ]
        for _, _, failed in flags:
            surviving = surviving & ~failed
    scores = pl.concat(columns, how="horizontal") if columns else pl.DataFrame()
    return cleaned, Evaluation(scores, tuple(flags), surviving)


def _spread(scores: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """A row for every pair; null where ``rows`` is false."""
    if rows.all():
        return scores
    every = pl.DataFrame({"row": pl.int_range(rows.len(), dtype=pl.UInt32, eager=True)})
    numbered = scores.with_columns(row=rows.arg_true())
    return every.join(numbered, on="row", how="left", maintain_order="left").drop("row")
