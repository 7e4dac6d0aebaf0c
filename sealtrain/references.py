"""Aligned reference text: a folder of one file per language, a sentence a line."""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealtrain.errors import ConfigError, DataError

References = dict[str, list[str]]  # sentences by FLORES code; line i of each means the same


def refs_folder(path: str) -> Path:
    """The folder of `--refs`; `package:NAME/PATH` is found without importing NAME."""
    if not path.startswith("package:"):
        return Path(path)
    package, _, inside = path.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{path}: no package {package!r} is installed")
    return Path(spec.submodule_search_locations[0]) / inside


def read_refs(folder: Path, max_sentences: int | None) -> References:
    """Sentences by language from an aligned folder of `{FLORES code}.*` files, a line each.

    Raises:
        DataError: no such folder, two files of one language, or unequal numbers of lines.
    """
    if not folder.is_dir():
        raise DataError(f"no references at {folder}; give a folder with eng_Latn.txt and others")
    texts: References = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        code = path.name.split(".")[0]
        if len(code) != 8 or code[3] != "_":
            continue  # a licence or a readme
        if code in texts:
            raise DataError(f"{path}: a second file of {code}; keep one of each language")
        try:
            lines = path.read_text("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: byte {error.start} is not UTF-8") from None
        texts[code] = [line.strip() for line in lines]
        if not texts[code][-1]:
            texts[code].pop()
    counts = {code: len(lines) for code, lines in texts.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{folder}: not aligned, the files have unequal lines: {counts}")
    return {code: lines[:max_sentences] for code, lines in texts.items()}


def take_shots(texts: References, num_shots: int) -> tuple[References, References]:
    """The first `num_shots` lines as examples for prompts, and the lines that are scored."""
    num_lines = len(next(iter(texts.values()), []))
    if num_lines <= num_shots:
        raise DataError(f"{num_shots} shots leave nothing to score of {num_lines} lines")
    shots = {code: lines[:num_shots] for code, lines in texts.items()}
    return shots, {code: lines[num_shots:] for code, lines in texts.items()}


def digest(texts: Mapping[str, Sequence[str]]) -> str:
    """sha256 of the sentences: two evaluations may be compared where theirs are the same."""
    summary = hashlib.sha256()
    for code in sorted(texts):
        summary.update("\0".join([code, *texts[code], ""]).encode())
    return summary.hexdigest()
