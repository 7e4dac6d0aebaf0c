"""Sample: pairs drawn by hash from every part and scored in full, whatever they fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import PartRecord
from sealdata.scorers import PHASES, Scorer
from sealdata.shards.shuffle import row_keys
from sealdata.stages.rules import STAGE_OF_PHASE, Judged, Rule


@dataclass(frozen=True)
class Sample:
    """Draws ``sizes[part]`` pairs of a part, the same ones for the same seed, and lets every scorer
    see every one of them: a build spares later scorers what earlier rules drop, an audit must not.

    ``first`` and ``masks`` are (stage, reason, folder) of the stages that flag rows themselves,
    before any rule and after the rules on text.
    """

    sizes: Mapping[str, int]
    scorers: Mapping[str, Scorer]
    rules: tuple[Rule, ...]
    first: tuple[tuple[str, str, Path], ...]
    masks: tuple[tuple[str, str, Path], ...]
    cleaned: Path
    tgt_lang: str
    seed: int

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes pairs, all scores, ``stage``, ``reason`` and ``reasons`` as in the ledger, in the
        order of the rows. Facts: how many rows each mask flags in the whole part."""
        path = self.cleaned / f"{part}.parquet"
        keys = row_keys(read_frame(path, columns=["source", "row"]), self.seed)
        drawn = keys.arg_sort().head(self.sizes[part]).sort()
        pairs = read_frame(path)[drawn]
        columns = [
            scores.rename({name: f"{scorer}.{name}" for name in scores.columns})
            for scorer, component in self.scorers.items()
            for scores in [component.score(pairs)]
        ]
        scores = pl.concat(columns, how="horizontal") if columns else pl.DataFrame()
        masks = [
            (stage, reason, read_frame(where / f"{part}.parquet")["flag"])
            for stage, reason, where in (*self.first, *self.masks)
        ]
        flags = self._flags(scores, [(s, r, flag.gather(drawn)) for s, r, flag in masks])
        alive = pl.repeat(True, pairs.height, eager=True)
        for _, _, failed in flags:
            alive = alive & ~failed
        verdicts = Judged(scores, tuple(flags), alive).verdicts()
        table = pl.concat([pairs, scores, verdicts], how="horizontal")
        write_frame(table, folder / f"{part}.parquet")
        flagged = {f"{stage}.{reason}": int(flag.sum()) for stage, reason, flag in masks}
        facts = {"rows": keys.len(), "flagged": flagged}
        return PartRecord(part=part, rows_in=pairs.height, rows_out=pairs.height, facts=facts)

    def _flags(
        self, scores: pl.DataFrame, masks: list[tuple[str, str, pl.Series]]
    ) -> list[tuple[str, str, pl.Series]]:
        """(stage, reason, failed) of rules and masks, in the order of a build's gates."""
        flags = masks[: len(self.first)]
        for phase in PHASES:
            flags += [
                (STAGE_OF_PHASE[phase], rule.reason, rule.failed(scores, self.tgt_lang))
                for rule in self.rules
                if rule.phase == phase
            ]
            if phase == "text":
                flags += masks[len(self.first) :]
        return flags


def allocate(heights: Mapping[tuple[int, str], int], total: int) -> dict[tuple[int, str], int]:
    """How many rows to draw from each part of a language: proportional, and at least one.

    ``heights`` maps (source, part) to rows. The share drawn is one for the whole language, so that
    its rows weigh nearly alike.
    """
    rows = sum(heights.values())
    if rows == 0:
        return dict.fromkeys(heights, 0)
    share = min(1.0, total / rows)
    return {place: min(height, max(1, round(height * share))) for place, height in heights.items()}
