"""Evaluation sentences as keys and n-gram hashes: what a search needs, with or without the text."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from sealdata.contamination.texts import Sentence
from sealdata.errors import DataError
from sealdata.files.frames import read_frame
from sealdata.files.parquet import schema_of
from sealdata.kernels import texts_of
from sealdata.kernels.ngrams import scaled_ngram_hashes
from sealdata.text.hashing import key_hashes, text_key

# docs/explanation/dedup.md shows how these were found. Letters are those of an alphabet, and a Han
# character counts as three and a third of them: see ``sealdata.kernels.ngrams``.
NGRAM = 10  # letters of the normal form
MIN_LETTERS = 29  # of a sentence that is searched for by its share of n-grams: 20 distinct ones
MIN_WHOLE = 15  # a shorter one is found where all its n-grams are; below, only as a whole side
FORMAT = f"sealdata evaluation hashes 2, n-grams of {NGRAM} letters"

HASH_SCHEMA: dict[str, pl.DataType] = {
    "format": pl.String(),  # FORMAT on every row: other releases may cut other n-grams
    "set": pl.String(),  # name of the evaluation set
    "file": pl.String(),  # its file
    "line": pl.UInt32(),  # line of a text, row of a table; from 1
    "column": pl.String(),  # column of a table; null for text
    "key": pl.UInt64(),  # of the whole sentence, see ``sealdata.text.hashing``
    "ngrams": pl.List(pl.UInt64()),  # distinct, ascending; none of a very short sentence
    "whole": pl.Boolean(),  # a short sentence, found only where all of its n-grams are
}


def hashed(set_name: str, file: str, sentences: Iterable[Sentence]) -> tuple[pl.DataFrame, int]:
    """HASH_SCHEMA and ``text`` of all sentences that have any, and how many have none."""
    frame = pl.DataFrame(
        list(sentences),
        schema={"line": pl.UInt32, "column": pl.String, "text": pl.String},
        orient="row",
    )
    kept = frame.filter(pl.col("text").str.strip_chars().str.len_bytes() > 0)
    rows = pl.concat([kept, _ngrams(kept)], how="horizontal").with_columns(
        key_hashes(kept, ["text"]).to_series().alias("key"),
        format=pl.lit(FORMAT),
        set=pl.lit(set_name),
        file=pl.lit(file),
    )
    return rows.select(*HASH_SCHEMA, "text"), frame.height - kept.height


def _ngrams(frame: pl.DataFrame) -> pl.DataFrame:
    """``ngrams`` and ``whole`` of each ``text``."""
    normal = texts_of(frame.select(text_key("text")).to_series())
    hashes, thirds, begins = scaled_ngram_hashes(*normal, NGRAM)
    every = pl.DataFrame(
        {
            "at": np.repeat(np.arange(frame.height), np.diff(begins)),
            "ngrams": hashes,
            "thirds": thirds,
        },
        schema={"at": pl.Int64, "ngrams": pl.UInt64, "thirds": pl.UInt32},
    )
    distinct = every.unique(["at", "ngrams"], keep="any").sort("at", "ngrams")
    # What repeats says nothing new: a sentence is as long as its first n-gram and the last
    # characters of the other distinct ones.
    new = (pl.col("thirds").sum() - pl.col("thirds").max()) // 3
    grouped = distinct.group_by("at", maintain_order=True).agg("ngrams", letters=NGRAM + new)
    rows = pl.DataFrame({"at": pl.int_range(frame.height, eager=True)})
    lists = rows.join(grouped, on="at", how="left", maintain_order="left")
    none = pl.lit(pl.Series([[]], dtype=pl.List(pl.UInt64)))
    long_enough = pl.col("letters").fill_null(0) >= MIN_WHOLE
    return lists.select(
        pl.when(long_enough).then("ngrams").otherwise(none).alias("ngrams"),
        whole=pl.col("letters").fill_null(0) < MIN_LETTERS,
    )


def is_hash_file(path: Path) -> bool:
    """Whether this Parquet file holds hashes in place of text."""
    if path.suffix != ".parquet":
        return False
    try:
        return {"key", "ngrams"} <= set(schema_of(path))
    except DataError:
        return False  # whoever reads it will say what is wrong


def read_hash_file(path: Path) -> pl.DataFrame:
    """The rows of a hash file, as ``hashed`` returns them; every ``text`` is null.

    Raises:
        DataError: it is damaged, or was made by a release that hashes otherwise.
    """
    rows = read_frame(path)
    if dict(rows.schema) != HASH_SCHEMA or (rows["format"] != FORMAT).any():
        raise DataError(
            f"{path} holds hashes of another kind than {FORMAT!r}; make it again with "
            "sealdata hash-refs"
        )
    return rows.with_columns(text=pl.lit(None, pl.String))
