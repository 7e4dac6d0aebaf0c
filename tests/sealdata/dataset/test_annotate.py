"""Annotation by the commands: a blind sheet, and what its labels say in report and card."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.audit_sheet import draw_sheet, read_annotations, write_annotations
from sealdata.errors import ConfigError, DataError
from sealdata.files.records import write_json
from sealdata.gold.trial_facts import DefectFacts, GoldFacts, LanguageFacts
from sealdata.labels.sheet import KEY, LABELS, read_sheet
from sealdata.report.audit_rows import ledger_rows
from sealdata.report.schema import AuditFacts

from ..report.conftest import TEXTS, make_build
from . import tiny


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with its audit and a sheet of 20 pairs a language; only copies may change."""
    out = tmp_path_factory.mktemp("drawn") / "out"
    manifest = make_build(out, TEXTS, 200)
    write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    done = CliRunner().invoke(main, ["audit", str(out), "--annotate", "20"])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def audited(drawn: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(drawn, tmp_path / "out"))


def facts_of(audited: Path) -> AuditFacts:
    return AuditFacts.model_validate_json((audited / "audit" / "audit.json").read_bytes())


def draw_again(audited: Path, number: int, languages: Sequence[str] = ()) -> pl.DataFrame:
    """Draw as the command does, without another report; returns the key."""
    facts = facts_of(audited)
    rows = ledger_rows(audited, facts.build.languages)
    draw_sheet(facts, rows, audited / "audit", number, languages)
    return pl.read_parquet(audited / "audit" / KEY)


def fill(audited: Path, name: str, good: set[int], bad: str = "X") -> str:
    lines = (audited / "audit" / "annotation.tsv").read_text("utf-8").splitlines()
    filled = [
        re.sub(r"^(\d+)\t", lambda m: f"{m[1]}\t{'CC' if int(m[1]) in good else bad}", line)
        for line in lines
    ]
    path = audited / name
    path.write_text("\n".join(filled) + "\n", "utf-8")
    return str(path)


def test_the_sheet_is_blind_and_stratified(audited: Path) -> None:
    text = (audited / "audit" / "annotation.tsv").read_text("utf-8")
    key = pl.read_parquet(audited / "audit" / "annotation-key.parquet")
    for name in LABELS:
        assert f"# {name}\t" in text
    assert not re.search(r"laser|lid\.|-web|similarity|wrong_language|kept|dropped", text)
    assert key.height == 60
    for lang in TEXTS:
        lang_rows = key.filter(pl.col("lang") == lang)
        counts = lang_rows.group_by("dropped_by", "bin").len().sort("dropped_by", "bin")
        assert counts.rows()[:5] == [(None, index, 2) for index in range(5)]
        assert counts.filter(pl.col("dropped_by").is_not_null())["len"].to_list() == [5, 5]
    assert key["lang"].rle_id().max() > 10, "languages are mixed, not one after the other"
    outcomes = key["dropped_by"].is_null()
    assert outcomes.rle_id().max() > 10, "kept and dropped pairs are mixed"


def test_labels_become_shares_in_report_card_and_figures(audited: Path) -> None:
    key = pl.read_parquet(audited / "audit" / "annotation-key.parquet")
    best = set(key.filter(pl.col("dropped_by").is_null() & (pl.col("bin") >= 1))["id"])
    sheet = fill(audited, "ann.tsv", best)
    arguments = ["audit", str(audited), "--annotated", sheet]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "60 of 60 drawn pairs were judged by people.\n8" in done.stdout
    facts = json.loads((audited / "audit" / "audit.json").read_text("utf-8"))
    metrics = facts["metrics"]
    assert metrics["precision_kept"] == pytest.approx(0.8, abs=0.02)
    assert metrics["correct_dropped"] == metrics["correct_dropped.low_similarity.tha_Thai"] == 0
    assert metrics["recall"] == 1
    assert metrics["precision_kept_low"] < 0.7 < metrics["precision_kept_high"]
    assert 0 < metrics["correct_dropped_high.wrong_language"] < 0.3
    thai = [fact for fact in facts["annotation"]["by_score"] if fact["lang"] == "tha_Thai"]
    ranges = [(fact["low"], fact["high"]) for fact in thai]
    assert ranges[0][0] is ranges[-1][1] is None
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]
    page = (audited / "audit" / "index.html").read_text("utf-8")
    header = page[page.index("<header>") : page.index("</header>")]
    assert "of the kept pairs are correct" in header
    assert "<td>dropped by low_similarity</td>" in page
    done = CliRunner().invoke(main, ["card", str(audited), "--out", str(audited / "card.md")])
    assert done.exit_code == 0, done.output
    card = (audited / "card.md").read_text("utf-8")
    assert "of the kept pairs are correct" in card
    assert "| Thai | dropped by low\\_similarity |" in card
    limits = ["--fail-on", "precision_kept_low<0.95", "--fail-on", "correct_dropped>0.5"]
    done = CliRunner().invoke(main, [*arguments, *limits])
    assert done.exit_code == 3
    assert "precision_kept_low is 0." in done.stderr
    assert "correct_dropped" not in done.stderr


