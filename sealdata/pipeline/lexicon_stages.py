"""Lexicons: the stages that learn one for each language, and score all pairs by it."""

from collections.abc import Sequence

from sealdata.filter_stages import RuleStage
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.scorers.lexicon import Lexicon
from sealdata.stages.lexicon import LEXICON, Draw, Learn, ScorePairs
from sealdata.workflow.stage import Stage, StageOutput

_DRAWN = 1.5  # times max_pairs are drawn of a source, because rules drop some of its rows


def add_lexicons(run: RunContext, stage: RuleStage, sources: Sequence[SourceState]) -> None:
    """Compute the scores of the scorer ``lexicon``, if the recipe has it and this is its stage."""
    for name, scorer in run.plan.stage_scorers(stage).items():
        if not isinstance(scorer, Lexicon):
            continue
        learnt = _learn(run, stage, scorer, sources)
        stages = []
        for source in sources:
            output = learnt[source.lang]
            is_judged = output.records[0].facts["learnt"] and _knows(scorer, source, stage)
            folder = output.folder if is_judged else None
            step = ScorePairs(run.evaluator(source), stage, folder)
            inputs = (*_surviving(source, stage), output.key)
            stages.append(Stage.of(step, inputs, source.cleaned.parts, rows=source.cleaned.rows))
        for source, judged_output in zip(sources, run.run(stages), strict=True):
            source.over_corpus[name] = judged_output
            source.lexicon = learnt[source.lang]


def _knows(scorer: Lexicon, source: SourceState, stage: RuleStage) -> bool:
    """Whether the lexicon has seen enough of the source. A small source may be of a domain of its
    own, whose words have no partners yet. A recipe with ``learn_from`` has decided that itself."""
    num_pairs = sum(int(record.facts["surviving"]) for record in source.scored[stage].records)
    return bool(scorer.learn_from) or num_pairs >= scorer.min_pairs


def _surviving(source: SourceState, stage: RuleStage) -> tuple[str, ...]:
    """What says which pairs there are, and not by which rules: as in ``margin_stages``."""
    digests = (record.facts["surviving_digest"] for record in source.scored[stage].records)
    return (source.cleaned.key, *digests)


def _learn(
    run: RunContext, stage: RuleStage, scorer: Lexicon, sources: Sequence[SourceState]
) -> dict[str, StageOutput]:
    """The lexicon of each language."""
    teachers = [s for s in sources if not scorer.learn_from or s.table.name in scorer.learn_from]
    draws = []
    for source in teachers:
        rows = sum(source.cleaned.rows.values())
        share = min(1.0, _DRAWN * scorer.max_pairs / max(rows, 1))
        step = Draw(run.evaluator(source), stage, share)
        parts, heights = source.cleaned.parts, source.cleaned.rows
        draws.append(Stage.of(step, _surviving(source, stage), parts, rows=heights))
    drawn = list(zip(teachers, run.run(draws), strict=True))
    langs = list(dict.fromkeys(source.lang for source in sources))
    learning = []
    for lang in langs:
        lang_draws = [output for source, output in drawn if source.lang == lang]
        files = tuple(
            tuple(output.folder / f"{part}.parquet" for part in output.parts)
            for output in lang_draws
        )
        learn = Learn(files, scorer.max_pairs, scorer.min_pairs)
        learning.append(Stage.of(learn, tuple(output.key for output in lang_draws), (LEXICON,)))
    return dict(zip(langs, run.run(learning), strict=True))
