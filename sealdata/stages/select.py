"""Select: each pair goes to training, to validation, or to the ledger of drops."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.files.frames import read_frame, write_frame, write_published
from sealdata.files.records import PartRecord, read_json, write_json
from sealdata.stages.partition import mask
from sealdata.stages.rules import Evaluation, RuleEvaluator
from sealdata.stages.withheld import NOTHING, Withheld
from sealdata.text.hashing import mix
from sealdata.workflow.stage import Step


@dataclass(frozen=True)
class HoldOut(Step):
    """Finds candidates for validation: surviving pairs whose English side hashes below ``share``.

    The hash is of the sentence's normal form, so all languages and sources that share an English
    sentence decide alike.
    """

    name: ClassVar[str] = "hold-out"

    evaluator: RuleEvaluator
    # Keys are read, not texts: ``src_key`` is the hash of the English side's normal form.
    keys: Path
    share: float
    seed: int

    def params(self) -> list[Any]:
        """What decides which pairs survive, and how many are held out."""
        return [self.evaluator.params(), self.share, self.seed]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``at`` and ``hash`` (u64) of the candidates."""
        # Pairs that failed an early rule have no key. They are dropped, so they are never
        # candidates.
        keys = read_frame(self.keys / f"{part}.parquet", columns=["at", "src_key"])
        surviving = self.evaluator.evaluate(part).surviving
        keys = keys.sort("at").filter(surviving.gather(keys["at"].sort()))
        # The seed goes in, so that another seed holds out other sentences. Equal sentences still
        # have equal hashes.
        hashes = keys.select("at", hash=mix(keys["src_key"], self.seed))
        # The hash is uniform over u64, so its lowest share is a share of the sentences.
        chosen = hashes.filter(pl.col("hash") < pl.lit(int(self.share * 2**64), pl.UInt64))
        write_frame(chosen, folder / f"{part}.parquet")
        facts = {"candidates": chosen.height}
        return PartRecord(part=part, rows_in=surviving.len(), rows_out=surviving.len(), facts=facts)


