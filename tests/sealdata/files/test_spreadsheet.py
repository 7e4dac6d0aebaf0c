"""No cell is run as a formula, and each is read back as it was."""

import polars as pl
import pytest

from sealdata.files.spreadsheet import guarded, guarded_frame, unguarded


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+66 81", "'+66 81"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_cell_is_guarded_and_read_back(cell: str, written: str) -> None:
    assert guarded(cell) == written
    assert unguarded(written) == cell


def test_numbers_stay() -> None:
    frame = pl.DataFrame({"name": ["=x", None], "change": [-1.5, 2.0]})
    assert guarded_frame(frame).rows() == [("'=x", -1.5), (None, 2.0)]
