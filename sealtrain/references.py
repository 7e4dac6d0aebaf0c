"""Aligned reference text: a folder with one file per language and one sentence per line."""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealtrain.errors import ConfigError, DataError

# How a Git LFS pointer, a web page and an XML message begin, which servers send in place of a file.
_TEMPORARY = ("~", ".tmp", ".part", ".crdownload")
_NOT_REFERENCES = ("version https://git-lfs", "<!DOCTYPE", "<!doctype", "<html", "<?xml")

References = dict[str, list[str]]  # by FLORES code; line i of each language has the same meaning


def refs_folder(path: str) -> Path:
    """The folder of `--refs`; `package:NAME/PATH` is found without importing the package NAME."""
    if not path.startswith("package:"):
        return Path(path)
    package, _, inside = path.removeprefix("package:").partition("/")
    # Importing the package could run any code, and only its folder is needed.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{path}: no package {package!r} is installed")
    return Path(spec.submodule_search_locations[0]) / inside


def read_refs(folder: Path, max_sentences: int | None) -> References:
    """The first sentences of each `{FLORES code}.*` file of a folder, stripped, in file order.

    Temporary files and those of other names, such as a licence, are ignored. An empty line is a
    sentence, except after the last newline.

    Raises:
        DataError: no such folder, two files of one language, a file that is not text in UTF-8, or
            files with unequal numbers of lines.
    """
    if not folder.is_dir():
        raise DataError(f"no references at {folder}; give a folder with eng_Latn.txt and others")
    texts: References = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        code = path.name.split(".")[0]
        # Three letters, `_` and four letters, such as `eng_Latn`.
        if len(code) != 8 or code[3] != "_" or path.name.endswith(_TEMPORARY):
            continue
        if code in texts:
            raise DataError(f"{path}: a second file of {code}; keep one of each language")
        try:
            # Only LF ends a line: str.splitlines would cut at U+2028 and others.
            lines = path.read_text("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: byte {error.start} is not UTF-8") from None
        if lines[0].startswith(_NOT_REFERENCES) or "\0" in lines[0]:
            raise DataError(
                f"{path} is not a text of references: {lines[0][:60]!r}; fetch it again"
            )
        texts[code] = [line.strip() for line in lines]
        # The last newline ends a line and begins none.
        if not texts[code][-1]:
            texts[code].pop()
    # Line i of one file translates line i of all others, so equal numbers are the least to ask for.
    counts = {code: len(lines) for code, lines in texts.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{folder}: not aligned, the numbers of lines differ: {counts}")
    # Cut after the check, so that files that are not aligned are found with any limit.
    return {code: lines[:max_sentences] for code, lines in texts.items()}


def take_shots(texts: References, num_shots: int) -> tuple[References, References]:
    """The first `num_shots` lines as examples for prompts, and the other lines, to be scored.

    Raises:
        DataError: no line would be left to score.
    """
    # All languages have equally many lines; without any language there are 0.
    num_lines = len(next(iter(texts.values()), []))
    if num_lines <= num_shots:
        raise DataError(f"{num_shots} shots of {num_lines} lines leave no line to score")
    shots = {code: lines[:num_shots] for code, lines in texts.items()}
    return shots, {code: lines[num_shots:] for code, lines in texts.items()}


def digest(texts: Mapping[str, Sequence[str]]) -> str:
    """The sha256 of the sentences: evaluations with the same one may be compared."""
    summary = hashlib.sha256()
    for code in sorted(texts):
        # The separator tells apart sets of lines that differ only in where a line ends.
        summary.update("\0".join([code, *texts[code], ""]).encode())
    return summary.hexdigest()
