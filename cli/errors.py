"""How a command ends when something a user can mend went wrong: one line, and an exit code."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

_BROKEN_PIPE = 141  # what a shell shows of a program that SIGPIPE ended

# Modules that only an extra brings: pip install "sealdata[train]".
EXTRA_OF = {"transformers": "train", "safetensors": "train", "sacrebleu": "train", "ray": "ray"}


class _Terminated(BaseException):
    """SIGTERM came; no handler of ordinary errors may take it for one."""


def _terminate(_number: int, _frame: Any) -> None:
    raise _Terminated


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises within, and does as before afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Program(click.Group):
    """A command group whose users never see a traceback for what is theirs to mend.

    Errors of type ``user_error`` (with their ``exit_code``) and of the operating system become one
    line on stderr; any other is a bug of ours and keeps its traceback. Ctrl-C exits with 130,
    a reader of the output that goes away with 141 and no word.
    """

    def __init__(self, *, user_error: type[Exception], **options: Any) -> None:
        super().__init__(**options)
        self.user_error = user_error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            with _terminable():
                return super().invoke(ctx)
        except self.user_error as error:
            code, message = getattr(error, "exit_code", 1), str(error)
        except BrokenPipeError:  # `| head` has seen enough, and the exit must not flush into it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ctx.exit(_BROKEN_PIPE)
        except OSError as error:  # disk full, no permission
            code, message = 1, f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            if module not in EXTRA_OF:
                raise
            code, message = 1, f'needs {module}: pip install "sealdata[{EXTRA_OF[module]}]"'
        except KeyboardInterrupt:
            code, message = 130, "interrupted; run the same command again to go on"
        except _Terminated:
            code, message = 143, "terminated; run the same command again to go on"
        click.echo(f"{self.name}: {message}", err=True)
        return ctx.exit(code)
