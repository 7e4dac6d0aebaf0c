"""Texts of takedowns and personal data are in nothing that a build, audit or browse hands on."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from sealdata.browse.request import Query
from sealdata.browse.session import Session
from sealdata.build_manifest import read_build_manifest
from sealdata.dataset.publish import uploads
from sealdata.report.samples import REMOVED

from .tiny import PAIRS, build, recipe, sealdata

SECRETS = ["Somchai", "Sombat", "anna@example.org", "budi@example.org", "0812-3456-789"]
LISTED = ("Somchai &amp; I wrote.", "Somchai &amp; saya menulis.")
PERSONAL = ("Write to anna@example.org &amp; wait.", "Tulis ke anna@example.org &amp; tunggu.")
TABLES = """
[exclude]
lists = ["takedowns.tsv"]
[clean.html]
[score.pii]
[[rule]]
reason = "personal"
score = "pii.emails"
max = 0
"""
MASKED = "\n[clean.html]\n[clean.mask_pii]\n"
# Records without a second column are unreadable, and no rule judges them.
UNREADABLE = "Sombat alone\nbudi@example.org alone\n0812-3456-789 is my number\nNothing to hide\n"


def corpus(folder: Path, tables: str) -> Path:
    path = recipe(folder, [*PAIRS, LISTED, PERSONAL] * 2, tables)
    with (folder / "s.tsv").open("a") as file:
        file.write(UNREADABLE)
    rows = [len(PAIRS), 2 * len(PAIRS) + 2, 2 * len(PAIRS) + 4]
    lines = "".join(f"row\ts\t{row}\n" for row in rows)
    (folder / "takedowns.tsv").write_text(lines)
    return path


def texts(path: Path) -> Iterator[str]:
    """All text of a file, and of the strings of a table."""
    if path.suffix == ".parquet":
        yield from map(str, pl.read_parquet(path).rows())
    elif path.suffix != ".npy":
        yield path.read_text("utf-8")


def leaks(paths: list[Path]) -> list[tuple[str, str]]:
    """(file, secret), of every secret that is anywhere in the files."""
    return [
        (path.name, secret)
        for path in paths
        for text in texts(path)
        for secret in SECRETS
        if secret in text
    ]


def below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(scope="module", params=[TABLES, MASKED], ids=["dropped", "masked"])
def out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    tables = request.param
    if tables == MASKED:
        tables += TABLES[: TABLES.index("[clean")]
    done = build(corpus(folder, tables), folder / "out", "--allow", "unreadable")
    assert done.exit_code == 0, done.output
    return folder / "out"


def test_nothing_that_is_uploaded_has_them(out: Path) -> None:
    files = uploads(out, read_build_manifest(out), shards=True)
    assert {"manifest.json", "README.md", "report/index.html", "report/audit.json"} <= {
        file.name for file in files
    }
    assert leaks([file.path for file in files]) == []


def test_the_search_would_find_them(tmp_path: Path) -> None:
    pl.DataFrame({"src": ["by Somchai"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.html").write_text("<p>anna@example.org</p>")
    assert leaks(below(tmp_path)) == [("a.parquet", "Somchai"), ("b.html", "anna@example.org")]


def test_the_ledger_has_them_by_row_and_hash(out: Path) -> None:
    ledger = pl.read_parquet(out / "dropped/*/*.parquet")
    assert leaks(below(out / "dropped")) == []
    clean = "\0".join(text.replace("&amp;", "&") for text in LISTED)
    digest = hashlib.sha256(clean.encode()).hexdigest()
    [listed] = ledger.filter(pl.col("reason") == "excluded", row=len(PAIRS)).to_dicts()
    assert (listed["text_hash"], listed["src"], listed["tgt"]) == (digest, None, None)
    rest = ledger.filter(pl.col("text_hash").is_null())
    assert "Nothing to hide" in rest["raw"].to_list()
    assert rest.filter(pl.col("reason") == "duplicate")["src"].null_count() == 0


def test_an_audit_and_its_sheet_have_none(out: Path) -> None:
    for what in (out, out.parent / "tiny.toml"):
        more = () if what == out else ("--out", out.parent / "audited", "--allow", "unreadable")
        done = sealdata("audit", what, "--annotate", 50, "--workers", 1, *more)
        assert done.exit_code == 0, done.output
    audits = below(out / "audit", out.parent / "audited/audit")
    assert len(audits) >= 10
    assert leaks(audits) == []


def test_browse_has_none(out: Path) -> None:
    session = Session(out, "")
    rows = session.rows(Query()) + session.changes(Query())
    assert not [secret for secret in SECRETS if secret in json.dumps(rows)]


def test_the_report_says_that_it_withholds_text(out: Path) -> None:
    assert REMOVED in (out / "report/index.html").read_text("utf-8")
