"""Embeddings on disk, of a bounded size, for processes that share them without asking each other.

A file is a table of slots. A text's hash names its slot; the newest text of a slot stays. A slot
carries a checksum, so that one which another process is writing just now counts as empty.
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

_HEAD = struct.Struct("<8s2Q40x")  # magic, numbers of a vector, slots
_MAGIC = b"sealemb1"
_SUM, _KEY, _CUT = 8, 16, 8  # bytes before the vector: of what follows, of the text, whether cut


class EmbeddingCache:
    """Float32 vectors and whether their text was cut, by text; safe for any number of processes.

    The file at ``path`` takes at most ``max_bytes``, and only what was written to is on disk. What
    the vectors depend on beside the text must be in its name.
    """

    def __init__(self, path: Path, dim: int, max_bytes: int) -> None:
        self.path = path
        self.dim = dim
        self._size = _SUM + _KEY + _CUT + 4 * dim
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
            if os.pread(file, _HEAD.size, 0) == head:
                return file
            os.close(file)  # of another bound, or damaged: begun anew
        # Of two processes that begin at once, one writes to a file that nobody else will see.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        os.pwrite(handle, head, 0)
        os.ftruncate(handle, _HEAD.size + self._slots * self._size)
        Path(name).replace(self.path)
        return handle

    def look_up(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float32 [texts, dim], cut [texts] and whether each text is there (bool [texts])."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        cut, found = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
        for place, text in enumerate(texts):
            key = _key(text)
            slot = os.pread(self._file, self._size, self._offset(key))
            if slot[_SUM : _SUM + _KEY] == key and slot[:_SUM] == _sum(slot[_SUM:]):
                found[place], cut[place] = True, slot[_SUM + _KEY] != 0
                vectors[place] = np.frombuffer(slot, "<f4", self.dim, _SUM + _KEY + _CUT)
        return vectors, cut, found

    def keep(self, texts: Sequence[str], vectors: np.ndarray, cut: np.ndarray) -> None:
        """Put texts into their slots, in place of what was there.

        Raises:
            DataError: the disk is full or refuses.
        """
        try:
            for text, vector, was_cut in zip(texts, vectors.astype("<f4"), cut, strict=True):
                key = _key(text)
                rest = key + bytes([bool(was_cut)]).ljust(_CUT, b"\0") + vector.tobytes()
                os.pwrite(self._file, _sum(rest) + rest, self._offset(key))
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"cannot write {self.path}: {why}; give the cache fewer GiB") from None

    def _offset(self, key: bytes) -> int:
        return _HEAD.size + int.from_bytes(key[:8], "little") % self._slots * self._size


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()


def _sum(rest: bytes) -> bytes:
    return blake2b(rest, digest_size=_SUM).digest()
