"""The steps of a run, in words that a curator knows: their titles, stages and costs."""

from sealdata.filter_stages import RULE_STAGES, RuleStage
from sealdata.pipeline.plan import Plan
from sealdata.workflow.steps import Step, Work

# Seconds of one core for a million pairs, on 512,254 real pairs with the rules of ``quickstart``.
# Those of margins, lexicons and near-duplicates are estimates. Only ratios matter, and only for
# steps that have not begun.
_READ = Work(("ingest", "clean", "exclude", "score-rules", "keys"), 36)
_DEDUP = (Work(("dedup",), 0.7), Work(("dedup-mask",), 0.2))
_DECONTAMINATE = (Work(("references",), 0), Work(("decontaminate",), 6))
_COSTS: dict[RuleStage, float] = {"rules": 0, "lid": 60, "similarity": 2300}
_GPU_COST = 100  # of an encoder that has a GPU
_MARGINS = tuple(
    Work((stage,), cost)
    for stage, cost in (
        ("margin-pool", 4),
        ("margin-index", 40),
        ("margin-search", 40),
        ("margin-compare", 0),  # either this, where a source is small, or the two before
        ("margin", 4),
    )
)
_LEXICON = (Work(("lexicon-draw",), 5), Work(("lexicon-learn",), 30), Work(("lexicon",), 40))
_NEAR = (
    *(Work(("near-bands",), 60), Work(("near-edges",), 5), Work(("near-sketches",), 10)),
    *(Work(("near-dedup",), 5), Work(("near-dedup-mask",), 0.2)),
)
_SELECT = (Work(("hold-out",), 2), Work(("cutoffs",), 0), Work(("select",), 4))
_PACK, _REPORT = Work(("pack",), 35), Work(("report",), 35)
_TITLES: dict[RuleStage, str] = {
    "rules": "score the text",
    "lid": "identify languages",
    "similarity": "score similarity",
}


def build_steps(plan: Plan) -> list[Step]:
    """The steps of a build."""
    scored = [step for stage in RULE_STAGES[1:] for step in _scored(plan, stage)]
    recipe = plan.recipe
    caps = [
        Work((f"{side}-cap{end}",), cost)
        for side, limit in (("src", recipe.caps.max_per_src), ("tgt", recipe.caps.max_per_tgt))
        if limit is not None
        for end, cost in (("-keys", 2), ("", 1), ("-mask", 0.2))
    ]
    masks = tuple(stage for work in caps for stage in work.stages if stage.endswith("-mask"))
    steps = [*_first(plan), *scored]
    if caps:
        steps.append(Step("caps", "limit repeated sides", tuple(caps), losses=masks))
    if recipe.asks_for("near-dedup"):
        losses = ("near-dedup-mask",)
        steps.append(Step("near-dedup", "find near-duplicates", _NEAR, losses=losses))
    steps.append(Step("select", "apply the rules, choose validation", _SELECT, keeps="select"))
    pack = Step("pack", "pack tokens", (_PACK,), unit="")
    return [*steps, pack, Step("report", "write report and card", (_REPORT,), unit="")]


def audit_steps(plan: Plan) -> list[Step]:
    """The steps of an audit of a recipe."""
    sample = Step("sample", "score a sample", (Work(("sample",), 20),))
    return [*_first(plan), sample, Step("report", "write the report", (_REPORT,), unit="")]


def gold_steps(plan: Plan) -> list[Step]:
    """The steps of a trial of a recipe on references."""
    scored = [step for stage in RULE_STAGES[1:] for step in _scored(plan, stage)]
    reading = Step("read", "read and clean references", (_READ,), "pairs", ("ingest",))
    return [reading, *scored, Step("select", "apply the rules", _SELECT, keeps="select")]


def _first(plan: Plan) -> list[Step]:
    """The steps that builds and audits have in common."""
    steps = [Step("read", "read and clean", (_READ,), "records", ("ingest", "exclude"))]
    if plan.recipe.asks_for("dedup"):
        steps.append(Step("dedup", "find duplicates", _DEDUP, losses=("dedup-mask",)))
    if plan.recipe.asks_for("decontaminate"):
        losses = ("decontaminate",)
        steps.append(Step("decontaminate", "find evaluation text", _DECONTAMINATE, losses=losses))
    return steps


def _scored(plan: Plan, stage: RuleStage) -> list[Step]:
    """The step of one filter stage; none if the recipe has no scorer of it."""
    scorers = plan.stage_scorers(stage).values()
    if not scorers:
        return []
    has_gpu = any(scorer.num_gpus() for scorer in scorers)
    works = [Work((f"score-{stage}",), _GPU_COST if has_gpu else _COSTS[stage])]
    if any(scorer.margin_params() for scorer in scorers):
        works += _MARGINS
    if any(scorer.learns for scorer in scorers):
        works += _LEXICON
    return [Step(stage, _TITLES[stage], tuple(works))]
