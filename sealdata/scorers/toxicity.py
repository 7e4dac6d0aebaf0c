"""Terms of a toxicity list on the two sides: insults that only one of them has."""

from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import regex

from sealdata.errors import ConfigError
from sealdata.files.hidden import visible
from sealdata.files.records import file_sha256
from sealdata.languages import find_language
from sealdata.readers._open import read_text
from sealdata.scorers import COUNT, Range, Scorer

_FORMAT = r"[\u{200b}-\u{200d}\u{2060}\u{feff}\u{ad}]"  # invisible, and no part of a term


class Toxicity(Scorer):
    """Distinct listed terms on each side, and how many more one side has.

    Bring lists of your own (NLLB's Toxicity-200, say): ``lists`` is a folder with a file per
    language, named by its code (``eng_Latn.txt``, ``tha_twl.txt``), a term a line. Terms are
    compared in NFKC and lower case. In scripts with spaces a term counts as whole words, in those
    without (Thai, Lao, Khmer, Burmese, Chinese) wherever it stands, but never within a grapheme
    cluster: a term is not found in a longer syllable that begins with its letters.

    A rule: ``difference`` at most 2: a translation may find other words, not other company.

    Source: ETOX and the toxicity filter of stopes, which pads terms with spaces and so finds none
    in running Thai.
    """

    lists: str  # folder of term lists, one file a language

    columns: ClassVar[dict[str, str]] = {
        "src_terms": "distinct listed terms on the English side, count",
        "tgt_terms": "distinct listed terms on the other side, count",
        "difference": "distinct listed terms that one side has more than the other, 0 or more",
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(columns, COUNT)

    def fingerprint(self) -> dict[str, Any]:
        """The version and the digests of the lists: where they lie does not matter."""
        files = _files(self.lists)
        digests = {lang: file_sha256(path) for lang, path in sorted(files.items())}
        return {"version": self.version, "lists": digests}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32 columns; null on a side whose language has no list, ``difference`` then as well.

        Raises:
            ConfigError: no folder of lists, or none in it that is named by a language.
        """
        counts = pl.DataFrame(
            {f"{side}_terms": self._counts(pairs, side) for side in ("src", "tgt")}
        )
        high, low = pl.max_horizontal(pl.all()), pl.min_horizontal(pl.all())
        has_both = pl.all_horizontal(pl.all().is_not_null())
        return counts.with_columns(difference=pl.when(has_both).then(high - low))

    def _counts(self, pairs: pl.DataFrame, side: str) -> pl.Series:
        files = _files(self.lists)
        texts = pairs.select(text=pl.col(side).fill_null(""), lang=f"{side}_lang")
        counts = pl.Series([None] * pairs.height, dtype=pl.UInt32)
        for lang in texts["lang"].unique().drop_nulls():
            if lang in files:
                rows = (texts["lang"] == lang).arg_true()
                lang_counts = _terms_in(texts["text"].gather(rows), files[lang], lang)
                counts = counts.scatter(rows, lang_counts)
        return counts


def _terms_in(text: pl.Series, path: Path, lang: str) -> pl.Series:
    """Distinct terms of each text; Aho-Corasick first, and a closer look only at its finds."""
    terms = _terms(path)
    folded = _folded(text)
    counts = pl.zeros(text.len(), pl.UInt32, eager=True)
    rows = folded.str.contains_any(list(terms)).arg_true()
    if rows.is_empty():
        return counts
    some = folded.gather(rows)
    matches = some.str.extract_many(list(terms), overlapping=True).list.unique()
    spaced = language.spaces if (language := find_language(lang)) else True
    looked = [
        sum(_stands(term, folded_text, spaced) for term in candidates)
        for folded_text, candidates in zip(some.to_list(), matches.to_list(), strict=True)
    ]
    return counts.scatter(rows, pl.Series(looked, dtype=pl.UInt32))


def _stands(term: str, text: str, spaced: bool) -> bool:
    """Whether the term stands in the text as words of its own, or as whole grapheme clusters."""
    start = text.find(term)
    while start >= 0:
        before, after = text[:start], text[start + len(term) :]
        if spaced:
            free = not (regex.search(r"[\p{L}\p{M}\p{N}_]$", before) or _WORD.match(after))
        else:
            free = not _CONTINUES.match(after) and not _JOINS.search(before)
        if free:
            return True
        start = text.find(term, start + 1)
    return False


_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_]")
# What a grapheme cluster goes on with (vowel signs and tones also where they are letters to
# Unicode: Thai and Lao aa, am), and what makes the next letter part of it (virama, coeng).
_CONTINUES = regex.compile(r"[\p{M}\u0e30\u0e32\u0e33\u0eb0\u0eb2\u0eb3]")
_JOINS = regex.compile(
    r"[\p{Indic_Syllabic_Category=Virama}\p{InSC=Invisible_Stacker}\u0e40-\u0e44\u0ec0-\u0ec4]$"
)


def _folded(text: pl.Series) -> pl.Series:
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(_FORMAT, "")


@cache
def _terms(path: Path) -> tuple[str, ...]:
    lines = read_text(path).split("\n")
    terms = _folded(pl.Series("term", lines, dtype=pl.String)).str.strip_chars()
    return tuple(sorted(set(terms) - {""}))


@cache
def _files(folder: str) -> dict[str, Path]:
    """The list of each language in a folder."""
    files: dict[str, Path] = {}
    for path in visible(sorted(Path(folder).glob("*.txt")), Path(folder)):
        for name in (path.stem, path.stem.partition("_twl")[0], path.stem.partition(".")[0]):
            if language := find_language(name):
                files.setdefault(language.code, path)
                break
    if not files:
        raise ConfigError(
            f"no toxicity lists in {folder}: expected files named by language, such as eng_Latn.txt"
        )
    return files


COMPONENT = Toxicity
