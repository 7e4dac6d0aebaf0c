"""The steps of a run name every stage, once, and only what the recipe asks for."""

import importlib
import pkgutil

import pytest

import sealdata.stages
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.pipeline.steps import audit_steps, build_steps, gold_steps
from sealdata.recipe.tables import CapsTable, DecontaminateTable, DedupTable, NearDedupTable
from sealdata.scorers.laser import Laser
from sealdata.scorers.lexicon import Lexicon
from sealdata.workflow.stage import Step as StageStep

# Stages that measure on a few pairs: they belong to the step that is running.
WITHOUT_STEP = {"precision"}


@pytest.fixture(scope="module")
def quickstart() -> Plan:
    return load_plan("quickstart")


def changed(plan: Plan, **tables: object) -> Plan:
    """The plan with other tables, without the checks of a recipe."""
    other = object.__new__(Plan)
    other.__dict__ |= plan.__dict__
    other.recipe = plan.recipe.model_copy(update=tables)
    return other


def test_steps_of_the_quickstart(quickstart: Plan) -> None:
    assert [step.name for step in build_steps(quickstart)] == [
        *("read", "dedup", "decontaminate", "lid", "similarity", "select", "pack", "report")
    ]
    assert [step.name for step in audit_steps(quickstart)] == [
        *("read", "dedup", "decontaminate", "sample", "report")
    ]
    assert [step.name for step in gold_steps(quickstart)] == ["read", "lid", "similarity", "select"]


def test_steps_follow_the_recipe(quickstart: Plan) -> None:
    more = changed(
        quickstart,
        dedup=DedupTable(off=True),
        decontaminate=DecontaminateTable(),
        caps=CapsTable(max_per_tgt=3),
        near_dedup=NearDedupTable(jaccard=0.8),
    )
    more.scorers = {name: s for name, s in quickstart.scorers.items() if s.stage != "similarity"}
    steps = build_steps(more)
    assert [step.name for step in steps] == [
        *("read", "lid", "caps", "near-dedup", "select", "pack", "report")
    ]
    assert steps[2].stages == ("tgt-cap-keys", "tgt-cap", "tgt-cap-mask")
    assert steps[2].losses == ("tgt-cap-mask",)


def _named_stages() -> set[str]:
    """The names of all steps of stages that have one name, whatever the recipe."""
    for module in pkgutil.iter_modules(sealdata.stages.__path__, "sealdata.stages."):
        importlib.import_module(module.name)
    waiting, names = [StageStep], set()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("sealdata.stages") and "name" in vars(cls):
            names.add(cls.name)
    return names


def test_every_stage_belongs_to_a_step(quickstart: Plan) -> None:
    full = changed(
        quickstart,
        caps=CapsTable(max_per_src=2, max_per_tgt=3),
        near_dedup=NearDedupTable(jaccard=0.8),
    )
    laser = quickstart.scorers["laser"]
    assert isinstance(laser, Laser)
    margins = laser.model_copy(update={"margin": "ratio"})
    full.scorers = {**quickstart.scorers, "laser": margins, "lexicon": Lexicon()}
    known = {stage for step in [*build_steps(full), *audit_steps(full)] for stage in step.stages}
    names = _named_stages()
    assert len(names) > 20
    assert names - WITHOUT_STEP - known == set()
    for step in build_steps(full):
        assert set(step.losses) <= set(step.stages)
        assert step.keeps is None or step.keeps in step.stages
    stages = [stage for step in build_steps(full) for stage in step.stages]
    assert len(stages) == len(set(stages))
