"""Counts of function words: evidence besides the model, and strong where the model is weak."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import cached_by_registry, confusable_set, script_of

# Log10 of odds per distinct word: a factor of 3. It is half the power for words that languages
# outside the set write, too, and twice for words with the letters and tones of Vietnamese. The true
# factor is far higher. The low value allows for words that occur in names and quotations, and that
# are not independent.
WEIGHT = 0.5
WEIGHT_WRITTEN_ELSEWHERE = 0.25
WEIGHT_VIETNAMESE_LETTERS = 1.0
_ELSEWHERE = "written_elsewhere"  # the key of such words in the file
_ROWS = 20_000  # texts whose words are in memory at a time
_NO_LETTER = r"[^\p{L}\p{M}]+"


class WordEvidence(NamedTuple):
    """What the words of some texts say; the columns are those of ``languages_with_words``."""

    distinct: npt.NDArray[np.uint16]  # [texts, sets], distinct function words
    weight: npt.NDArray[np.float32]  # [texts, sets], the sum of their weights, log10 of odds
    num_words: npt.NDArray[np.uint32]  # [texts], all words: what stands between other characters


@cache
def words_by_language() -> dict[str, tuple[str, ...]]:
    """The function words of each language that has some, by FLORES-200 code."""
    return {lang: tuple(words.split()) for lang, words in _file().items() if lang != _ELSEWHERE}


@cached_by_registry
def languages_with_words() -> tuple[str, ...]:
    """One language for each set that has function words, and every such language without a set.

    Sorted; the columns of ``count_function_words``.
    """
    return tuple(sorted({_set_of(lang): lang for lang in reversed(words_by_language())}.values()))


def column_of(lang: str) -> int | None:
    """The column of the set of ``lang`` in counts; None if no function words of it are known."""
    sets = [_set_of(first) for first in languages_with_words()]
    return sets.index(_set_of(lang)) if _set_of(lang) in sets else None


def count_function_words(texts: pl.Series) -> WordEvidence:
    """The function words in each text, in order; null counts as empty.

    A word that languages of several sets have counts for each of them.
    """
    shape = len(texts), len(languages_with_words())
    evidence = WordEvidence(
        np.zeros(shape, np.uint16), np.zeros(shape, np.float32), np.zeros(shape[0], np.uint32)
    )
    for start in range(0, len(texts), _ROWS):
        rows = texts[start : start + _ROWS].fill_null("").str.to_lowercase()
        split = rows.str.replace_all(_NO_LETTER, " ").str.strip_chars(" ").str.split(" ")
        frame = pl.DataFrame({"word": split}).with_row_index("row")
        words = frame.explode("word").filter(pl.col("word") != "")
        matches = words.join(_words(), on="word").unique(["row", "set", "word"])
        tally = matches.group_by("row", "set").agg(pl.len(), pl.sum("weight"))
        cells = start + tally["row"].to_numpy(), tally["set"].to_numpy()
        evidence.distinct[cells] = tally["len"].to_numpy()
        evidence.weight[cells] = tally["weight"].to_numpy()
        lengths = words.group_by("row").len()
        evidence.num_words[start + lengths["row"].to_numpy()] = lengths["len"].to_numpy()
    return evidence


def _set_of(lang: str) -> tuple[str, ...]:
    """The set of ``lang``, without languages in another script: Jingpho's words are not Burmese."""
    members = confusable_set(lang) or (lang,)
    return tuple(code for code in members if script_of(code) == script_of(lang))


@cache
def _file() -> dict[str, str]:
    return tomllib.loads(files("sealdata.lid").joinpath("function_words.toml").read_text("utf-8"))


@cached_by_registry
def _words() -> pl.DataFrame:
    """Columns ``word``, ``set`` (a column number) and ``weight``: a row for each set of a word."""
    elsewhere = set(_file()[_ELSEWHERE].split())
    owners = {(w, column_of(lang)) for lang, words in words_by_language().items() for w in words}
    schema = {"word": pl.String(), "set": pl.UInt8()}
    words = pl.DataFrame(sorted(owners), schema=schema, orient="row")
    is_vietnamese = (pl.col("set") == column_of("vie_Latn")) & pl.col("word").str.contains("[^a-z]")
    return words.with_columns(
        weight=pl.when(pl.col("word").is_in(elsewhere))
        .then(pl.lit(WEIGHT_WRITTEN_ELSEWHERE, pl.Float32))
        .when(is_vietnamese)
        .then(pl.lit(WEIGHT_VIETNAMESE_LETTERS, pl.Float32))
        .otherwise(pl.lit(WEIGHT, pl.Float32))
    )
