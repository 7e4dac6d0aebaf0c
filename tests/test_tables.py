"""Tables as the terminal shows them."""

import pytest

from sealcli import tables
from sealcli.tables import table

HEAD = ["name", "pairs", "licence"]
ROWS = [["nllb", "1,234,567", "[CC BY] 4.0"], ["tatoeba", "8", "CC0"]]


def test_numbers_are_flush_right_and_text_flush_left():
    assert table(HEAD, ROWS, title="corpora", text=["licence"]).split("\n") == [
        "corpora",
        "name         pairs  licence",
        "-------  ---------  -----------",
        "nllb     1,234,567  [CC BY] 4.0",
        "tatoeba          8  CC0",
    ]


def test_no_rows_leave_the_headings():
    assert table(HEAD, [], underline=False) == "name  pairs  licence"


def test_a_narrow_terminal_breaks_text_and_no_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    rows = [["opus", "1,234,567", "Creative Commons Zero 1.0"]]
    assert table(HEAD, rows, text=["licence"], underline=False).split("\n") == [
        "name      pairs  licence",
        "opus  1,234,567  Creative",
        "                 Commons Zero",
        "                 1.0",
    ]