def test_two_annotators_agree_or_not(audited: Path) -> None:
    ids = pl.read_parquet(audited / "audit" / "annotation-key.parquet")["id"].to_list()
    sheets = [fill(audited, "ann.tsv", set(ids)), fill(audited, "ben.tsv", set(ids[3:]))]
    done = CliRunner().invoke(
        main, ["audit", str(audited), "--annotated", sheets[0], "--annotated", sheets[1]]
    )
    assert done.exit_code == 0, done.output
    assert "ann and ben agree on 57 of 60 pairs, Cohen's kappa 0.00." in done.stdout


def test_a_figure_of_labels_needs_labels(audited: Path) -> None:
    done = CliRunner().invoke(main, ["audit", str(audited), "--fail-on", "precision_kept<0.9"])
    assert done.exit_code == 2
    assert "precision_kept needs labels: draw pairs with --annotate 200" in done.stderr


def test_labels_are_not_lost_and_not_carried_over(audited: Path) -> None:
    sheet = audited / "audit" / "annotation.tsv"
    Path(fill(audited, "done.tsv", {1})).replace(sheet)
    with pytest.raises(DataError, match=r"annotation\.tsv has labels; move it elsewhere before"):
        draw_again(audited, 20)
    write_annotations(audited / "audit", [sheet], facts_of(audited))
    table = json.loads((audited / "manifest.json").read_text("utf-8"))
    row = table["funnel"][0]
    row["train"], row["validation"] = row["train"] - 1, row["validation"] + 1
    write_json(audited / "manifest.json", table)
    done = CliRunner().invoke(main, ["audit", str(audited)])
    assert "labels are of an earlier state of the build, and left out" in done.stdout
    with pytest.raises(DataError, match="was drawn before the build changed"):
        write_annotations(audited / "audit", [sheet], facts_of(audited))
    done = CliRunner().invoke(main, ["card", str(audited), "--out", str(audited / "card.md")])
    assert "labels are of an earlier state of the build" in done.stderr
    assert "judged by people" not in (audited / "card.md").read_text("utf-8")


def test_a_sheet_of_another_draw_is_never_taken_for_this_one(audited: Path) -> None:
    """Ids stand for pairs, not for rows of the sheet."""
    key = pl.read_parquet(audited / "audit" / KEY)
    sheet = Path(fill(audited, "ann.tsv", set(key["id"])))
    more = draw_again(audited, 30)
    assert set(key.select("id", "src").iter_rows()) <= set(more.select("id", "src").iter_rows())
    write_annotations(audited / "audit", [sheet], facts_of(audited))
    annotation = read_annotations(audited, facts_of(audited).build.funnel)
    assert annotation is not None
    assert (annotation.judged, annotation.drawn) == (60, 90)
    draw_again(audited, 10)
    with pytest.raises(DataError, match="was not drawn: the sheet belongs to another audit"):
        write_annotations(audited / "audit", [sheet], facts_of(audited))


def test_languages_to_label_can_be_chosen(audited: Path) -> None:
    assert draw_again(audited, 20, ["th"])["lang"].unique().to_list() == ["tha_Thai"]
    message = "nothing of vie_Latn is here; languages: tha_Thai, mya_Mymr"
    with pytest.raises(ConfigError, match=message):
        draw_again(audited, 20, ["vie_Latn"])


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


def test_no_cell_of_a_sheet_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    formulas = [(f"=SUM(A{n}) is this", f"+{n} adalah ini") for n in range(4)]
    assert tiny.build(tiny.recipe(tmp_path, formulas), tmp_path / "out").exit_code == 0
    assert tiny.sealdata("audit", tmp_path / "out", "--annotate", 4).exit_code == 0
    lines = (tmp_path / "out/audit/annotation.tsv").read_text("utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("# ")][1:]
    assert {(row[3], row[5]) for row in cells} == {(f"'{s}", f"'{t}") for s, t in formulas}
