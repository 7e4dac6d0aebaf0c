"""Caps per side: of the pairs that share a side, the best scored ones stay."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from sealdata.errors import ConfigError
from sealdata.files.frames import read_frame
from sealdata.files.records import PartRecord
from sealdata.stages.partition import (
    KeyFile,
    languages_of,
    rank_in_group,
    read_range,
    rows_with_duplicates,
    write_sorted,
)
from sealdata.stages.rules import RuleEvaluator
from sealdata.workflow.stage import Step

Side = Literal["src", "tgt"]


@dataclass(frozen=True)
class SideKeys(Step):
    """Writes ``at``, ``key`` of one side and ``score`` (f64) of surviving pairs, sorted by key."""

    evaluator: RuleEvaluator
    keys: Path
    side: Side
    score: str | None

    def stage_name(self) -> str:
        """``src-cap-keys`` or ``tgt-cap-keys``."""
        return f"{self.side}-cap-keys"

    def params(self) -> list[Any]:
        """What decides which pairs survive, and what ranks them."""
        # The side is in the name of the stage, so it need not be a parameter.
        return [self.evaluator.params(), self.score]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """A missing score or NaN becomes null: such a pair ranks below all pairs with a score."""
        # All filter stages so far count, including the cap of the other side: a dropped pair takes
        # no place.
        evaluation = self.evaluator.evaluate(part)
        keys = read_frame(self.keys / f"{part}.parquet", columns=["at", f"{self.side}_key"])
        # Keys are in the order of ``src_key``, not of the rows. ``gather`` fetches the row of each
        # key.
        keys = keys.rename({f"{self.side}_key": "key"}).filter(
            evaluation.surviving.gather(keys["at"])
        )
        # Without a score in the recipe all ranks are equal, and the order of the sources decides.
        score = pl.repeat(None, evaluation.surviving.len(), dtype=pl.Float64, eager=True)
        if self.score is not None:
            score = _numbers(evaluation.scores[self.score], self.score)
        ranked = keys.with_columns(score=score.gather(keys["at"]))
        # Sorted by key, so that the reader of a range skips the rest of the file. ``at`` makes the
        # bytes unique.
        write_sorted(ranked.sort("key", "at"), folder / f"{part}.parquet")
        # No pair is dropped in this step, so all rows come out. ``Flag`` counts the drops.
        height = evaluation.surviving.len()
        return PartRecord(part=part, rows_in=height, rows_out=height, facts={"keys": ranked.height})


def _numbers(score: pl.Series, name: str) -> pl.Series:
    # A score may be text, such as the language that was found. A column of nulls only has no type
    # of its own.
    if not (score.dtype.is_numeric() or score.dtype == pl.Null):
        raise ConfigError(f"[caps] score {name!r} holds {score.dtype}, not numbers to rank by")
    # NaN would rank above all numbers in a descending sort.
    return score.cast(pl.Float64).fill_nan(None)


@dataclass(frozen=True)
class Cap(Step):
    """Finds the pairs above the limit in one range of keys, over all parts of all sources."""

    files: tuple[KeyFile, ...]
    side: Side
    limit: int  # pairs that may share a side

    def stage_name(self) -> str:
        """``src-cap`` or ``tgt-cap``."""
        return f"{self.side}-cap"

    def params(self) -> list[Any]:
        """Only pairs of one language are counted together."""
        # The paths of the files follow from the inputs' keys, so they are not parameters.
        return [languages_of(self.files), self.limit]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order`` and ``at`` of each pair above the limit, language by language.

        The pairs of a sentence are ranked by score, highest first, then by source, part and row.
        Pairs without a score come last.
        """
        # All pairs with one side are in one range, so ranges can be decided by themselves.
        keys = read_range(self.files, part, "key")
        # A cap is at least 1, so a side that occurs once is never over it.
        ranked = rows_with_duplicates(keys, "key").sort(
            "lang",
            "key",
            "score",
            "order",
            "at",
            descending=[False, False, True, False, False],
            nulls_last=True,
        )
        # Ranks begin with 0, so ``limit`` pairs of each group stay.
        excess = ranked.filter(rank_in_group(ranked, ["lang", "key"]) >= self.limit)
        # Sorted by ``order``, because each part will read only its own rows of this file.
        write_sorted(excess.select("order", "at").sort("order", "at"), folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=keys.height,
            rows_out=keys.height - excess.height,
            dropped={f"over_{self.side}_cap": excess.height},
        )
