"""How a command ends when something a user can mend went wrong: one line, and an exit code."""

import sys
from collections.abc import Callable
from typing import Any, Protocol

import click


class _UserError(Protocol):
    exit_code: int


def run(command: click.Group, user_error: type[Exception], argv: list[str] | None = None) -> None:
    """Run a command group; errors of type ``user_error`` become one line on stderr.

    Anything else is a bug of ours and keeps its traceback. Ctrl-C exits with 130.
    """
    call: Callable[..., Any] = command.main
    try:
        code = call(args=argv, standalone_mode=False)
    except user_error as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 1))
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command again to go on", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
