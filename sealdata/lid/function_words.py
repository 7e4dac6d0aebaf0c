"""Function words in a text: a witness beside the model, sure where the model is not."""

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import confusable_set

WEIGHT = 0.5  # log10 of odds a distinct word; three times likelier is far less than it is
_ROWS = 20_000  # texts whose words are in memory at a time
_NO_LETTER = r"[^\p{L}\p{M}]+"


@cache
def word_languages() -> dict[str, str]:
    """Function word -> a language that has it; languages that share one are of one set."""
    table = tomllib.loads(files("sealdata.lid").joinpath("function_words.toml").read_text("utf-8"))
    return {word: lang for lang, words in reversed(table.items()) for word in words.split()}


def languages_with_words() -> list[str]:
    """A language of each set that has function words, and each that has and is in no set."""
    firsts = {confusable_set(lang) or lang: lang for lang in word_languages().values()}
    return sorted(firsts.values())


def count_function_words(texts: pl.Series) -> npt.NDArray[np.uint16]:
    """Distinct function words in each text, of each of ``languages_with_words`` and what it is
    confused with: uint16 [texts, sets]."""
    words = word_languages()
    columns = {confusable_set(lang) or lang: n for n, lang in enumerate(languages_with_words())}
    column = {word: columns[confusable_set(lang) or lang] for word, lang in words.items()}
    counts = np.zeros((len(texts), len(columns)), np.uint16)
    known = pl.DataFrame(
        {"word": list(column), "set": pl.Series(list(column.values()), dtype=pl.UInt8)}
    )
    for start in range(0, len(texts), _ROWS):
        split = texts[start : start + _ROWS].str.to_lowercase().str.replace_all(_NO_LETTER, " ")
        rows = pl.DataFrame({"word": split.str.split(" ")}).with_row_index("row")
        found = rows.explode("word").join(known, on="word").unique(["row", "word"])
        tally = found.group_by("row", "set").len()
        counts[start + tally["row"].to_numpy(), tally["set"].to_numpy()] = tally["len"].to_numpy()
    return counts
