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
    version: ClassVar[int] = 2

    takedowns: Takedowns
    cleaned: Path

    def params(self) -> str:
        """A digest of the entries, in whatever order the lists have them."""
        # The digest stands for lists of any length. The manifest of the stage must not spell them
        # out.
        return stage_key("takedowns", 1, asdict(self.takedowns), [])

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows. Facts: pairs by kind of entry."""
        # Addresses are null for corpora that have none. Such a pair can be named by source and row
        # only.
        columns = ["source", "row", "src_url", "tgt_url"]
        # ``read_part`` takes the part from memory, if ``clean`` has just left it there.
        pairs = read_part(self.cleaned / f"{part}.parquet")
        flags = self.takedowns.flags(pairs.select(columns))
        # A pair that several entries name is dropped once, but counted under each kind of entry.
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
