"""Sample: pairs drawn by hash from every part, with all scores, whatever rules they fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import PartRecord
from sealdata.filter_stages import FILTER_STAGES
from sealdata.scorers import Scorer
from sealdata.shards.shuffle import row_keys
from sealdata.stages.rules import Evaluation, RuleEvaluator
from sealdata.stages.withheld import NOTHING, Withheld
from sealdata.workflow.stage import Step

Flags = list[tuple[str, str, pl.Series]]  # (stage, reason, bool per row)


@dataclass(frozen=True)
class Sample(Step):
    """Draws ``sizes[part]`` pairs of a part and computes every score of every one of them.

    A build saves later scorers the pairs that earlier rules drop. An audit must not, because it
    counts how rules overlap. Equal seeds draw equal pairs.
    """

    name: ClassVar[str] = "sample"
    version: ClassVar[int] = 4

    # Pairs to draw from each part, at most its height.
    sizes: Mapping[str, int]
    # All scorers of the recipe, of every stage. The evaluator has the rules and masks.
    scorers: Mapping[str, Scorer]
    evaluator: RuleEvaluator
    seed: int
    withheld: Withheld = NOTHING

    def params(self) -> list[Any]:
        """Which pairs are drawn, and what they are scored and evaluated by."""
        # The scorers are in the parameters of the evaluator, by their fingerprints.
        return [dict(self.sizes), self.evaluator.params(), self.seed, self.withheld.params()]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes pairs, all scores, ``stage``, ``reason`` and ``reasons`` as in the ledger, in the
        order of the rows. Facts: how many rows each mask flags in the whole part."""
        path = self.evaluator.cleaned.folder / f"{part}.parquet"
        # By hash of the origin: the same pairs at any number of workers, and in any later audit.
        keys = row_keys(read_frame(path, columns=["source", "row"]), self.seed)
        # The smallest keys are drawn, then sorted by row, so that the output is in the order of the
        # file.
        drawn = keys.arg_sort().head(self.sizes[part]).sort()
        pairs = read_frame(path)[drawn]
        # The names get the scorer in front, as in a build: ``length.src_chars``.
        columns = [
            scores.rename({name: f"{scorer}.{name}" for name in scores.columns})
            for scorer, component in self.scorers.items()
            for scores in [component.score(pairs)]
        ]
        # Without a scorer there is no column to join. An audit still counts masks.
        scores = pl.concat(columns, how="horizontal") if columns else pl.DataFrame()
        masks: Flags = [
            (mask.stage, mask.reason, mask.flags(part)) for mask in self.evaluator.masks
        ]
        # Masks are as long as the part. Only the flags of the drawn rows are wanted here.
        flags = self._in_order(scores, [(s, r, flag.gather(drawn)) for s, r, flag in masks])
        surviving = pl.repeat(True, pairs.height, eager=True)
        for _, _, failed in flags:
            surviving = surviving & ~failed
        # The same code as in a build names the first reason and all reasons.
        reasons = Evaluation(scores, tuple(flags), surviving).drop_reasons()
        table = pl.concat([pairs, scores, reasons], how="horizontal")
        # The scores above are of the text, which is withheld only now.
        table = self.withheld.pairs(table)
        write_frame(table, folder / f"{part}.parquet")
        # Masks are complete: they are counted over all rows of the part, not only over the sample.
        flagged = {f"{stage}.{reason}": int(flag.sum()) for stage, reason, flag in masks}
        facts = {"rows": keys.len(), "flagged": flagged}
        return PartRecord(part=part, rows_in=pairs.height, rows_out=pairs.height, facts=facts)

    def _in_order(self, scores: pl.DataFrame, masks: Flags) -> Flags:
        """The flags of rules and masks, in the order of the filter stages."""
        flags: Flags = []
        for stage in FILTER_STAGES:
            flags += [mask for mask in masks if mask[0] == stage.name]
            flags += [
                # Unlike a build, without "and survives so far": every failure is counted.
                (stage.name, rule.reason, rule.failed(scores, self.evaluator.tgt_lang))
                for rule in self.evaluator.rules
                if rule.stage == stage.name
            ]
        return flags


def allocate(heights: Mapping[tuple[int, str], int], total: int) -> dict[tuple[int, str], int]:
    """How many rows to draw from each part of a language: proportional, and at least one.

    ``heights`` maps (source, part) to rows. The share drawn is the same for the whole language, so
    that all its rows have nearly the same weight.
    """
    # A language may have no pair left after reading, and a share of nothing is not defined.
    rows = sum(heights.values())
    if rows == 0:
        return dict.fromkeys(heights, 0)
    # At least one row of each part, so a sample of many small parts may be larger than ``total``.
    share = min(1.0, total / rows)
    return {part: min(height, max(1, round(height * share))) for part, height in heights.items()}
