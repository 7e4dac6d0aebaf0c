"""Scores of the pairs of a frame, and what a recipe would say of each."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.languages import ENGLISH, resolve
from sealdata.notebook.frames import to_pairs
from sealdata.notebook.recipes import plan_of
from sealdata.pipeline.score_pairs import (
    DEFAULT_SCORERS,
    evaluate_pairs,
    named_scores,
    notes,
    open_scorers,
)
from sealdata.recipe.tables import Recipe
from sealdata.scorers import Scorer
from sealdata.stages.clean import EMPTY_SIDE


def score(
    data: Any,
    *,
    src: str = "src",
    tgt: str = "tgt",
    src_lang: str = "eng_Latn",
    tgt_lang: str,
    scorers: Iterable[str] | Mapping[str, Mapping[str, Any]] = DEFAULT_SCORERS,
) -> pl.DataFrame:
    """The rows of ``data`` with score columns ``scorer.name`` behind its own.

    ``src_`` and ``tgt_`` in the name of a score mean the English side and the other one, whichever
    column is which. A row without text on a side has null scores.

    Args:
        data: a frame of polars or pandas, a ``pyarrow.Table``, or a ``datasets.Dataset``.
        src: the column of the texts in ``src_lang``.
        tgt: the column of the texts in ``tgt_lang``. A column ``translation``, as translation
            datasets have, is read where ``src`` and ``tgt`` are absent.
        src_lang: a language by any known code (``en``, ``eng_Latn``); one side must be English.
        tgt_lang: the other language.
        scorers: names of scorers, or their tables as in a recipe: ``{"laser": {"encoder":
            "sample"}}``. ``sealdata.scorers`` in the reference lists them with their columns.

    Raises:
        ConfigError: an absent column, an unknown language, scorer or parameter, or a name of a
            score that ``data`` has already.
        SealError: a model is absent.
    """
    pairs = to_pairs(data, src, tgt, src_lang, tgt_lang)
    names = [scorers] if isinstance(scorers, str) else scorers
    tables = names if isinstance(names, Mapping) else {name: {} for name in names}
    opened = open_scorers(tables, [ENGLISH, pairs.lang])
    _warn(opened)
    return pairs.with_columns(named_scores(opened, pairs.pairs))


def evaluate(
    data: Any,
    recipe: str | Path | Recipe,
    *,
    src: str = "src",
    tgt: str = "tgt",
    src_lang: str = "eng_Latn",
    tgt_lang: str,
) -> pl.DataFrame:
    """The rows of ``data`` with what the cleaners and rules of ``recipe`` make of each.

    These columns are added:

    - ``kept`` (bool): no rule drops the pair
    - ``stage``, ``reason`` (String): the first stage and rule that drop it; null for kept pairs
    - ``reasons`` (list of String): all rules that it fails, among those that saw it
    - ``cleaned_src``, ``cleaned_tgt`` (String): the two columns after cleaning
    - the scores; a pair that an early rule drops lacks those of later stages, as in a build

    A pair without text on a side is dropped for ``empty_side``. Stages that compare a pair with
    others do not run: duplicates, evaluation sets, near duplicates, caps and margins. A build of
    the recipe runs them.

    Args:
        data: as for ``score``, with ``src``, ``tgt``, ``src_lang`` and ``tgt_lang``.
        recipe: the name of a built-in recipe, the path of a TOML file, or a ``Recipe``. Its sources
            do not matter: rules with limits by language take those of ``tgt_lang``.

    Raises:
        ConfigError: as for ``score``, or the recipe is wrong.
        SealError: a model is absent.
    """
    pairs = to_pairs(data, src, tgt, src_lang, tgt_lang)
    plan = plan_of(recipe, [ENGLISH, pairs.lang])
    _warn(plan.scorers)
    cleaned, evaluation = evaluate_pairs(plan, pairs.pairs, pairs.lang)
    sides = ("src", "tgt") if resolve(src_lang).code == ENGLISH else ("tgt", "src")
    outcome = evaluation.drop_reasons()
    columns = outcome.select("stage", "reason", "reasons").with_columns(
        cleaned[sides[0]].alias("cleaned_src"), cleaned[sides[1]].alias("cleaned_tgt")
    )
    if evaluation.scores.width:
        columns = columns.hstack(evaluation.scores)
    frame = pairs.with_columns(columns)
    if not pairs.complete.all():
        missing = pl.lit(pairs.complete).not_()
        frame = frame.with_columns(
            stage=pl.when(missing).then(pl.lit("ingest")).otherwise("stage"),
            reason=pl.when(missing).then(pl.lit(EMPTY_SIDE)).otherwise("reason"),
            reasons=pl.when(missing).then(pl.lit([EMPTY_SIDE])).otherwise("reasons"),
        )
    kept = frame["reason"].is_null().alias("kept")
    return frame.insert_column(pairs.frame.width, kept)


def _warn(scorers: Mapping[str, Scorer]) -> None:
    for note in notes(scorers):
        warnings.warn(note, stacklevel=3)
