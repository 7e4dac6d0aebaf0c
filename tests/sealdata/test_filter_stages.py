"""The table of filter stages, and that every place which needs a stage knows all of them."""

import re
from importlib.resources import files

import polars as pl
import pytest

from sealdata.component import available, component_class
from sealdata.filter_stages import (
    COMPARING_STAGES,
    FILTER_STAGES,
    RULE_STAGES,
    STAGE_NAMES,
    num_scored_stages,
    stages_before,
)
from sealdata.recipe.tables import Recipe
from sealdata.report.bound_rules import num_scored_stages_of
from sealdata.report.figures import TEXTURES

CSS = (files("sealdata.report") / "templates" / "report.css").read_text("utf-8")


def test_the_table():
    assert STAGE_NAMES == (
        "ingest",
        "exclude",
        "rules",
        "dedup",
        "decontaminate",
        "lid",
        "similarity",
        "caps",
        "near-dedup",
        "select",
    )
    assert tuple(s.name for s in FILTER_STAGES if s.decided_by == "rules") == RULE_STAGES
    assert set(COMPARING_STAGES) < {s.name for s in FILTER_STAGES if s.decided_by == "mask"}
    assert stages_before("dedup") == ("ingest", "exclude", "rules")


def test_scorers_belong_to_stages_that_rules_decide():
    stages = {component_class("scorers", name).stage for name in available("scorers")}
    assert stages == set(RULE_STAGES)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("ingest", 0),
        ("exclude", 0),
        ("rules", 1),
        ("dedup", 1),
        ("decontaminate", 1),
        ("lid", 2),
        ("similarity", 3),
        ("caps", 3),
        ("near-dedup", 3),
        ("select", 3),
    ],
)
def test_how_many_stages_have_scored_a_dropped_pair(name, count):
    """A takedown was scored by none: its missing scores are unscored, not missing."""
    assert num_scored_stages(name) == count
    frame = pl.DataFrame({"stage": [name, None]})
    assert num_scored_stages_of(frame).to_list() == [count, 3]


@pytest.mark.parametrize("stage", FILTER_STAGES, ids=lambda stage: stage.name)
def test_every_place_knows_the_stage(stage):
    assert f"--{stage.name}:" in CSS, "a colour of the funnel, in report.css"
    assert re.search(rf"\.s-{stage.name} {{", CSS), "the class that fills its bars"
    assert stage.name in TEXTURES, "a texture for readers who do not see colours"
    if stage.decided_by == "mask":
        recipe = Recipe.model_construct()
        recipe.asks_for(stage.name)  # a KeyError if the recipe has no switch for it
