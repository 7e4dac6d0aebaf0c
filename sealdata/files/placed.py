"""What the program has written into a folder: only these files may be replaced or removed there."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.records import file_sha256, read_json, write_json

RECORD = ".placed.json"
SET_ASIDE = "set-aside"


def read_placed(out: Path) -> dict[str, str]:
    """Names in ``out`` that the program wrote, each with its SHA-256, or "" where none is known.

    Empty without a record. A damaged record counts as none: then nothing is removed.
    """
    path = out / RECORD
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
    except DataError:
        return {}
    placed = content.get("placed") if isinstance(content, dict) else None
    if not isinstance(placed, dict):
        return {}
    return {str(name): str(digest) for name, digest in placed.items()}


def add_placed(out: Path, names: Iterable[str]) -> None:
    """Record names that are about to be written; do it first, so that a kill leaves no stranger."""
    placed = read_placed(out)
    _write(out, placed, placed | {name: placed.get(name, "") for name in names})


def add_digests(out: Path, names: Iterable[str]) -> None:
    """Record names that were just written, with what they hold now."""
    placed = read_placed(out)
    _write(out, placed, placed | {name: file_sha256(out / name) for name in names})


def drop_placed(out: Path, names: Iterable[str]) -> None:
    """Record that these names are removed."""
    placed = read_placed(out)
    gone = set(names)
    _write(out, placed, {name: d for name, d in placed.items() if name not in gone})


def is_changed(out: Path, name: str) -> bool:
    """Whether a file is not as it was recorded: a person has written into it since."""
    recorded = read_placed(out).get(name)
    return bool(recorded) and (out / name).is_file() and file_sha256(out / name) != recorded


def set_aside(out: Path, name: str, copy: bool = False) -> None:
    """Move ``name`` of ``out`` to ``set-aside/``, or copy it there, under a number of its own."""
    target = out / SET_ASIDE
    target.mkdir(exist_ok=True)
    number = 1
    while (target / f"{number}-{name}").exists():
        number += 1
    if copy:
        shutil.copyfile(out / name, target / f"{number}-{name}")
    else:
        (out / name).rename(target / f"{number}-{name}")


def _write(out: Path, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    # A run that changes nothing writes nothing.
    if new != old:
        write_json(out / RECORD, {"placed": dict(new)})
