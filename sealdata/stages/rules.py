"""Rules on scores, and their evaluation: which pairs survive, and all reasons against the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.files.frames import read_frame
from sealdata.files.parquet import count_rows
from sealdata.filter_stages import FILTER_STAGES, RuleStage
from sealdata.workflow.stage import OutputRef

Bounds = tuple[float | None, float | None]  # (min, max), both inclusive


@dataclass(frozen=True)
class Rule:
    """Bounds on one score column. ``languages`` has other bounds by target language, and
    ``sources`` those of single sources, which go first. None there switches the rule off."""

    reason: str
    score: str  # "length.src_chars"
    stage: RuleStage
    bounds: Bounds
    missing_drops: bool
    languages: Mapping[str, Bounds | None]
    sources: Mapping[str, Bounds | None] = field(default_factory=dict)  # by name, not by pattern

    def bounds_in(self, tgt_lang: str, source: str = "") -> Bounds | None:
        """The bounds for pairs of a language, or of one source of it; None if the rule is off."""
        return self.sources.get(source, self.languages.get(tgt_lang, self.bounds))

    def for_source(self, name: str, tgt_lang: str) -> "Rule":
        """The rule for one source. What it says of other sources is gone."""
        if name not in self.sources:
            return replace(self, sources={})
        return replace(self, languages={tgt_lang: self.sources[name]}, sources={})

    @property
    def columns(self) -> list[str]:
        """The columns that ``failed`` reads."""
        return [self.score, "source"] if self.sources else [self.score]

    def failed(self, scores: pl.DataFrame, tgt_lang: str) -> pl.Series:
        """Bool per row: the score is out of bounds. A missing one fails if ``missing_drops``."""
        fails = self.fails(tgt_lang, scores.schema[self.score])
        if fails is None:
            return pl.repeat(False, scores.height, eager=True)
        return scores.select(fails).to_series()

    def fails(self, tgt_lang: str, dtype: pl.DataType) -> pl.Expr | None:
        """The same as an expression for a column of ``dtype``; None if the rule is off."""
        if not self.sources and self.bounds_in(tgt_lang) is None:
            return None
        return self.by_source(tgt_lang, lambda bounds: self._fails(bounds, dtype))

    def by_source(self, tgt_lang: str, of: Callable[[Bounds | None], pl.Expr]) -> pl.Expr:
        """``of`` the bounds that hold for each row. Where sources have bounds of their own, it
        reads the column ``source``."""
        value = of(self.bounds_in(tgt_lang))
        for bounds in dict.fromkeys(self.sources.values()):
            names = [name for name, other in self.sources.items() if other == bounds]
            value = pl.when(pl.col("source").is_in(names)).then(of(bounds)).otherwise(value)
        return value

    def _fails(self, bounds: Bounds | None, dtype: pl.DataType) -> pl.Expr:
        value = pl.col(self.score)
        outside = pl.lit(False)
        if bounds is None:
            return outside
        low, high = bounds
        if low is not None:
            outside = outside | (value < low)
        if high is not None:
            outside = outside | (value > high)
        missing = value.is_null()
        if dtype.is_float():
            missing = missing | value.is_nan()
        # Whether a missing score passes is the recipe's choice, not an accident of comparison:
        # null < limit is null, and NaN < limit is false.
        return pl.when(missing).then(self.missing_drops).otherwise(outside)

    def params(self, tgt_lang: str) -> list[Any]:
        """What can change the outcome for pairs of ``tgt_lang``: not the bounds of others."""
        # Bounds of other languages are left out, so that a limit for Javanese leaves the finished
        # stages of all other languages valid.
        sources = [dict(self.sources)] if self.sources else []
        return [self.reason, self.score, self.bounds_in(tgt_lang), self.missing_drops, *sources]


@dataclass(frozen=True)
class Evaluation:
    """A part's pairs after the filter stages so far. Every column has one row per pair."""

    scores: pl.DataFrame  # all scores computed so far; null for pairs that were dropped before
    flags: tuple[tuple[str, str, pl.Series], ...]  # (stage, reason, bool per row) in order
    surviving: pl.Series  # bool per row

    def only(self, rows: pl.Series) -> "Evaluation":
        """The evaluation of the rows where ``rows`` (bool) is true."""
        flags = ((stage, reason, failed.filter(rows)) for stage, reason, failed in self.flags)
        scores = self.scores.filter(rows) if self.scores.width else self.scores
        return Evaluation(scores, tuple(flags), self.surviving.filter(rows))

    def drop_reasons(self) -> pl.DataFrame:
        """Columns ``stage`` and ``reason`` (of the first failure) and ``reasons`` (of all); null,
        null and [] for surviving pairs."""
        flags = pl.DataFrame(
            {str(index): failed for index, (_, _, failed) in enumerate(self.flags)}
            | {"none": pl.repeat(None, self.surviving.len(), dtype=pl.String, eager=True)}
        )
        failures = [
            (stage, reason, pl.col(str(index)))
            for index, (stage, reason, _) in enumerate(self.flags)
        ]
        # A column, not a literal: a literal has one row even where there are no pairs.
        none = pl.col("none")
        stages = [pl.when(failed).then(pl.lit(stage)) for stage, _, failed in failures]
        reasons = [pl.when(failed).then(pl.lit(reason)) for _, reason, failed in failures]
        return flags.select(
            stage=pl.coalesce(*stages, none),
            reason=pl.coalesce(*reasons, none),
            reasons=pl.concat_list(*reasons, none)
            .list.drop_nulls()
            .list.unique(maintain_order=True),
        )


