"""Evaluation sets: which files a path means, and the sentences in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from sealdata.contamination.hashes import is_hash_file
from sealdata.contamination.tables import (
    HEADED,
    READERS,
    is_known_language,
    known_columns,
    table_of,
)
from sealdata.contamination.texts import Sentence, sentences_of
from sealdata.errors import ConfigError, SealError
from sealdata.files.hidden import visible
from sealdata.languages import find_language
from sealdata.readers._open import read_text

_FLORES = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
_NTREX = re.compile(r".+-(?:src|ref)\.(?P<code>[\w-]+)\.txt")


def evaluation_files(path: Path, columns: tuple[str, ...] = ()) -> list[Path]:
    """The files of a path: the file itself, or all known files in a folder and its subfolders.

    Known are files named by a language (``tha_Thai.devtest``, ``test.th.jsonl``), NTREX's names,
    and tables with the columns of XNLI, XCOPA, Belebele, FLORES+ or, if given, ``columns``. Hidden
    and temporary files are left out.

    Raises:
        ConfigError: the path does not exist, or the folder has no such files.
    """
    if path.is_file():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix)
    evaluation = [file for file in visible(files, path) if _is_evaluation(file, columns)]
    if not evaluation:
        raise ConfigError(
            f"no evaluation text at {path}: expected a file, a folder of files named by language, "
            "such as eng_Latn.dev and tha_Thai.dev, or of tables with known columns"
        )
    return evaluation


def set_name(path: Path, name: str | None = None) -> str:
    """What the match report calls a set: its name, or the last two parts of its path."""
    return name or "/".join(path.absolute().parts[-2:])


def _is_evaluation(file: Path, columns: tuple[str, ...]) -> bool:
    suffix = table_of(file)
    stem = file.name.partition(".")[0]
    if suffix is None or _FLORES.fullmatch(stem):  # FLORES+, Belebele: a table per language
        return _names_language(file)
    try:
        _, first = next(iter(READERS[suffix](file)), (0, {}))
        return bool(columns or known_columns(first)) or is_hash_file(file)
    except SealError:
        return True  # a damaged table must not be skipped: reading it reports the damage


def _names_language(file: Path) -> bool:
    ntrex = _NTREX.fullmatch(file.name)
    code = ntrex["code"] if ntrex else file.name.partition(".")[0]
    return find_language(code) is not None


def read_sentences(file: Path, columns: tuple[str, ...] = ()) -> Iterator[Sentence]:
    """The sentences of one file: a line each, or the text columns of a table.

    ``columns`` names those of a table: by the header of TSV and CSV or by number from 1, by the
    keys of JSON lines, by the fields of Parquet. Without it the columns of XNLI (premise and
    hypothesis), XCOPA (premise and both choices), Belebele (passage and question) and FLORES+
    (text) are known. Their rows in languages that are not in ``languages.toml`` are left out.

    Raises:
        ConfigError: the columns are not known, or missing.
        DataError: the file cannot be read, is not UTF-8, or is damaged.
    """
    suffix = table_of(file)
    if suffix is None:
        if columns:
            raise ConfigError(f"{file} has no columns: it is read as a sentence a line")
        for number, text in enumerate(_lines(file), start=1):
            yield Sentence(number, "", text.removesuffix("\r"))
        return
    names = columns
    for number, row in READERS[suffix](file):
        names = names or known_columns(row)
        if not names:
            raise ConfigError(
                f"{file}: name the columns of text, as in {{ path = ..., columns = [...] }}; "
                f"it has: {', '.join(name for name in row if not name.isdecimal()) or 'none'}"
            )
        is_header = suffix in HEADED and all(row.get(name) == name for name in names)
        if not is_header and (columns or is_known_language(row)):
            yield from sentences_of(file, number, row, names)


def _lines(file: Path) -> list[str]:
    return read_text(file).removesuffix("\n").split("\n")