@dataclass(frozen=True)
class Cutoffs(Step):
    """Caps validation per language: the candidates with the smallest hashes stay."""

    name: ClassVar[str] = "cutoffs"

    candidates: Mapping[str, tuple[Path, ...]]  # language -> files of its parts
    max_pairs: int

    def params(self) -> list[Any]:
        """The cap, and which candidates belong to which language."""
        return [self.max_pairs, [[lang, len(files)] for lang, files in self.candidates.items()]]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes JSON: language -> hash below which (exclusive) a candidate is validation."""
        cutoffs: dict[str, int] = {}
        total = 0
        # A language is capped over all its sources together. Hashes of two languages are not mixed.
        for lang, files in self.candidates.items():
            frames = [read_frame(file, columns=["hash"]) for file in files]
            hashes = pl.concat(frames)["hash"].sort()
            total += hashes.len()
            within = hashes.len() <= self.max_pairs
            # Above every u64 value if the language is below its cap: all candidates stay.
            cutoffs[lang] = 2**64 if within else int(hashes[self.max_pairs])
        # The hash at position ``max_pairs`` is excluded, and so are all equal to it. Pairs of one
        # sentence stay together.
        write_json(folder / f"{part}.cutoffs.json", cutoffs)
        return PartRecord(part=part, rows_in=total, rows_out=total)


@dataclass(frozen=True)
class Select(Step):
    """Writes ``PART.train.parquet``, ``PART.validation.parquet`` and ``PART.dropped.parquet``."""

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 4

    evaluator: RuleEvaluator
    # The folder of the raw parts with their rejected records, the folder of ``HoldOut``, and the
    # file of ``Cutoffs``.
    ingested: Path
    candidates: Path
    cutoffs: Path
    withheld: Withheld = NOTHING

    def params(self) -> list[Any]:
        """What decides which pairs survive, and whose text is withheld."""
        return [self.evaluator.params(), self.withheld.params()]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: pairs per split, kept pairs by who translated, first failures by stage and
        reason, all and sole failures."""
        pairs = read_frame(self.evaluator.cleaned.folder / f"{part}.parquet")
        evaluation = self.evaluator.evaluate(part)
        # Kept and dropped pairs have the same columns, so a reader can compare their scores.
        table = pl.concat([pairs, evaluation.scores], how="horizontal")
        # A candidate above the cutoff goes to the ledger. In training it would leak into another
        # language's validation.
        validation, held_out = self._candidates(part, evaluation)
        kept = {"train": evaluation.surviving & ~validation & ~held_out, "validation": validation}
        for split, rows in kept.items():  # each row is copied once, into the split that it is in
            chosen = table.filter(rows).with_columns(split=pl.lit(split))
            write_published(chosen, folder / f"{part}.{split}.parquet")
        # Reasons are made for dropped rows only: kept rows have none.
        lost = evaluation.only(~evaluation.surviving)
        dropped = table.filter(~evaluation.surviving).with_columns(lost.drop_reasons())
        held = table.filter(held_out).with_columns(**_held_out())
        # In the order of the file, whatever dropped a pair, so that equal builds are equal bytes.
        ledger = pl.concat([dropped, held]).sort("row").with_columns(raw=pl.lit(None, pl.String))
        # Records that could not be read have no pair. They follow the others, with the raw text in
        # ``raw``.
        rejected = self.withheld.records(read_frame(self.ingested / f"{part}.rejected.parquet"))
        ledger = self.withheld.pairs(ledger)
        write_frame(
            pl.concat([ledger, _as_dropped(rejected, ledger)]), folder / f"{part}.dropped.parquet"
        )
        said = table.filter(evaluation.surviving & ~held_out)["translation"].drop_nulls()
        facts = {split: int(rows.sum()) for split, rows in kept.items()}
        translations = dict(said.value_counts().sort("translation").rows())
        return _record(part, facts, translations, ledger)

    def _candidates(self, part: str, evaluation: Evaluation) -> tuple[pl.Series, pl.Series]:
        """Bool per row: in validation, and held out of training without being in validation."""
        cutoff = read_json(self.cutoffs)[self.evaluator.tgt_lang]
        candidates = read_frame(self.candidates / f"{part}.parquet")
        # 2^64 does not fit u64, hence the minimum. Only the hash 2^64 - 1 itself would be treated
        # otherwise.
        within = pl.col("hash") < pl.lit(min(cutoff, 2**64 - 1), pl.UInt64)
        num_rows = evaluation.surviving.len()
        validation, held_out = (
            mask(num_rows, candidates.filter(chosen)["at"])["flag"] for chosen in (within, ~within)
        )
        return validation, held_out


def _held_out() -> dict[str, pl.Expr]:
    return {
        "stage": pl.lit("select"),
        "reason": pl.lit("held_out"),
        "reasons": pl.lit(["held_out"], pl.List(pl.String)),
    }


def _as_dropped(rejected: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Records that could not be read, in the columns of the ledger."""
    rows = rejected.with_columns(
        stage=pl.lit("ingest"), reasons=pl.concat_list("reason").cast(pl.List(pl.String))
    )
    # Columns that a rejected record lacks, such as scores, are null of the same type.
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in ledger.schema.items()
    )


def _record(
    part: str, splits: dict[str, int], translations: dict[str, int], ledger: pl.DataFrame
) -> PartRecord:
    # stage -> reason -> pairs that this reason dropped first. These numbers add up to all dropped
    # pairs.
    first: dict[str, dict[str, int]] = {}
    for stage, reason, count in ledger.group_by("stage", "reason").len().sort("reason").rows():
        first.setdefault(stage, {})[reason] = count
    reasons = ledger.select(reason="reasons")
    # "any" counts a pair under each of its reasons, "only" counts pairs with a single reason.
    exploded = reasons.explode("reason")["reason"]
    only = reasons.filter(pl.col("reason").list.len() == 1).explode("reason")["reason"]
    facts: dict[str, Any] = {
        **splits,
        "translations": translations,
        "first": first,
        "any": dict(exploded.value_counts().sort("reason").rows()),
        "only": dict(only.value_counts().sort("reason").rows()),
    }
    # The record counts by reason only, and two stages may use the same reason.
    dropped: dict[str, int] = {}
    for counts in first.values():
        for reason, count in counts.items():
            dropped[reason] = dropped.get(reason, 0) + count
    # The ledger has no rejected records here: ``ingest`` has counted them.
    total = ledger.height
    rows = facts["train"] + facts["validation"]
    return PartRecord(part=part, rows_in=rows + total, rows_out=rows, dropped=dropped, facts=facts)
