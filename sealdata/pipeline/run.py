"""The pipeline: from the files of a recipe's sources to pairs with scores and a decision."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sealdata.files.places import locate
from sealdata.filter_stages import RULE_STAGES, RuleStage
from sealdata.kernels import is_compiled
from sealdata.pipeline.cross_source import cap_sides, drop_duplicates, drop_near_duplicates
from sealdata.pipeline.lexicon_stages import add_lexicons
from sealdata.pipeline.margin_stages import add_margins, check_searchable
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.recipe.tables import SourceTable
from sealdata.scorers import Scorer
from sealdata.stages.arithmetic_error import (
    PairsOf,
    comparisons,
    sampled_pairs,
    surviving_pairs,
)
from sealdata.stages.clean import EMPTIED, EMPTY_SIDE, Clean
from sealdata.stages.decontaminate import Decontaminate, References
from sealdata.stages.exclude import EXCLUDED, Exclude
from sealdata.stages.ingest import Ingest
from sealdata.stages.keys import Keys
from sealdata.stages.rules import DropMask, RuleEvaluator
from sealdata.stages.sample import Sample, allocate
from sealdata.stages.score import Score
from sealdata.stages.select import Cutoffs, HoldOut, Select
from sealdata.stages.takedowns import Takedowns, read_takedowns
from sealdata.workflow.stage import Stage, StageOutput
from sealdata.workflow.streaming import StreamingStages, run_streaming

# Pairs by language -> how many of them to score.
SampleSizes = Callable[[dict[str, int]], dict[str, int]]

FIRST_RUN = (
    "first run of this version on this machine: it compiles for some seconds, later runs do not"
)


def curate(
    run: RunContext, limit: int | None = None
) -> tuple[list[SourceState], list[StageOutput]]:
    """All filter stages over all pairs. Returns the sources, in the order of the recipe, and the
    measured arithmetic errors.

    The order of the calls is that of ``sealdata.filter_stages``.
    """
    # Reading, cleaning, the first scores and the keys share one pass over the text: a compressed
    # file has one reader, and its parts go on to other processes while it reads.
    sources = _read(run, limit, keys_of_all=False)
    # Exact duplicates go before all costly work: a pair that occurs ten times is identified and
    # encoded once.
    drop_duplicates(run, sources)
    _decontaminate(run, sources)
    errors: list[StageOutput] = []
    # From cheap to costly: language ID sees only what rules and duplicates left, the encoder only
    # what language ID left. An encoder takes a thousand times as long per pair as a rule.
    for stage in RULE_STAGES[1:]:  # those of the first stage were scored while reading
        _score(run, stage, sources)
        add_margins(run, stage, sources)
        add_lexicons(run, stage, sources)
        # The evaluator is pickled with the function, so another process can read the pairs by
        # itself.
        pairs_of: list[PairsOf] = [
            partial(surviving_pairs, run.evaluator(source)) for source in sources
        ]
        # A recipe may have no scorer of this stage. Then there is no output, and nothing to
        # measure.
        scored = [source.scored[stage] for source in sources if stage in source.scored]
        errors += _measure_errors(run, stage, sources, pairs_of, scored)
    # These rank pairs by their scores, so they come after all scores.
    cap_sides(run, sources)
    drop_near_duplicates(run, sources)
    # Selection comes last, because validation is drawn from surviving pairs only.
    _select(run, sources)
    return sources, errors


def survey(
    run: RunContext, sizes: SampleSizes, limit: int | None = None
) -> tuple[list[SourceState], list[StageOutput]]:
    """Read, clean, find duplicates and decontaminate everything; score a sample of each language.

    ``sizes`` says how many pairs to draw, from all parts in proportion. All pairs have keys here,
    also those that a rule would drop before a build looks for duplicates. Stages that need the
    scores of all pairs (caps, near-duplicates) are left to a build.
    """
    sources = _read(run, limit, keys_of_all=True)
    drop_duplicates(run, sources)
    _decontaminate(run, sources)
    _sample(run, sources, sizes)
    errors: list[StageOutput] = []
    # One sample serves all stages: every scorer has scored all its pairs.
    sampled = [source.sampled for source in sources]
    for stage in RULE_STAGES:
        pairs_of: list[PairsOf] = [
            partial(sampled_pairs, output.folder, stage) for output in sampled
        ]
        errors += _measure_errors(run, stage, sources, pairs_of, sampled)
    return sources, errors


def read_lists(plan: Plan) -> Takedowns | None:
    """The entries of the recipe's takedown lists; None where it names none."""
    # A path in a list of takedowns starts at the folder of the recipe, as every path does.
    lists = [locate(name, plan.base) for name in plan.recipe.exclude.lists]
    return read_takedowns(lists) if lists else None


