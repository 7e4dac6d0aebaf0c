"""Rules judge pairs by their scores: which are alive, and every reason against the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from sealdata.files.frames import count_rows, read_frame
from sealdata.scorers import PHASES, Phase

STAGE_OF_PHASE: dict[Phase, str] = {
    "text": "rules",
    "language": "lid",
    "similarity": "similarity",
}


@dataclass(frozen=True)
class Rule:
    """A limit on one score column, with limits of its own for some languages (None = rule off)."""

    reason: str
    score: str  # "length.src_chars"
    phase: Phase
    bounds: tuple[float | None, float | None]
    missing_drops: bool
    languages: Mapping[str, tuple[float | None, float | None] | None]

    def failed(self, scores: pl.DataFrame, tgt_lang: str) -> pl.Series:
        """Bool per row: outside the bounds; a missing score fails only if ``missing_drops``."""
        bounds = self.languages.get(tgt_lang, self.bounds)
        value = pl.col(self.score)
        if bounds is None:
            return pl.repeat(False, scores.height, eager=True)
        low, high = bounds
        outside = pl.lit(False)
        if low is not None:
            outside = outside | (value < low)
        if high is not None:
            outside = outside | (value > high)
        absent = value.is_null()
        if scores[self.score].dtype.is_float():
            absent = absent | value.is_nan()
        verdict = pl.when(absent).then(self.missing_drops).otherwise(outside)
        return scores.select(verdict).to_series()


@dataclass(frozen=True)
class Judged:
    """A part's pairs after the gates so far. All columns are aligned with the part's rows."""

    scores: pl.DataFrame  # every score known by then; null for pairs dropped at an earlier gate
    flags: tuple[tuple[str, str, pl.Series], ...]  # (stage, reason, bool per row) in order
    alive: pl.Series  # bool per row

    def only(self, rows: pl.Series) -> "Judged":
        """The same of the marked rows alone."""
        flags = ((stage, reason, failed.filter(rows)) for stage, reason, failed in self.flags)
        scores = self.scores.filter(rows) if self.scores.width else self.scores
        return Judged(scores, tuple(flags), self.alive.filter(rows))

    def verdicts(self) -> pl.DataFrame:
        """Columns ``stage``, ``reason`` (the first failure) and ``reasons`` (all); null, null, []
        for pairs that are alive."""
        flags = pl.DataFrame(
            {str(number): failed for number, (_, _, failed) in enumerate(self.flags)}
            | {"none": pl.repeat(None, self.alive.len(), dtype=pl.String, eager=True)}
        )
        on = [
            (stage, reason, pl.col(str(number)))
            for number, (stage, reason, _) in enumerate(self.flags)
        ]
        none = pl.col("none")  # no literal: it has the height of the pairs, also of none
        stages = [pl.when(failed).then(pl.lit(stage)) for stage, _, failed in on]
        reasons = [pl.when(failed).then(pl.lit(reason)) for _, reason, failed in on]
        return flags.select(
            stage=pl.coalesce(*stages, none),
            reason=pl.coalesce(*reasons, none),
            reasons=pl.concat_list(*reasons, none)
            .list.drop_nulls()
            .list.unique(maintain_order=True),
        )


@dataclass(frozen=True)
class Judge:
    """Where the evidence about one source's parts lies, and the rules to weigh it by.

    ``stores`` maps scorer to the folder of its score columns; ``masks`` lists, in order, the stages
    that flag rows themselves (dedup, decontaminate): (stage, reason, folder). ``late`` lists those
    that come after all rules (caps, near-duplicates), ``first`` one that comes before them
    (takedowns). ``corpus`` maps scorer to the folder of the columns that rest on all pairs of the
    source, once they are there.
    """

    rules: tuple[Rule, ...]
    stores: Mapping[str, Path]
    phases: Mapping[str, Phase]  # scorer -> phase
    masks: tuple[tuple[str, str, Path], ...]
    tgt_lang: str
    cleaned: Path
    late: tuple[tuple[str, str, Path], ...] = ()
    first: tuple[tuple[str, str, Path], ...] = ()
    corpus: Mapping[str, Path] = field(default_factory=dict)

    def judge(self, part: str, until: Phase | None = None) -> Judged:
        """Judge a part by all gates, or by those that come before the phase ``until``."""
        alive = pl.repeat(True, count_rows(self.cleaned / f"{part}.parquet"), eager=True)
        columns: list[pl.DataFrame] = []
        flags = _flagged(self.first, part)
        for _, _, failed in flags:
            alive = alive & ~failed
        for phase in PHASES:
            if phase == until:
                break
            scores = self._scores(part, phase, alive)
            found = [
                (STAGE_OF_PHASE[phase], rule.reason, rule.failed(scores, self.tgt_lang) & alive)
                for rule in self.rules
                if rule.phase == phase
            ]
            if phase == "text":
                found += _flagged(self.masks, part)
            if phase == PHASES[-1]:
                found += _flagged(self.late, part)
            columns.append(scores)
            flags += found
            for _, _, failed in found:
                alive = alive & ~failed
        scores = pl.concat(columns, how="horizontal") if columns else pl.DataFrame()
        return Judged(scores, tuple(flags), alive)

    def _scores(self, part: str, phase: Phase, alive: pl.Series) -> pl.DataFrame:
        """The scores of one phase, null for rows that this gate never sees."""
        frames = []
        for name, folder in self.stores.items():
            if self.phases[name] == phase:
                frame = read_frame(folder / f"{part}.parquet").drop("scored")
                if name in self.corpus:
                    frame = frame.hstack(read_frame(self.corpus[name] / f"{part}.parquet"))
                frames.append(frame.rename({c: f"{name}.{c}" for c in frame.columns}))
        if not frames:
            return pl.DataFrame()
        joined = pl.concat(frames, how="horizontal")
        if alive.all():
            return joined
        return joined.select(pl.when(alive).then(pl.col(c)).alias(c) for c in joined.columns)


def _flagged(
    masks: tuple[tuple[str, str, Path], ...], part: str
) -> list[tuple[str, str, pl.Series]]:
    return [
        (stage, reason, read_frame(folder / f"{part}.parquet")["flag"])
        for stage, reason, folder in masks
    ]
