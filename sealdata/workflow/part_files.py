"""The files of a part: which ones a task wrote, and whether they are still intact."""

import logging
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.records import PartRecord, checksum, read_json, read_record, write_json

_log = logging.getLogger(__name__)
_reported: set[tuple[Path, str]] = set()  # damage is reported once, though it is met many times


def written(part: str, folder: Path) -> dict[str, str]:
    """The files of a part, by name in ``folder``, with their checksums: ``PART.*`` except its
    record, and everything in ``PART/``."""
    # A record cannot hold its own checksum. Temporary files begin with a dot, so they do not match.
    paths = [path for path in folder.glob(f"{part}.*") if path.name != f"{part}.json"]
    paths += [path for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): checksum(path) for path in sorted(paths)}


def finished_part(part: str, folder: Path, warn: bool = True) -> PartRecord | None:
    """The record of a part in ``folder``; None if it is missing, or if a file that it names is
    missing or damaged.

    Damage is warned of, unless another process has looked before and did so.
    """
    path = folder / f"{part}.json"
    # The record is written last, so without one the part was never finished.
    if not path.exists():
        return None
    try:
        record = read_record(path)
    except DataError as error:
        if warn:
            _warn(path, str(error), f"{path} is damaged: it is made again")
        return None
    intact = all(_matches(folder / name, old, warn) for name, old in record.files.items())
    return record if intact else None


def was_finished(part: str, folder: Path) -> bool:
    """Whether an earlier run finished the part, whatever became of its files since."""
    return (folder / f"{part}.json").exists()


def write_checksum(path: Path) -> None:
    """Write the checksum of a file that no record names, next to the file, for ``is_intact``."""
    write_json(_checksum_path(path), checksum(path))


def drop_checksum(path: Path) -> None:
    """Do this before the file changes: if the write is interrupted, the file does not count."""
    _checksum_path(path).unlink(missing_ok=True)


def is_intact(path: Path) -> bool:
    """Whether the file is the one that its checksum was written for."""
    # Without a checksum, a write was interrupted between ``drop_checksum`` and ``write_checksum``.
    return _checksum_path(path).exists() and _matches(path, read_json(_checksum_path(path)))


def is_store_intact(store: Path, part: str) -> bool:
    """Whether a store has its table of a part, and no file of the part is damaged."""
    files = [path for path in store.glob(f"{part}.*") if path.suffix != ".json"]
    return store / f"{part}.parquet" in files and all(map(is_intact, files))


def _checksum_path(path: Path) -> Path:
    # A part has one table. Arrays next to it keep their own suffix, so that names differ.
    name = path.stem if path.suffix == ".parquet" else path.name
    return path.with_name(f"{name}.checksum.json")


def _matches(path: Path, old: str, warn: bool = True) -> bool:
    try:
        new = checksum(path)
    except FileNotFoundError:
        return False
    # Size and CRC-32 of every file of every finished part are checked at each start. A flipped
    # bit in the work folder would otherwise go into all later results.
    if warn and new != old:
        _warn(path, new, f"{path} is damaged ({new}, written as {old}): it is made again")
    return new == old


def _warn(path: Path, damage: str, message: str) -> None:
    if (path, damage) not in _reported:
        _reported.add((path, damage))
        _log.warning("%s", message)
