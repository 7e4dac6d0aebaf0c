"""Opens corpus files and archive members, whatever compresses them, and reports damage by place."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from sealdata.errors import DataError
from sealdata.readers._bytes_read import watch

_DAMAGE: tuple[type[Exception], ...] = (
    *(EOFError, zlib.error, cast(type[Exception], isal_zlib.error), lzma.LZMAError),
    *(gzip.BadGzipFile, zipfile.BadZipFile),
)


@contextmanager
def open_stream(path: Path) -> Iterator[BinaryIO]:
    """A stream of the decompressed bytes of a plain, gzip, xz, bzip2 or Zstandard file, or of the
    only file in a zip archive.

    The first bytes decide the compression, not the name. All members of a file are read.

    Raises:
        DataError: the file cannot be read, is damaged or cut short (names file and byte), or is an
            archive of several files.
    """
    try:
        with path.open("rb") as raw:
            if raw.read(4) == b"PK\x03\x04":
                with (
                    open_archive(path) as archive,
                    open_member(archive, _only_member(path, archive)) as member,
                ):
                    yield member
                return
            raw.seek(0)
            try:
                with watch(raw.tell):
                    yield _decompressed(raw)
            except _DAMAGE as error:
                raise _damaged(path, raw.tell(), error) from None
            except OSError as error:  # of bzip2 and Zstandard; the system's own have a number
                if error.errno is not None:
                    raise
                raise _damaged(path, raw.tell(), error) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive.

    Raises:
        DataError: it cannot be read, is not a zip archive, is damaged, or is encrypted.
    """
    try:
        with path.open("rb") as raw:
            try:
                with zipfile.ZipFile(raw) as archive:
                    yield archive
            except _DAMAGE as error:
                raise _damaged(path, raw.tell(), error) from None
            except (NotImplementedError, RuntimeError) as error:  # unknown method, or a password
                raise DataError(f"{path}: {error}; unpack it and name the files") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


@contextmanager
def open_member(archive: zipfile.ZipFile, name: str) -> Iterator[BinaryIO]:
    """A stream of the decompressed bytes of one file in a zip archive."""
    info = archive.getinfo(name)
    with archive.open(info) as member:

        def consumed() -> int:
            return member.tell() * info.compress_size // max(info.file_size, 1)

        with watch(consumed):
            yield cast(BinaryIO, member)


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        first = ", ".join(names[:3])
        raise DataError(f"{path} holds {len(names)} files ({first} ...); unpack it and name one")
    return names[0]


def _decompressed(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        # A third of the time that gzip takes.
        return cast(BinaryIO, igzip.open(raw))  # type: ignore[no-untyped-call]
    if magic == b"\xfd7zXZ\x00":
        return cast(BinaryIO, lzma.LZMAFile(raw))
    if magic.startswith(b"BZh") and magic[4:] == b"1A":
        return cast(BinaryIO, bz2.BZ2File(raw))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstandard(raw)
    return raw


def _zstandard(raw: BinaryIO) -> BinaryIO:
    import pyarrow as pa

    return cast(BinaryIO, pa.CompressedInputStream(raw, "zstd"))


def _damaged(path: Path, offset: int, error: Exception) -> DataError:
    cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
    what = "is cut short" if cut else f"is damaged ({error})"
    return DataError(f"{path} {what} at byte {offset:,} of {path.stat().st_size:,}; fetch it again")
