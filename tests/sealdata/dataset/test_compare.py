"""Comparing builds: every pair that moved is counted, with the reason of the other build."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.compare import _differences, _flat, changelog, compare
from sealdata.files.records import write_json
from sealdata.report.ledger import dropped_files, kept_files

from ..report.conftest import TEXTS, make_build


def two_builds(tmp_path: Path) -> tuple[Path, Path]:
    """The second drops what is below 0.7 and has repaired one Thai text."""
    before, after = tmp_path / "a", tmp_path / "b"
    for out in (before, after):
        manifest = make_build(out, TEXTS, 70)
        if out == after:
            rules = [dict(rule) for rule in manifest.recipe["rule"]]
            rules[-1]["min"] = 0.7
            recipe = manifest.recipe | {"rule": rules}
            manifest = manifest.model_copy(update={"recipe": recipe, "build_key": "b" * 16})
        write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    [train] = [file for file in kept_files(after, "tha_Thai") if "train" in file.name]
    [ledger] = dropped_files(after, "tha_Thai")
    kept, dropped = pl.read_parquet(train), pl.read_parquet(ledger)
    low = kept.filter(pl.col("laser.cosine") < 0.7)
    moved = low.drop("split").with_columns(
        stage=pl.lit("similarity"),
        reason=pl.lit("low_similarity"),
        reasons=pl.lit(["low_similarity"], pl.List(pl.String)),
        raw=pl.lit(None, pl.String),
    )
    pl.concat([dropped, moved.select(dropped.columns)]).write_parquet(ledger)
    rest = kept.filter(pl.col("laser.cosine") >= 0.7)
    first = pl.int_range(pl.len()) == 0
    rest = rest.with_columns(tgt=pl.when(first).then(pl.lit("ใหม่")).otherwise(pl.col("tgt")))
    rest.write_parquet(train)
    return before, after


def test_what_moved_and_why(tmp_path: Path) -> None:
    before, after = two_builds(tmp_path)
    found = compare(before, after)
    thai, *others = found.languages
    assert thai.before - thai.after == thai.gone > 5
    assert (thai.new, thai.changed) == (0, 1)
    assert thai.gone_for == {"low_similarity": thai.gone}
    assert {pair.reason for pair in thai.gone_pairs} == {"low_similarity"}
    assert all((own.gone, own.new, own.changed) == (0, 0, 0) for own in others)
    back = compare(after, before).languages[0]
    assert (back.new, back.new_from) == (thai.gone, {"low_similarity": thai.gone})
    assert found.recipe == {"rule[low_similarity laser.cosine].min": (0.6, 0.7)}
    text = changelog(found)
    assert (
        f"- Thai: 0 new; {thai.gone} gone (now low_similarity {thai.gone}); 1 with other text."
        in text
    )
    assert "- Recipe, `rule[low_similarity laser.cosine].min`: `0.6` → `0.7`." in text


def test_long_texts_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealdata.dataset.compare.MAX_TEXT", 3)
    shown = compare(*two_builds(tmp_path)).languages[0].gone_pairs
    assert len(shown) == 5
    assert {(len(pair.src), len(pair.tgt)) for pair in shown} == {(3, 3)}


def test_a_build_equals_itself(tmp_path: Path) -> None:
    before, _ = two_builds(tmp_path)
    found = compare(before, before)
    assert (found.recipe, found.versions) == ({}, {})
    assert all((own.gone, own.new, own.changed) == (0, 0, 0) for own in found.languages)


def test_a_rule_that_is_off_nowhere_says_nothing() -> None:
    bounds = {"min": 1.15, "max": None, "off": False}
    before = {"rule": [{"reason": "r", "score": "s", "languages": {}}]}
    after = {"rule": [{"reason": "r", "score": "s", "languages": {"jav_Latn": bounds}}]}
    assert _differences(_flat(before), _flat(after)) == {
        "rule[r s].languages.jav_Latn.min": (None, 1.15)
    }


def test_the_command(tmp_path: Path) -> None:
    before, after = two_builds(tmp_path)
    done = CliRunner().invoke(main, ["audit", str(before), str(after)])
    assert done.exit_code == 0, done.output
    assert "Entry for the changelog" in done.stdout
    assert "(low_similarity): " in done.stdout
    assert "dropped, " not in done.stdout, "the two manifests have the same funnel"
    done = CliRunner().invoke(main, ["audit", str(before), str(tmp_path / "none")])
    assert done.exit_code == 1