def _read(run: RunContext, limit: int | None, keys_of_all: bool) -> list[SourceState]:
    """Ingest, clean, exclude, score and key each part of a source while the rest is being read."""
    # The graph of stages is built before anything runs. The key of a stage follows from those
    # before it, not from results.
    sources, streams = [], []
    for table in run.plan.recipe.source:
        # Parts are not known before the file is read, so the consumers have none: ``run_streaming``
        # names them.
        ingest = _ingest(run, table, limit)
        clean = Stage.of(
            Clean(run.plan.cleaners, ingest.output(run.work).folder), (ingest.key,), ()
        )
        source = SourceState(
            table, table.other_lang, ingest.output(run.work), clean.output(run.work)
        )
        source.masks.append(DropMask("rules", EMPTY_SIDE, source.cleaned.ref, EMPTIED))
        # Consumers of a part run in this order, because each reads the output of those before it.
        consumers = [clean, *_exclude(run, source)]
        if keys_of_all:
            # An audit counts duplicates among all pairs, also among those that a rule would drop.
            evaluator = RuleEvaluator((), {}, tuple(source.masks), source.lang, source.cleaned.ref)
        else:
            # Rules on text come before the keys: a pair that they drop must not displace its valid
            # duplicate.
            consumers += _score_stages(run, "rules", source)
            evaluator = run.evaluator(source)
        # The keys come last: only now is it known which pairs survive the first rules.
        consumers.append(Stage.of(Keys(evaluator), evaluator.inputs(), ()))
        sources.append(source)
        streams.append(StreamingStages(ingest, tuple(consumers)))
    if not is_compiled():
        run.progress.note(FIRST_RUN)
    # All sources are read side by side. The longest file limits the time of this step.
    finished = run_streaming(streams, run.work, run.engine, run.progress)
    for source, outputs in zip(sources, finished, strict=True):
        # The outputs come in the order of the stages above: ingest first, keys last.
        source.ingested, source.cleaned, *_, source.keys = outputs
        for output in outputs:
            # The stage is absent if the recipe has no scorer without a model.
            if output.stage == "score-rules":
                source.scored["rules"] = output
    return sources


def _ingest(run: RunContext, table: SourceTable, limit: int | None) -> Stage:
    reader, source = run.plan.reader(table)
    digests = tuple(run.digests.sha256(path) for path in reader.files(source.path))
    # The digests of the files, not their paths, are the inputs: a moved corpus is not read again.
    # With a limit, all sources take about equally long, whatever their sizes.
    weight = reader.size(source.path) if limit is None else 1
    # ``part_rows`` and ``limit`` are parameters of the stage, so a partial build shares no parts
    # with a full one.
    step = Ingest(reader, source, run.plan.recipe.part_rows, limit, table.translation)
    return Stage.of(step, digests, (table.name,), weight=weight)


def _exclude(run: RunContext, source: SourceState) -> list[Stage]:
    """Takedowns come first: an excluded pair must neither be scored nor displace a duplicate."""
    if run.takedowns is None:
        return []
    step = Exclude(run.takedowns, source.cleaned.folder)
    stage = Stage.of(step, (source.cleaned.key,), ())
    # The mask does not exist yet. Its place is known, and the consumers that read it run after its
    # stage.
    source.masks.append(DropMask("exclude", EXCLUDED, stage.output(run.work).ref))
    return [stage]


