"""Limits of single sources in a whole build: what is dropped, what is said, and what is redone."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.browse.request import MovedLimit, Query
from sealdata.browse.rows import Outcomes, row_files
from sealdata.browse.session import Session
from sealdata.build_manifest import BuildManifest
from sealdata.dataset.build import build
from sealdata.files.records import read_json
from sealdata.notebook.builds import Build
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Bounds, Recipe
from sealdata.report.audit_rows import ledger_rows
from sealdata.report.bound_rules import bind, failures, manifest_rules, source_limits
from sealdata.report.explorer import UNSCORED, embed
from sealdata.report.facts import audit_facts
from sealdata.report.ledger import dropped_files
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

LONG = "A rather long sentence about the number {} and nothing else.\tKalimat panjang {}.\n"
SHORT = "Number {}.\tNomor {}.\n"


def table(**own: Any) -> dict[str, Any]:
    source = {"reader": "tsv", "src_lang": "eng_Latn", "tgt_lang": "ind_Latn"}
    return {
        "name": "by-source",
        "source": [
            source | {"name": name, "path": f"{name}.tsv", "options": {"layout": "pairs"}}
            for name in ("loose", "strict")
        ],
        "score": {"length": {}},
        "rule": [{"reason": "long", "score": "length.src_chars", "max": 500, **own}],
        "tokenizer": {"path": "sample:tokenizers/bpe"},
        "pack": {"sequence_length": 32, "block_length": 96},
    }


def run(base: Path, **own: Any) -> BuildManifest:
    with LocalEngine(1) as engine:
        plan = Plan(Recipe.model_validate(table(**own)), base)
        return build(plan, base / "out", engine, NoProgress()).manifest


def stage_keys(base: Path, stage: str) -> set[str]:
    return {path.parent.name for path in (base / "out/work").glob(f"{stage}-*/manifest.json")}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("by-source")
    for start, name in ((0, "loose"), (100, "strict")):
        lines = [LONG.format(n, n) + SHORT.format(n, n) for n in range(start, start + 20)]
        (folder / f"{name}.tsv").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def manifest(base: Path) -> BuildManifest:
    run(base)
    before = stage_keys(base, "keys")
    made = run(base, sources={"str*": {"max": 30}})
    # Only the source whose limit moved has new keys.
    assert len(stage_keys(base, "keys") - before) == 1
    return made


def test_the_limit_holds_in_its_source_only(manifest: BuildManifest) -> None:
    dropped = {row.source: row.dropped.get("rules", {}) for row in manifest.funnel}
    assert dropped == {"loose": {}, "strict": {"long": 20}}


def test_the_report_says_and_applies_it(base: Path, manifest: BuildManifest) -> None:
    [limit] = source_limits(manifest)
    assert (limit.source, limit.bounds, limit.others) == ("strict", (None, 30), (None, 500))
    [rule] = read_json(base / "out/report/audit.json")["rules"]
    assert rule["sources"] == {"strict": {"max": 30.0}}
    rules = bind(manifest_rules(manifest), manifest)
    ledger = Build(base / "out").dropped().collect()
    [failed] = failures(ledger, rules, "ind_Latn")
    assert failed.sum() == 20
    kept = Build(base / "out").pairs().collect()
    [failed] = failures(kept.with_columns(stage=None), rules, "ind_Latn")
    assert failed.sum() == 0
    page = (base / "out/report/index.html").read_text()
    [row] = re.findall(r'<tr data-lang="ind_Latn"><th scope="row">strict</th>.*?≤.*?</tr>', page)
    assert re.findall(r"<td>(.*?)</td>", row)[-2:] == ["≤ 30", "≤ 500"]
    card = (base / "out/README.md").read_text()
    assert "| `strict` | `long` | `length.src_chars` | ≤ 30 | ≤ 500 |" in card


def test_browse_judges_by_the_limit_of_the_source(base: Path, manifest: BuildManifest) -> None:
    session = Session(base / "out")
    rows = session.rows(Query(reason="long", sort="distance", score="length.src_chars"))
    assert {row["source"] for row in rows} == {"strict"}
    assert "must be ≤ 30" in str(rows[0])
    # Moving the general limit changes nothing where a source has its own.
    moved = Query(limits=[MovedLimit(rule=0, score="length.src_chars", max=5)])
    outcomes = session.outcomes(moved)
    own = [rule.bounds_in("ind_Latn", "strict") for rule in outcomes.after]
    assert own == [(None, 30.0)]
    assert dropped_files(base / "out", "ind_Latn")


def test_the_page_moves_no_limit_of_a_source(base: Path, manifest: BuildManifest) -> None:
    """Of each embedded row: whether something holds it dropped, and the cell of its score."""
    rows = ledger_rows(base / "out", manifest.languages)
    facts = audit_facts(base / "out", manifest)
    page = embed(rows, facts, bind(manifest_rules(manifest), manifest), {})["ind_Latn"]
    held = list(base64.b64decode(page["held"]))
    cells = list(base64.b64decode(page["cells"]["length.src_chars"]))
    # The source "strict" has 20 rows within its limit and 20 beyond it; no slider moves either.
    assert (sum(held), cells.count(UNSCORED), len(cells)) == (20, 40, 80)


def test_an_unlimited_language_has_sources_with_limits(base: Path, manifest: BuildManifest) -> None:
    """A rule that is off for the language may still judge one of its sources."""
    tables = [
        rule.model_copy(update={"languages": {"ind_Latn": Bounds(off=True)}})
        for rule in manifest_rules(manifest)
    ]
    [rule] = bind(tables, manifest)
    outcomes = Outcomes([rule], [rule])
    [file] = [file for file in row_files(base / "out", ["ind_Latn"]) if not file.kept]
    ledger = pl.read_parquet(file.path)
    # Its pairs were scored by the stage of the rule, so that nothing about them is unknown.
    assert not ledger.select(outcomes.unseen(file)).to_series().any()
    # They were dropped before a rule on language ID could have judged them.
    late = replace(rule, stage="lid")
    assert ledger.select(Outcomes([late], [late]).unseen(file)).to_series().all()


def test_the_resolved_recipe_builds_the_same(base: Path, manifest: BuildManifest) -> None:
    again = Plan(Recipe.model_validate(manifest.recipe), base)
    assert again.recipe.model_dump(mode="json") == manifest.recipe
