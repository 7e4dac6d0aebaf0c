"""What the name of a file says of it: the languages, and the common start of aligned files."""

import re
from pathlib import Path

from sealdata.languages import ENGLISH, find_language, find_pair

COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".zip")
# Words that may be codes: of FLORES-200, or of two or three letters.
_CODES = re.compile(r"[A-Za-z]{2,3}_[A-Z][a-z]{3}|(?<![A-Za-z])[A-Za-z]{2,3}(?![A-Za-z])")
_SEPARATORS = re.compile(r"[.\s]+")


def bare(name: str) -> str:
    """The name without suffixes of compression."""
    while name.lower().endswith(COMPRESSED):
        name = name.rpartition(".")[0]
    return name


def pair_in(name: str) -> tuple[str, str] | None:
    """The two languages that a file name holds, in the order of the name, as FLORES-200 codes.

    ``en-id.txt``, ``CCAligned.en_XX-th_TH.tsv`` and ``eng_Latn-jav_Latn`` name two. A name with
    one language that is not English, as ``bible-vie_Latn``, means a pair with English.
    """
    tokens = [token for token in _SEPARATORS.split(bare(name)) if token]
    for token in reversed(tokens):
        for start in _starts(token):
            if pair := find_pair(token[start:]):
                return pair[0].code, pair[1].code
    languages = languages_in(name)
    if len(languages) == 2:
        return languages[0], languages[1]
    others = [code for code in languages if code != ENGLISH]
    return (ENGLISH, others[0]) if len(others) == 1 else None


def languages_in(name: str) -> list[str]:
    """All languages that are words of a file name, in order. Words stand between ``.``, ``-`` and
    ``_``, and the script of a FLORES-200 code belongs to its word."""
    words = re.findall(r"[A-Za-z]{2,3}_[A-Z][a-z]{3}|[A-Za-z]+", bare(name))
    # Words of everyday English that are codes too: "data_in.no-dup.tsv" names no Norwegian.
    codes = [find_language(word) for word in words if word.lower() not in _NOT_CODES]
    return list(dict.fromkeys(code.code for code in codes if code))


_NOT_CODES = {"in", "no", "is", "to", "so", "am", "as", "be", "he", "it", "my", "or", "all", "tsv"}


def _starts(token: str) -> list[int]:
    """Where a pair may begin in a word such as ``soft-en-id``: at its start, and behind marks."""
    return [0, *(match.end() for match in re.finditer(r"[-_+]", token))]


def by_language(paths: list[Path]) -> dict[Path, dict[str, Path]]:
    """Common start -> language -> file, of files that are named alike but for a language at the
    end, as ``corpus.en-id.en`` and ``corpus.en-id.id.gz``."""
    groups: dict[Path, dict[str, Path]] = {}
    for path in paths:
        start, _, suffix = bare(path.name).rpartition(".")
        language = find_language(suffix) if start else None
        if language:
            groups.setdefault(path.parent / start, {})[language.code] = path
    return {start: files for start, files in groups.items() if ENGLISH in files and len(files) > 1}


def alike_but_for_language(paths: list[Path]) -> dict[str, dict[str, Path]]:
    """Pattern -> language -> file, of files such as ``data_eng.txt`` and ``data_tha.txt``."""
    groups: dict[str, dict[str, Path]] = {}
    for path in paths:
        for match in _CODES.finditer(path.name):
            language = find_language(match[0])
            if language:
                start, end = path.name[: match.start()], path.name[match.end() :]
                groups.setdefault(str(path.parent / f"{start}*{end}"), {})[language.code] = path
    return {name: files for name, files in groups.items() if ENGLISH in files and len(files) > 1}
