"""Which hosts and sentences count as religious text."""

import polars as pl
import pytest

from sealdata.report.religion import HOSTS, has_words, of_hosts


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("jw.org", True),
        ("wol.jw.org", True),
        ("alkitab.mobi", True),  # of the record on the card of allenai/nllb
        ("bible.com", True),
        ("notbible.com", False),
        ("bible.com.example", False),
        ("biblexcom", False),
        (None, None),
    ],
)
def test_hosts_and_what_is_below_them(host: str | None, expected: bool | None) -> None:
    frame = pl.DataFrame({"host": [host]}, schema={"host": pl.String})
    assert frame.select(of_hosts(pl.col("host"))).item() is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("And Jesus said unto them", True),
        ("In the name of Allah", True),
        ("The Qur\u2019an was revealed", True),
        ("Christmas is in December.", False),
        ("The lord of the manor paid for the temple.", False),
        (None, None),
    ],
)
def test_words(text: str | None, expected: bool | None) -> None:
    frame = pl.DataFrame({"src": [text]}, schema={"src": pl.String})
    assert frame.select(has_words(pl.col("src"))).item() is expected


def test_hosts_are_bare() -> None:
    assert all(host == host.lower() and not host.startswith("www.") for host in HOSTS)
