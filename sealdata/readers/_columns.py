"""Pairs from corpora whose columns or keys have names."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sealdata.errors import DataError
from sealdata.languages import language_of_tag
from sealdata.pairs import PAIR_SCHEMA, TRANSLATIONS
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import as_raw, decoded
from sealdata.readers._rejects import (
    SIDE_REJECTIONS,
    Rejections,
    either_side,
    first_reason,
    pair_batch,
)
from sealdata.readers._tables import columns_of

if TYPE_CHECKING:
    import pyarrow as pa

STRUCT = "translation"  # the column in which Hugging Face datasets keep the sides of a pair

_REJECTIONS: Rejections = [
    ("missing_language", pl.col("missing")),
    ("invalid_utf8", either_side(lambda side: side.is_null())),
    ("nul_byte", either_side(lambda side: side.str.contains("\0", literal=True))),
    ("embedded_newline", either_side(lambda side: side.str.contains(r"[\r\n]"))),
    *SIDE_REJECTIONS,
    ("bad_number", ~pl.col("score").is_finite()),
    ("bad_translation", ~pl.col("translation").is_in(["", "_", *TRANSLATIONS])),
]
_NAMES = ("src_url", "tgt_url", "document", "translation")  # empty and `_` mean that there is none


class ColumnReader(Reader):
    """Options of readers of named columns; ``a.b`` means the field ``b`` in the column ``a``.

    If you do not name the column of a side, it is the one whose name is a code of the side's
    language (``th``, ``tha_Thai``): a field of ``translation`` if that column exists, else a
    column.
    """

    src_column: str | None = None  # of src_lang
    tgt_column: str | None = None  # of tgt_lang
    score_column: str | None = None  # becomes stored_margin
    src_url_column: str | None = None  # becomes src_url
    tgt_url_column: str | None = None  # becomes tgt_url
    document_column: str | None = None  # becomes document: page, chapter or film of a pair
    # becomes translation; it holds `human`, `machine` or `unknown`
    translation_column: str | None = None

    def optional_columns(self) -> dict[str, str]:
        """The optional columns that the recipe names, by role."""
        roles = {
            "score": self.score_column,
            "src_url": self.src_url_column,
            "tgt_url": self.tgt_url_column,
            "document": self.document_column,
            "translation": self.translation_column,
        }
        return {role: name for role, name in roles.items() if name is not None}


def in_language(names: Iterable[str], lang: str) -> list[str]:
    """The names that are codes of ``lang``."""
    return [name for name in names if language_of_tag(name) == lang]


def pair_columns(
    reader: ColumnReader, source: Source, where: Path, schema: "pa.Schema"
) -> dict[str, str]:
    """The columns of both sides, as named or by language, and those that are optional.

    Raises:
        DataError: no column, or more than one, is named by a code of the language.
    """
    types = columns_of(schema)
    inner = [name for name in types if name.startswith(f"{STRUCT}.")]
    outer = [name for name in types if "." not in name]
    columns = {}
    for role, column, lang in (
        ("src", reader.src_column, source.src_lang),
        ("tgt", reader.tgt_column, str(source.tgt_lang)),
    ):
        if column is None:
            sides = {name.removeprefix(f"{STRUCT}."): name for name in inner or outer}
            names = in_language(sides, lang)
            if len(names) != 1:
                raise DataError(
                    f"{where}: {len(names)} columns are named by a code of {lang}, one is needed; "
                    f"set {role}_column to one of: {', '.join(types)}"
                )
            column = sides[names[0]]
        columns[role] = column
    return columns | reader.optional_columns()


def check_records(frame: pl.DataFrame, before: Rejections) -> pl.DataFrame:
    """Records of PAIR_SCHEMA with their ``reason``; ``before`` are rejections that come first.

    ``frame`` has ``src``, ``tgt`` (null if not text) and ``missing`` (a side is absent). It may
    have ``score`` (NaN if not a number), ``src_url``, ``tgt_url``, ``document``, ``translation``.
    """
    if "score" not in frame.columns:
        frame = frame.with_columns(score=pl.lit(None, pl.Float64))
    if "translation" not in frame.columns:
        frame = frame.with_columns(translation=pl.lit(None, pl.String))
    names = [name for name in _NAMES if name in frame.columns]
    return frame.with_columns(
        *(pl.when(~pl.col(name).is_in(["", "_"])).then(pl.col(name)).alias(name) for name in names),
        stored_margin=pl.col("score").cast(PAIR_SCHEMA["stored_margin"]),
        reason=first_reason([*before, *_REJECTIONS]),
    )


def column_batch(source: Source, row: int, taken: pl.DataFrame) -> Batch:
    """A batch from the columns that ``take`` returns."""
    missing = taken["src"].is_null() | taken["tgt"].is_null()
    texts = [name for name in taken.columns if name != "score"]
    frame = taken.with_columns(*(decoded(taken[name]) for name in texts), missing=missing)
    records = check_records(frame, [])
    bad = taken.filter(records["reason"].is_not_null())
    src, tgt = (as_raw(bad[side].fill_null(b"")) for side in ("src", "tgt"))
    return pair_batch(source, row, records, src + "\t" + tgt)
