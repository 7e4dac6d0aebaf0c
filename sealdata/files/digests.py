"""The identity of input files: SHA-256, remembered by path, size and time of change."""

from contextlib import suppress
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.records import file_sha256, read_sealed, write_sealed

SAVE_EVERY = 1 << 30  # bytes hashed: what a kill costs to hash again


class Digests:
    """SHA-256 of files, cached in a JSON file so that a second build does not read 40 GB again.

    The cache is written once per gibibyte and by ``save``: results may be thousands of files.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        # Path -> [bytes, time of change in ns, SHA-256 as hex].
        self._cached: dict[str, list[int | str]] = {}
        self._unsaved = 0  # bytes
        if cache.exists():
            # A damaged cache says nothing: all files are hashed again.
            with suppress(DataError):
                entries = read_sealed(cache).items()
                self._cached = {
                    name: entry
                    for name, entry in entries
                    if isinstance(entry, list) and len(entry) == 3
                }

    def forget(self) -> None:
        """Hash every file again: its bytes may differ at the same size and time of change."""
        self._cached.clear()

    def changed(self) -> list[str]:
        """The files whose bytes differ from the cached digest, though size and time are the same.

        Every cached file that is still there is read.
        """
        return [
            name
            for name, (size, time, digest) in self._cached.items()
            if _stamp(Path(name)) == (size, time) and file_sha256(Path(name)) != digest
        ]

    def sha256(self, path: Path) -> str:
        """Hex digest of the file's bytes.

        Raises:
            DataError: there is no such file, or it cannot be read.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from None
        # ``stat`` succeeds on a folder, and reading it would fail with a less clear message.
        if path.is_dir():
            raise DataError(f"{path} is a folder; a file was expected")
        # Nanoseconds, so that a change within the same second is seen where the disk stores them.
        stamp = [status.st_size, status.st_mtime_ns]
        cached = self._cached.get(str(path))
        if cached is not None and cached[:2] == stamp:
            return str(cached[2])
        # The stamp was taken before the file is read: a change during the reading is seen next
        # time.
        digest = file_sha256(path)
        self._cached[str(path)] = [*stamp, digest]
        # An empty file counts as one byte, or ``save`` would take the cache for unchanged.
        self._unsaved += max(1, status.st_size)
        if self._unsaved >= SAVE_EVERY:
            self.save()
        return digest

    def save(self) -> None:
        """Write what is new to the cache.

        Raises:
            DataError: the disk is full or refuses.
        """
        # Only what changed is written: a resumed build with all digests known writes nothing.
        if self._unsaved:
            write_sealed(self.cache, dict(self._cached))
            self._unsaved = 0


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
