"""The contract of readers: every record is accounted for, or the file is refused by name."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from sealdata.errors import DataError
from sealdata.pairs import DOCUMENT_SCHEMA, PAIR_SCHEMA, REJECT_SCHEMA
from sealdata.plugins.contract import BrokenError, Check, common_checks, expect
from sealdata.plugins.samples import ODD_FILES
from sealdata.readers import Batch, Reader, Source


def reader_checks(cls: type[Reader], options: Mapping[str, Any]) -> Iterator[tuple[str, Check]]:
    """What readers must hold to."""
    yield from common_checks("readers", cls, options)
    make = partial(cls.model_validate, options)
    for number, data in enumerate(ODD_FILES, start=1):
        what = f"odd file {number}, {len(data)} bytes"
        yield f"accounts for every record or refuses the file ({what})", partial(_file, make, data)
    yield "names a file that is missing", partial(_missing, make)


def source_at(reader: Reader, path: Path) -> Source:
    """A source of the reader at ``path``."""
    return Source("corpus", path, "eng_Latn", "tha_Thai" if reader.yields == "pairs" else None)


def _file(make: Callable[[], Reader], data: bytes) -> None:
    reader = make()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        path.write_bytes(data)
        expect(path in reader.files(path), "files() lacks the file itself")
        source = source_at(reader, path)
        try:
            batches = list(reader.batches(source, 4))
        except DataError as error:
            expect(str(path) in str(error), f"the error names no file: {error}")
            expect("\n" not in str(error), f"the error has several lines: {error}")
            return
        check_batches(reader, batches)
        whole = pl.concat([batch.good for batch in batches]) if batches else None
        single = [batch.good for batch in reader.batches(source, 1)]
        same = whole is None or pl.concat(single).equals(whole)
        expect(same, "the records depend on the size of the batches")


def check_batches(reader: Reader, batches: list[Batch]) -> None:
    """Schemas, reasons and row numbers of the batches of a whole file.

    Raises:
        BrokenError: see above.
    """
    schema = PAIR_SCHEMA if reader.yields == "pairs" else DOCUMENT_SCHEMA
    rows: list[int] = []
    for good, rejected in batches:
        expect(good.schema == pl.Schema(schema), f"good records have {dict(good.schema)}")
        expect(rejected.schema == pl.Schema(REJECT_SCHEMA), f"rejects have {rejected.schema}")
        expect(rejected["reason"].null_count() == 0, "a rejected record has no reason")
        rows += sorted([*good["row"], *rejected["row"]])
    expect(rows == list(range(len(rows))), f"the rows are {rows[:10]}, not 0, 1, 2, …")


def _missing(make: Callable[[], Reader]) -> None:
    reader = make()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "absent"
        try:
            list(reader.batches(source_at(reader, path), 4))
        except DataError as error:
            expect("absent" in str(error), f"the error names no file: {error}")
            return
    raise BrokenError("a missing file is read as an empty one")
