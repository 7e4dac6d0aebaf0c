"""Takedowns: rows, addresses and domains that are dropped before anything else sees them."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.errors import ConfigError
from sealdata.files.records import read_json
from sealdata.pairs import make_pairs
from sealdata.stages.takedowns import page, read_takedowns

CORPUS = {
    ("first", "ind_Latn"): [("Hello there.", "Halo."), ("A dog.", "Seekor anjing."), ("x", "y")],
    ("second", "ind_Latn"): [("Hello there.", "Halo."), ("Good night.", "Selamat malam.")],
}
EXCLUDE = '[exclude]\nlists = ["takedowns.tsv"]\n'


def listed(folder: Path, text: str, name: str = "takedowns.tsv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def flags(takedowns, *urls):
    pairs = make_pairs([("a", "b")] * len(urls)).with_columns(
        src_url=pl.Series(urls, dtype=pl.String)
    )
    return takedowns.flags(pairs)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/a", True),
        ("http://www.Example.com/a/", True),
        ("HTTPS://user@example.com/a/#top", True),
        ("www.example.com/a", True),
        ("//example.com:8080/a", True),
        ("https://example.com/A", False),  # paths know case
        ("https://example.com/a?b=1", False),
        ("https://example.com", False),
        ("", False),
        (None, False),
        ("_", False),
    ],
)
def test_a_page_is_one_page_however_its_address_is_written(tmp_path, url, expected):
    for entry in ("https://example.com/a", "example.com/a/"):
        takedowns = read_takedowns([listed(tmp_path, f"url\t{entry}\n")])
        assert flags(takedowns, url)["url"].to_list() == [expected]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/a", True),
        ("http://NEWS.example.com:8080", True),
        ("https://a.b.example.com/?q=1", True),
        ("example.com/x", True),
        ("me@example.com:80", True),
        ("notexample.com/example.com", False),
        ("https://notexample.com/", False),
        ("https://example.com.evil.org/", False),
        ("https://other.org/?u=https://example.com/", False),
        ("https://bücher.example/x", True),
        ("https://xn--bcher-kva.example/x", True),
        (None, False),
    ],
)
def test_a_domain_has_its_subdomains(tmp_path, url, expected):
    takedowns = read_takedowns([listed(tmp_path, "domain\tExample.com\ndomain\tbücher.example\n")])
    assert flags(takedowns, url)["domain"].to_list() == [expected]


def test_either_side_is_enough(tmp_path):
    takedowns = read_takedowns([listed(tmp_path, "domain\texample.com\n")])
    pairs = make_pairs([("a", "b")]).with_columns(tgt_url=pl.lit("https://example.com/x"))
    assert takedowns.flags(pairs)["domain"].to_list() == [True]


def test_order_and_comments_do_not_matter(tmp_path):
    one = listed(tmp_path, "# mail of 3 May\nrow\ts\t5\n\nurl\thttp://x.org/a/\n", "one.tsv")
    two = listed(tmp_path, "url\thttps://x.org/a\r\nrow\ts\t5\nrow\ts\t5\n", "two.tsv")
    assert read_takedowns([one]) == read_takedowns([two]) == read_takedowns([two, one])
    assert page(pl.Series(["https://x.org/a/", None])).to_list() == ["x.org/a", None]


@pytest.mark.parametrize(
    "line", ["row\ts", "row\ts\t-1", "url\t", "domain\texample", "site\tx.org", "x.org"]
)
def test_a_line_that_means_nothing_is_an_error(tmp_path, line):
    path = listed(tmp_path, f"# list\n{line}\n")
    with pytest.raises(ConfigError, match=r"takedowns.tsv, line 2: expected 'row', a source"):
        read_takedowns([path])
    with pytest.raises(ConfigError, match="no list of takedowns at"):
        read_takedowns([tmp_path / "absent.tsv"])


def test_an_excluded_pair_is_counted_and_displaces_no_duplicate(small_build, tmp_path):
    listed(small_build.folder, "row\tfirst\t0\nrow\tfirst\t2\nrow\telsewhere\t1\n")
    small_build(CORPUS, EXCLUDE)
    assert small_build.reasons() == {("first", 0): "excluded", ("first", 2): "excluded"}
    kept = small_build.rows("pairs").select("source", "row").rows()
    assert sorted(kept) == [("first", 1), ("second", 0), ("second", 1)]
    funnel = small_build.rows("dropped").select("stage", "reasons").unique().rows()
    assert funnel == [("exclude", ["excluded"])]


def test_a_changed_list_runs_what_depends_on_it(small_build):
    listed(small_build.folder, "row\tfirst\t1\n")
    small_build(CORPUS, EXCLUDE)
    assert small_build.reasons() == {
        ("first", 1): "excluded",
        ("first", 2): "too_short",
        ("second", 0): "duplicate",
    }
    listed(small_build.folder, "")
    small_build(CORPUS, EXCLUDE)
    assert ("first", 1) not in small_build.reasons()
    listed(small_build.folder, "# again\nrow\tfirst\t1\n")
    small_build(CORPUS, EXCLUDE)
    assert small_build.reasons()["first", 1] == "excluded"
    stages = sorted((small_build.out / "work").glob("exclude-*/manifest.json"))
    assert len(stages) == 4  # two lists, two sources: the last build ran none anew
    assert {read_json(path)["stage"] for path in stages} == {"exclude"}


def test_an_excluded_pair_is_unscored_in_the_audit_and_not_missing_a_score(small_build):
    """20 takedowns were counted as 20 pairs without a score."""
    pairs = [(f"Sentence number {n}.", f"Kalimat {n}.") for n in range(40)] + [("x", "y")]
    rows = "".join(f"row\tfirst\t{n}\n" for n in range(20))
    listed(small_build.folder, rows)
    small_build({("first", "ind_Latn"): [*pairs, ("", "kosong")]}, EXCLUDE, part_rows=50)
    facts = read_json(small_build.out / "report/audit.json")
    [score] = [score for score in facts["scores"] if score["name"] == "length.src_chars"]
    histogram = score["languages"]["ind_Latn"]
    assert histogram["every"]["missing"] == 0
    assert histogram["unscored"] == 20 + 1  # and the record that could not be read
    assert sum(histogram["every"]["cells"]) == 21