def _score(run: RunContext, stage: RuleStage, sources: Sequence[SourceState]) -> None:
    """Score the surviving pairs of all sources by the scorers of one filter stage."""
    # Encoding takes hours, and a missing library for the search after it would show only then.
    for scorer in run.plan.stage_scorers(stage).values():
        if params := scorer.margin_params():
            check_searchable(run, params, stage, sources)
    # Each list has one stage or none. It is the same for all sources, because scorers belong to the
    # recipe.
    stages = [_score_stages(run, stage, source) for source in sources]
    outputs = run.run([work for source_stages in stages for work in source_stages])
    if outputs:
        for source, output in zip(sources, outputs, strict=True):
            source.scored[stage] = output


def _score_stages(run: RunContext, stage: RuleStage, source: SourceState) -> list[Stage]:
    """The work that scores one source, or none if the recipe has no scorer of the stage."""
    scorers = run.plan.stage_scorers(stage)
    if not scorers:
        return []
    # The evaluator says which pairs survive so far: only those are scored.
    evaluator = run.evaluator(source)
    # Scorers with margins leave their vectors on disk: neighbours are sought later, and encoding
    # twice would double the encoder's time.
    vectors = {
        name: run.vectors(source, name)
        for name, scorer in scorers.items()
        if scorer.margin_params()
    }
    # The stage is unfinished if a score file is gone, though its own folder has none of them.
    stores = (*(evaluator.stores[name].folder for name in scorers), *vectors.values())
    return [
        Stage.of(
            Score(stage, scorers, evaluator, vectors),
            evaluator.inputs(),
            source.cleaned.parts,
            rows=source.cleaned.rows,
            stores=stores,
            # One task runs all scorers of the stage, so it needs the GPUs of the one that needs
            # most.
            num_gpus=_num_gpus(scorers.values()),
        )
    ]


def _decontaminate(run: RunContext, sources: Sequence[SourceState]) -> None:
    """Drop pairs that match an evaluation set, if the recipe names any."""
    files = tuple(run.plan.evaluation_files())
    # Without a mask the evaluator has no flags of this stage.
    if not files:
        return
    # One table of all sets, made once and mapped by every worker, instead of a search per set.
    digests = tuple(run.digests.sha256(file.path) for file in files)
    [references] = run.run([Stage.of(References(files), digests, ("references",))])
    hashes = references.folder / "references.parquet"
    table = run.plan.recipe.decontaminate
    stages = [
        Stage.of(
            Decontaminate(
                source.keys.folder,
                hashes,
                source.cleaned.folder,
                table.containment,
                table.min_chars,
            ),
            # Keys say which pairs survive the rules: others are not searched. Paths of the sets are
            # not inputs, their content is.
            (source.cleaned.key, source.keys.key, references.key),
            source.cleaned.parts,
            rows=source.cleaned.rows,
        )
        for source in sources
    ]
    for source, output in zip(sources, run.run(stages), strict=True):
        source.leaks = output
        # A leak is dropped, not moved to validation: it must not be in any split of the dataset.
        source.masks.append(DropMask("decontaminate", "eval_leak", output.ref))


def _measure_errors(
    run: RunContext,
    stage: RuleStage,
    sources: Sequence[SourceState],
    pairs_of: Sequence[PairsOf],
    scored: Sequence[StageOutput],
) -> list[StageOutput]:
    """Where scorers of the stage have reduced precision, measure it on some pairs per language."""
    errors = []
    for name, scorer in run.plan.stage_scorers(stage).items():
        # Full precision has no error to measure, and returns None.
        if check := scorer.reference_precision():
            langs = [source.lang for source in sources]
            # A language may have several sources. Its pairs are drawn from all of them.
            compared = list(zip(langs, pairs_of, scored, strict=True))
            rules = run.plan.bound_rules(run.plan.recipe.source)
            errors += run.run(comparisons(name, check, rules, compared))
    return errors


