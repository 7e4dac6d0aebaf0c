"""Dedup: of pairs with equal keys the first survives, by source, then part, then row."""

from dataclasses import dataclass
from pathlib import Path

from sealdata.files.records import PartRecord
from sealdata.stages.partition import KeyFile, read_range, repeats, with_company, write_sorted


@dataclass(frozen=True)
class Resolve:
    """Finds the duplicates within one range of source keys, over all parts of all sources."""

    files: tuple[KeyFile, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order``, ``at`` of each duplicate, sorted; no match across languages."""
        keys = read_range(self.files, part, "src_key")
        ranked = with_company(keys, "src_key").sort("lang", "src_key", "tgt_key", "order", "at")
        again = repeats(ranked, ["lang", "src_key", "tgt_key"]) > 0
        duplicates = ranked.filter(again).select("order", "at").sort("order", "at")
        write_sorted(duplicates, folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=keys.height,
            rows_out=keys.height - duplicates.height,
            dropped={"duplicate": duplicates.height},
        )
