"""Margins across all pairs of a source: the stages that compute them, exactly or by an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from sealdata.encoders.approximate import faiss
from sealdata.filter_stages import RuleStage
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.scorers import MarginParams
from sealdata.stages.margin import Compare, Index, Margins, Pool, Search, Texts, block_names
from sealdata.stages.vectors import SIDES, Side
from sealdata.workflow.stage import Stage, StageOutput

MIN_INDEXED = 10_000  # texts of a side; fewer are compared exactly faster than an index is built

# By side: the names of the files that hold the neighbours of the side's texts, in the order of the
# texts.
Blocks = dict[Side, tuple[str, ...]]


def check_searchable(
    run: RunContext, params: MarginParams, stage: RuleStage, sources: Sequence[SourceState]
) -> None:
    """Find out that faiss is needed and missing before hours of encoding, not after.

    Raises:
        SealError: a source has more surviving pairs than are compared exactly.
    """
    if find_spec("faiss"):
        return
    for source in sources:
        # All rows are an upper bound on surviving rows, and known without reading scores and masks
        # of every part.
        if sum(source.cleaned.rows.values()) <= params.exact_up_to:
            continue
        evaluator = run.evaluator(source)
        surviving = sum(
            int(evaluator.evaluate(part, before=stage).surviving.sum())
            for part in source.cleaned.parts
        )
        # This call raises, because the library was not found above. Its message says what to
        # install.
        if surviving > params.exact_up_to:
            faiss()


def add_margins(run: RunContext, stage: RuleStage, sources: Sequence[SourceState]) -> None:
    """Compute the margins that scorers of the stage want, after their vectors were written."""
    for name, scorer in run.plan.stage_scorers(stage).items():
        if params := scorer.margin_params():
            # The vectors of all surviving pairs must be on disk first: a neighbour may be in any
            # part.
            margins = _MarginStages(run, name, stage, params).run_all(sources)
            for source, margin in zip(sources, margins, strict=True):
                # From here on the margin is a score column of the source, next to those that the
                # scorer wrote itself.
                source.over_corpus[name] = margin


@dataclass(frozen=True)
class _SourceTexts:
    """The distinct texts of both sides of a source."""

    # All tuples are in the order (src, tgt).
    texts: tuple[Texts, Texts]
    # Numbers of distinct texts, which are at most the surviving pairs.
    counts: tuple[int, int]
    # The key of the stage that listed the texts; everything made of the texts has it as an input.
    pool_key: str
    # The stage that wrote the vectors. Its parts are the parts of the source.
    scored: StageOutput

    @property
    def num_surviving(self) -> int:
        """Pairs that have vectors."""
        return sum(int(record.facts["surviving"]) for record in self.scored.records)


@dataclass(frozen=True)
class _MarginStages:
    """The stages of one scorer's margins. Those of all sources run side by side."""

    run: RunContext
    scorer: str
    stage: RuleStage
    params: MarginParams

    def run_all(self, sources: Sequence[SourceState]) -> list[StageOutput]:
        """The margins of each source: a column, aligned with the rows of its parts."""
        texts = self._pool(sources)
        # Exact comparison is quadratic; an index of few texts costs more than it saves.
        exact = [
            source.num_surviving <= self.params.exact_up_to or min(source.counts) < MIN_INDEXED
            for source in texts
        ]
        # Sources of one kind run side by side. The two iterators then return the outputs in the
        # order of the sources.
        compared = iter(
            self._compare([t for t, is_exact in zip(texts, exact, strict=True) if is_exact])
        )
        searched = iter(
            self._search([t for t, is_exact in zip(texts, exact, strict=True) if not is_exact])
        )
        neighbours = [next(compared if is_exact else searched) for is_exact in exact]
        return self._margins(texts, neighbours, exact)

    def _pool(self, sources: Sequence[SourceState]) -> list[_SourceTexts]:
        """List the distinct texts of each source.

        Neighbours depend on which pairs survive, and not on the rules that let them: the digest of
        the surviving rows is the input, so that a rule that drops no pair costs nothing here.
        """
        stores = [self.run.vectors(source, self.scorer) for source in sources]
        outputs = [source.scored[self.stage] for source in sources]
        stages = [
            Stage.of(
                # A task lists one side over all parts of a source: equal texts may be in different
                # parts.
                Pool(self.run.evaluator(source), self.stage, store, output.parts),
                (
                    # The key of the scoring stage is not an input here, because every change of an
                    # earlier rule changes it.
                    source.cleaned.key,
                    # The store's key names the encoders. Another encoder reads other texts as
                    # equal.
                    self.run.store_key(source, self.scorer),
                    *(record.facts["surviving_digest"] for record in output.records),
                ),
                SIDES,
            )
            for source, store, output in zip(sources, stores, outputs, strict=True)
        ]
        pooled = []
        for store, output, pool in zip(stores, outputs, self.run.run(stages), strict=True):
            src, tgt = (Texts(pool.folder, store, output.parts, side) for side in SIDES)
            num_src, num_tgt = (int(record.facts["texts"]) for record in pool.records)
            pooled.append(_SourceTexts((src, tgt), (num_src, num_tgt), pool.key, output))
        return pooled

    def _compare(self, sources: Sequence[_SourceTexts]) -> list[tuple[StageOutput, Blocks]]:
        """Compare every text of one side with every text of the other."""
        stages, blocks = [], []
        for source in sources:
            # A block of source texts is one task. Its cosines with all target texts serve the
            # neighbours of both sides.
            names = block_names("block", source.counts[0])
            # Each file has neighbours for both sides: of its own block of source texts, and of all
            # target texts.
            blocks.append(dict.fromkeys(SIDES, names))
            step = Compare(*source.texts, self.params.k)
            stages.append(Stage.of(step, (source.pool_key,), names))
        # Blocks are named in the manifest of the stage; the margins need to know which are whose.
        return list(zip(self.run.run(stages), blocks, strict=True))

    def _search(self, sources: Sequence[_SourceTexts]) -> list[tuple[StageOutput, Blocks]]:
        """Search every text of one side in an index of the other."""
        # A source text is searched among target texts, and the reverse. So both sides have an index
        # and blocks of their own.
        indexes = self.run.run(
            [Stage.of(Index(source.texts), (source.pool_key,), SIDES) for source in sources]
        )
        stages, blocks = [], []
        for source, index in zip(sources, indexes, strict=True):
            names: Blocks = {
                side: block_names(side, count)
                for side, count in zip(SIDES, source.counts, strict=True)
            }
            blocks.append(names)
            # Block names begin with the side, by which the step knows whose neighbours it seeks.
            # The index includes the pool in its key.
            step = Search(source.texts, index.folder, self.params.k)
            stages.append(Stage.of(step, (index.key,), names["src"] + names["tgt"]))
        return list(zip(self.run.run(stages), blocks, strict=True))

    def _margins(
        self,
        sources: Sequence[_SourceTexts],
        neighbours: Sequence[tuple[StageOutput, Blocks]],
        exact: Sequence[bool],
    ) -> list[StageOutput]:
        stages = []
        for source, (output, blocks), is_exact in zip(sources, neighbours, exact, strict=True):
            # A comparison of source blocks has, in each file, cosines of all target texts.
            whole: tuple[Side, ...] = ("tgt",) if is_exact else ()
            step = Margins(
                *source.texts, output.folder, blocks, whole, self.params.kind, self.params.k
            )
            inputs = (source.pool_key, output.key)
            # Margins are aligned with the parts of the scores, so that both are columns of one
            # frame.
            scored = source.scored
            stages.append(Stage.of(step, inputs, scored.parts, rows=scored.rows))
        return self.run.run(stages)
