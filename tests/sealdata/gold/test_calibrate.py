"""`sealdata calibrate`: limits, areas and negatives, against values worked out by hand."""

import json
import tomllib
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError
from sealdata.files.places import sample_dir
from sealdata.gold.calibrate import _calibration, _pairs, area_under_curve, calibrate, recipe_lines
from sealdata.gold.plot import plot_calibrations
from sealdata.pipeline.plan import load_plan
from sealdata.recipe.reading import write_recipe
from tests.sealdata.lexicon.made_up import made_up


@pytest.mark.parametrize(
    ("good", "bad", "area"),
    [
        ([2, 3], [0, 1], 1.0),
        ([0, 1], [2, 3], 0.0),
        ([1, 1], [1], 0.5),
        ([0, 2, 3], [1, 2], 3.5 / 6),
    ],
)
def test_area_under_curve(good, bad, area):
    assert area_under_curve(np.array(good), np.array(bad)) == pytest.approx(area)


def test_the_limit_rejects_at_most_the_wanted_share():
    good = np.arange(100) / 100
    values = {"good": good, "shuffled": np.array([0.0, 0.03, 0.5, np.nan])}
    actual = _calibration("laser.cosine", "tha_Thai", values, 0.05)
    assert actual.limit == 0.05
    assert actual.rejected == 0.05
    [bad] = actual.negatives
    assert (bad.pairs, bad.missing) == (4, 1)
    assert bad.accepted == pytest.approx(1 / 3)
    assert sum(bad.histogram) == 3
    assert actual.good.quantiles[2] == pytest.approx(0.495)
    assert _calibration("laser.cosine", "tha_Thai", values, 0.0).rejected == 0


def test_a_limit_is_never_above_the_value_it_is_from():
    values = {"good": np.array([0.123456, 0.5]), "shuffled": np.array([0.1])}
    assert _calibration("a.b", "tha_Thai", values, 0.0).limit == 0.1234


def references(lines):
    rows = [
        (lang, f"e{i % 7}", f"{lang}{i}") for lang in ("tha_Thai", "ind_Latn") for i in range(lines)
    ]
    return pl.DataFrame(rows, schema=["lang", "src", "tgt"], orient="row")


def test_negatives_of_a_similarity_are_never_the_same_sentence():
    sets = _pairs(references(15), "tha_Thai", "similarity", "cosine")
    assert list(sets) == ["good", "shuffled", "next"]
    for kind in ("shuffled", "next"):
        for src, tgt in sets[kind].select("src", "tgt").rows():
            assert src != f"e{int(tgt.removeprefix('tha_Thai')) % 7}"
    assert sets["next"].height == 14  # the first and the last line have the same English
    assert sets["shuffled"].height > 8


def test_the_random_lines_are_the_same_in_every_version():
    shuffled = _pairs(references(6), "tha_Thai", "similarity", "cosine")["shuffled"]
    assert shuffled["src"].to_list() == ["e4", "e2", "e5", "e0", "e1", "e3"]


def test_the_plot_has_a_line_at_the_limit(monkeypatch):
    lines = []
    monkeypatch.setattr("matplotlib.axes.Axes.axvline", lambda axes, x, **style: lines.append(x))
    values = {"good": np.array([0.5, 0.7, 0.9]), "next": np.array([0.1, 0.2, 0.6])}
    calibration = _calibration("laser.cosine", "tha_Thai", values, 0.0)
    plot_calibrations([calibration])
    assert lines == [calibration.limit] == [0.5]


def test_negatives_of_language_id_are_the_other_languages_declared_as_this_one():
    sets = _pairs(references(5), "tha_Thai", "lid", "tgt_prob")
    assert set(sets["other language"]["tgt_lang"]) == {"tha_Thai"}
    assert sets["other language"]["tgt"].str.starts_with("ind_Latn").all()


def test_negatives_of_the_english_side_are_not_english():
    """The English of another language's references is English too."""
    sets = _pairs(references(5), "tha_Thai", "lid", "src_margin")
    assert set(sets["other language"]["src_lang"]) == {"eng_Latn"}
    assert sets["other language"]["src"].str.starts_with("tha_Thai").all()


