"""Ingest: one source file becomes parts as large as the reader's batches, and rejected records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import write_frame
from sealdata.files.records import PartRecord, checksum, write_json
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._bytes_read import track
from sealdata.workflow import task_progress
from sealdata.workflow.part_files import finished_part, written
from sealdata.workflow.stage import Step
from sealdata.workflow.streaming import part_name

MAX_REJECTS_KEPT = 1000  # per part and reason; all are counted


@dataclass(frozen=True)
class Ingest(Step):
    """Reads a source; writes ``part-NNNNN.parquet`` and ``part-NNNNN.rejected.parquet``.

    It is the producer of streaming stages: it writes a record for each part as soon as the part's
    data is written. It also reports how much of the source it has read.
    """

    name: ClassVar[str] = "ingest"
    version: ClassVar[int] = 5

    reader: Reader
    source: Source
    part_rows: int
    limit: int | None = None  # read only the first ``limit`` records
    translation: str | None = None  # of pairs of which the file does not say who translated

    def params(self) -> dict[str, Any]:
        """The reader, the source's name and languages, and how it is cut into parts."""
        return {
            "reader": [self.reader.component_name(), self.reader.identity()],
            "source": [self.source.name, self.source.src_lang, self.source.tgt_lang],
            "part_rows": self.part_rows,
            "limit": self.limit,
            "translation": self.translation,
        }

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """``part`` is the source's name; ``facts["parts"]`` lists the parts written.

        Raises:
            DataError: the file is empty, or not readable to its end.
        """
        records = self._read(folder)
        if not records:
            raise DataError(f"{self.source.path} holds no records; fetch it again or leave it out")
        task_progress.remove(folder)  # before the record: a finished folder has results only
        dropped: dict[str, int] = {}
        for record in records:
            for reason, count in record.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + count
        return PartRecord(
            part=part,
            rows_in=sum(record.rows_in for record in records),
            rows_out=sum(record.rows_out for record in records),
            dropped=dropped,
            facts={"parts": {record.part: record.rows_out for record in records}},
            files={
                name: old
                for record in records
                for name, old in (*record.files.items(), _of_record(record, folder))
            },
        )

    def _read(self, folder: Path) -> list[PartRecord]:
        """Write all parts, and say after each how far the source is read."""
        size = self.reader.size(self.source.path)
        records: list[PartRecord] = []
        rows = 0
        task_progress.report(folder, 0.0)
        with track() as meter:
            for number, batch in enumerate(self._batches()):
                rows += batch.good.height + batch.rejected.height
                shares = [meter.consumed() / size if size else 0.0]
                shares += [rows / self.limit] if self.limit else []
                task_progress.report(folder, min(max(shares), 1.0))
                # Written part by part: consumers of the stream start on it at once.
                records.append(self._write(part_name(number), batch, folder))
                task_progress.poll()
        return records

    def _batches(self) -> Iterator[Batch]:
        if self.limit is None:
            yield from self.reader.batches(self.source, self.part_rows)
            return
        left = self.limit
        for batch in self.reader.batches(self.source, min(self.part_rows, self.limit)):
            within = pl.col("row") < self.limit
            batch = Batch(batch.good.filter(within), batch.rejected.filter(within))
            left -= batch.good.height + batch.rejected.height
            yield batch
            if left <= 0:
                return

    def _write(self, part: str, batch: Batch, folder: Path) -> PartRecord:
        """Write one part unless an earlier, killed run already did."""
        # The driver has looked at the part before it started this task, and warned of damage.
        finished = finished_part(part, folder, warn=False)
        if finished is not None:
            return finished
        good, rejected = batch
        if self.translation is not None:
            good = good.with_columns(pl.col("translation").fill_null(self.translation))
        kept = rejected.filter(pl.int_range(pl.len()).over("reason") < MAX_REJECTS_KEPT)
        write_frame(good, folder / f"{part}.parquet")
        write_frame(kept, folder / f"{part}.rejected.parquet")
        counts = rejected.group_by("reason").len().sort("reason").rows()
        record = PartRecord(
            part=part,
            rows_in=good.height + rejected.height,
            rows_out=good.height,
            dropped=dict(counts),
            files=written(part, folder),
        )
        write_json(folder / f"{part}.json", record.model_dump(mode="json"))
        return record


def _of_record(record: PartRecord, folder: Path) -> tuple[str, str]:
    """Name and checksum of the file that holds a part's record."""
    name = f"{record.part}.json"
    return name, checksum(folder / name)
