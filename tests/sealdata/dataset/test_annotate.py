"""Annotation: a blind sheet in equal shares of the score's range, and precision with intervals."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.annotate import LABELS, precision, read_sheet, wilson
from sealdata.errors import DataError
from sealdata.files.records import write_json
from sealdata.gold.trial_facts import DefectFacts, GoldFacts, LanguageFacts

from ..report.conftest import TEXTS, make_build


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    manifest = make_build(out, TEXTS, 200)
    write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    done = CliRunner().invoke(main, ["audit", str(out), "--annotate", "20"])
    assert done.exit_code == 0, done.output
    return out


def test_the_sheet_is_blind_and_stratified(audited: Path) -> None:
    text = (audited / "audit" / "annotation.tsv").read_text("utf-8")
    key = pl.read_parquet(audited / "audit" / "annotation-key.parquet")
    for name in LABELS:
        assert f"# {name}\t" in text
    assert not re.search(r"laser|lid\.|-web|similarity", text)
    assert key.height == 60
    for lang in TEXTS:
        own = key.filter(pl.col("lang") == lang)
        assert own["bin"].value_counts()["count"].to_list() == [4] * 5
    assert key["lang"].rle_id().max() > 10, "languages are mixed, not one after the other"


def test_labels_become_precision_in_report_and_card(audited: Path) -> None:
    sheet = audited / "audit" / "annotation.tsv"
    key = pl.read_parquet(audited / "audit" / "annotation-key.parquet")
    best = set(key.filter(pl.col("bin") >= 2)["id"])
    lines = sheet.read_text("utf-8").splitlines()
    filled = [
        re.sub(r"^(\d+)\t", lambda m: f"{m[1]}\t{'CC' if int(m[1]) in best else 'X'}", line)
        for line in lines
    ]
    done_sheet = audited / "done.tsv"
    done_sheet.write_text("\n".join(filled) + "\n", "utf-8")
    done = CliRunner().invoke(
        main, ["audit", str(audited), "--annotated", str(done_sheet), "--json"]
    )
    assert done.exit_code == 0, done.output
    page = (audited / "audit" / "index.html").read_text("utf-8")
    assert '<h2 id="people">Annotations</h2>' in page
    assert "60 pairs were annotated blind" in page
    facts = json.loads((audited / "audit" / "audit.json").read_text("utf-8"))
    thai = [fact for fact in facts["precision"] if fact["lang"] == "tha_Thai"]
    assert [fact["score"] for fact in thai] == ["all"] + ["laser.cosine"] * 5
    ranges = [(fact["low"], fact["high"]) for fact in thai[1:]]
    assert ranges[0][0] is ranges[-1][1] is None
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]
    done = CliRunner().invoke(main, ["card", str(audited), "--out", str(audited / "card.md")])
    assert done.exit_code == 0, done.output
    card = (audited / "card.md").read_text("utf-8")
    assert "| Thai | `all` | – | – | 20 | 60.0 % | 39 to 78 % |" in card
    assert card.count("| 4 | 0.0 % |") == 6
    assert card.count("| 4 | 100.0 % |") == 9


def test_short_and_low_quality_pairs_are_correct_and_unclear_ones_left_out(tmp_path: Path) -> None:
    """Kreutzer et al. 2022 count CC, CB and CS as correct."""
    ids = list(range(1, len(LABELS) + 1))
    key = pl.DataFrame({"id": ids, "lang": "tha_Thai", "bin": 0}).with_columns(
        low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64)
    )
    key.write_parquet(tmp_path / "key.parquet")
    [fact] = precision(tmp_path / "key.parquet", dict(zip(ids, LABELS, strict=True)), "s.x")
    assert (fact.lang, fact.score, fact.rows, fact.correct) == ("tha_Thai", "all", 6, 3)
    with pytest.raises(DataError, match="has no row 9: the sheet belongs to another audit"):
        precision(tmp_path / "key.parquet", {9: "CC"}, "s.x")


def test_a_sheet_of_nowhere(audited: Path) -> None:
    (audited / "audit" / "annotation-key.parquet").unlink()
    sheet = audited / "audit" / "annotation.tsv"
    done = CliRunner().invoke(main, ["audit", str(audited), "--annotated", str(sheet)])
    assert done.exit_code == 1
    assert "draw one with --annotate" in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tlabel\n1\tgood\n", "no label 'good'; known: CC, CB"),
        ("id\tlabel\nx\tCC\n", "'x' is not an id"),
        ("a\tb\n", "the header must begin with id and label"),
        ("id\tlabel\n1\t\n", "no row has a label"),
    ],
)
def test_bad_sheets_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sheet.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=re.escape(message)):
        read_sheet(path)


def test_a_spreadsheet_may_quote_and_lower(tmp_path: Path) -> None:
    path = tmp_path / "sheet.tsv"
    path.write_text('\ufeffid\tlabel\tx\n1\tcc\t"a ""b"""\n2\t ?\ty\n', "utf-8")
    assert read_sheet(path) == {1: "CC", 2: "?"}


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(0, 0, 0, 1), (10, 10, 0.722, 1.0), (0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763)],
)
def test_wilson(hits: int, rows: int, low: float, high: float) -> None:
    assert wilson(hits, rows) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_gold_beside_the_report_is_shown(audited: Path) -> None:
    facts = GoldFacts(
        recipe="made-up",
        references="refs",
        max_percent=1,
        skipped=[],
        without_references=[],
        languages=[
            LanguageFacts(
                lang="tha_Thai", pairs=200, rejected=3, first={"x": 3}, any={"x": 3}, examples=[]
            )
        ],
        defects=[
            DefectFacts(
                lang="tha_Thai", kind="copy", pairs=50, rejected=40, first={}, any={}, repaired=5
            )
        ],
    )
    path = audited / "audit" / "gold.json"
    path.write_text(facts.model_dump_json(), "utf-8")
    assert CliRunner().invoke(main, ["audit", str(audited)]).exit_code == 0
    page = (audited / "audit" / "index.html").read_text("utf-8")
    assert '<td class="n">200</td><td class="n">3</td><td class="n">1.5 %</td>' in page
    assert '<td>copy</td><td class="n">50</td><td class="n">90.0 %</td>' in page
    path.write_text('{"languages": 3}', "utf-8")
    done = CliRunner().invoke(main, ["audit", str(audited)])
    assert done.exit_code == 1
    assert "gold.json is not what `sealdata gold --json` prints" in done.stderr
