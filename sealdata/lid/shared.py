"""Models as the scorer opens them: small ones in this process, large ones shared on the machine."""

import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from sealdata.errors import DataError
from sealdata.lid.model import MOST, FastText, Likeliest, read_labels
from sealdata.lid.server import HELLO, REQUEST, receive

SHARE_FROM = 64 << 20  # bytes of a model file from which on one copy serves all processes
_CHUNK = 16_384  # texts of one request
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Model(Protocol):
    """A classifier, wherever it is in memory."""

    labels: tuple[str, ...]

    def likeliest(self, texts: Sequence[str]) -> Likeliest:
        """The likeliest labels of each text."""
        ...


def open_model(path: Path) -> Model:
    """The model at ``path``, opened once per process.

    Raises:
        DataError: the file is missing or no fastText classifier, or its server cannot start.
    """
    return _open(path, os.getpid())  # a forked process must not talk into its parent's socket


@cache
def _open(path: Path, pid: int) -> Model:
    large = path.is_file() and path.stat().st_size >= SHARE_FROM
    return SharedModel(path) if large else FastText(path)


class SharedModel:
    """A model in the memory of ``sealdata.lid.server``, which is started if none is running."""

    def __init__(self, path: Path) -> None:
        self.labels = read_labels(path)
        self._path = path
        self._connection = _connect(path)

    def likeliest(self, texts: Sequence[str]) -> Likeliest:
        """As ``FastText.likeliest``, of the same model.

        Raises:
            DataError: the server died twice over the same texts.
        """
        told = [self._ask(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)]
        labels = [part.labels for part in told] or [np.zeros((0, MOST), np.int16)]
        probs = [part.probs for part in told] or [np.zeros((0, MOST), np.float32)]
        return Likeliest(np.concatenate(labels), np.concatenate(probs))

    def _ask(self, texts: Sequence[str]) -> Likeliest:
        body = "\n".join(text.replace("\n", " ") for text in texts).encode()
        request, cells = REQUEST.pack(len(body), len(texts)), len(texts) * MOST
        for last in (False, True):
            try:
                self._connection.sendall(request)
                self._connection.sendall(body)
                answer = receive(self._connection, 6 * cells)  # int16 and float32
                break
            except (EOFError, OSError):
                if last:
                    raise DataError(
                        f"the language-ID server of {self._path} has died (most often the system "
                        "killed it for want of memory); run again, with fewer --workers"
                    ) from None
                self._connection = _connect(self._path)
        return Likeliest(
            np.frombuffer(answer, np.int16, cells).reshape(-1, MOST),
            np.frombuffer(answer, np.float32, cells, 2 * cells).reshape(-1, MOST),
        )


def _connect(path: Path) -> socket.socket:
    """A connection to the server of a model file; the first who asks starts it."""
    address = _address(path)
    if connection := _knock(address):
        return connection
    with address.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _knock(address) or _start(path, address)


def _knock(address: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
        if receive(connection, 1) == HELLO:
            return connection
    except (OSError, EOFError):
        pass
    connection.close()
    return None


def _start(path: Path, address: Path) -> socket.socket:
    log = address.with_suffix(".log")
    command = [sys.executable, "-m", "sealdata.lid.server", str(path.absolute()), str(address)]
    with log.open("wb") as errors:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,
        )
    while server.poll() is None:
        if connection := _knock(address):
            return connection
        time.sleep(0.02)
    lines = log.read_text("utf-8", "replace").splitlines()
    why = lines[-1] if lines else f"exit code {server.returncode}"
    raise DataError(f"the language-ID server of {path} did not start: {why}")


def _address(path: Path) -> Path:
    """The socket of a model's server, in a folder that is this user's alone."""
    folder = Path(tempfile.gettempdir()) / f"sealdata-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
    if status.st_uid != os.getuid() or not private:
        raise DataError(f"{folder} must be a folder that only you can enter; remove it")
    file = path.stat()
    identity = [str(path.resolve()), file.st_size, file.st_mtime_ns, __file__, MOST]
    return folder / f"{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}.sock"
