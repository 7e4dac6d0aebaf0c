"""Fertility: into how many tokens a tokenizer cuts each language, against English."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sealdata.errors import DataError
from sealdata.frames import count_rows
from sealdata.languages import resolve
from sealdata.shards.shuffle import row_keys
from sealdata.tokenizers import Tokenizer

ENGLISH = "eng_Latn"
MAX_PAIRS = 2000  # per language: 20,000 tokens or more of each side
_READ_ROWS = 200_000  # pairs held at a time while the sample is drawn

FERTILITY_SCHEMA = {
    "tokenizer": pl.String(),
    "lang": pl.String(),
    "num_pairs": pl.Int64(),
    "bytes_per_token": pl.Float64(),  # UTF-8
    "tokens_per_char": pl.Float64(),  # Unicode code points
    "parity": pl.Float64(),  # tokens over tokens of the English sides of the same pairs
    "single_byte_share": pl.Float64(),  # tokens of one byte over all tokens, 0 to 1
    "tokens_per_word": pl.Float64(),  # null where the script puts no spaces between words
}


def sample_pairs(files: Sequence[Path], max_pairs: int = MAX_PAIRS, seed: int = 1) -> pl.DataFrame:
    """``src``, ``tgt`` of at most ``max_pairs`` pairs of the files, those with the smallest keys.

    The same pairs whatever files they lie in; memory does not grow with the files.

    Raises:
        DataError: a file cannot be read.
    """
    drawn: list[pl.DataFrame] = []
    for number, file in enumerate(files):
        for start, rows in _slices(file, ["source", "row"]):
            fresh = rows.select(
                key=row_keys(rows, seed),
                file=pl.lit(number),
                at=pl.int_range(start, start + pl.len(), dtype=pl.Int64),
            )
            drawn = [pl.concat([*drawn, fresh]).bottom_k(max_pairs, by="key")]
    texts = [pl.DataFrame(schema={"src": pl.String, "tgt": pl.String})]
    for number, file in enumerate(files):
        for start, rows in _slices(file, ["src", "tgt"]):
            places = drawn[0].filter(pl.col("file") == number)["at"].sort()
            here = places.filter(places.is_between(start, start + rows.height - 1))
            texts.append(rows[here - start])
    return pl.concat(texts)


def _slices(file: Path, columns: list[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    """(first row, frame) of consecutive parts of a parquet file."""
    if not file.is_file():
        raise DataError(f"{file}: no such file of pairs")
    scan = pl.scan_parquet(file, glob=False).select(columns)
    for start in range(0, count_rows(file), _READ_ROWS):
        yield start, scan.slice(start, _READ_ROWS).collect()


def fertility(
    tokenizers: Mapping[str, Tokenizer], pairs: Iterable[tuple[str, pl.DataFrame]]
) -> pl.DataFrame:
    """FERTILITY_SCHEMA: a row per tokenizer and language, in the order given, English first.

    ``pairs`` are (language of ``tgt``, frame of ``src``, ``tgt``); the row of English is over the
    English sides of all of them. A language without pairs has no row.

    Source: Petrov et al. 2023 (parity); Rust et al. 2021 (tokens per word).
    """
    samples = [(lang, frame) for lang, frame in pairs if frame.height]
    rows = [
        row for name, tokenizer in tokenizers.items() for row in _rows(name, tokenizer, samples)
    ]
    return pl.DataFrame(rows, schema=FERTILITY_SCHEMA)


def _rows(
    name: str, tokenizer: Tokenizer, samples: Sequence[tuple[str, pl.DataFrame]]
) -> list[dict[str, object]]:
    if not samples:
        return []
    english = pl.concat([frame["src"] for _, frame in samples])
    columns = [(ENGLISH, english, english), *((lang, f["tgt"], f["src"]) for lang, f in samples)]
    rows: list[dict[str, object]] = []
    for lang, texts, english_texts in columns:
        ids = tokenizer.encode(texts.to_list()).ids
        num_english = len(tokenizer.encode(english_texts.to_list()).ids)
        lengths = tokenizer.vocabulary.piece_bytes[ids]
        rows.append(
            {
                "tokenizer": name,
                "lang": lang,
                "num_pairs": texts.len(),
                "bytes_per_token": _ratio(int(texts.str.len_bytes().sum()), len(ids)),
                "tokens_per_char": _ratio(len(ids), int(texts.str.len_chars().sum())),
                "parity": _ratio(len(ids), num_english),
                "single_byte_share": _ratio(int(np.count_nonzero(lengths == 1)), len(ids)),
                "tokens_per_word": _ratio(len(ids), _num_words(texts, lang)),
            }
        )
    return rows


def _num_words(texts: pl.Series, lang: str) -> int:
    """Words between spaces; 0 where the script writes none, since no count would mean anything."""
    return int(texts.str.count_matches(r"\S+").sum()) if resolve(lang).spaces else 0


def _ratio(count: int, by: int) -> float | None:
    return count / by if by else None
