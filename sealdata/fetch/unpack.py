"""Unpacks archives from the internet: nothing outside the folder, no decompression bombs."""

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Self, cast

from sealdata.errors import DataError
from sealdata.files.compression import DAMAGE, DamageError, check_zip_ends, decompressed
from sealdata.files.hidden import is_hidden
from sealdata.files.records import write_atomic
from sealdata.files.signatures import NOT_FETCHED, kind_of_file

# Text rarely shrinks to less than a tenth, a decompression bomb to a thousandth or less.
MAX_RATIO = 50  # bytes unpacked for one byte of archive
MAX_FREE = 64 << 20  # bytes that any archive may unpack to
MAX_HEADER = 1 << 20  # bytes of a long name or of further fields of a member
MAX_FILES = 100_000
_SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip")
_CHUNK = 1 << 20
_DAMAGE: tuple[type[Exception], ...] = (*DAMAGE, tarfile.TarError, NotImplementedError)


class _Member(NamedTuple):
    name: str
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the name is that of a zip or tar archive."""
    return path.name.endswith(_SUFFIXES)


def unpack(archive: Path) -> Path:
    """Unpack into a folder beside the archive, named after it; returns the folder.

    Only plain files are unpacked, and no hidden or temporary ones. A single top folder is left
    out: ``flores200_dataset.tar.gz`` becomes ``flores200_dataset/dev``, not one level deeper. The
    folder appears whole or not at all. A folder that exists is not changed.

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
        kind = kind_of_file(archive)
        if kind is not None and kind.name in NOT_FETCHED:
            raise DataError(f"{archive} is {kind.name}, not an archive; {kind.cure}") from None
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
        with packed.open("rb") as raw, draft.open("wb") as target:
            start = raw.read(6)
            raw.seek(0)
            if not start.startswith(b"\x1f\x8b"):
                raise DamageError("it is not gzip")
            shutil.copyfileobj(decompressed(raw, start), target, _CHUNK)

    try:
        write_atomic(path, copy)
    except DAMAGE as error:
        raise DataError(
            f"{packed} is damaged ({error}); delete it and its {packed.name}.sha256.json"
        ) from None


def _stem(name: str) -> str:
    return next(name.removesuffix(end) for end in _SUFFIXES if name.endswith(end))


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if archive.name.endswith(".zip"):
        with archive.open("rb") as raw, zipfile.ZipFile(raw) as opened:
            check_zip_ends(raw, opened)
            yield _of_zip(opened)
    else:
        with archive.open("rb") as raw:
            start = raw.read(6)
            raw.seek(0)
            stream = cast(IO[bytes], decompressed(raw, start))
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:
                yield _of_tar(tar, archive)


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if not info.is_dir() and not is_hidden(info.filename):
            with archive.open(info) as stream:
                yield _Member(info.filename, stream)


_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _Header(tarfile.TarInfo):
    """The header of a member, without the leniency of the standard library.

    It takes a damaged header, or the end of the file, for the end of the archive: the members
    behind would be lost without an error. The end is a block of zero bytes.
    """

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"a header is damaged or missing: {error}") from None
        # tarfile reads long names and further fields whole: a few megabytes of zeros, compressed,
        # would become gigabytes of memory.
        if header.type in _LONG_HEADERS and header.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header says that it has {header.size:,} bytes")
        return header


def _of_tar(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        if info.isdir() or is_hidden(info.name):
            continue
        stream = tar.extractfile(info) if info.isreg() else None
        if stream is None:
            raise DataError(f"{archive} holds a link or device, {info.name!r}; not unpacked")
        with stream:
            yield _Member(info.name, stream)
    fileobj = cast(IO[bytes], tar.fileobj)
    while rest := fileobj.read(_CHUNK):
        if rest.strip(b"\0"):
            raise DamageError("bytes behind the end of the archive: are several joined?")


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