@dataclass(frozen=True)
class DropMask:
    """Pairs of one source that a filter stage drops by itself, not by a rule on a score.

    In a stage that has rules too, masks come before them.
    """

    stage: str  # a name of FILTER_STAGES
    reason: str
    output: OutputRef  # of the stage that wrote ``flag`` (bool) per part
    suffix: str = ""  # of the file, after the name of the part

    def flags(self, part: str) -> pl.Series:
        """Bool per row of the part: true for a pair to be dropped."""
        return read_frame(self.output.folder / f"{part}{self.suffix}.parquet")["flag"]


@dataclass(frozen=True)
class ScoreStore:
    """Where the score columns of one scorer are, for one source."""

    stage: RuleStage
    folder: Path
    fingerprint: Mapping[str, Any]  # of the scorer, for the source's languages
    corpus: OutputRef | None = None  # columns over all pairs of the source, once they exist


@dataclass(frozen=True)
class RuleEvaluator:
    """Evaluates the parts of one source: its scores, its masks and the rules on them.

    It also says what its result depends on (``params`` and ``inputs``), so that every stage that
    uses it is keyed by all of it.
    """

    rules: tuple[Rule, ...]
    stores: Mapping[str, ScoreStore]  # by scorer, in the order of the recipe
    masks: tuple[DropMask, ...]  # those made so far
    tgt_lang: str
    cleaned: OutputRef

    def evaluate(self, part: str, before: str | None = None) -> Evaluation:
        """Evaluate a part by all filter stages, or by those that come before ``before``."""
        surviving = pl.repeat(True, count_rows(self.cleaned.folder / f"{part}.parquet"), eager=True)
        columns: list[pl.DataFrame] = []
        flags: list[tuple[str, str, pl.Series]] = []
        for stage in FILTER_STAGES:
            if stage.name == before:
                break
            # A mask keeps its flag for a pair that a rule has dropped already: the ledger lists it
            # among all reasons, and the first one stays the first.
            failures: list[tuple[str, str, pl.Series]] = [
                (mask.stage, mask.reason, mask.flags(part))
                for mask in self.masks
                if mask.stage == stage.name
            ]
            # Scores of dropped pairs are null, so rules of later stages cannot fail for them: the
            # ledger names only reasons that this build has found out.
            if stage.decided_by == "rules":
                scores = self._scores(part, stage.name, surviving)
                columns.append(scores)
                failures += [
                    (stage.name, rule.reason, rule.failed(scores, self.tgt_lang) & surviving)
                    for rule in self.rules
                    if rule.stage == stage.name
                ]
            flags += failures
            for _, _, failed in failures:
                surviving = surviving & ~failed
        scores = pl.concat(columns, how="horizontal") if columns else pl.DataFrame()
        return Evaluation(scores, tuple(flags), surviving)

    def params(self, before: str | None = None) -> list[Any]:
        """What ``evaluate`` depends on besides ``inputs``: scorers and rules, stage by stage."""
        params: list[Any] = []
        for stage in FILTER_STAGES:
            if stage.name == before:
                break
            if stage.decided_by == "rules":
                prints = {
                    name: store.fingerprint
                    for name, store in self.stores.items()
                    if store.stage == stage.name
                }
                rules = [
                    rule.params(self.tgt_lang) for rule in self.rules if rule.stage == stage.name
                ]
                params.append([stage.name, prints, rules])
        return params

    def inputs(self) -> tuple[str, ...]:
        """Keys of the stages whose output ``evaluate`` reads."""
        corpus = (store.corpus.key for store in self.stores.values() if store.corpus)
        return (self.cleaned.key, *(mask.output.key for mask in self.masks), *corpus)

    def _scores(self, part: str, stage: str, surviving: pl.Series) -> pl.DataFrame:
        """The scores of one stage; null for pairs that were dropped before it.

        A store may hold more, from a run with other thresholds. What a pair was not scored for in
        this build must not show.
        """
        frames = []
        for name, store in self.stores.items():
            if store.stage != stage:
                continue
            frame = read_frame(store.folder / f"{part}.parquet").drop("scored")
            if store.corpus:
                frame = frame.hstack(read_frame(store.corpus.folder / f"{part}.parquet"))
            frames.append(frame.rename({column: f"{name}.{column}" for column in frame.columns}))
        if not frames:
            return pl.DataFrame()
        scores = pl.concat(frames, how="horizontal")
        if surviving.all():
            return scores
        return scores.select(pl.when(surviving).then(pl.col(c)).alias(c) for c in scores.columns)
