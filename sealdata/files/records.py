"""Durable state: atomic files, content keys, and what each finished part and stage recorded."""

import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from isal import isal_zlib
from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import DataError

# Bytes read at once: memory stays constant for files of any size.
_CHUNK = 1 << 20
# What ``write_atomic`` names its files.
_TEMPORARY = re.compile(r"\..+\..+-(?P<process>\d+)\.tmp")
# The key of a table's digest of itself. No other name has its sign.
SEAL = "#sha256"
_DAY = 24 * 3600  # seconds


class PartRecord(BaseModel):
    """What one finished part did. Invariant: rows_in == rows_out + sum(dropped.values()).

    ``dropped`` counts rows by reason. ``facts`` has whatever else the stage reports. ``files`` maps
    the names of the files written, in the stage's folder, to their ``checksum``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The name of the part; also the stem of its files.
    part: str
    # Rows read and rows written. Whatever is between them is in ``dropped``.
    rows_in: int
    rows_out: int
    dropped: dict[str, int] = {}
    # JSON values only, and only what every run computes alike: no times.
    facts: dict[str, Any] = {}
    files: dict[str, str] = {}

    def model_post_init(self, _context: Any) -> None:
        # Checked when a record is made and when it is read: nothing is dropped without a reason.
        lost = self.rows_in - self.rows_out
        assert lost == sum(self.dropped.values()), f"{self.part}: {lost} rows unaccounted for"


def write_atomic(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` fill a temporary file next to ``path``, then fsync and rename it into place.

    Raises:
        DataError: the disk is full or refuses; the temporary file is removed.
    """
    # In the same folder, because a rename is atomic only within a file system.
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named by machine too: on a cluster, two processes of one number may write to one folder.
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.tmp")
    try:
        write(temporary)
        # Without the fsync, a power cut could leave an empty file under the final name. The rename
        # itself may be lost, which only makes the part unfinished.
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        # After the rename nothing is there to remove. After a kill the file stays, and no one reads
        # it.
        temporary.unlink(missing_ok=True)


def sweep(folder: Path, deep: bool = True) -> None:
    """Remove the temporary files that writers left which no longer run.

    A file of another machine counts as left after a day: a worker there may still write.
    """
    paths = folder.rglob(".*.tmp") if deep else folder.glob(".*.tmp")
    for path in list(paths):
        match = _TEMPORARY.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_file():
            continue
        with suppress(FileNotFoundError):
            # A name of a machine may have dots, as a name of a file has.
            here = path.name.endswith(f".{socket.gethostname()}-{match['process']}.tmp")
            old = time.time() - path.stat().st_mtime > _DAY
            if (here and not _runs(int(match["process"]))) or (not here and old):
                path.unlink()


def _runs(process: int) -> bool:
    """Whether a process of this machine is alive, and not this one."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return process != os.getpid()


def checksum(path: Path) -> str:
    """``SIZE-CRC32`` of a file's bytes, such as ``1024-0a1b2c3d``.

    It detects damage, even of one bit, but not intent. It reads 9 to 17 GiB a second of CPU time
    from the page cache, SHA-256 1.5.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    crc = size = 0
    with path.open("rb") as handle:
        # The size is counted from what was read, so it belongs to the same bytes as the CRC.
        while chunk := handle.read(_CHUNK):
            crc, size = isal_zlib.crc32(chunk, crc), size + len(chunk)
    return f"{size}-{crc:08x}"


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as sorted, indented JSON, atomically: equal values give equal bytes."""
    # Not escaped, so that people can read the texts of all scripts in it.
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        DataError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        # Also raised for bytes that are not UTF-8.
        raise DataError(f"{path} is not valid JSON ({error}); delete it and run again") from None


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """``write_json`` of a table with a digest of itself, so that a flipped bit is seen."""
    write_json(path, content | {SEAL: _seal(content)})


def read_sealed(path: Path) -> dict[str, Any]:
    """What ``write_sealed`` wrote. A table without a digest, of an earlier version, is accepted.

    Raises:
        DataError: missing, not a table in JSON, or not as it was written.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path} is not a table; delete it and run again")
    seal = content.pop(SEAL, None)
    if seal is not None and seal != _seal(content):
        raise DataError(f"{path} is not as it was written; delete it and run again")
    return content


def _seal(content: dict[str, Any]) -> str:
    return stage_key("seal", 1, content, [])


def write_record(path: Path, record: PartRecord) -> None:
    """Write the record of a finished part."""
    write_sealed(path, record.model_dump(mode="json"))


def read_record(path: Path) -> PartRecord:
    """The record of a finished part.

    Raises:
        DataError: it is damaged.
    """
    try:
        return PartRecord.model_validate(read_sealed(path))
    except (ValidationError, AssertionError):
        raise DataError(f"{path} is not a part record; delete it and run again") from None


def stage_key(name: str, version: int, params: Any, inputs: list[str]) -> str:
    """16 hex digits naming a stage's output: SHA-256 over all that can change it."""
    # Sorted, because the order of keys in a recipe does not matter. A list keeps the fields apart.
    identity = json.dumps([name, version, params, inputs], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hex.

    Raises:
        DataError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    return digest.hexdigest()
