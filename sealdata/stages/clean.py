"""Clean: repairs the text of pairs, counts the changes of every cleaner, flags emptied sides."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.files.frames import keep_part, read_part, write_frame
from sealdata.files.parquet import count_rows
from sealdata.files.records import PartRecord, write_atomic
from sealdata.text.characters import VISIBLE
from sealdata.workflow.stage import Step

EXAMPLES = 5  # changed texts kept per step and part, for the audit
EMPTY_SIDE = "empty_side"  # also the reason of readers, for a side that is empty in the file
Example = tuple[int, list[str]]  # row, and its text before and after
EMPTIED = ".emptied"  # after a part's name: the file of flags of pairs with an empty side


@dataclass(frozen=True)
class Clean(Step):
    """Applies the cleaners in order to both sides; ``ingested`` is the folder of the raw parts.

    It drops no row. An entity, a tag or a zero-width space may be all that a side was, and then
    nothing is left to translate. Such pairs are flagged here, and every build drops them.
    """

    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 2

    cleaners: Mapping[str, Cleaner]
    ingested: Path

    def params(self) -> list[Any]:
        """The cleaners, in order."""
        return [[name, cleaner.identity()] for name, cleaner in self.cleaners.items()]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: rows changed by each step, examples [before, after], and their rows.

        ``PART.emptied.parquet`` has ``flag`` (bool): a side has no visible character.
        """
        raw, path = (where / f"{part}.parquet" for where in (self.ingested, folder))
        rows = count_rows(raw)
        changed: dict[str, int] = {}
        examples: dict[str, list[list[str]]] = {}
        example_rows: dict[str, list[int]] = {}
        pairs = read_part(raw)
        for name, cleaner in self.cleaners.items():
            pairs, changed[name], shown = _apply(cleaner, pairs)
            examples[name] = [texts for _, texts in shown]
            # By row, so that examples of pairs which later stages exclude can be left out.
            example_rows[name] = [row for row, _ in shown]
        write_frame(emptied(pairs).to_frame("flag"), folder / f"{part}{EMPTIED}.parquet")
        # Most parts of a clean corpus do not change. A hard link costs no disk and no time.
        if any(changed.values()):
            write_frame(pairs, path)
            keep_part(path, pairs)
        else:  # the same bytes would be written once more
            write_atomic(path, partial(_link, raw))
        facts: dict[str, Any] = {"changed": changed, "examples": examples}
        facts["example_rows"] = example_rows
        return PartRecord(part=part, rows_in=rows, rows_out=rows, facts=facts)


def emptied(pairs: pl.DataFrame) -> pl.Series:
    """Bool per pair: a side has no character that can be seen."""
    visible = pl.all_horizontal(pl.col("src", "tgt").str.contains(VISIBLE))
    return pairs.select(~visible).to_series()


def _apply(cleaner: Cleaner, pairs: pl.DataFrame) -> tuple[pl.DataFrame, int, list[Example]]:
    sides = {side: cleaner.clean(pairs[side]).alias(side) for side in ("src", "tgt")}
    assert all(text.len() == pairs.height for text in sides.values()), type(cleaner).__name__
    differs = {side: text.ne_missing(pairs[side]) for side, text in sides.items()}
    rows = int((differs["src"] | differs["tgt"]).sum())
    examples = [
        (row, [before, after])
        for side, text in sides.items()
        for row, before, after in zip(
            pairs["row"].filter(differs[side]).head(EXAMPLES),
            pairs[side].filter(differs[side]).head(EXAMPLES),
            text.filter(differs[side]).head(EXAMPLES),
            strict=True,
        )
    ]
    return pairs.with_columns(**sides), rows, examples[:EXAMPLES]


def _link(raw: Path, path: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links."""
    try:
        path.hardlink_to(raw)
    except OSError:
        shutil.copyfile(raw, path)
