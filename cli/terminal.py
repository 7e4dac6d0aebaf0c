"""The one place that prints: text of corpora, files and servers reaches a terminal escaped."""

from typing import Any

import click

from sealdata.files.printable import printable


def echo(message: Any = "", err: bool = False, nl: bool = True, styled: bool = False) -> None:
    """Print a line.

    Args:
        message: what to print.
        err: to stderr.
        nl: end the line.
        styled: the message has colours of ours, and the text in it is escaped already.
    """
    click.echo(message if styled else printable(str(message)), err=err, nl=nl)
