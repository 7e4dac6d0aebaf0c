"""The one place that lays out tables for the terminal."""

import io
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

MIN_TEXT_WIDTH = 12  # characters; text is broken into lines of this width or more
_UNLIMITED = 10_000  # characters; a pipe or a file has no width that lines must fit


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    text: Sequence[str] = (),
    underline: bool = True,
) -> str:
    """A table as plain text, without a final newline: columns two spaces apart.

    Numbers are flush right and never broken. Text is flush left; where the terminal is too narrow
    it continues on the next line. Brackets in cells have no meaning.

    Args:
        head: a heading for each column; every row has as many cells.
        rows: the cells, written out; an empty list leaves the headings.
        title: a line above the table.
        text: the headings of the columns that hold text, besides the first column.
        underline: whether a line of dashes separates the headings from the rows.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    grid = Table(box=None, pad_edge=False, show_header=False)
    needed = 0
    for name, width in zip(head, widths, strict=True):
        is_text = name == head[0] or name in text
        grid.add_column(justify="left" if is_text else "right", no_wrap=not is_text)
        needed += 2 + (min(width, MIN_TEXT_WIDTH) if is_text else width)
    dashes = [["-" * width for width in widths]] if underline else []
    for cells in [head, *dashes, *rows]:
        grid.add_row(*map(Text, cells))
    # rich cuts numbers off where a table is wider than its console, so that the console is as wide.
    screen = Console().width if sys.stdout.isatty() else _UNLIMITED
    drawn = io.StringIO()
    Console(file=drawn, width=max(screen, needed), color_system=None).print(grid)
    lines = [line.rstrip() for line in drawn.getvalue().splitlines()]
    return "\n".join([title] * bool(title) + lines)
