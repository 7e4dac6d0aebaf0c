"""How a command ends after an error that a user can fix: one line, and an exit code."""

import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from sealdata.extras import EXTRA_OF, install_line
from sealdata.files.printable import printable

from .terminal import echo

_BROKEN_PIPE = 141  # the exit code of a shell for a program that SIGPIPE ended


class _Terminated(BaseException):
    """SIGTERM arrived; not an Exception, so that no handler of errors catches it."""


def _terminate(_number: int, _frame: Any) -> None:
    raise _Terminated


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises _Terminated inside; afterwards the earlier handler is back."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Printable(logging.Formatter):
    """Escapes what a terminal would obey: warnings name files."""

    def format(self, record: logging.LogRecord) -> str:
        """The message."""
        return printable(super().format(record))


def _guard_terminal() -> None:
    """Let any text reach a terminal of any encoding, and none of it as a command.

    Output that the caller has closed (``2>&-``) goes nowhere.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It stays open, and so keeps the number of the closed one from a file of results.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal lacks is shown as a code, and ends no command.
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Printable())


def _leave_pipe() -> None:
    """After a reader has gone, as by ``| head``: Python would flush at exit, and fail."""
    for stream in (sys.stdout, sys.stderr):
        # Only the broken one is written to again at exit, but nothing says which that is.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Program(click.Group):
    """A command group that prints one line, not a traceback, for errors that a user can fix.

    These are errors of type ``user_error`` (with their ``exit_code``) and of the operating system.
    Any other error is a bug of this program and keeps its traceback. Ctrl-C exits with 130. If the
    reader of the output closes the pipe, the command exits with 141 and prints nothing.
    """

    def __init__(self, *, user_error: type[Exception], **options: Any) -> None:
        super().__init__(**options)
        self.user_error = user_error

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments; --help and --version print here."""
        _guard_terminal()
        try:
            return super().make_context(*args, **options)
        except BrokenPipeError:
            _leave_pipe()
            sys.exit(_BROKEN_PIPE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            with _terminable():
                return super().invoke(ctx)
        except click.ClickException as error:  # of a wrong argument, which click prints itself
            vars(error)["message"] = printable(error.message)
            raise
        except self.user_error as error:
            code, message = getattr(error, "exit_code", 1), str(error)
        except BrokenPipeError:
            _leave_pipe()
            return ctx.exit(_BROKEN_PIPE)
        except MemoryError:
            code, message = 1, "out of memory; run again, with fewer --workers"
        except OSError as error:  # disk full, no permission
            code, message = 1, f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            if module not in EXTRA_OF:
                raise
            # A trainer needs all of its extra, so a part of it is not worth naming.
            line = install_line("transformers" if self.name == "sealtrain" else module)
            code, message = 1, line
        except KeyboardInterrupt:
            code, message = 130, "interrupted; run the same command again to continue"
        except _Terminated:
            code, message = 143, "terminated; run the same command again to continue"
        echo(f"{self.name}: {printable(message, lines=False)}", err=True)
        return ctx.exit(code)
