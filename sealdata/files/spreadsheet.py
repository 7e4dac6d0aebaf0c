"""Cells of tables that people open in a spreadsheet, which runs text that begins as a formula."""

import re

import polars as pl

# The sign behind the apostrophes separates a guarded cell from a text that begins with one.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """``cell`` with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The text that ``guarded`` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with its columns of text guarded. Numbers stay: a negative one is not a formula."""
    columns = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.col(name).map_elements(guarded, return_dtype=pl.String) for name in columns
    )
