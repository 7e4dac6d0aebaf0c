"""A cache of embeddings on disk, of bounded size, which processes share without locks.

A file is a table of slots. The hash of a text names its slot, and a new text replaces the text that
was there. A slot has a checksum: a slot that another process is writing just now counts as empty.
"""

import os
import struct
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np

from sealdata.errors import DataError

# 64 bytes. Numbers are little-endian, so machines of both kinds may share a file.
_HEAD = struct.Struct("<8s2Q40x")  # magic, numbers of a vector, slots
_MAGIC = b"sealemb1"
_SUM, _KEY, _TRUNCATED = 8, 16, 8  # bytes: checksum of the rest, hash of the text, flag


class EmbeddingCache:
    """Float32 vectors of texts, with a flag for truncated texts; safe for any number of processes.

    The file at ``path`` takes at most ``max_bytes``. It is sparse: only slots that were written
    take space on the disk. The name must contain all that vectors depend on besides the text.
    """

    def __init__(self, path: Path, dim: int, max_bytes: int) -> None:
        self.path = path
        self.dim = dim
        self._size = _SUM + _KEY + _TRUNCATED + 4 * dim
        # The file never grows: a new text replaces the one whose slot its hash names.
        self._slots = max(1, (max_bytes - _HEAD.size) // self._size)
        try:
            self._file = self._open()
        except OSError as error:
            raise DataError(f"cannot use {path}: {error.strerror or error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def _open(self) -> int:
        head = _HEAD.pack(_MAGIC, self.dim, self._slots)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            pass
        else:
            # With another number of slots, each text would be sought in a slot that is not its own.
            if os.pread(file, _HEAD.size, 0) == head:
                return file
            os.close(file)  # of another size, or damaged: start again
        # If two processes start at once, one of them writes to a file that no other process sees.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        # Made whole, then renamed: no process ever sees a table without its head.
        os.pwrite(handle, head, 0)
        os.ftruncate(handle, _HEAD.size + self._slots * self._size)
        Path(name).replace(self.path)
        return handle

    def look_up(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors (float32 [texts, dim]), truncated texts and cached texts (both bool [texts])."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        truncated, is_cached = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
        for index, text in enumerate(texts):
            key = _key(text)
            # ``pread`` takes the position as an argument, so threads and forks share no file
            # pointer.
            slot = os.pread(self._file, self._size, self._offset(key))
            # A slot that was never written is zeros, and a torn one fails the checksum: both are
            # misses.
            if slot[_SUM : _SUM + _KEY] == key and slot[:_SUM] == _sum(slot[_SUM:]):
                is_cached[index], truncated[index] = True, slot[_SUM + _KEY] != 0
                vectors[index] = np.frombuffer(slot, "<f4", self.dim, _SUM + _KEY + _TRUNCATED)
        return vectors, truncated, is_cached

    def keep(self, texts: Sequence[str], vectors: np.ndarray, truncated: np.ndarray) -> None:
        """Write texts into their slots, in place of what was there.

        Raises:
            DataError: the disk is full or refuses.
        """
        try:
            for text, vector, flag in zip(texts, vectors.astype("<f4"), truncated, strict=True):
                # One write a slot. Two writers at once leave one of the two, or a mixture that
                # counts as empty.
                key = _key(text)
                rest = key + bytes([bool(flag)]).ljust(_TRUNCATED, b"\0") + vector.tobytes()
                os.pwrite(self._file, _sum(rest) + rest, self._offset(key))
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"cannot write {self.path}: {why}; give the cache fewer GiB") from None

    def _offset(self, key: bytes) -> int:
        # 8 of the 16 bytes choose the slot; all 16 are compared.
        return _HEAD.size + int.from_bytes(key[:8], "little") % self._slots * self._size


def _key(text: str) -> bytes:
    # A lone surrogate has no UTF-8 of its own, but must not end a build.
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()


def _sum(rest: bytes) -> bytes:
    return blake2b(rest, digest_size=_SUM).digest()
