"""Dedup: the first of pairs with equal keys stays, by source, then part, then row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sealdata.files.records import PartRecord
from sealdata.stages.partition import (
    KeyFile,
    languages_of,
    rank_in_group,
    read_range,
    rows_with_duplicates,
    write_sorted,
)
from sealdata.workflow.stage import Step


@dataclass(frozen=True)
class Resolve(Step):
    """Finds the duplicates within one range of source keys, over all parts of all sources."""

    name: ClassVar[str] = "dedup"

    # All sources of the recipe are compared with each other, in the order of ``KeyFile.order``.
    files: tuple[KeyFile, ...]

    def params(self) -> list[Any]:
        """Only pairs of one language are duplicates of each other."""
        # The content of the files is among the inputs. Their languages are not.
        return languages_of(self.files)

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order`` and ``at`` of each duplicate, sorted. Languages are not compared."""
        # Ranges are of the source key only; the target key is compared inside the range.
        keys = read_range(self.files, part, "src_key")
        # Pairs with equal source keys are a superset of duplicates and usually few, so only they
        # are sorted by all columns.
        ranked = rows_with_duplicates(keys, "src_key").sort(
            "lang", "src_key", "tgt_key", "order", "at"
        )
        # Rank 0 is the first pair in the order of precedence. It stays, and every later one is a
        # duplicate.
        is_repeat = rank_in_group(ranked, ["lang", "src_key", "tgt_key"]) > 0
        # Sorted by ``order``: a part reads its rows of this file by the statistics of the row
        # groups.
        duplicates = ranked.filter(is_repeat).select("order", "at").sort("order", "at")
        write_sorted(duplicates, folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=keys.height,
            rows_out=keys.height - duplicates.height,
            dropped={"duplicate": duplicates.height},
        )
