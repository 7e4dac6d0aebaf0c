"""A trial: known pairs, good or bad, run through the stages of a build."""

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sealdata.errors import ConfigError, SealError
from sealdata.extras import require
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
from sealdata.workflow.protocols import Engine, Progress

_SPOILED = "-spoiled"  # ends the name of a source of spoiled pairs


def recipe_languages(recipe: Recipe) -> list[str]:
    """The languages of the recipe's sources except English, in the order of the sources."""
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
    """``pairs`` (``lang``, ``src``, ``tgt`` and other columns) with what the recipe does to them.

    The stages run as in a build, without dedup, decontamination, margins over neighbours, caps,
    near-dedup and validation. A lexicon is learnt from the pairs without a ``kind``. These columns
    are added:

    - ``read``: the sides after cleaning; null if a reader rejected the pair
    - ``stage``, ``reason``, ``reasons``: as in the ledger; null, null and [] for accepted pairs
    - the scores; as in a build, a pair that an early rule drops lacks those of later stages

    Raises:
        ConfigError: ``skip`` names a scorer that the recipe lacks, or a model is absent.
    """
    with TemporaryDirectory(prefix="sealdata-gold-") as folder:
        work = Path(folder)
        named = _with_sources(pairs)
        tables = [
            _write_source(str(source), frame, work / "references")
            for (source,), frame in named.group_by("source", maintain_order=True)
        ]
        plan = Plan(_trial_recipe(recipe, tables, set(skip)), base)
        plan = plan.pairwise_only(keep_learning=True)
        _check_models(plan)
        digests = Digests(work / "digests.json")
        sources, _ = curate(RunContext(plan, work, digests, engine, progress, takedowns=None))
        outcomes = pl.concat([_outcome(source) for source in sources], how="diagonal")
    numbered = named.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt64).over("source"))
    joined = numbered.join(outcomes, on=["source", "row"], how="left", maintain_order="left")
    return joined.drop("row", "source").with_columns(pl.col("reasons").fill_null([]))


def _with_sources(pairs: pl.DataFrame) -> pl.DataFrame:
    """``pairs`` with ``source``: spoiled pairs apart, so that no lexicon is learnt from them."""
    spoiled = pl.col("kind").is_not_null() if "kind" in pairs.columns else pl.lit(False)
    name = pl.when(spoiled).then(pl.col("lang") + _SPOILED).otherwise(pl.col("lang"))
    return pairs.with_columns(source=name)


def _write_source(name: str, pairs: pl.DataFrame, folder: Path) -> SourceTable:
    """Two aligned files, ``NAME.eng_Latn`` and ``NAME.LANG``."""
    folder.mkdir(exist_ok=True)
    lang = name.removesuffix(_SPOILED)
    for code, side in ((ENGLISH, "src"), (lang, "tgt")):
        text = "".join(f"{line}\n" for line in pairs[side])
        (folder / f"{name}.{code}").write_bytes(text.encode())
    return SourceTable(
        name=name, reader="moses", path=str(folder / name), src_lang=ENGLISH, tgt_lang=lang
    )


def _trial_recipe(recipe: Recipe, sources: list[SourceTable], skip: set[str]) -> Recipe:
    if unknown := sorted(skip - set(recipe.score)):
        raise ConfigError(
            f"--skip {unknown[0]}: the recipe has no such scorer; it has {', '.join(recipe.score)}"
        )
    references = [table.name for table in sources if not table.name.endswith(_SPOILED)]
    changes = {
        "source": sources,
        "stream": [],
        "score": {
            name: params | ({"learn_from": references} if name == "lexicon" else {})
            for name, params in recipe.score.items()
            if name not in skip
        },
        "rule": [rule for rule in recipe.rule if rule.score.partition(".")[0] not in skip],
        "dedup": DedupTable(off=True),
        "decontaminate": DecontaminateTable(),
        "exclude": ExcludeTable(),
        "caps": CapsTable(),
        "near_dedup": NearDedupTable(),
        "validation": ValidationTable(share=0, max_pairs=0),
        "part_rows": MAX_REJECTS_KEPT,  # so that all rejected records of a part are kept
    }
    return recipe.model_copy(update=changes)


def _check_models(plan: Plan) -> None:
    """Fail before any work if the model or a library of a scorer is absent."""
    for name, scorer in plan.scorers.items():
        try:
            require("it", *scorer.needed_modules())
            scorer.fingerprint()
        except SealError as error:
            raise ConfigError(f"[score.{name}]: {error}; or skip it: --skip {name}") from None


def _outcome(source: SourceState) -> pl.DataFrame:
    """``source``, ``row``, ``read``, ``stage``, ``reason``, ``reasons`` and scores of records."""
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
        "row", "stage", "reason", "reasons", *scores, source=pl.lit(source.table.name), read=sides
    )
