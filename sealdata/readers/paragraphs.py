"""Pairs of paragraphs from parallel documents in Parquet files: FineTranslations, DocHPLT."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sealdata.errors import DataError
from sealdata.readers import Batch, Source
from sealdata.readers._columns import pair_columns
from sealdata.readers._lines import decoded
from sealdata.readers._rejects import SIDE_REJECTIONS, either_side, first_reason, pair_batch
from sealdata.readers._tables import columns_of, of_size, parquet_frames
from sealdata.readers.parquet import Parquet

if TYPE_CHECKING:
    import pyarrow as pa

# FineTranslations: text in the original language, and its machine translation into English. The
# chunks are what was translated at a time; files without them have the texts only.
_ORIGINAL = ("og_chunks", "og_full_text")
_TRANSLATED = ("translated_chunks", "translated_text")
_NAMES = ("id", "url")  # columns that name a document where the recipe names none


class Paragraphs(Parquet):
    """A Parquet file, or a folder of them, with a document and its translation in each row.

    Sides are columns of text, or of lists of text (chunks, sentences) that match one to one. A
    chunk with as many lines that are not empty on both sides becomes that many pairs. Another one
    is rejected as ``unequal_lines``, and a document with unequal lists as ``unequal_chunks``.
    ``row`` numbers pairs and rejected records. ``document`` is the ``document_column``, else
    ``id`` or ``url``, else the number of the document in the source.

    The columns of FineTranslations are known.
    """

    def spread_batches(self, source: Source, rows: int) -> None:
        """None: documents are read from the beginning only."""

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of pairs.

        Raises:
            DataError: no such column, a file that cannot be read, or a folder without files.
        """
        row = 0
        for records in of_size(self._records(source, batch_rows), batch_rows):
            bad = records.filter(pl.col("reason").is_not_null())
            raw = bad.select(pl.concat_str("src", pl.lit("\t"), "tgt", ignore_nulls=True))
            yield pair_batch(source, row, records, raw.to_series())
            row += records.height

    def _records(self, source: Source, batch_rows: int) -> Iterator[pl.DataFrame]:
        files = self.files(source.path)
        if not files:
            raise DataError(f"{source.path}: no file in this folder is named *.parquet")
        first = 0
        for path in files:
            for documents in parquet_frames(
                path, batch_rows, partial(self._columns, source, path), ("src", "tgt")
            ):
                yield _pairs(documents, first)
                first += documents.height

    def _columns(self, source: Source, where: Path, schema: "pa.Schema") -> dict[str, str]:
        """The columns of a file by role."""
        names = columns_of(schema)
        sides = _known_columns(source, names)
        if sides and self.src_column is None and self.tgt_column is None:
            columns = sides | self.optional_columns()
        else:
            columns = pair_columns(self, source, where, schema)
        document = next((name for name in _NAMES if name in names), None)
        return ({"document": document} if document else {}) | columns


def _known_columns(source: Source, names: dict[str, "pa.DataType"]) -> dict[str, str]:
    """The sides in FineTranslations, of which English is the translation; {} for other files."""
    for original, translated in zip(_ORIGINAL, _TRANSLATED, strict=True):
        if original in names and translated in names:
            into_english = source.tgt_lang == "eng_Latn"
            first, second = (original, translated) if into_english else (translated, original)
            return {"src": first, "tgt": second}
    return {}


def _pairs(documents: pl.DataFrame, first: int) -> pl.DataFrame:
    """Records from rows of documents, in their order: columns of pairs, and ``reason``."""
    documents = documents.with_columns(number=pl.int_range(first, first + documents.height))
    if "document" not in documents.columns:
        documents = documents.with_columns(document=pl.col("number").cast(pl.String))
    else:
        documents = documents.with_columns(document=decoded(documents["document"]))
    names = [name for name in ("src_url", "tgt_url") if name in documents.columns]
    chunks = [_chunks(documents[side]) for side in ("src", "tgt")]
    missing = documents.select(either_side(lambda side: side.is_null())).to_series()
    documents = documents.with_columns(*chunks, *(decoded(documents[name]) for name in names))
    reason = first_reason(
        [
            ("missing_language", pl.lit(missing)),
            ("invalid_utf8", either_side(lambda side: side.is_null())),
            ("unequal_chunks", pl.col("src").list.len() != pl.col("tgt").list.len()),
        ]
    )
    documents = documents.with_columns(reason=reason)
    whole = documents.filter(pl.col("reason").is_not_null())
    rest = documents.filter(pl.col("reason").is_null()).explode("src", "tgt")
    lines = rest.with_columns(_lines(side) for side in ("src", "tgt"))
    counts = lines.select(src=pl.col("src").list.len(), tgt=pl.col("tgt").list.len())
    fault = (
        pl.when(counts["src"] != counts["tgt"])
        .then(pl.lit("unequal_lines"))
        .when(counts["src"] == 0)
        .then(pl.lit("empty_side"))
    )
    lines = lines.with_columns(reason=fault, chunk=pl.int_range(pl.len()))
    good = lines.filter(pl.col("reason").is_null()).explode("src", "tgt")
    good = good.with_columns(reason=first_reason([_NUL, *SIDE_REJECTIONS]))
    unusable = [
        frame.with_columns(pl.col("src", "tgt").list.join("\n", ignore_nulls=True))
        for frame in (
            whole.with_columns(chunk=pl.lit(0, pl.Int64)),
            lines.filter(pl.col("reason").is_not_null()),
        )
    ]
    records = pl.concat([good, *unusable], how="diagonal")
    # Stable, so lines of a chunk stay in their order.
    return records.sort("number", "chunk", maintain_order=True).drop("number", "chunk")


def _chunks(side: pl.Series) -> pl.Series:
    """Lists of text from a column of bytes, or of lists of bytes; null where it is not UTF-8."""
    if side.dtype == pl.Binary:
        return decoded(side).to_frame(side.name).select(pl.concat_list(side.name)).to_series()
    try:
        return side.cast(pl.List(pl.String))
    except pl.exceptions.ComputeError:  # some chunk is not UTF-8: its document is not usable
        lists = (None if chunks is None else decoded(chunks) for chunks in side)
        whole = [None if c is None or c.has_nulls() else c.to_list() for c in lists]
        return pl.Series(side.name, whole, dtype=pl.List(pl.String))


def _lines(side: str) -> pl.Expr:
    """The lines of a chunk that are not empty, without blanks around them."""
    stripped = pl.element().str.strip_chars()
    return pl.col(side).fill_null("").str.split("\n").list.eval(stripped.filter(stripped != ""))


_NUL = ("nul_byte", either_side(lambda side: side.str.contains("\0", literal=True)))
COMPONENT = Paragraphs
