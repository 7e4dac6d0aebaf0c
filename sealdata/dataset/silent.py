"""Silent sources: those that yield next to nothing, or that a reader rejects by half or more."""

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

from sealdata.build_manifest import BuildManifest, FunnelRow, SilentRow
from sealdata.errors import DataError
from sealdata.files.frames import read_frame
from sealdata.filter_stages import STAGE_NAMES
from sealdata.pipeline.source_state import SourceState
from sealdata.pipeline.streams import Stream
from sealdata.stages.withheld import Withheld
from sealdata.workflow.stage import StageOutput

MIN_KEPT, MIN_RECORDS = 0.01, 100  # a share below, of so many records, is next to nothing
MAX_REJECTED = 0.5  # of a source's records: more of them mean a wrong layout, not a bad corpus
_SHOWN = 100  # characters of the first record


def silent_sources(
    sources: Sequence[SourceState], funnel: Iterable[FunnelRow], withheld: Withheld
) -> list[SilentRow]:
    """The sources of which next to nothing is kept, or MAX_REJECTED or more cannot be read."""
    return [
        _row(source, row, withheld)
        for source, row in zip(sources, funnel, strict=True)
        if row.records and (_is_little(row) or row.lost("ingest") >= MAX_REJECTED * row.records)
    ]


def _is_little(row: FunnelRow) -> bool:
    few = row.records >= MIN_RECORDS and row.kept < MIN_KEPT * row.records
    return not row.kept or few


def _row(source: SourceState, row: FunnelRow, withheld: Withheld) -> SilentRow:
    counts = Counter(
        {
            (stage, reason): count
            for stage in STAGE_NAMES  # of equal counts the earliest
            for reason, count in row.dropped.get(stage, {}).items()
        }
    )
    (stage, reason), count = counts.most_common(1)[0]
    where, raw = _first(source, reason) if stage == "ingest" else (None, "")
    return SilentRow(
        name=row.source,
        kind="source",
        records=row.records,
        kept=row.kept,
        stage=stage,
        reason=reason,
        count=count,
        row=where,
        raw="" if withheld.anything else raw,
    )


def _first(source: SourceState, reason: str) -> tuple[int | None, str]:
    """The number of the first record that was rejected for ``reason``, and what it holds."""
    for part in source.ingested.records[0].facts["parts"]:
        rejected = read_frame(source.ingested.folder / f"{part}.rejected.parquet")
        rows = rejected.filter(pl.col("reason") == reason).head(1).select("row", "raw").rows()
        if rows:
            return rows[0][0], " ".join(rows[0][1].split())[:_SHOWN]
    return None, ""


def silent_streams(streams: Sequence[Stream], packed: Sequence[StageOutput]) -> list[SilentRow]:
    """The streams of documents of which no split has one, or MAX_REJECTED or more cannot be read.

    Streams of pairs and of token files are left out: their pairs and files are looked at elsewhere.
    """
    rejected: dict[str, Counter[str]] = {}
    read: Counter[str] = Counter()
    for stream, output in zip(streams, packed, strict=True):
        if stream.documents:
            record = output.records[0]
            reasons = Counter(record.dropped)
            del reasons["other_split"]
            name = stream.label.name
            # Both splits read all documents, so that either of them counts all rejects.
            rejected[name] = rejected.get(name, Counter()) | reasons
            read[name] = max(read[name], record.rows_in)
    rows = []
    for name, reasons in rejected.items():
        if reasons and reasons.total() >= MAX_REJECTED * read[name]:
            reason, count = reasons.most_common(1)[0]
            rows.append(
                SilentRow(
                    name=name,
                    kind="stream",
                    records=read[name],
                    kept=read[name] - reasons.total(),
                    stage="ingest",
                    reason=reason,
                    count=count,
                )
            )
    return rows


def check_kept(manifest: BuildManifest) -> None:
    """Refuse a build without a pair: it has run to its end, but nothing in it can be used.

    Raises:
        DataError: no pair is kept; the message has the first reason.
    """
    if any(row.kept for row in manifest.funnel):
        return
    read = sum(row.records for row in manifest.funnel)
    why = f"; {manifest.silent[0].with_example}" if manifest.silent else ""
    raise DataError(
        f"{manifest.name}: none of {read:,} records is kept, so nothing can be used{why}"
    )
