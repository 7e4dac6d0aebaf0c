"""The filter stages: where a build may drop a record, in the order in which it decides.

This table is the only place that knows the order. The pipeline, the rules, an audit's sample, the
manifest, the funnel, the report and the card read it here.
"""

from typing import Literal, NamedTuple, get_args

# Stages whose drops are decided by rules on scores. A scorer belongs to one of them.
RuleStage = Literal["rules", "lid", "similarity"]
DecidedBy = Literal["reader", "mask", "rules", "split"]


class FilterStage(NamedTuple):
    """One row of the table.

    ``decided_by`` says what drops a record there. ``reader``: the reader of the file rejects it.
    ``mask``: a step of its own compares it with lists or with other pairs. ``rules``: the rules on
    scores of this stage. ``split``: the choice of the validation split.

    ``audited`` says whether an audit of a recipe runs the stage. Stages that need the scores of
    all pairs are left to a build.

    The stage ``rules`` also drops pairs of which cleaning left a side with nothing to see
    (``empty_side``): no recipe can switch that off.
    """

    name: str  # in the ledger, the manifest, the funnel and audit.json
    decided_by: DecidedBy
    audited: bool = True


# The order is by cost and by meaning. Takedowns come first, so that no excluded pair displaces
# another.
FILTER_STAGES = (
    FilterStage("ingest", "reader"),
    FilterStage("exclude", "mask"),
    # Cheap scores of the text come before anything that compares pairs or runs a model.
    FilterStage("rules", "rules"),
    # Both work on hashes that were made while reading. They spare the models duplicates and leaked
    # pairs.
    FilterStage("dedup", "mask"),
    FilterStage("decontaminate", "mask"),
    # Language ID is far cheaper than an encoder, so it decides first what is encoded.
    FilterStage("lid", "rules"),
    FilterStage("similarity", "rules"),
    # These rank or compare pairs that all scores have kept.
    FilterStage("caps", "mask", audited=False),
    FilterStage("near-dedup", "mask", audited=False),
    FilterStage("select", "split", audited=False),
)
STAGE_NAMES = tuple(stage.name for stage in FILTER_STAGES)
RULE_STAGES: tuple[RuleStage, ...] = get_args(RuleStage)  # in the order of the table, tested
COMPARING_STAGES = ("dedup", "decontaminate")  # they hold every pair against other sentences


def stages_before(name: str) -> tuple[str, ...]:
    """The names of the stages that decide earlier than ``name``, in order."""
    return STAGE_NAMES[: STAGE_NAMES.index(name)]


def num_scored_stages(name: str) -> int:
    """How many of RULE_STAGES have scored a record by the time that ``name`` drops it.

    0 for ``ingest`` and ``exclude``, 1 from ``rules`` to ``decontaminate``, 2 for ``lid``, 3 from
    ``similarity`` on.
    """
    return sum(stage in (*stages_before(name), name) for stage in RULE_STAGES)
