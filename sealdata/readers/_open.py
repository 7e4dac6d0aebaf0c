"""Opens corpus files and archive members, whatever compresses them, and reports damage by place."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sealdata.errors import DataError
from sealdata.files.compression import DAMAGE, check_zip_ends, decompressed, rewound
from sealdata.files.hidden import is_hidden
from sealdata.files.signatures import HEAD_BYTES, check_text, kind_of_file
from sealdata.languages import find_language
from sealdata.readers._bytes_read import watch

_ZIP = b"PK\x03\x04"


@contextmanager
def open_stream(path: Path, xml: bool = False) -> Iterator[BinaryIO]:
    """A stream of the decompressed text of a plain, gzip, xz, bzip2 or Zstandard file, or of the
    only file in a zip archive. Hidden files in an archive do not count.

    The first bytes decide the compression, not the name. All members of a file are read. With
    ``xml``, the text may be XML in any encoding.

    Raises:
        DataError: the file cannot be read, is damaged or cut short (names file and byte), is not
            text (see ``sealdata.files.signatures``), or is an archive of several files.
    """
    try:
        with path.open("rb") as raw:
            if raw.read(4) == _ZIP:
                with (
                    open_archive(path) as archive,
                    open_member(archive, _only_member(path, archive), xml) as member,
                ):
                    yield member
                return
            raw.seek(0)
            try:
                with watch(raw.tell):
                    yield _text(raw, str(path), xml)
            except DAMAGE as error:
                raise _damaged(path, raw.tell(), error) from None
            except OSError as error:  # of bzip2 and Zstandard; the system's own have a number
                if error.errno is not None:
                    raise
                raise _damaged(path, raw.tell(), error) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def is_compressed(path: Path) -> bool:
    """Whether a file is stored otherwise than ``open_stream`` reads it, so that it has no places.

    Raises:
        DataError: see ``open_stream``.
    """
    with open_stream(path) as stream, path.open("rb") as raw:
        return raw.read(HEAD_BYTES) != stream.read(HEAD_BYTES)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive.

    Raises:
        DataError: it cannot be read, is not a zip archive, is damaged, is encrypted, or something
            stands before or behind it.
    """
    try:
        with path.open("rb") as raw:
            try:
                with zipfile.ZipFile(raw) as archive:
                    check_zip_ends(raw, archive)
                    yield archive
            except DAMAGE as error:
                kind = kind_of_file(path)
                if kind is not None and "zip" not in kind.name:
                    raise DataError(
                        f"{path} is {kind.name}, not a zip archive; {kind.cure}"
                    ) from None
                raise _damaged(path, raw.tell(), error) from None
            except (NotImplementedError, RuntimeError) as error:  # unknown method, or a password
                raise DataError(f"{path}: {error}; unpack it and name the files") from None
            except OSError as error:  # of members in bzip2; the system's own have a number
                if error.errno is not None:
                    raise
                raise _damaged(path, raw.tell(), error) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


@contextmanager
def open_member(archive: zipfile.ZipFile, name: str, xml: bool = False) -> Iterator[BinaryIO]:
    """A stream of the decompressed text of one file in a zip archive, which may be compressed
    itself.

    Raises:
        DataError: it is not text.
    """
    info = archive.getinfo(name)
    with archive.open(info) as member:

        def consumed() -> int:
            return member.tell() * info.compress_size // max(info.file_size, 1)

        with watch(consumed):
            yield _text(cast(BinaryIO, member), f"{archive.filename or 'archive'}: {name}", xml)


def member_names(archive: zipfile.ZipFile) -> list[str]:
    """The files of an archive, without folders and what is hidden or temporary."""
    names = (name for name in archive.namelist() if not name.endswith("/"))
    return [name for name in names if not is_hidden(name)]


def read_text(path: Path) -> str:
    """The whole text of a small file, without a byte-order mark; line ends as they are.

    Raises:
        DataError: see ``open_stream``; or a byte is not UTF-8.
    """
    with open_stream(path) as stream:
        data = stream.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8; convert the file to UTF-8"
        ) from None


def _text(raw: BinaryIO, where: str, xml: bool) -> BinaryIO:
    """The decompressed bytes of ``raw``, if they are text."""
    start = raw.read(6)
    raw.seek(0)
    stream = decompressed(raw, start)
    head = stream.read(HEAD_BYTES)
    check_text(head, where, xml)
    if not stream.seekable():
        return rewound(head, stream)
    stream.seek(0)
    return stream


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = member_names(archive)
    if len(names) != 1:
        first = ", ".join(names[:3]) + " ..." * (len(names) > 3)
        # OPUS packs the files of a pair, which are named by their languages, with a README.
        languages = [name for name in names if find_language(name.rpartition(".")[2])]
        cure = 'read it with reader = "moses"' if len(languages) > 1 else "unpack it and name one"
        raise DataError(f"{path} holds {len(names)} files ({first}); {cure}")
    return names[0]


def _damaged(path: Path, offset: int, error: Exception) -> DataError:
    cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
    what = "is cut short" if cut else f"is damaged ({error})"
    return DataError(f"{path} {what} at byte {offset:,} of {path.stat().st_size:,}; fetch it again")
