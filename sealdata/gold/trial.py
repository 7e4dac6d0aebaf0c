"""A trial: pairs that are known to be good or bad, judged by the code that builds."""

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from sealdata.errors import ConfigError, SealError
from sealdata.files.digests import Digests
from sealdata.files.frames import read_frame
from sealdata.gold.references import ENGLISH
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.run import curate
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.recipe.tables import (
    CapsTable,
    DecontaminateTable,
    DedupTable,
    ExcludeTable,
    NearDedupTable,
    Recipe,
    SourceTable,
    ValidationTable,
)
from sealdata.stages.ingest import MAX_REJECTS_KEPT
from sealdata.workflow.stage import Engine, Progress


def recipe_languages(recipe: Recipe) -> list[str]:
    """The languages beside English of the recipe's sources, in their order."""
    sides = [lang for table in recipe.source for lang in (table.src_lang, table.tgt_lang)]
    return [lang for lang in dict.fromkeys(sides) if lang != ENGLISH]


def try_pairs(
    recipe: Recipe,
    base: Path,
    pairs: pl.DataFrame,
    skip: Collection[str],
    engine: Engine,
    progress: Progress,
) -> pl.DataFrame:
    """``pairs`` (``lang``, ``src``, ``tgt`` and any others) with what the recipe does to them.

    All but dedup, decontamination, margins over neighbours, caps, near-dedup and hold-out is done
    as a build does it. Added are ``read`` (the sides after cleaning, null where a reader refused
    them), ``stage``, ``reason`` and ``reasons`` (null, null, [] for accepted pairs; as in a build,
    ``reasons`` are the failures among the scores that a pair has, and one that fails a cheap rule
    never gets the costly ones), and the scores.

    Raises:
        ConfigError: ``skip`` names no scorer of the recipe, or the model of another is absent.
    """
    with TemporaryDirectory(prefix="sealdata-gold-") as folder:
        work = Path(folder)
        tables = [
            _write_source(lang, frame, work / "references")
            for (lang,), frame in pairs.group_by("lang", maintain_order=True)
        ]
        plan = Plan(_trial_recipe(recipe, tables, set(skip)), base).pairwise_only()
        _check_models(plan)
        digests = Digests(work / "digests.json")
        sources, _ = curate(RunContext(plan, work, digests, engine, progress, takedowns=None))
        judged = pl.concat([_outcome(source) for source in sources], how="diagonal")
    numbered = pairs.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt64).over("lang"))
    joined = numbered.join(judged, on=["lang", "row"], how="left", maintain_order="left")
    return joined.drop("row").with_columns(pl.col("reasons").fill_null([]))


def _write_source(lang: Any, pairs: pl.DataFrame, folder: Path) -> SourceTable:
    """Two aligned files, ``LANG.eng_Latn`` and ``LANG.LANG``."""
    folder.mkdir(exist_ok=True)
    for code, side in ((ENGLISH, "src"), (lang, "tgt")):
        text = "".join(f"{line}\n" for line in pairs[side])
        (folder / f"{lang}.{code}").write_bytes(text.encode())
    return SourceTable(
        name=lang, reader="moses", path=str(folder / lang), src_lang=ENGLISH, tgt_lang=lang
    )


def _trial_recipe(recipe: Recipe, sources: list[SourceTable], skip: set[str]) -> Recipe:
    if unknown := sorted(skip - set(recipe.score)):
        raise ConfigError(
            f"--skip {unknown[0]}: the recipe has no such scorer; it has {', '.join(recipe.score)}"
        )
    changes = {
        "source": sources,
        "stream": [],
        "score": {name: params for name, params in recipe.score.items() if name not in skip},
        "rule": [rule for rule in recipe.rule if rule.score.partition(".")[0] not in skip],
        "dedup": DedupTable(off=True),
        "decontaminate": DecontaminateTable(),
        "exclude": ExcludeTable(),
        "caps": CapsTable(),
        "near_dedup": NearDedupTable(),
        "validation": ValidationTable(share=0, max_pairs=0),
        "part_rows": MAX_REJECTS_KEPT,  # so that of what a reader refuses nothing is left out
    }
    return recipe.model_copy(update=changes)


def _check_models(plan: Plan) -> None:
    """A scorer whose model is absent is found out before anything runs."""
    for name, scorer in plan.scorers.items():
        try:
            scorer.fingerprint()
        except SealError as error:
            raise ConfigError(f"[score.{name}]: {error}; or leave it out: --skip {name}") from None


def _outcome(source: SourceState) -> pl.DataFrame:
    """``lang``, ``row``, ``read``, ``stage``, ``reason``, ``reasons`` and scores of all records."""
    folder = source.selected.folder
    files = [
        folder / f"{part}.{outcome}.parquet"
        for part in source.selected.parts
        for outcome in ("train", "dropped")
    ]
    rows = pl.concat([read_frame(file) for file in files], how="diagonal")
    assert rows.height == source.ingest_record.rows_in, f"{source.lang}: {rows.height} rows"
    scores = [name for name in rows.columns if "." in name]
    sides = pl.when(pl.col("src").is_not_null()).then(pl.struct("src", "tgt"))
    return rows.select(
        "row", "stage", "reason", "reasons", *scores, lang=pl.lit(source.lang), read=sides
    )
