"""Pairs from one file per language whose lines share ids: TALPCo, ALT."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import as_raw, as_text, line_batches
from sealdata.readers._open import open_stream
from sealdata.readers._rejects import SIDE_REJECTIONS, Rejections, first_reason, pair_batch
from sealdata.readers._tables import of_size

MAX_HELD = 512 << 20  # bytes of text and ids in memory; ALT's largest file has 8 MB
_BLOCK_ROWS = 100_000  # lines joined at a time

# Reasons to reject a line; its id is null if it has none.
_LINE_REJECTIONS: Rejections = [
    ("invalid_utf8", pl.col("line").is_null()),
    ("nul_byte", pl.col("line").str.contains("\0", literal=True)),
    ("wrong_column_count", (pl.col("parts").list.len() != 2) | pl.col("id").is_null()),
]


class Joined(Reader):
    """Lines of an id, a tab and a sentence, in one file per language, paired by equal ids.

    The path is the file of the first language, ``tgt_file`` that of the second, in the same folder
    (``data_eng.txt`` and ``data_tha.txt``). The order of lines may differ. ``row`` is the line in
    the first file; lines of the second without a partner are numbered after its end.

    Lines whose id is in only one file are rejected as ``unmatched_id``. Lines whose id a file has
    twice are rejected as ``duplicate_id``: the sentence that it means is unknown.
    """

    tgt_file: str  # name of the file of the second language

    def files(self, path: Path) -> list[Path]:
        """The files of both languages."""
        return [path, path.parent / self.tgt_file]

    def size(self, path: Path) -> int:
        """The first file is read twice."""
        first, second = (file.stat().st_size for file in self.files(path))
        return 2 * first + second

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of lines of the first file, then of lines that only the second has.

        The second file and the ids of the first are held in memory, the first is streamed.

        Raises:
            DataError: a file cannot be read, is cut short, or is too large to be joined.
        """
        row = 0
        for records in of_size(self._records(source.path), batch_rows):
            bad = records.filter(pl.col("reason").is_not_null())
            yield pair_batch(source, row, records.drop("raw"), bad["raw"])
            row += records.height

    def _records(self, path: Path) -> Iterator[pl.DataFrame]:
        """``src``, ``tgt``, ``reason`` and, of rejected records, ``raw``."""
        first, second = self.files(path)
        ids = _held(first, ["id"])["id"].drop_nulls()
        others = _held(second, ["id", "text", "fault", "raw"])
        theirs = others["id"].drop_nulls()
        repeated = pl.concat([names.filter(names.is_duplicated()) for names in (ids, theirs)])
        partners = others.drop_nulls("id").unique("id", keep="first", maintain_order=True)
        for lines in _lines(first):
            yield _paired(lines, partners, repeated.unique())
        unpaired = (
            pl.col("id").is_null() | ~pl.col("id").is_first_distinct() | ~_among(pl.col("id"), ids)
        )
        yield _left_over(others.filter(unpaired), repeated.unique())


def _lines(path: Path) -> Iterator[pl.DataFrame]:
    """``id``, ``text``, ``fault`` (null for a good line) and ``raw`` of each line."""
    with open_stream(path) as stream:
        for lines in line_batches(stream, _BLOCK_ROWS, str(path)):
            parts = pl.col("parts")
            split = pl.DataFrame({"line": as_text(lines), "raw": as_raw(lines)})
            split = split.with_columns(parts=pl.col("line").str.split("\t"))
            name = parts.list.get(0).str.strip_chars()
            split = split.with_columns(
                id=pl.when((parts.list.len() > 1) & (name != "")).then(name),
                text=parts.list.get(1, null_on_oob=True),
            )
            yield split.select("id", "text", "raw", fault=first_reason(_LINE_REJECTIONS))


def _held(path: Path, columns: list[str]) -> pl.DataFrame:
    """These columns of all lines, in memory."""
    held, size = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))], 0
    for lines in _lines(path):
        held.append(lines.select(columns))
        size += int(held[-1].estimated_size())
        if size > MAX_HELD:
            raise DataError(
                f"{path} is too large to be joined by id: more than {MAX_HELD >> 20} MiB; "
                "join it beforehand and read it with the reader tsv"
            )
    return pl.concat(held)


def _paired(lines: pl.DataFrame, partners: pl.DataFrame, repeated: pl.Series) -> pl.DataFrame:
    """The lines of the first file with what the second has under their ids."""
    both = lines.join(partners, on="id", how="left", suffix="_there", maintain_order="left")
    both = both.rename({"text": "src", "text_there": "tgt"})
    faults: Rejections = [
        ("duplicate_id", _among(pl.col("id"), repeated)),
        ("unmatched_id", pl.col("raw_there").is_null()),
    ]
    reason = pl.coalesce(
        "fault", first_reason(faults), "fault_there", first_reason(SIDE_REJECTIONS)
    )
    raw = pl.concat_str("raw", "raw_there", separator="\t", ignore_nulls=True)
    both = both.with_columns(reason=reason)
    return both.select(
        "src", "tgt", "reason", raw=pl.when(pl.col("reason").is_not_null()).then(raw)
    )


def _left_over(lines: pl.DataFrame, repeated: pl.Series) -> pl.DataFrame:
    """The lines of the second file that are in no pair."""
    duplicate = first_reason([("duplicate_id", _among(pl.col("id"), repeated))])
    none = pl.lit(None, pl.String)
    reason = pl.coalesce("fault", duplicate, pl.lit("unmatched_id"))
    return lines.select("raw", src=none, tgt="text", reason=reason).select(
        "src", "tgt", "reason", "raw"
    )


def _among(column: pl.Expr, values: pl.Series) -> pl.Expr:
    return column.is_in(values.implode())


COMPONENT = Joined
