"""Counts of function words: evidence besides the model, and strong where the model is weak."""

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import confusable_set

# Log10 of odds per distinct word: a factor of 3. The true factor is far higher. The low value
# allows for words that occur in names and quotations, and that are not independent.
WEIGHT = 0.5
_ROWS = 20_000  # texts whose words are in memory at a time
_NO_LETTER = r"[^\p{L}\p{M}]+"


@cache
def word_languages() -> dict[str, str]:
    """Function word -> a language that has it; languages that share one are of one set."""
    table = tomllib.loads(files("sealdata.lid").joinpath("function_words.toml").read_text("utf-8"))
    return {word: lang for lang, words in reversed(table.items()) for word in words.split()}


def languages_with_words() -> list[str]:
    """One language for each set that has function words, and every such language without a set.

    Sorted; the columns of ``count_function_words``.
    """
    firsts = {confusable_set(lang) or lang: lang for lang in word_languages().values()}
    return sorted(firsts.values())


def count_function_words(texts: pl.Series) -> npt.NDArray[np.uint16]:
    """Distinct function words in each text: uint16 [texts, sets].

    A column counts the words of a language of ``languages_with_words`` and of its set.
    """
    words = word_languages()
    columns = {confusable_set(lang) or lang: n for n, lang in enumerate(languages_with_words())}
    column = {word: columns[confusable_set(lang) or lang] for word, lang in words.items()}
    counts = np.zeros((len(texts), len(columns)), np.uint16)
    function_words = pl.DataFrame(
        {"word": list(column), "set": pl.Series(list(column.values()), dtype=pl.UInt8)}
    )
    for start in range(0, len(texts), _ROWS):
        split = texts[start : start + _ROWS].str.to_lowercase().str.replace_all(_NO_LETTER, " ")
        rows = pl.DataFrame({"word": split.str.split(" ")}).with_row_index("row")
        matches = rows.explode("word").join(function_words, on="word").unique(["row", "word"])
        tally = matches.group_by("row", "set").len()
        counts[start + tally["row"].to_numpy(), tally["set"].to_numpy()] = tally["len"].to_numpy()
    return counts