def test_limits_are_rules_of_a_recipe_that_loads(tmp_path):
    """In place of the rules on the same scores, under their reasons."""
    plan = load_plan("quickstart")
    scores = ["lid.src_margin", "lid.tgt_within_set_margin", "laser.cosine"]
    said = []
    actual = calibrate(plan, sample_dir() / "eval", scores, 0.1, said.append)
    assert "left out: lid.tgt_within_set_margin of lao_Laoo, because no reference has it" in said
    assert {item.lang for item in actual if item.score == scores[1]} >= {"ind_Latn", "tgl_Latn"}
    with pytest.raises(ConfigError, match=r"no reference in .* has the score"):
        calibrate(plan, sample_dir() / "eval", ["lid.src_within_set_margin"], 0.1)
    negatives = {item.score: item.negatives[0] for item in actual if item.lang == "ind_Latn"}
    assert negatives["lid.src_margin"].auc > 0.99
    lines = tomllib.loads(recipe_lines(actual, plan))["rule"]
    quickstart = tomllib.loads((files("sealdata") / "recipes/quickstart.toml").read_text("utf-8"))
    kept = [rule for rule in quickstart["rule"] if rule["score"] not in scores]
    write_recipe({**quickstart, "rule": kept + lines}, tmp_path / "mine.toml")
    rules = {rule.score: rule for rule in load_plan(str(tmp_path / "mine.toml")).recipe.rule}
    old = {rule.score: rule.reason for rule in plan.recipe.rule}
    for item in actual:
        assert rules[item.score].languages[item.lang].min == item.limit
        assert rules[item.score].reason == old.get(item.score, "wrong_language")


def test_too_few_references():
    with pytest.raises(ConfigError, match="3 references of tha_Thai are too few"):
        _pairs(references(3), "tha_Thai", "similarity", "cosine")


def test_a_score_that_is_not_there():
    with pytest.raises(ConfigError, match=r"--score laser.margins: the recipe has no such score"):
        calibrate(load_plan("quickstart"), sample_dir() / "eval", ["laser.margins"], 0.01)


def test_evidence_by_a_lexicon_of_the_references(tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'extends = "quickstart"\n[score.lexicon]\nmin_pairs = 900\n[[rule]]\n'
        'reason = "misaligned"\nscore = "lexicon.evidence"\nmin = 0.4\n'
    )
    for name, lines in zip(("eng_Latn", "tha_Thai"), made_up("Thai", 900), strict=True):
        (tmp_path / f"{name}.dev").write_text("\n".join(lines))
    [found] = calibrate(load_plan(str(recipe)), tmp_path, ["lexicon.evidence"], 0.01)
    assert found.rejected <= 0.01
    assert 0.2 < found.limit < 0.9
    assert [bad.kind for bad in found.negatives] == ["shuffled", "next"]
    assert all(bad.accepted is not None and bad.accepted < 0.05 for bad in found.negatives)
    recipe.write_text(recipe.read_text().replace("min_pairs = 900", "min_pairs = 901"))
    with pytest.raises(ConfigError, match="no reference in"):
        calibrate(load_plan(str(recipe)), tmp_path, ["lexicon.evidence"], 0.01)


def test_the_command(tmp_path):
    picture = tmp_path / "limits.svg"
    args = ["calibrate", "quickstart", "--refs", str(sample_dir() / "eval")]
    args += ["--score", "laser.cosine", "--false-reject", "5", "--plot", str(picture)]
    run = CliRunner().invoke(main, args)
    assert run.exit_code == 0, run.output
    lines = run.stdout[run.stdout.index("[[rule]]") :]
    [rule] = tomllib.loads(lines)["rule"] if "[[rule]]" in lines else []
    assert rule["score"] == "laser.cosine"
    assert set(rule["languages"]) >= {"tha_Thai", "ind_Latn"}
    assert min(lang_row["min"] for lang_row in rule["languages"].values()) == rule["min"]
    shown = "".join(ElementTree.parse(picture).getroot().itertext())
    for lang, lang_row in rule["languages"].items():
        assert f"laser.cosine {lang}, limit {lang_row['min']:g}" in shown
    run = CliRunner().invoke(main, [*args[:-2], "--json"])
    for item in json.loads(run.stdout):
        assert item["rejected"] <= 0.05
        assert item["good"]["auc"] is None
        assert [bad["kind"] for bad in item["negatives"]] == ["shuffled", "next"]
        assert all(bad["auc"] > 0.5 for bad in item["negatives"])
