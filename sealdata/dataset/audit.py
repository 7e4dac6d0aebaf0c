"""Audit: report on a recipe's corpora by a sample scored in full, or on a finished build."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from sealdata import __version__
from sealdata.build_manifest import BuildManifest, FertilityRow, FunnelRow, read_build_manifest
from sealdata.dataset import describe
from sealdata.dataset.audit_sheet import read_annotations, write_annotations
from sealdata.dataset.foreign import check_own_audit
from sealdata.dataset.results import locked
from sealdata.dataset.silent import silent_sources
from sealdata.errors import DataError
from sealdata.files.digests import Digests
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.placed import add_placed
from sealdata.files.records import read_json, stage_key
from sealdata.filter_stages import COMPARING_STAGES, FILTER_STAGES
from sealdata.gold.trial_facts import GoldFacts
from sealdata.labels.sheet import FOLDER
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.run import read_lists, survey
from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.pipeline.streams import open_table
from sealdata.plugins.metric import Metric
from sealdata.report.audit_rows import AuditRows, ledger_rows
from sealdata.report.duplicate_examples import corpus_duplicate_examples
from sealdata.report.facts import NO_METRICS, Compared, audit_facts, write_facts
from sealdata.report.html import write_report
from sealdata.report.metrics import metrics_of
from sealdata.report.other_views import match_facts
from sealdata.report.reason_counts import by_source, spread
from sealdata.report.schema import AuditFacts, DuplicateFacts
from sealdata.sanity.check import Say, check, say_nothing
from sealdata.stages.decontaminate import MATCHES
from sealdata.tokenizers import named
from sealdata.tokens.fertility import MAX_PAIRS, fertility
from sealdata.workflow.progress import working
from sealdata.workflow.protocols import NO_PROGRESS, Engine, Progress
from sealdata.workflow.steps import single

ROWS = 20_000  # scored in all: a share of half of them is known to within 1 %
MIN_ROWS = 1000  # per language, so that figures of small ones mean something
# Written by ``sealdata gold --json`` into the audit's folder, if someone asks for it there.
GOLD = "gold.json"


@dataclass(frozen=True)
class Audited:
    """The facts of an audit, and where its page lies."""

    facts: AuditFacts
    page: Path
    audit_rows: AuditRows


READ_BUILD = single("report", "read the build, write the report")


def audit_build(out: Path, progress: Progress = NO_PROGRESS) -> Audited:
    """Read the finished build in ``out`` again, and write its report to ``audit/``.

    The report of the build itself does not change: its manifest has the digest.

    Raises:
        DataError: there is no finished build, or a file of it is damaged.
    """
    manifest = read_build_manifest(out)
    check_own_audit(out)
    # A build has every pair with all scores it was given, so nothing has to be drawn or scored.
    with working(progress, READ_BUILD.name):
        audited = _write(out, manifest, ledger_rows(out, manifest.languages), None)
        # Plugins do not run here: the build has recorded their figures.
        recorded = _recorded_metrics(out, manifest)
        if not recorded:
            return audited
        metrics = audited.facts.metrics | recorded
        facts = audited.facts.model_copy(update={"metrics": metrics})
        return _finish(facts, out, audited.audit_rows)


def _recorded_metrics(out: Path, manifest: BuildManifest) -> dict[str, float]:
    """The figures that plugins computed when the build was made; {} without such plugins."""
    names = [row.name for row in manifest.components if row.kind == "metric"]
    path = out / "report" / "audit.json"
    if not names or not path.is_file():
        return {}
    table = read_json(path).get("metrics", {})
    return {name: value for name, value in table.items() if name.partition(".")[0] in names}


def audit_recipe(
    plan: Plan,
    out: Path,
    engine: Engine,
    progress: Progress,
    rows: int = ROWS,
    limit: int | None = None,
    *,
    allow: Collection[str] = (),
    say: Say = say_nothing,
) -> Audited:
    """Audit the corpora of a recipe before they are built.

    All pairs are ingested, cleaned and compared; ``rows`` of them get all scores. Report,
    ``audit.json`` and the sample are written. Nothing is packed. A build continues from this state.
    ``allow`` and ``say`` are those of a build.

    Raises:
        DataError: the sanity check found that the result would be worthless.
        SealError: an input or a stage failed. Finished parts stay, and the next call continues.
    """
    # The audit writes into the work folder of a build, so both must not run at once.
    with locked(out):
        check_own_audit(out)
        sampled, _ = check(plan, out, allow, say)
        digests = Digests(out / "work" / "digests.json")
        # Margins need all pairs of a source. In a sample every pair would have other neighbours.
        run = RunContext(
            plan.pairwise_only(), out / "work", digests, engine, progress, read_lists(plan)
        )
        # The size of each language is known only after reading, so the sizes are passed as a
        # function.
        sources, precision = survey(run, lambda pairs: sample_sizes(pairs, rows), limit)
        with working(progress, "report"):
            audit_rows = _sampled_rows(out, sources)
            manifest = _manifest(run, sources, audit_rows, limit)
            findings = describe.published_findings(sampled, run.withheld())
            errors = describe.precision_rows(precision)
            manifest = manifest.model_copy(
                update={"precision_errors": errors, "findings": findings}
            )
            # The digests cost a pass over the input files. A build that follows finds them.
            digests.save()
            compared = _compared(plan, sources, audit_rows)
            return _write(out, manifest, audit_rows, compared, plan.metrics)


def sample_sizes(pairs: dict[str, int], rows: int) -> dict[str, int]:
    """Pairs to score by language: in proportion, but at least MIN_ROWS, or all of fewer."""
    # A small language gets more than its share. Its figures would be too uncertain otherwise.
    total = sum(pairs.values())
    return {
        # All sizes together may exceed ``rows``, if there are many small languages.
        lang: min(count, max(MIN_ROWS, round(rows * count / total))) if total else 0
        for lang, count in pairs.items()
    }


def apply_annotations(audited: Audited, filled: Sequence[Path]) -> Audited:
    """Read filled-in sheets, and write report and ``audit.json`` again with what they say.

    Raises:
        DataError: a sheet is damaged or belongs to another audit.
    """
    folder = audited.page.parent
    write_annotations(folder, filled, audited.facts)
    # The facts and rows are those of the audit that drew the sheet. Nothing is sampled again.
    return _finish(audited.facts, folder.parent, audited.audit_rows)


def _write(
    out: Path,
    manifest: BuildManifest,
    audit_rows: AuditRows,
    compared: Compared | None,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> Audited:
    facts = audit_facts(out, manifest, audit_rows, compared, metrics)
    return _finish(facts, out, audit_rows)


def _finish(facts: AuditFacts, out: Path, audit_rows: AuditRows) -> Audited:
    # Labels and references are not computed by an audit: people and ``gold`` leave them in its
    # folder.
    annotation = read_annotations(out, facts.build.funnel)
    facts = facts.model_copy(update={"annotation": annotation, "gold": _gold(out)})
    metrics, errors = metrics_of(facts)
    # Those of plugins stay: what is computed again here are our own.
    facts = facts.model_copy(update={"metrics": facts.metrics | metrics, "errors": errors})
    page = out / FOLDER / "index.html"
    add_placed(out, [f"{FOLDER}/index.html", f"{FOLDER}/audit.json"])
    # The page is made of the same facts, so numbers in both agree.
    write_facts(facts, out / FOLDER / "audit.json")
    write_report(facts, page, out, audit_rows)
    return Audited(facts, page, audit_rows)


def _gold(out: Path) -> dict[str, Any]:
    """What `sealdata gold --json` left in ``audit/gold.json``, without examples; {} if nothing.

    Raises:
        DataError: it is something else.
    """
    path = out / FOLDER / GOLD
    # References are optional: most audits have no ``gold.json``.
    if not path.is_file():
        return {}
    # These are computed fields in the output, which the model refuses as input.
    computed = {"languages": {"percent"}, "defects": {"recall", "percent"}}
    table = read_json(path)
    try:
        for name, derived in computed.items():
            table[name] = [
                {k: v for k, v in row.items() if k not in derived} for row in table[name]
            ]
        facts = GoldFacts.model_validate(table)
    # A file that a person put there may have any content, so any shape must end in one line.
    except (ValidationError, TypeError, KeyError, AttributeError):
        raise DataError(f"{path} is not what `sealdata gold --json` prints") from None
    # Examples hold text of the references, which does not belong in the facts of this corpus.
    return facts.model_dump(mode="json", exclude={"languages": {"__all__": {"examples"}}})


def _sampled_rows(out: Path, sources: list[SourceState]) -> AuditRows:
    """The sampled rows of each language, in one file next to the report."""
    files: dict[str, list[Path]] = {}
    rows: dict[str, int] = {}
    for lang in dict.fromkeys(source.lang for source in sources):
        of_lang = [source for source in sources if source.lang == lang]
        frames = [
            read_frame(source.sampled.folder / f"{part}.parquet")
            for source in of_lang
            for part in source.sampled.parts
        ]
        # The sample is a result of the audit: it stays when ``work`` is deleted.
        path = out / FOLDER / f"sample-{lang}.parquet"
        add_placed(out, [path.relative_to(out).as_posix()])
        write_frame(pl.concat(frames), path)
        files[lang] = [path]
        # Rows of the whole corpus, not of the sample: the report scales shares by them.
        rows[lang] = sum(record.facts["rows"] for s in of_lang for record in s.sampled.records)
    return AuditRows(files, rows)


def _manifest(
    run: RunContext, sources: list[SourceState], audit_rows: AuditRows, limit: int | None
) -> BuildManifest:
    """A manifest as a build would leave it, its funnel estimated and without streams."""
    plan = run.plan
    # The sample depends on every stage before it, so its keys name all that the audit rests on.
    keys = [source.sampled.key for source in sources]
    funnel = _funnel(sources, audit_rows)
    return BuildManifest(
        name=plan.recipe.name,
        sealdata=__version__,
        # The name "audit" in the key keeps it apart from the key of any build.
        build_key=stage_key("audit", 1, [__version__, limit], keys),
        limit=limit,
        recipe=plan.recipe.model_dump(mode="json"),
        versions=describe.versions(plan),
        models=describe.model_facts(plan),
        components=describe.component_rows(plan),
        sources=describe.source_facts(plan, run.digests),
        funnel=funnel,
        silent=silent_sources(sources, funnel, run.withheld()),
        # Counted over all pairs, as in a build.
        leaks=describe.leak_rows(sources),
        cleaning=describe.cleaning_rows(sources, plan.cleaners, run.withheld()),
        fertility=_fertility(plan, audit_rows),
    )


def _funnel(sources: list[SourceState], audit_rows: AuditRows) -> list[FunnelRow]:
    """What could be read is counted; what becomes of it is in proportion to the sample."""
    counts = {lang: by_source(audit_rows, lang) for lang in audit_rows.files}
    rows = []
    for source in sources:
        # A source may have no row in the sample. Everything that it holds then counts as kept.
        # The sample is counted by source, because each source has a row in the funnel.
        reasons = counts[source.lang].get(source.table.name, Counter())
        # One flat key for stage and reason, because ``spread`` divides among names. No name has a
        # tab.
        shares = {
            f"{stage}\t{reason}" if stage else "": n for (stage, reason), n in reasons.items()
        }
        readable = source.ingest_record.rows_out
        # The parts are rounded so that they add up to ``readable``: the funnel must tie.
        estimated = spread(readable, {"": 0.0, **{name: float(n) for name, n in shares.items()}})
        dropped: dict[str, dict[str, int]] = {}
        # Unreadable records are counted in full, unlike the rest of the funnel.
        if source.ingest_record.dropped:
            dropped["ingest"] = dict(source.ingest_record.dropped)
        for name, count in estimated.items():
            if name and count:
                stage, _, reason = name.partition("\t")
                dropped.setdefault(stage, {})[reason] = count
        rows.append(
            FunnelRow(
                source=source.table.name,
                lang=source.lang,
                records=source.ingest_record.rows_in,
                dropped=dropped,
                # An audit chooses no validation pairs: all that pass count as training.
                train=readable - sum(n for name, n in estimated.items() if name),
                validation=0,
            )
        )
    return rows


def _fertility(plan: Plan, audit_rows: AuditRows) -> list[FertilityRow]:
    """The recipe's tokenizers on the sampled pairs that pass all rules."""
    samples = []
    for lang, paths in audit_rows.files.items():
        # A tokenizer is compared on what would be trained on.
        kept = read_frame(paths[0]).filter(pl.col("stage").is_null())
        samples.append((lang, kept.head(MAX_PAIRS).select("src", "tgt")))
    # The tokenizer of the shards is first in the table, as in the report of a build.
    made = [open_table(table, plan) for table in (plan.recipe.tokenizer, *plan.recipe.fertility)]
    rows = fertility(named(made), samples, plan.recipe.seed)
    return [FertilityRow(**row) for row in rows.iter_rows(named=True)]


