"""References: trusted translations in a folder, in the layout of FLORES, NTREX, Moses, TSV, TMX."""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.files.hidden import visible
from sealdata.languages import Language, find_language, find_pair, languages
from sealdata.readers import Source
from sealdata.readers._open import read_text
from sealdata.readers.tmx import Tmx

ENGLISH = "eng_Latn"
_TMX_UNITS = 100_000  # units read at a time
REFERENCE_SCHEMA: dict[str, pl.DataType] = {
    "lang": pl.String(),  # FLORES-200, of ``tgt``
    "set": pl.String(),  # "dev", "devtest", "" without a second part; a TSV file's name
    "line": pl.UInt32(),  # counted from 1
    "src": pl.String(),  # English
    "tgt": pl.String(),
}
_MOSES = re.compile(r"(?P<set>.+\.(?P<pair>[\w-]+))\.(?P<code>[\w-]+)")
_TMX = re.compile(r"(?:.+\.)?(?P<pair>[\w-]+)\.tmx(?:\.(?:zip|gz|xz|bz2|zst))?")
_NTREX = re.compile(r"(?P<set>.+)-(?P<side>src|ref)\.(?P<code>[\w-]+)\.txt")


def read_references(where: Path | Sequence[Path]) -> pl.DataFrame:
    """The pairs of all known languages in a folder or in files, as REFERENCE_SCHEMA.

    The order is that of ``languages``. Files have one sentence a line in UTF-8, and names of one of
    these kinds; files with other names are left out:

    - FLORES: ``eng_Latn.dev`` and ``tha_Thai.dev``, with any known code; the ending is the set
    - NTREX: ``newstest2019-src.eng.txt`` and ``newstest2019-ref.tha.txt``
    - Moses, as of OPUS and TICO-19: ``tico19.en-id.en`` and ``tico19.en-id.id``
    - TSV: ``eng_Latn-tha_Thai.tsv``, with two columns in this order
    - TMX, which has no lines: ``all.en-id.tmx.zip``

    Raises:
        ConfigError: no such folder, or no file pairs English with a known language.
        DataError: line counts differ, a set has no English, or a file is not UTF-8.
    """
    paths = _files(where) if isinstance(where, Path) else where
    aligned: dict[str, dict[str, Path]] = {}
    frames = []
    for path in sorted(paths):
        if path.suffix == ".tsv":
            frames += _read_tsv(path)
        elif tmx := _TMX.fullmatch(path.name):
            frames += _read_tmx(path, find_pair(tmx["pair"]))
        elif meaning := _meaning(path.name):
            part, code = meaning
            other = aligned.setdefault(part, {}).setdefault(code, path)
            if other != path:
                raise DataError(f"{other.name} and {path.name} are both {code}; remove one")
    for part, by_code in aligned.items():
        frames += _read_set(part, by_code)
    if not frames:
        looked_in = where if isinstance(where, Path) else ", ".join(map(str, paths))
        raise ConfigError(
            f"{looked_in}: no file pairs English with a known language; name files by language, "
            "such as eng_Latn.dev and tha_Thai.dev, or eng_Latn-tha_Thai.tsv"
        )
    order = {code: number for number, code in enumerate(languages())}
    # Languages that no table lists come last, by code.
    return pl.concat(
        sorted(frames, key=lambda f: (order.get(f["lang"][0], len(order)), f["lang"][0]))
    )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(
            f"no folder of references at {folder}; give one with files named by language, such as "
            "eng_Latn.dev and tha_Thai.dev, or sample:eval, which is bundled"
        )
    return visible((path for path in folder.iterdir() if path.is_file()), folder)


def _meaning(name: str) -> tuple[str, str] | None:
    """The set and the language in a file name; None for other files."""
    if ntrex := _NTREX.fullmatch(name):
        code = _known(ntrex["code"])
        # NTREX also has English references, rewritten for other countries; they are not the source.
        return (
            None
            if code is None or (code == ENGLISH) != (ntrex["side"] == "src")
            else (
                ntrex["set"],
                code,
            )
        )
    moses = _MOSES.fullmatch(name)
    if moses and (pair := find_pair(moses["pair"])):
        code = _known(moses["code"])
        return (moses["set"], code) if code in (pair[0].code, pair[1].code) else None
    code = _known(name.partition(".")[0])
    return None if code is None else (name.partition(".")[2], code)


def _known(code: str) -> str | None:
    language = find_language(code)
    return language.code if language else None


def _read_set(part: str, by_code: dict[str, Path]) -> list[pl.DataFrame]:
    """A frame for each language except English."""
    folder = next(iter(by_code.values())).parent
    if ENGLISH not in by_code:
        names = ", ".join(path.name for path in by_code.values())
        raise DataError(f"{folder}: no English for {names}; add eng_Latn.{part or 'txt'}")
    english = _lines(by_code[ENGLISH])
    frames = []
    for code, path in by_code.items():
        if code == ENGLISH:
            continue
        lines = _lines(path)
        if len(lines) != len(english):
            raise DataError(
                f"{folder}: {path.name} has {len(lines):,} lines, {by_code[ENGLISH].name} "
                f"{len(english):,}; references must be aligned line by line"
            )
        if lines:
            frames.append(_frame(code, part, english, lines))
    return frames


def _read_tsv(path: Path) -> list[pl.DataFrame]:
    """The frame of a file of pairs; [] if its name does not pair English with a known language."""
    codes = [language.code for language in find_pair(path.stem) or ()]
    if ENGLISH not in codes:
        return []
    rows = [line.split("\t") for line in _lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise DataError(f"{path}: line {number} has {len(row)} columns, not 2")
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    english, other = (first, second) if codes[0] == ENGLISH else (second, first)
    code = next(code for code in codes if code != ENGLISH)
    return [_frame(code, path.name, english, other)] if rows else []


def _read_tmx(path: Path, pair: tuple[Language, Language] | None) -> list[pl.DataFrame]:
    """The frame of a translation memory; [] if English is not one of its two languages.

    Units without text in either language are left out. The line is the number of the unit.
    """
    codes = [language.code for language in pair or ()]
    if ENGLISH not in codes:
        return []
    code = next(code for code in codes if code != ENGLISH)
    batches = Tmx().batches(Source(path.name, path, ENGLISH, code), _TMX_UNITS)
    pairs = pl.concat([batch.good for batch in batches])
    return [
        pairs.select(
            lang=pl.lit(code),
            set=pl.lit(path.name),
            line=(pl.col("row") + 1).cast(pl.UInt32),
            src="src",
            tgt="tgt",
        )
    ]


def _frame(code: str, part: str, english: list[str], other: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"src": english, "tgt": other}).select(
        lang=pl.lit(code),
        set=pl.lit(part),
        line=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32),
        src="src",
        tgt="tgt",
    )


def _lines(path: Path) -> list[str]:
    """The lines of a file, which end in LF or CR LF only."""
    text = read_text(path)
    if not text:
        return []
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
