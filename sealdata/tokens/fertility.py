"""Fertility: into how many tokens a tokenizer cuts each language, against English."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError
from sealdata.files.parquet import count_rows, reading, scan
from sealdata.formats.documents import PairFormat
from sealdata.shards.shuffle import row_keys
from sealdata.text.words import num_graphemes, words, words_by
from sealdata.tokenizers import Tokenizer
from sealdata.workflow.progress import counted
from sealdata.workflow.protocols import NO_PROGRESS, Progress
from sealdata.workflow.steps import single

ENGLISH = "eng_Latn"
MAX_PAIRS = 2000  # per language: 20,000 tokens or more of each side
CONTEXT_TOKENS = 4096  # OLMo 2's
BUDGET_TOKENS = 34_700_000_000  # parallel tokens of the OpenSeal paper
DEFAULT_TEMPLATE = "{first_name}: {first}\n{second_name}: {second}"
_BOOTSTRAPS = 1000
_READ_ROWS = 200_000  # pairs held at a time while the sample is drawn

FERTILITY_SCHEMA = {
    "tokenizer": pl.String(),
    "lang": pl.String(),
    "num_pairs": pl.Int64(),
    "words_by": pl.String(),  # what finds words: white space, ICU, or why nothing does
    "tokens_per_word": pl.Float64(),  # fertility; null where words cannot be found
    "continued_share": pl.Float64(),  # words cut in two or more over all words, 0 to 1
    "tokens_per_char": pl.Float64(),  # Unicode code points
    "tokens_per_grapheme": pl.Float64(),  # extended grapheme clusters
    "bytes_per_token": pl.Float64(),  # UTF-8
    "single_byte_share": pl.Float64(),  # tokens of one byte over all tokens, 0 to 1
    "unknown_share": pl.Float64(),  # unknown tokens over all tokens, 0 to 1
    "parity": pl.Float64(),  # tokens over tokens of the English sides of the same pairs
    "parity_low": pl.Float64(),  # 95 % interval, pairs drawn again 1,000 times
    "parity_high": pl.Float64(),
    "cost_percent": pl.Float64(),  # what the same content takes more than in English
    "context_words": pl.Float64(),  # words that fit 4,096 tokens
    "tokens_per_pair": pl.Float64(),  # both directions, template and EOS included; null for English
    "pairs_in_budget": pl.Int64(),  # of this language that 34.7 billion tokens hold
}


def sample_pairs(files: Sequence[Path], max_pairs: int = MAX_PAIRS, seed: int = 1) -> pl.DataFrame:
    """``src``, ``tgt`` of at most ``max_pairs`` pairs of the files, those with the smallest keys.

    The same pairs are drawn whatever files they are in. Memory does not grow with the files.

    Raises:
        DataError: a file cannot be read.
    """
    # Two passes: first the keys of all rows, then the texts of those that were drawn.
    drawn: list[pl.DataFrame] = []
    for number, file in enumerate(files):
        for start, rows in _slices(file, ["source", "row"]):
            fresh = rows.select(
                key=row_keys(rows, seed),
                file=pl.lit(number),
                at=pl.int_range(start, start + pl.len(), dtype=pl.Int64),
            )
            # A running selection: never more than one slice and `max_pairs` rows are in memory.
            drawn = [pl.concat([*drawn, fresh]).bottom_k(max_pairs, by="key")]
    texts = [pl.DataFrame(schema={"src": pl.String, "tgt": pl.String})]
    for number, file in enumerate(files):
        for start, rows in _slices(file, ["src", "tgt"]):
            # Rows in the order of the file: the order of the sample does not matter to any figure.
            in_file = drawn[0].filter(pl.col("file") == number)["at"].sort()
            in_slice = in_file.filter(in_file.is_between(start, start + rows.height - 1))
            texts.append(rows[in_slice - start])
    return pl.concat(texts)


def _slices(file: Path, columns: list[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    """(first row, frame) of consecutive parts of a parquet file."""
    if not file.is_file():
        raise DataError(f"{file}: no such file of pairs")
    rows = scan(file).select(columns)
    for start in range(0, count_rows(file), _READ_ROWS):
        with reading(file):
            frame = rows.slice(start, _READ_ROWS).collect()
        yield start, frame


FERTILITY = single("fertility", "measure fertility")


def fertility(
    tokenizers: Mapping[str, Tokenizer],
    pairs: Iterable[tuple[str, pl.DataFrame]],
    seed: int = 1,
    progress: Progress = NO_PROGRESS,
) -> pl.DataFrame:
    """FERTILITY_SCHEMA: a row per tokenizer and language, in the order given, English first.

    ``pairs`` are (language of ``tgt``, frame of ``src``, ``tgt``); the row of English is over the
    English sides of all of them. A language without pairs has no row. ``seed`` draws the bootstrap
    samples of the interval of parity.

    Source: Rust et al. 2021 (tokens per word, continued words); Petrov et al. 2023 (parity).
    """
    samples = [(lang, frame) for lang, frame in pairs if frame.height]
    if not samples:
        return pl.DataFrame(schema=FERTILITY_SCHEMA)
    # English sides of all languages: the row that the others are compared with.
    english = pl.concat([frame["src"] for _, frame in samples])
    # As its own translation, English has a parity of 1.
    both = pl.DataFrame({"src": english, "tgt": english})
    # Characters and graphemes do not depend on the tokenizer, so they are counted once.
    texts = [_Texts.of(lang, frame) for lang, frame in [(ENGLISH, both), *samples]]
    measured = [(name, made, text) for name, made in tokenizers.items() for text in texts]
    rows = [
        _row(name, made, text, seed)
        for name, made, text in counted(progress, FERTILITY.name, measured)
    ]
    return pl.DataFrame(rows, schema=FERTILITY_SCHEMA)


@dataclass(frozen=True)
class _Texts:
    """What is counted once per language, whatever the tokenizer."""

    lang: str
    pairs: pl.DataFrame
    texts: list[str]
    num_chars: int
    num_bytes: int
    num_graphemes: int

    @classmethod
    def of(cls, lang: str, pairs: pl.DataFrame) -> "_Texts":
        column = pairs["tgt"]
        texts = column.to_list()
        chars, data = int(column.str.len_chars().sum()), int(column.str.len_bytes().sum())
        return cls(lang, pairs, texts, chars, data, num_graphemes(texts))


def _row(name: str, tokenizer: Tokenizer, of: _Texts, seed: int) -> dict[str, object]:
    encoded = tokenizer.encode(of.texts)
    ids = encoded.ids
    # Tokens of each text, int64 [pairs].
    theirs = np.diff(encoded.ends, prepend=0)
    # Per pair and not in total, because the bootstrap draws pairs.
    english = np.diff(tokenizer.encode(of.pairs["src"]).ends, prepend=0)
    vocabulary = tokenizer.vocabulary
    num_words, num_continued = _words(tokenizer, of)
    per_word = _ratio(len(ids), num_words)
    # A ratio of sums: in a mean of ratios, short pairs would weigh as much as long ones.
    parity = _ratio(int(theirs.sum()), int(english.sum()))
    low, high = _interval(theirs, english, seed)
    per_pair = None if of.lang == ENGLISH else tokens_per_pair(tokenizer, of.lang, of.pairs)
    return {
        "tokenizer": name,
        "lang": of.lang,
        "num_pairs": of.pairs.height,
        "words_by": words_by(of.lang),
        "tokens_per_word": per_word,
        "continued_share": _ratio(num_continued, num_words),
        "tokens_per_char": _ratio(len(ids), of.num_chars),
        "tokens_per_grapheme": _ratio(len(ids), of.num_graphemes),
        "bytes_per_token": _ratio(of.num_bytes, len(ids)),
        "single_byte_share": _ratio(int((vocabulary.piece_bytes[ids] == 1).sum()), len(ids)),
        "unknown_share": _ratio(int((ids == vocabulary.unk_id).sum()), len(ids))
        if vocabulary.unk_id is not None
        else 0.0,
        "parity": parity,
        "parity_low": low,
        "parity_high": high,
        "cost_percent": None if parity is None else 100 * (parity - 1),
        "context_words": None if not per_word else CONTEXT_TOKENS / per_word,
        "tokens_per_pair": per_pair,
        "pairs_in_budget": None if per_pair is None else int(BUDGET_TOKENS / per_pair),
    }


def _words(tokenizer: Tokenizer, of: _Texts) -> tuple[int, int]:
    """Words, and words of two or more tokens; 0 and 0 where words cannot be found."""
    spans = words(of.texts, of.lang)
    if spans is None or not len(spans.starts):
        return 0, 0
    # Both count characters of all texts end to end, so words and tokens can be compared.
    starts, ends = tokenizer.spans(of.texts)
    # Tokens that begin before the word's end, less those that end at or before its start.
    touching = np.searchsorted(starts, spans.ends) - np.searchsorted(ends, spans.starts, "right")
    return len(spans.starts), int((touching > 1).sum())


def _interval(
    tokens: npt.NDArray[np.int64], english: npt.NDArray[np.int64], seed: int
) -> tuple[float | None, float | None]:
    """The 95 % percentile interval of a ratio of sums, pairs drawn with replacement."""
    # Without English tokens there is no ratio.
    if not english.sum():
        return None, None
    # PCG64 by name: `default_rng` may change its generator with numpy.
    draws = np.random.Generator(np.random.PCG64(seed))
    ratios = np.empty(_BOOTSTRAPS)
    for number in range(_BOOTSTRAPS):
        # The same draw for both sides: a pair is the unit, as its sides have related lengths.
        drawn = draws.integers(0, len(tokens), len(tokens))
        ratios[number] = tokens[drawn].sum() / max(1, english[drawn].sum())
    low, high = np.percentile(ratios, (2.5, 97.5))
    return float(low), float(high)


def tokens_per_pair(
    tokenizer: Tokenizer,
    lang: str,
    pairs: pl.DataFrame,
    templates: tuple[str, ...] = (DEFAULT_TEMPLATE,),
) -> float:
    """Mean tokens of a pair written once in each direction, the EOS of both documents included."""
    # Templates are drawn by key. The sample has no origins, so its own numbering makes keys.
    keyed = pairs.select(
        "src", "tgt", source=pl.lit(""), row=pl.int_range(pl.len(), dtype=pl.UInt64)
    )
    keys = row_keys(keyed, 1)
    total = 0
    for english_first in (True, False):
        weights = (1.0,) * len(templates)
        form = PairFormat(lang, english_first, False, templates, weights, "english")
        documents = form.documents(keyed, keys)
        # `pairs.height` EOS: one a document.
        total += len(tokenizer.encode(documents["text"]).ids) + pairs.height
    # A mean over pairs, both documents of each together.
    return total / pairs.height


def _ratio(count: int, by: int) -> float | None:
    return count / by if by else None
