"""The origin of the documents of a sequence: their rows of the sidecar, rows by its footer."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sealdata.errors import DataError
from sealdata.shards.manifest import Segment
from sealdata.shards.writer import SIDECAR_SCHEMA, sidecar_name

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile


def origins(folder: Path, segments: Sequence[Segment], sequence: int) -> pl.DataFrame:
    """SIDECAR_SCHEMA of the documents that have tokens in a sequence of the last of ``segments``.

    First comes the row of the last document that begins before the sequence, from an earlier file
    if it continues from there. Then come the rows of the documents that begin in it, in order.
    Empty without a sidecar. Each file costs its footer and one or two row groups.

    Raises:
        DataError: a sidecar is damaged.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    rows = pl.DataFrame(schema=SIDECAR_SCHEMA)
    # Backwards from the file of the sequence: most documents begin in it.
    for segment in reversed(segments):
        path = folder / sidecar_name(segment.path)
        # Streams from elsewhere have no sidecars.
        if not path.is_file():
            break
        try:
            with ParquetFile(path) as file:
                rows = pl.concat([_rows(file, sequence), rows])
        except (OSError, ArrowException) as error:
            raise DataError(f"cannot read {path} ({str(error).splitlines()[0]})") from None
        # The document that continues into the sequence is found; earlier files hold nothing of it.
        if (rows["sequence"] < sequence).any():
            break
    return rows


def _rows(file: "ParquetFile", sequence: int) -> pl.DataFrame:
    """The rows of a sequence and the row before them."""

    def begins(group: int) -> int:
        # Column 0 is `sequence`. Rows are in the order of the stream, so the minimum of a group is
        # its first row, and minima ascend.
        return int(file.metadata.row_group(group).column(0).statistics.min)

    groups = range(file.num_row_groups)
    # One group earlier, since it may hold the row before the sequence or its first rows.
    first = max(bisect_left(groups, sequence, key=begins) - 1, 0)
    stop = bisect_right(groups, sequence, key=begins)
    # At most the groups of one sequence, of 65,536 rows each; never the whole file.
    table = file.read_row_groups(list(range(first, stop)))
    rows = pl.DataFrame(pl.from_arrow(table), schema=SIDECAR_SCHEMA)
    # Within the groups, rows are sorted as well.
    low = int(rows["sequence"].search_sorted(sequence, side="left"))
    high = int(rows["sequence"].search_sorted(sequence, side="right"))
    return rows[max(low - 1, 0) : high]
