"""One copy of a large model for all processes of a machine: loaded once, shared by forking.

``python -m sealdata.lid.server MODEL SOCKET`` loads the model while it has a single thread,
then forks a child for every connection to SOCKET. The children read the parent's pages, which
nobody writes to. It ends by itself when nobody has been connected for GRACE seconds.
"""

import os
import signal
import socket
import struct
import sys
from pathlib import Path

from sealdata.lid.model import FastText

GRACE = 5.0  # seconds; the next stage or command may want the model again
HELLO = b"S"  # what a child says first: until then a connection may still fall into a closing door
REQUEST = struct.Struct("<QI")  # bytes of UTF-8 that follow, texts in it, one a line


def receive(connection: socket.socket, num_bytes: int) -> bytes:
    """Exactly ``num_bytes``.

    Raises:
        EOFError: the other side has gone.
    """
    parts = bytearray()
    while len(parts) < num_bytes:
        part = connection.recv(min(num_bytes - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other side has gone")
        parts += part
    return bytes(parts)


def serve(model: FastText, address: Path) -> None:
    """Accept connections until nobody is connected any more."""
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(1024)
        listening.settimeout(GRACE)
        children: set[int] = set()
        while True:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                children = {child for child in children if not _ended(child)}
                if children:
                    continue
                address.unlink(missing_ok=True)
                return
            with connection:
                child = os.fork()
                if child == 0:
                    listening.close()
                    _answer(model, connection)
            children = {child, *(other for other in children if not _ended(other))}


def _answer(model: FastText, connection: socket.socket) -> None:
    """Answer one client's requests until it goes; the process ends here."""
    status = 0
    try:
        connection.settimeout(None)
        connection.sendall(HELLO)
        while True:
            num_bytes, num_texts = REQUEST.unpack(receive(connection, REQUEST.size))
            texts = receive(connection, num_bytes).decode("utf-8").split("\n")
            assert len(texts) == num_texts, f"{len(texts)} lines, {num_texts} texts"
            labels, probs = model.likeliest(texts)
            connection.sendall(labels.tobytes() + probs.tobytes())
    except (EOFError, ConnectionError):
        pass  # the client is done, or dead
    except BaseException as error:
        print(error, file=sys.stderr, flush=True)
        status = 1
    finally:
        os._exit(status)


def _ended(child: int) -> bool:
    return os.waitpid(child, os.WNOHANG)[0] != 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the clients, and they end this
    serve(FastText(Path(sys.argv[1])), Path(sys.argv[2]))
