"""Exclude: pairs that takedown lists name are dropped before anything else looks at them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from sealdata.files.frames import read_part, write_frame
from sealdata.files.records import PartRecord, stage_key
from sealdata.stages.takedowns import Takedowns
from sealdata.workflow.stage import Step

EXCLUDED = "excluded"


@dataclass(frozen=True)
class Exclude(Step):
    """Flags the pairs that an entry names; ``cleaned`` is the folder of the parts."""

    name: ClassVar[str] = "exclude"

    takedowns: Takedowns
    cleaned: Path

    def params(self) -> str:
        """A digest of the entries, in whatever order the lists have them."""
        return stage_key("takedowns", 1, asdict(self.takedowns), [])

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows. Facts: pairs by kind of entry."""
        columns = ["source", "row", "src_url", "tgt_url"]
        pairs = read_part(self.cleaned / f"{part}.parquet")
        flags = self.takedowns.flags(pairs.select(columns))
        mask = flags.select(flag=pl.any_horizontal(pl.all()))
        write_frame(mask, folder / f"{part}.parquet")
        excluded = int(mask["flag"].sum())
        return PartRecord(
            part=part,
            rows_in=mask.height,
            rows_out=mask.height - excluded,
            dropped={EXCLUDED: excluded} if excluded else {},
            facts={kind: int(flags[kind].sum()) for kind in flags.columns},
        )
