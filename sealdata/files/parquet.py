"""The one place that opens parquet files: by exact name, with damage as one line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from sealdata.errors import DataError


@contextmanager
def reading(what: Path) -> Iterator[None]:
    """Errors of polars and pyarrow inside name ``what``: a parquet file, or a folder with several.

    Raises:
        DataError: it is missing, damaged, or has not the columns that are read.
    """
    try:
        yield
    except pl.exceptions.PolarsError as error:
        raise _damaged(what, error) from None
    except OSError as error:
        raise _damaged(what, error) from None
    except ValueError as error:
        # pyarrow's own errors are values that are wrong. Others are faults of the program.
        if not type(error).__module__.startswith("pyarrow"):
            raise
        raise _damaged(what, error) from None


def _damaged(what: Path, error: Exception) -> DataError:
    # polars explains itself over several lines, of which the first has the cause.
    cause = (str(error).splitlines() or [type(error).__name__])[0]
    cure = "`sealdata verify` names the file" if what.is_dir() else "delete it and run again"
    return DataError(f"cannot read {what} ({cause}); {cure}")


def scan(files: Path | Sequence[Path]) -> pl.LazyFrame:
    """A lazy frame of one file, or of several with the same columns; see ``reading``."""
    # No globbing: a folder of the user may have ``*`` or ``[`` in its name.
    return pl.scan_parquet(files if isinstance(files, Path) else list(files), glob=False)


def schema_of(path: Path) -> dict[str, pl.DataType]:
    """The columns of a file, from its footer.

    Raises:
        DataError: missing or damaged.
    """
    # ``read_parquet_schema`` would take the name as a pattern.
    with reading(path):
        return dict(scan(path).collect_schema())


def count_rows(path: Path) -> int:
    """Rows of a file, from its footer, whatever its size.

    Raises:
        DataError: missing or damaged.
    """
    with reading(path):
        return int(scan(path).select(pl.len()).collect().item())
