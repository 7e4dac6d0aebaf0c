"""Keys: hashes of both sides' normal form, for pairs that pass the first rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.files.frames import read_part, slices
from sealdata.files.records import PartRecord
from sealdata.stages.partition import write_sorted
from sealdata.stages.rules import RuleEvaluator
from sealdata.text.hashing import key_hashes
from sealdata.workflow.stage import Step

SLICE_BYTES = 8 << 20  # of text folded at a time


@dataclass(frozen=True)
class Keys(Step):
    """Writes ``at`` (row in the part), ``src_key`` and ``tgt_key`` (u64), sorted by ``src_key`` so
    that a range of keys can be read without the rest of the file."""

    name: ClassVar[str] = "keys"
    version: ClassVar[int] = 2

    # The evaluator has the rules of the first stage and the takedowns, or in an audit only the
    # takedowns.
    evaluator: RuleEvaluator

    def params(self) -> list[Any]:
        """What decides which pairs have keys."""
        # Rules of later stages decide nothing here, so changing them leaves the keys valid.
        return self.evaluator.params(before="dedup")

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Rows that fail a rule have no keys. They neither are nor cause duplicates."""
        # The part is still in memory: this task runs right after cleaning and scoring it.
        pairs = read_part(self.evaluator.cleaned.folder / f"{part}.parquet").select("src", "tgt")
        surviving = self.evaluator.evaluate(part, before="dedup").surviving
        # An empty frame first: pl.concat needs one where no pair survives.
        sides = ["src", "tgt"]
        none = key_hashes(pairs.clear(), sides)
        # Normal forms are several times as large as the hashes, so only a slice of them exists at a
        # time.
        texts = slices(pairs.filter(surviving), sides, SLICE_BYTES)
        hashes = pl.concat([none, *(key_hashes(slice_, sides) for slice_ in texts)])
        keys = pl.DataFrame(
            {"at": surviving.arg_true(), "src_key": hashes["src"], "tgt_key": hashes["tgt"]}
        )
        write_sorted(keys.sort("src_key", "at"), folder / f"{part}.parquet")
        facts = {"keys": keys.height}
        return PartRecord(part=part, rows_in=pairs.height, rows_out=pairs.height, facts=facts)
