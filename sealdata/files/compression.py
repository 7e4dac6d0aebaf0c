"""Decompressed streams that lose nothing: what follows a stream is another one, or an error.

The standard library takes whatever follows the first stream of xz and bzip2 for rubbish, and stops
there without an error. A damaged second header then hides all rows behind it.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from isal import igzip, isal_zlib

_CHUNK = 1 << 18  # compressed bytes read at a time
_BUFFER = 1 << 17
_XZ, _ZSTD = b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22  # the last record of an archive, and its size
_BZ2_BLOCKS = (b"1A", b"\x17r")  # how a block, or the end of a stream without blocks, begins


class DamageError(Exception):
    """Compressed data breaks its format."""


DAMAGE: tuple[type[Exception], ...] = (
    *(EOFError, zlib.error, cast(type[Exception], isal_zlib.error), lzma.LZMAError, DamageError),
    *(gzip.BadGzipFile, zipfile.BadZipFile),
)  # and an OSError without a number, of bzip2 and Zstandard


class _Decompressor(Protocol):
    """What lzma and bz2 have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Streams(io.RawIOBase):
    """The content of compressed streams that follow each other.

    Between and behind them may be zero bytes, a multiple of ``padding`` of them; none where it is
    0. Anything else is an error when it is reached.
    """

    def __init__(self, raw: BinaryIO, new: Callable[[], _Decompressor], padding: int) -> None:
        self._raw, self._new, self._padding = raw, new, padding
        self._current = new()
        self._started = False  # whether the current stream has any byte
        self._padded = 0  # zero bytes since the end of the last stream
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill some of ``buffer``; 0 at the end of the last stream."""
        while True:
            if self._current.eof and not self._next_stream():
                return 0
            packed = b""
            if self._current.needs_input:
                packed = self._rest or self._raw.read(_CHUNK)
                self._rest = b""
                if not packed:
                    raise EOFError("the last stream has no end")
            data = self._current.decompress(packed, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _next_stream(self) -> bool:
        """Step over padding; whether another stream begins behind it."""
        self._rest = self._current.unused_data
        padded = 0
        while True:
            self._rest = self._rest or self._raw.read(_CHUNK)
            if not self._rest:
                break
            bare = self._rest.lstrip(b"\0") if self._padding else self._rest
            padded += len(self._rest) - len(bare)
            self._rest = bare
            if bare:
                break
        if self._padding and padded % self._padding:
            raise DamageError(f"{padded} zero bytes behind a stream are not its padding")
        if self._rest:
            self._current = self._new()
        return bool(self._rest)


class Rewound(io.RawIOBase):
    """A stream of which ``head`` was read already, from its beginning again."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill some of ``buffer``; 0 at the end."""
        if self._head:
            count = min(len(buffer), len(self._head))
            buffer[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        data = self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def rewound(head: bytes, rest: BinaryIO) -> BinaryIO:
    """A buffered ``Rewound``."""
    return cast(BinaryIO, io.BufferedReader(Rewound(head, rest), _BUFFER))


def decompressed(raw: BinaryIO, magic: bytes) -> BinaryIO:
    """The decompressed bytes of gzip, xz, bzip2 or Zstandard, all streams of it; others as is.

    ``magic`` are the first bytes of ``raw``, which is at its beginning. Reading raises one of
    DAMAGE, or an OSError without a number, where data is damaged, ends too early or goes on too
    long. Zstandard writes checksums only as an option: without one, changed bytes may pass.
    """
    if magic.startswith(b"\x1f\x8b"):
        # A third of the time that gzip takes.
        return cast(BinaryIO, igzip.open(raw))  # type: ignore[no-untyped-call]
    if magic.startswith(_XZ):
        return _buffered(raw, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), padding=4)
    if magic.startswith(b"BZh") and magic[4:6] in _BZ2_BLOCKS:
        return _buffered(raw, bz2.BZ2Decompressor, padding=0)
    # Frames that a decoder skips, as pzstd writes them, have sixteen magic numbers of their own.
    skippable = magic[1:4] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5
    if magic.startswith(_ZSTD) or skippable:
        import pyarrow as pa

        return cast(BinaryIO, pa.CompressedInputStream(raw, "zstd"))
    return raw


def _buffered(raw: BinaryIO, new: Callable[[], _Decompressor], padding: int) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Streams(raw, new, padding), _BUFFER))


def check_zip_ends(raw: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Refuse what zipfile takes for rubbish: of joined archives it reads the last one only.

    Raises:
        DamageError: bytes before the first member or behind the end.
    """
    position = raw.tell()
    first = min((info.header_offset for info in archive.infolist()), default=0)
    raw.seek(-_ZIP_END_BYTES - len(archive.comment), io.SEEK_END)
    ends = raw.read(4) == _ZIP_END
    raw.seek(position)
    if first or not ends:
        raise DamageError("bytes before or behind the archive: are several joined?")
