"""One run of a program: lines in, as many lines out, in bounded time and memory."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 16  # bytes moved at a time; what a pipe of Linux holds
_MAX_STDERR = 4096  # bytes of stderr that are kept for the message
_STDERR_LINES = 3  # of them, in the message
# Bytes of output for one byte of input, and bytes that any input may have for itself. A program
# that prints more is taken for a faulty one.
_MAX_GROWTH, _FREE_OUTPUT = 16, 1 << 24


class Result(NamedTuple):
    """What a run came to: ``problem`` is empty, or says what went wrong."""

    lines: list[bytes]  # of the output, without their ends
    problem: str = ""
    crashed: bool = False  # it ended by a signal or with an exit code other than 0


class RunSettings(NamedTuple):
    """How a program is started."""

    command: Sequence[str]  # no shell: each entry is an argument as it is
    folder: Path  # its working directory
    env: Mapping[str, str]  # its whole environment
    timeout: float  # seconds that a run may take


def run_lines(settings: RunSettings, data: bytes, count: int) -> Result:
    """Run the program once on ``data``, which holds ``count`` lines that end with LF.

    Input, output and errors are moved at the same time, so that no pipe blocks another. The program
    and its children are killed if it takes too long or prints too much.
    """
    try:
        process = subprocess.Popen(
            settings.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=settings.folder,
            env=dict(settings.env),
            # A session of its own, so that children of the program can be killed with it, and that
            # Ctrl-C ends it only through this process.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Result([], f"cannot be started: {getattr(error, 'strerror', None) or error}")
    try:
        output, errors, problem = _move(process, settings.timeout, data, count)
    finally:
        # Also where moving raised, as for Ctrl-C: no process may stay behind.
        _kill(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    said = _told(errors)
    if problem:
        return Result([], f"{problem}{said}")
    if process.returncode:
        return Result([], f"{_end(process.returncode)}{said}", crashed=True)
    lines = output.split(b"\n")
    # The last line may lack its end. An output that ends with LF has an empty rest.
    if lines[-1] == b"":
        lines.pop()
    if len(lines) != count:
        return Result([], f"answered {len(lines):,} lines to {count:,}{said}")
    return Result([line.removesuffix(b"\r") for line in lines])


def _move(
    process: "subprocess.Popen[bytes]", timeout: float, data: bytes, count: int
) -> tuple[bytes, bytes, str]:
    """Feed the program and take what it prints, until it has closed both: output, errors, and
    what was wrong."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    until = time.monotonic() + timeout
    output, errors = bytearray(), bytearray()
    lines = 0
    left = memoryview(data)
    with selectors.DefaultSelector() as selector:
        for pipe, events in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, events)
        while selector.get_map():
            wait = until - time.monotonic()
            if wait <= 0:
                return bytes(output), bytes(errors), _too_slow(timeout, lines, count)
            for key, _ in selector.select(wait):
                if key.fileobj is process.stdin:
                    try:
                        left = left[os.write(key.fd, left[:_CHUNK]) :]
                    except BlockingIOError:
                        continue  # less room than one write needs
                    except BrokenPipeError:
                        left = left[:0]  # it reads no further; what it printed decides
                    if not left:
                        selector.unregister(key.fileobj)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    errors += chunk[: _MAX_STDERR - len(errors)]
                else:
                    output += chunk
                    lines += chunk.count(b"\n")
                    if lines > count:
                        return (
                            b"",
                            bytes(errors),
                            f"answered more than {count:,} lines to {count:,}",
                        )
                    if len(output) > _FREE_OUTPUT + _MAX_GROWTH * len(data):
                        return b"", bytes(errors), f"printed {len(output):,} bytes and was stopped"
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return bytes(output), bytes(errors), _too_slow(timeout, lines, count)
    return bytes(output), bytes(errors), ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the program if it still runs, with all that it has started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _too_slow(timeout: float, lines: int, count: int) -> str:
    return (
        f"took longer than timeout = {timeout:g} seconds, and had answered {lines:,} of {count:,} "
        "lines"
    )


def _end(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"was killed by {name}"


def _told(errors: bytes) -> str:
    """The first lines of stderr, in one line."""
    lines = [
        " ".join(line.split())[:200] for line in errors.decode("utf-8", "replace").splitlines()
    ]
    said = [line for line in lines if line][:_STDERR_LINES]
    return f"; stderr: {' / '.join(said)}" if said else ""