def _compared(plan: Plan, sources: list[SourceState], audit_rows: AuditRows) -> Compared:
    """What was found among all pairs, with examples, and the stages left to a build."""
    # These come from all pairs of the corpus. They are not scaled from the sample.
    duplicate_examples, matches = [], []
    for lang in audit_rows.files:
        of_lang = [source for source in sources if source.lang == lang]
        duplicate_examples += corpus_duplicate_examples(
            audit_rows, lang, [(s.sampled.parts, s.keys.folder, s.cleaned.folder) for s in of_lang]
        )
        # None where the recipe names no evaluation set.
        leaks = [s.leaks for s in of_lang if s.leaks]
        files = [leak.folder / f"{part}.{MATCHES}.parquet" for leak in leaks for part in leak.parts]
        matches += match_facts(files, lang)
    # The report lists what an audit did not run, so that no one takes its funnel for that of a
    # build.
    left_out = [
        stage.name
        for stage in FILTER_STAGES
        if stage.decided_by == "mask" and not stage.audited and plan.recipe.asks_for(stage.name)
    ]
    return Compared(
        _duplicates(sources), duplicate_examples, matches, left_out + plan.corpus_scores()
    )


def _duplicates(sources: list[SourceState]) -> list[DuplicateFacts]:
    """What was flagged over all pairs."""
    facts = []
    for lang in dict.fromkeys(source.lang for source in sources):
        records = [r for s in sources if s.lang == lang for r in s.sampled.records]
        total = sum(record.facts["rows"] for record in records)
        # Every part has the same masks, so every name is in the facts of every record.
        for name in dict.fromkeys(name for record in records for name in record.facts["flagged"]):
            stage, _, reason = name.partition(".")
            flagged = sum(record.facts["flagged"][name] for record in records)
            # A zero is a result where pairs were compared. Other masks appear only if they flag a
            # pair.
            if flagged or stage in COMPARING_STAGES:
                facts.append(
                    DuplicateFacts(lang=lang, stage=stage, reason=reason, flagged=flagged, of=total)
                )
    return facts
