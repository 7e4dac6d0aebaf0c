"""What a source has gone through so far, and what its stages share with those of others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealdata.files.digests import Digests
from sealdata.files.records import PartRecord, stage_key
from sealdata.filter_stages import RuleStage
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import SourceTable, use_languages
from sealdata.scorers import Scorer
from sealdata.stages.rules import DropMask, RuleEvaluator, ScoreStore
from sealdata.stages.takedowns import Takedowns
from sealdata.stages.withheld import Withheld
from sealdata.workflow.protocols import Engine, Progress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage, StageOutput


@dataclass
class SourceState:
    """One source of the recipe. The pipeline adds the outputs of its stages, one after another.

    While the source is still being read, outputs have no records: they say where files will be.
    """

    # The recipe's table is kept for the name and options of the source, which reports print.
    table: SourceTable
    lang: str  # FLORES-200 code of the side that is not English
    # Both are known before the source is read: the folder of a stage follows from its key.
    ingested: StageOutput
    cleaned: StageOutput
    masks: list[DropMask] = field(default_factory=list)  # in any order: FILTER_STAGES orders them
    scored: dict[RuleStage, StageOutput] = field(default_factory=dict)
    # Columns over all pairs of the source. A scorer without such columns has no entry.
    over_corpus: dict[str, StageOutput] = field(default_factory=dict)  # by scorer
    lexicon: StageOutput | None = None  # of its language, if the recipe has that scorer
    leaks: StageOutput | None = None  # of decontamination, if the recipe names evaluation sets
    # ``init=False``: these outputs exist only after later steps of the pipeline, and reading one
    # too early must fail.
    keys: StageOutput = field(init=False)
    selected: StageOutput = field(init=False)  # by a build
    sampled: StageOutput = field(init=False)  # by an audit

    @property
    def ingest_record(self) -> PartRecord:
        """The record of reading the whole source: its parts, and its rejected records."""
        # Ingest is one task per source, whatever the number of parts that it writes.
        return self.ingested.records[0]


@dataclass(frozen=True)
class RunContext:
    """What all stages of a run share: the plan, where they work, and what runs them."""

    plan: Plan
    # The folder of intermediate results: ``work/STAGE-KEY``.
    work: Path
    # SHA-256 of input files, cached by path, size and time of change.
    digests: Digests
    engine: Engine
    progress: Progress
    # None where the recipe names no list, which differs from lists without an entry.
    takedowns: Takedowns | None

    def __post_init__(self) -> None:
        # Another recipe may have been read since the plan was made.
        use_languages(self.plan.recipe)

    def run(self, stages: Sequence[Stage]) -> list[StageOutput]:
        """Run what is unfinished of ``stages``, side by side; see ``run_stages``."""
        # An empty list is allowed, so that callers need no special case, say where all margins are
        # exact.
        return run_stages(stages, self.work, self.engine, self.progress) if stages else []

    def withheld(self) -> Withheld:
        """Whose text leaves by no report."""
        scorers, cleaners = self.plan.scorers, self.plan.cleaners
        reasons = {
            rule.reason
            for rule in self.plan.recipe.rule
            if scorers[rule.score.partition(".")[0]].personal
        }
        masks = any(cleaner.personal for cleaner in cleaners.values())
        return Withheld(tuple(sorted(reasons)), self.takedowns, bool(reasons) or masks)

    def evaluator(self, state: SourceState) -> RuleEvaluator:
        """The evaluator of the source's parts, by all that has been made of it so far."""
        # A snapshot: masks and margins that are added to the state later do not appear in this
        # evaluator.
        return RuleEvaluator(
            # Limits of other sources are left out, so that they are in no key of this one.
            rules=tuple(
                rule.for_source(state.table.name, state.lang)
                for rule in self.plan.bound_rules([state.table])
            ),
            stores={
                name: self._store(state, name, scorer) for name, scorer in self.plan.scorers.items()
            },
            masks=tuple(state.masks),
            tgt_lang=state.lang,
            cleaned=state.cleaned.ref,
        )

    def _store(self, state: SourceState, name: str, scorer: Scorer) -> ScoreStore:
        # None until they are computed. Before that, the columns of the store are only those that
        # ``score`` writes.
        columns = state.over_corpus.get(name)
        return ScoreStore(
            stage=scorer.stage,
            folder=self.work / f"scores-{name}-{self.store_key(state, name)}",
            # The fingerprint includes margin parameters, unlike the folder: rules on margins depend
            # on them, the stored scores do not.
            fingerprint=scorer.for_languages([state.lang]).identity(),
            corpus=columns.ref if columns else None,
        )

    def vectors(self, state: SourceState, name: str) -> Path:
        """The folder of the embeddings that a scorer leaves."""
        # The key has no rule in it, so a later run with looser limits appends to the same files.
        return self.work / f"vectors-{name}-{self.store_key(state, name)}"

    def store_key(self, state: SourceState, name: str) -> str:
        """Names the scores of one scorer for one source.

        Neither other languages of the recipe nor the parameters of margins change it.
        """
        # The key has no rule in it: a moved threshold finds the scores of the run before.
        scorer = self.plan.scorers[name].for_languages([state.lang]).pairwise_only()
        return stage_key("scores", 1, [name, scorer.identity()], [state.cleaned.key])
