"""Build: run a recipe to its results, describe them, and leave a manifest that says it is done."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sealdata import __version__
from sealdata.build_manifest import (
    MANIFEST,
    BuildManifest,
    FertilityRow,
    StreamFacts,
    read_build_manifest,
)
from sealdata.dataset import describe
from sealdata.dataset.audit_sheet import read_annotations
from sealdata.dataset.build_key import build_key
from sealdata.dataset.foreign import RECIPE, check_own, foreign_files
from sealdata.dataset.results import (
    facts,
    file_facts,
    intact,
    locked,
    match_files,
    pair_files,
    place_results,
    set_aside_written,
    stream_files,
)
from sealdata.dataset.silent import silent_sources, silent_streams
from sealdata.dataset.verify import METADATA, result_problems
from sealdata.errors import DataError
from sealdata.files.digests import Digests
from sealdata.files.placed import add_digests, is_changed, set_aside
from sealdata.files.records import write_json
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.run import curate, read_lists
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.pipeline.streams import (
    SPLITS,
    PairFiles,
    Stream,
    open_table,
    plan_streams,
)
from sealdata.recipe.reading import write_recipe
from sealdata.report.dataset_card import write_metadata
from sealdata.report.facts import audit_facts, write_facts
from sealdata.report.html import write_report
from sealdata.report.margin_agreement import summary
from sealdata.sanity.check import Say, check_inputs, check_samples, say_nothing
from sealdata.sanity.samples import Samples
from sealdata.workflow.progress import working
from sealdata.workflow.protocols import Engine, Progress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import StageOutput


@dataclass(frozen=True)
class Built:
    """A finished build; ``fresh`` is false where it was there already."""

    manifest: BuildManifest
    fresh: bool


def build(
    plan: Plan,
    out: Path,
    engine: Engine,
    progress: Progress,
    limit: int | None = None,
    *,
    allow: Collection[str] = (),
    say: Say = say_nothing,
    check: bool = False,
    check_inputs_too: bool = False,
) -> Built:
    """Bring ``out`` to what the plan says, doing only what is not done yet.

    ``say`` receives the warnings of the sanity check, before the work begins. Its errors of a name
    in ``allow`` become warnings. With ``check``, a finished build is verified, and what differs is
    made again. With ``check_inputs_too``, inputs are hashed whatever their size and time of change.

    Raises:
        DataError: the sanity check found that the result would be worthless.
        SealError: an input or a stage failed; what had finished stays, and the next call goes on.
    """
    # Two builds in one folder would delete each other's results in ``place_results``.
    with locked(out), ExitStack() as last_step:
        if not (out / MANIFEST).is_file():  # a finished build needs no library
            plan.check_extras()
        # The folder first: what stands in the way of the results is said before any work.
        foreign = foreign_files(out)
        if not (out / MANIFEST).is_file() or MANIFEST in foreign:
            check_own(out)
        findings = check_inputs(plan, out, allow, say)
        work = out / "work"
        # A digest is cached by path, size and time of change, so an unchanged corpus is hashed
        # once.
        digests = Digests(work / "digests.json")
        if check_inputs_too:
            digests.forget()
        key = build_key(plan, digests, limit)
        # Saved before the work begins: a killed build must not hash the corpus again.
        digests.save()
        # The whole build is keyed, not only its stages. If nothing changed, no stage is even
        # planned.
        finished = _finished(out, key)
        if finished and check and result_problems(out):
            # The digests of results are computed again too: a wrong one may be what differs.
            finished = None
            digests.forget()
        if finished:
            if not all((out / name).is_file() for name in METADATA):
                write_metadata(finished, out, read_annotations(out, finished.funnel))
            return Built(finished, fresh=False)
        check_own(out)
        # Cheap, on samples: an error after curation would cost hours.
        sampled = check_samples(plan, Samples(plan), allow, say)
        if any(finding.name == "other-recipe" for finding in findings):
            set_aside_written(out)
        run = RunContext(plan, work, digests, engine, progress, read_lists(plan))
        sources, precision = curate(run, limit)
        # Streams are planned only now, because their inputs are keys of stages that ``curate`` has
        # run.
        streams = plan_streams(plan, _pair_inputs(sources), digests.sha256, limit)
        packed = run_stages([stream.stage for stream in streams], work, engine, progress)
        files = pair_files(sources) | match_files(sources) | stream_files(plan, streams, packed)
        last_step.enter_context(working(progress, "report"))
        # From here until the manifest is written, the folder counts as not finished.
        place_results(files, out)
        funnel = [describe.funnel_row(source) for source in sources]
        manifest = BuildManifest(
            # Every field follows from the recipe, the inputs or the records. Times are in no field,
            # so equal builds have equal manifests.
            name=plan.recipe.name,
            sealdata=__version__,
            build_key=key,
            limit=limit,
            recipe=plan.recipe.model_dump(mode="json"),
            versions=describe.versions(plan),
            models=describe.model_facts(plan),
            components=describe.component_rows(plan),
            lexicons=describe.lexicon_rows(sources),
            sources=describe.source_facts(plan, digests),
            funnel=funnel,
            findings=describe.published_findings(sampled, run.withheld()),
            silent=[
                *silent_sources(sources, funnel, run.withheld()),
                *silent_streams(streams, packed),
            ],
            failures=describe.failure_rows(sources),
            leaks=describe.leak_rows(sources),
            cleaning=describe.cleaning_rows(sources, plan.cleaners, run.withheld()),
            precision_errors=describe.precision_rows(precision),
            fertility=_fertility(plan, out, sources),
            streams=[fact for fact in map(_stream_facts, streams, packed) if fact],
            files=facts(files, digests),
        )
        # Digests of the results were added: a later build with the same results need not hash them.
        digests.save()
        manifest = _report(plan, out, manifest)
        # The manifest is the last file, by rename. Its presence says that all others are in place.
        write_json(out / MANIFEST, manifest.model_dump(mode="json"))
        return Built(manifest, fresh=True)


def _report(plan: Plan, out: Path, manifest: BuildManifest) -> BuildManifest:
    """Write audit, report and card. Returns the manifest with their digests added."""
    # The report is made from the files in ``out``, as a later ``audit`` of the build would make it.
    audit = audit_facts(out, manifest, metrics=plan.metrics)
    written: dict[str, Callable[[Path], None]] = {
        "report/audit.json": lambda path: write_facts(audit, path),
        "report/index.html": lambda path: write_report(audit, path, out),
        RECIPE: lambda path: write_recipe(manifest.recipe, path),
    }
    files = dict(manifest.files)
    # People change this copy and build from it: the comments that they put there are not lost.
    if is_changed(out, RECIPE):
        set_aside(out, RECIPE)
    # Reports are written into place, not linked: they are small, and no stage keeps them.
    for name, write in written.items():
        write(out / name)
        files[name] = file_facts(out / name)
    add_digests(out, [RECIPE])
    # The agreement with stored margins is computed for the report. The manifest repeats its
    # figures.
    margins = [summary(margin) for margin in audit.margins]
    manifest = manifest.model_copy(update={"files": files, "margins": margins})
    write_metadata(manifest, out)  # not among the files: people write on the card
    return manifest


def _pair_inputs(sources: list[SourceState]) -> list[PairFiles]:
    """The kept pairs per language and split, over all sources of the language."""
    # Files of all sources of a language go into one stream, in the order of the recipe.
    return [
        PairFiles(
            lang,
            split,
            tuple(
                source.selected.folder / f"{part}.{split}.parquet"
                for source in sources
                if source.lang == lang
                for part in source.selected.parts
            ),
            # The keys of all sources of the language: a change in any of them packs the stream
            # again.
            tuple(source.selected.key for source in sources if source.lang == lang),
        )
        for lang in dict.fromkeys(source.lang for source in sources)
        for split in SPLITS
    ]


def _fertility(plan: Plan, out: Path, sources: list[SourceState]) -> list[FertilityRow]:
    """Fertility of the recipe's tokenizers on the pairs just placed in ``out``."""
    # The tokenizer of the shards comes first; the others are for comparison only.
    tables = [plan.recipe.tokenizer, *plan.recipe.fertility]
    tokenizers = [open_table(table, plan) for table in tables]
    languages = list(dict.fromkeys(source.lang for source in sources))
    rows = describe.fertility_of_pairs(out, languages, tokenizers, plan.recipe.seed)
    return [FertilityRow(**row) for row in rows.iter_rows(named=True)]


def _stream_facts(stream: Stream, output: StageOutput) -> StreamFacts | None:
    """The row of the manifest for a packed stream; None for one without documents."""
    # A pack stage has one part, and so one record.
    facts = dict(output.records[0].facts)
    # For example, validation of a corpus so small that no sentence is drawn.
    if facts.pop("empty"):
        return None
    return StreamFacts(path=f"shards/{stream.path}", **facts)


def _finished(out: Path, key: str) -> BuildManifest | None:
    """The manifest of an earlier run with the same key, if all its results are there."""
    try:
        manifest = read_build_manifest(out)
    # No manifest, or one of another format: the build is not finished, which is not an error here.
    except DataError:
        return None
    return manifest if manifest.build_key == key and intact(out, manifest) else None
