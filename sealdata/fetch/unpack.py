"""Unpacks archives from the internet: nothing outside the folder, no decompression bombs."""

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from sealdata.errors import DataError
from sealdata.files.records import write_atomic

# Text rarely shrinks to less than a tenth, a decompression bomb to a thousandth or less.
MAX_RATIO = 50  # bytes unpacked for one byte of archive
MAX_FREE = 64 << 20  # bytes that any archive may unpack to
MAX_FILES = 100_000
_SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip")
_CHUNK = 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class _Member(NamedTuple):
    name: str
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the name is that of a zip or tar archive."""
    return path.name.endswith(_SUFFIXES)


def unpack(archive: Path) -> Path:
    """Unpack into a folder beside the archive, named after it; returns the folder.

    Only plain files are unpacked. A single top folder is left out: ``flores200_dataset.tar.gz``
    becomes ``flores200_dataset/dev``, not one level deeper. The folder appears whole or not at
    all. A folder that exists is not changed.

    Raises:
        DataError: the archive is damaged or unpacks to more than ``MAX_RATIO`` times its size. It
            holds a link, a device or a path that leads out of the folder. The disk is full.
    """
    folder = archive.parent / _stem(archive.name)
    if folder.exists():
        return folder
    draft = archive.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with _members(archive) as members:
            _write(members, archive, draft)
        _without_top(draft).rename(folder)
    except _DAMAGE as error:
        raise DataError(f"{archive} is damaged ({error}); delete it and fetch it again") from None
    except RuntimeError as error:  # a zip with a password
        raise DataError(f"cannot unpack {archive}: {error}") from None
    except OSError as error:
        raise DataError(f"cannot unpack {archive}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def gunzip(packed: Path, path: Path) -> None:
    """Uncompress a gzip file to ``path``, which appears whole or not at all.

    Raises:
        DataError: the file is damaged, or the disk is full.
    """

    def copy(draft: Path) -> None:
        with gzip.open(packed) as source, draft.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)

    try:
        write_atomic(path, copy)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{packed} is damaged ({error}); delete it and its {packed.name}.sha256.json"
        ) from None


def _stem(name: str) -> str:
    return next(name.removesuffix(end) for end in _SUFFIXES if name.endswith(end))


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            yield _of_zip(opened)
    else:
        with tarfile.open(archive) as tar:
            yield _of_tar(tar, archive)


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if not info.is_dir() and not info.filename.startswith("__MACOSX/"):
            with archive.open(info) as stream:
                yield _Member(info.filename, stream)


def _of_tar(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        if info.isdir():
            continue
        stream = tar.extractfile(info) if info.isreg() else None
        if stream is None:
            raise DataError(f"{archive} holds a link or device, {info.name!r}; not unpacked")
        with stream:
            yield _Member(info.name, stream)


def _write(members: Iterator[_Member], archive: Path, draft: Path) -> None:
    budget = MAX_FREE + MAX_RATIO * archive.stat().st_size
    for number, member in enumerate(members, 1):
        if number > MAX_FILES:
            raise DataError(f"{archive} holds more than {MAX_FILES:,} files; not unpacked")
        target = _inside(draft, member.name, archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:  # a name twice is an error, not an overwrite
            while chunk := member.stream.read(_CHUNK):
                budget -= len(chunk)
                if budget < 0:
                    raise DataError(
                        f"{archive} unpacks to more than {MAX_RATIO} times its size; not unpacked"
                    )
                out.write(chunk)


def _inside(folder: Path, name: str, archive: Path) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise DataError(f"{archive} holds a path that leads out of its folder, {name!r}")
    return folder / path


def _without_top(draft: Path) -> Path:
    """The folder to keep: the only one inside ``draft``, or ``draft`` itself."""
    inside = list(draft.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else draft
