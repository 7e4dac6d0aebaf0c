"""Draws a sample of a source, over the whole file where that is affordable."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from sealdata.pairs import DOCUMENT_SCHEMA, PAIR_SCHEMA
from sealdata.readers import Batch, Reader, Source

MAX_WHOLE = 32 << 20  # bytes on disk; a larger source is not read to its end
_BATCH = 20_000  # records read at a time


@dataclass
class Sample:
    """Records of one source.

    ``good`` follows PAIR_SCHEMA (English as ``src``) or DOCUMENT_SCHEMA. ``num_good`` and
    ``rejected`` count the records that were read to draw it.
    """

    good: pl.DataFrame
    num_good: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # records by reason
    examples: dict[str, str] = field(default_factory=dict)  # by reason, the first such record
    whole: bool = False  # all records of the source were read
    head_only: bool = False  # only the first records were: the rest may differ

    @property
    def num_records(self) -> int:
        """Records that were read, good or not."""
        return self.num_good + self.rejected.total()


def draw_sample(reader: Reader, source: Source, rows: int) -> Sample:
    """At most ``rows`` good records of a source, spread evenly over what is read of it.

    A source of at most MAX_WHOLE bytes is read to its end. A larger one is read at PLACES places if
    its reader can seek, else up to its first ``rows`` records.

    Raises:
        DataError: the source cannot be read.
    """
    size = reader.size(source.path)
    if size is None and reader.files(source.path):
        size = 0  # not unknown, as that of a dataset on the Hub is: the files are empty
    if size is not None and size <= MAX_WHOLE:
        return _systematic(reader, reader.batches(source, _BATCH), rows, whole=True)
    spread = reader.spread_batches(source, rows)
    if spread is not None:
        return _systematic(reader, spread, rows)
    sample = _systematic(reader, _first(reader.batches(source, rows), rows), rows)
    sample.whole = sample.num_records < rows  # it ended before
    sample.head_only = not sample.whole
    return sample


def _systematic(reader: Reader, batches: Iterable[Batch], rows: int, whole: bool = False) -> Sample:
    """Every k-th good record, k as small as possible: a power of two, found while reading."""
    schema = PAIR_SCHEMA if reader.yields == "pairs" else DOCUMENT_SCHEMA
    sample = Sample(pl.DataFrame(schema=schema), whole=whole)
    step = 1
    kept: list[pl.DataFrame] = []
    for good, rejected in batches:
        # The first record of this batch whose number in the whole is a multiple of the step.
        kept.append(good.gather_every(step, -sample.num_good % step))
        sample.num_good += good.height
        sample.rejected.update(dict(rejected["reason"].value_counts().iter_rows()))
        for reason, raw in rejected.unique("reason", keep="first").select("reason", "raw").rows():
            sample.examples.setdefault(reason, raw)
        while sum(frame.height for frame in kept) > rows:
            step *= 2
            kept = [pl.concat(kept).gather_every(2)]
    sample.good = pl.concat([sample.good, *kept])
    return sample


def _first(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    """The first ``rows`` records; a batch may end earlier, where the text is long."""
    read = 0
    for batch in batches:
        yield batch
        read += batch.good.height + batch.rejected.height
        if read >= rows:
            return