def _sample(run: RunContext, sources: Sequence[SourceState], sizes: SampleSizes) -> None:
    """Score a sample of every source. A language's pairs come from all its parts in proportion."""
    # In proportion over all parts, never the head of a file: NLLB files are sorted by score.
    # By language: (number of the source, part) -> rows. Names of parts repeat between sources.
    heights: dict[str, dict[tuple[int, str], int]] = {source.lang: {} for source in sources}
    for index, source in enumerate(sources):
        rows = source.cleaned.rows
        heights[source.lang] |= {(index, part): height for part, height in rows.items()}
    # The caller decides the sizes once the number of pairs is known.
    num_wanted = sizes({lang: sum(parts.values()) for lang, parts in heights.items()})
    drawn: dict[tuple[int, str], int] = {}
    for lang, parts in heights.items():
        drawn |= allocate(parts, num_wanted[lang])
    stages = []
    for index, source in enumerate(sources):
        evaluator = run.evaluator(source)
        part_sizes = {part: drawn[index, part] for part in source.cleaned.parts}
        # The sample is scored in one task per part, with all scorers, so it needs the GPUs of any
        # of them.
        seed, withheld = run.plan.recipe.seed, run.withheld()
        step = Sample(part_sizes, run.plan.scorers, evaluator, seed, withheld)
        gpus = _num_gpus(run.plan.scorers.values())
        stages.append(Stage.of(step, evaluator.inputs(), source.cleaned.parts, num_gpus=gpus))
    for source, output in zip(sources, run.run(stages), strict=True):
        source.sampled = output


def _select(run: RunContext, sources: Sequence[SourceState]) -> None:
    """Choose validation pairs, and write every pair to its split or to the ledger."""
    validation, seed = run.plan.recipe.validation, run.plan.recipe.seed
    evaluators = [run.evaluator(source) for source in sources]
    # The keys hold the hash of the English side, by which validation pairs are drawn.
    inputs = [
        (*evaluator.inputs(), source.keys.key)
        for evaluator, source in zip(evaluators, sources, strict=True)
    ]
    # Two passes: the cap per language needs the hashes of all candidates before any is placed.
    held_out = run.run(
        [
            Stage.of(
                HoldOut(evaluator, source.keys.folder, validation.share, seed),
                keys,
                source.cleaned.parts,
                rows=source.cleaned.rows,
            )
            for evaluator, source, keys in zip(evaluators, sources, inputs, strict=True)
        ]
    )
    # Files by language, in the order of the recipe. A language may have several sources, and its
    # cap covers all of them.
    candidates = {
        lang: tuple(
            output.folder / f"{part}.parquet"
            for source, output in zip(sources, held_out, strict=True)
            if source.lang == lang
            for part in output.parts
        )
        for lang in dict.fromkeys(source.lang for source in sources)
    }
    # One small task over all hashes: a share of 0.0005 leaves about 200,000 hashes of 400 million
    # pairs.
    cap = Cutoffs(candidates, validation.max_pairs)
    [cutoffs] = run.run([Stage.of(cap, tuple(output.key for output in held_out), ("all",))])
    # This step writes the text once more, with all scores and, for dropped pairs, all reasons.
    selected = run.run(
        [
            Stage.of(
                Select(
                    evaluator,
                    source.ingested.folder,
                    held.folder,
                    cutoffs.folder / "all.cutoffs.json",
                    run.withheld(),
                ),
                # A new source may lower the cutoff of its language. Old candidates above it then
                # leave validation, so every source depends on the cutoffs.
                (*keys, held.key, cutoffs.key),
                source.cleaned.parts,
                rows=source.cleaned.rows,
            )
            for evaluator, source, held, keys in zip(
                evaluators, sources, held_out, inputs, strict=True
            )
        ]
    )
    for source, output in zip(sources, selected, strict=True):
        source.selected = output


def _num_gpus(scorers: Iterable[Scorer]) -> int:
    return max((scorer.num_gpus() for scorer in scorers), default=0)
