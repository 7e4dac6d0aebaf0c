"""References: trusted translations in a folder, as FLORES and NTREX lay theirs out, or as TSV."""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.languages import languages, resolve
from sealdata.readers import Source
from sealdata.readers.tmx import Tmx

ENGLISH = "eng_Latn"
_TMX_UNITS = 100_000  # read at a time
REFERENCE_SCHEMA: dict[str, pl.DataType] = {
    "lang": pl.String(),  # FLORES-200, of ``tgt``
    "set": pl.String(),  # "dev", "devtest", "" where a name has no second part; a TSV file's name
    "line": pl.UInt32(),  # counted from 1
    "src": pl.String(),  # English
    "tgt": pl.String(),
}
_MOSES = re.compile(r"(?P<set>.+\.(?P<one>\w+)-(?P<two>\w+))\.(?P<code>\w+)")
_TMX = re.compile(r"(?:.+\.)?(?P<one>\w+)-(?P<two>\w+)\.tmx(?:\.(?:zip|gz))?")
_NTREX = re.compile(r"(?P<set>.+)-(?P<side>src|ref)\.(?P<code>[\w-]+)\.txt")


def read_references(where: Path | Sequence[Path]) -> pl.DataFrame:
    """The pairs of every known language in a folder, or in the files given, as REFERENCE_SCHEMA.

    Files are one sentence a line, in UTF-8: ``eng_Latn.dev`` beside ``tha_Thai.dev`` (any known
    code; files with the same ending belong together), NTREX's ``newstest2019-src.eng.txt`` beside
    ``newstest2019-ref.tha.txt``, ``tico19.en-id.en`` beside ``tico19.en-id.id`` as OPUS and TICO-19
    name Moses text, or ``eng_Latn-tha_Thai.tsv`` with two columns in that order. TMX files are
    named by both languages: ``all.en-id.tmx.zip``. Files whose names tell no known language are
    left out.

    Raises:
        ConfigError: no such folder, or nothing in it pairs English with a known language.
        DataError: line counts differ, a set has no English, or a file is no UTF-8.
    """
    paths = _files(where) if isinstance(where, Path) else where
    aligned: dict[str, dict[str, Path]] = {}
    frames = []
    for path in sorted(paths):
        if path.suffix == ".tsv":
            frames += _read_tsv(path)
        elif tmx := _TMX.fullmatch(path.name):
            frames += _read_tmx(path, tmx["one"], tmx["two"])
        elif found := _meaning(path.name):
            part, code = found
            other = aligned.setdefault(part, {}).setdefault(code, path)
            if other != path:
                raise DataError(f"{other.name} and {path.name} are both {code}; remove one")
    for part, by_code in aligned.items():
        frames += _read_set(part, by_code)
    if not frames:
        told = where if isinstance(where, Path) else ", ".join(map(str, paths))
        raise ConfigError(
            f"{told}: nothing pairs English with a known language: expected files named by "
            "language, such as eng_Latn.dev and tha_Thai.dev, or eng_Latn-tha_Thai.tsv"
        )
    order = {code: number for number, code in enumerate(languages())}
    return pl.concat(sorted(frames, key=lambda frame: order[frame["lang"][0]]))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"no folder of references at {folder}")
    return [path for path in folder.iterdir() if path.is_file()]


def _meaning(name: str) -> tuple[str, str] | None:
    """The set and the language that a file name tells; None for other files."""
    if ntrex := _NTREX.fullmatch(name):
        code = _known(ntrex["code"])
        # NTREX also has its English rewritten for other countries: only the source is the source
        return (
            None
            if code is None or (code == ENGLISH) != (ntrex["side"] == "src")
            else (
                ntrex["set"],
                code,
            )
        )
    moses = _MOSES.fullmatch(name)
    if moses and moses["code"] in (moses["one"], moses["two"]):
        code = _known(moses["code"])
        return None if code is None else (moses["set"], code)
    code = _known(name.partition(".")[0])
    return None if code is None else (name.partition(".")[2], code)


def _known(code: str) -> str | None:
    try:
        return resolve(code).code
    except ConfigError:
        return None


def _read_set(part: str, by_code: dict[str, Path]) -> list[pl.DataFrame]:
    """One frame per language but English."""
    folder = next(iter(by_code.values())).parent
    if ENGLISH not in by_code:
        names = ", ".join(path.name for path in by_code.values())
        raise DataError(f"{folder}: no English beside {names}; add eng_Latn.{part or 'txt'}")
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
    """The frame of a file of pairs, or none if its name is not that of two languages."""
    codes = [_known(code) for code in path.stem.split("-")]
    if len(codes) != 2 or None in codes or codes.count(ENGLISH) != 1:
        return []
    rows = [line.split("\t") for line in _lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise DataError(f"{path}: line {number} has {len(row)} columns, not 2")
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    english, other = (first, second) if codes[0] == ENGLISH else (second, first)
    code = next(str(code) for code in codes if code != ENGLISH)
    return [_frame(code, path.name, english, other)] if rows else []


def _read_tmx(path: Path, one: str, two: str) -> list[pl.DataFrame]:
    """The frame of a translation memory, or none if English is not one of its two languages.

    A unit without text in one of them is no reference; lines are numbers of units.
    """
    codes = [_known(one), _known(two)]
    if None in codes or codes.count(ENGLISH) != 1:
        return []
    code = next(str(code) for code in codes if code != ENGLISH)
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
    """Only a line feed ends a line (with a carriage return before it or not)."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; references must be") from None
    if not text:
        return []
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
