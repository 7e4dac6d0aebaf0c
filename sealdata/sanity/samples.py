"""The records that the sanity check looks at: a sample of each source and stream."""

from collections.abc import Iterator
from typing import TypeVar

import polars as pl

from sealdata.build_manifest import Finding
from sealdata.errors import SealError
from sealdata.pipeline.plan import Plan
from sealdata.readers._sampling import Sample, draw_sample
from sealdata.recipe.tables import SourceTable, StreamTable
from sealdata.sanity.findings import error, note, warning
from sealdata.sanity.inputs import named, tables_read

SAMPLE_ROWS = 20_000  # of each source, for shares of records and the estimate of tokens
ALL_BAD = 0.99  # share of rejected records from which nothing useful would be left
MANY_BAD = 0.1  # share from which it is worth a warning
_SHOWN = 100  # characters of a rejected record

Rows = TypeVar("Rows", pl.DataFrame, pl.Series)


class Samples:
    """Samples by source and stream, each drawn once; a source that cannot be read has none."""

    def __init__(self, plan: Plan) -> None:
        self.problems: list[Finding] = []
        self._of: dict[str, Sample] = {}
        for table in tables_read(plan):
            reader, source = plan.reader(table)
            try:
                reader.check_whole(source)
                self._of[table.name] = draw_sample(reader, source, SAMPLE_ROWS)
            except SealError as problem:
                self.problems.append(error("unusable", named(table), str(problem)))

    def tables(self, plan: Plan) -> Iterator[tuple[SourceTable | StreamTable, Sample]]:
        """Sources and streams with their samples, in the order of the recipe."""
        for table in tables_read(plan):
            if table.name in self._of:
                yield table, self._of[table.name]


def spread(rows: Rows, max_rows: int) -> Rows:
    """At most ``max_rows`` rows at equal distances, from the first to nearly the last."""
    return rows.gather_every(max(1, -(-len(rows) // max_rows)))


def share(mask: pl.Series) -> float:
    """The share of true values, 0 to 1; null counts as false, and no value at all as 0."""
    return float(mask.sum() / mask.len()) if mask.len() else 0.0


def unreadable(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Sources and streams without records, or whose records the reader rejects."""
    for table, sample in samples.tables(plan):
        where, reader = named(table), plan.reader(table)[0]
        if not sample.num_records:
            yield error("empty", where, f"{table.path} holds no records; fetch it again")
            continue
        bad = sample.rejected.total() / sample.num_records
        if bad < MANY_BAD:
            continue
        reason, count = sample.rejected.most_common(1)[0]
        raw = sample.examples[reason]
        hint = reader.hint(reason, raw)
        message = (
            f"{sample.rejected.total():,} of {sample.num_records:,} records that were looked at "
            f"cannot be read by reader {table.reader!r}, {count:,} as {reason}"
        )
        say = error if bad >= ALL_BAD else warning
        finding = say("unreadable", where, message + (f"; {hint}" if hint else ""))
        shown = " ".join(raw.split())[:_SHOWN]
        yield finding.model_copy(update={"example": shown or "(a blank line)"})


def head_only(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Sources of which only the beginning was looked at, in one finding."""
    names = [table.name for table, sample in samples.tables(plan) if sample.head_only]
    if names:
        yield note(
            "head-only",
            "sources",
            f"only the first {SAMPLE_ROWS:,} records of {', '.join(names)} were looked at: large "
            "compressed files are read from their beginning, and may differ further on",
        )
