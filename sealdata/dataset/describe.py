"""Describe: the records that the stages left, as the rows of a build's manifest."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import polars as pl

from sealdata.build_manifest import (
    CleaningRow,
    ComponentFacts,
    FailureRow,
    Finding,
    FunnelRow,
    LeakRow,
    LexiconRow,
    ModelFacts,
    PrecisionErrorRow,
    SourceFacts,
    SourceFile,
    pair_name,
)
from sealdata.component import Component
from sealdata.files.digests import Digests
from sealdata.files.frames import read_frame
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.source_state import SourceState
from sealdata.plugins.metric import Metric
from sealdata.programs.program import LineProgram, file_digest
from sealdata.recipe.tables import SourceTable, StreamTable
from sealdata.scorers import Scorer
from sealdata.stages.clean import EXAMPLES
from sealdata.stages.exclude import EXCLUDED
from sealdata.stages.withheld import Withheld
from sealdata.tokenizers import Tokenizer, named
from sealdata.tokens.fertility import fertility, sample_pairs
from sealdata.workflow.stage import StageOutput

# Libraries whose versions can change a text, a score or a token. ray, for example, only moves work.
LIBRARIES = (
    "polars",
    "polars-hash",
    "pyarrow",
    "ftfy",
    "sentencepiece",
    "tokenizers",
)


def model_facts(plan: Plan) -> list[ModelFacts]:
    """Every model that a scorer of the recipe judges the pairs by."""
    return [
        ModelFacts(**model._asdict())
        # Cleaners and readers have no models.
        for scorer in plan.scorers.values()
        for model in scorer.models()
    ]


def component_rows(plan: Plan) -> list[ComponentFacts]:
    """The components that are plugins, or that have another name in the recipe than their own."""
    tables: list[SourceTable | StreamTable] = [*plan.recipe.source, *plan.recipe.document_streams]
    readers = {table.reader: plan.reader(table)[0] for table in tables}
    all_kinds: list[
        tuple[Literal["reader", "cleaner", "scorer", "metric"], Mapping[str, Component]]
    ] = [
        ("reader", readers),
        ("cleaner", plan.cleaners),
        ("scorer", plan.scorers),
        ("metric", plan.metrics),
    ]
    return [
        ComponentFacts(
            kind=kind,
            name=name,
            component=component.component_name(),
            origin=" ".join(component.origin.identity()) if component.origin else "",
            stage=component.stage if isinstance(component, Scorer) else "rules",
            columns=_columns(component),
            command=component.command if isinstance(component, LineProgram) else [],
            files=_digests(component.outside_files()),
        )
        for kind, components in all_kinds
        for name, component in components.items()
        # Built-in components under their own names need no row: their version says what they are.
        if component.origin or component.component_name() != name or component.outside_files()
    ]


def _columns(component: Component) -> dict[str, str]:
    """What the score columns or figures of a component are."""
    if isinstance(component, Scorer):
        return component.columns
    return component.figures if isinstance(component, Metric) else {}


def _digests(paths: Sequence[Path]) -> dict[str, str]:
    """SHA-256 by name of the file, and by folder too where two have one name."""
    names = Counter(path.name for path in set(paths))
    return {
        path.name if names[path.name] == 1 else "/".join(path.parts[-2:]): file_digest(path)
        for path in paths
    }


def lexicon_rows(sources: Sequence[SourceState]) -> list[LexiconRow]:
    """What each language's lexicon was learnt from, and how many pairs it could judge."""
    rows = []
    for lang in dict.fromkeys(source.lang for source in sources):
        of_lang = [source for source in sources if source.lang == lang]
        for learnt in [source.lexicon for source in of_lang if source.lexicon][:1]:
            scored = [r for s in of_lang for r in s.over_corpus["lexicon"].records]
            asked = [r for s in of_lang for r in s.scored["similarity"].records]
            rows.append(
                LexiconRow(
                    lang=lang,
                    pairs=learnt.records[0].facts["pairs"],
                    learnt=learnt.records[0].facts["learnt"],
                    scored=sum(int(record.facts["scored"]) for record in scored),
                    of=sum(int(record.facts["surviving"]) for record in asked),
                )
            )
    return rows


def source_facts(plan: Plan, digests: Digests) -> list[SourceFacts]:
    """Every source as the recipe wrote it, with the digests of its files."""
    rows = []
    for table in plan.recipe.source:
        reader, source = plan.reader(table)
        # The digests were computed for the keys already, so no file is read here.
        named = [
            # Names without folders: paths of the machine say nothing to a reader of the card.
            SourceFile(name=path.name, size=path.stat().st_size, sha256=digests.sha256(path))
            for path in reader.files(source.path)
        ]
        rows.append(
            SourceFacts(
                name=table.name,
                reader=table.reader,
                # As in the recipe, so that two machines with the corpus elsewhere write the same
                # manifest.
                path=table.path,
                src_lang=table.src_lang,
                tgt_lang=table.tgt_lang,
                card=table.card,
                files=named,
            )
        )
    return rows


def funnel_row(source: SourceState) -> FunnelRow:
    """From file record to split, one source; the model checks that the counts tie."""
    # stage -> reason -> records. The reader's rejects are counted once per source, all others per
    # part.
    dropped: dict[str, dict[str, int]] = {}
    # Left out where nothing was rejected, so that a stage without drops has no entry.
    if source.ingest_record.dropped:
        dropped["ingest"] = dict(source.ingest_record.dropped)
    # Every pair that could be read passes ``select``, with its decision.
    records = source.selected.records
    for record in records:
        # The first failure of each pair, so that every record is in exactly one place of the
        # funnel.
        for stage, reasons in record.facts["first"].items():
            for reason, count in reasons.items():
                counts = dropped.setdefault(stage, {})
                counts[reason] = counts.get(reason, 0) + count
    return FunnelRow(
        source=source.table.name,
        lang=source.lang,
        records=source.ingest_record.rows_in,
        dropped=dropped,
        # The model refuses counts that do not add up to ``records``.
        train=sum(record.facts["train"] for record in records),
        validation=sum(record.facts["validation"] for record in records),
        translations=dict(sum((Counter(r.facts["translations"]) for r in records), Counter())),
    )


def failure_rows(sources: Iterable[SourceState]) -> list[FailureRow]:
    """Per language and reason: pairs that fail it first, at all, and only."""
    counts: dict[tuple[str, str], dict[str, int]] = {}

    def add(lang: str, reason: str, kind: str, count: int) -> None:
        # "first" adds up to the dropped pairs, "any" counts overlaps too, "only" is what no other
        # reason drops.
        row = counts.setdefault((lang, reason), {"first": 0, "any": 0, "only": 0})
        row[kind] += count

    for source in sources:
        for record in source.selected.records:
            # ``dropped`` of the record is by first reason, summed over stages.
            for reason, count in record.dropped.items():
                add(source.lang, reason, "first", count)
            for kind in ("any", "only"):
                for reason, count in record.facts[kind].items():
                    add(source.lang, reason, kind, count)
    return [
        FailureRow(lang=lang, reason=reason, **kinds)
        # Sorted, so that the manifest does not depend on the order in which parts were read.
        for (lang, reason), kinds in sorted(counts.items())
    ]


def leak_rows(sources: Iterable[SourceState]) -> list[LeakRow]:
    """Sides of each source that matched an evaluation set, by set, side and kind of match."""
    rows = []
    for source in sources:
        # A pair counts twice if both sides match, because this table is about sides, not pairs.
        counts: Counter[tuple[str, str, str]] = Counter()
        # None where the recipe names no evaluation set.
        for record in source.leaks.records if source.leaks else ():
            for name, side, kind, count in record.facts["matches"]:
                counts[name, side, kind] += count
        rows += [
            LeakRow(
                source=source.table.name,
                lang=source.lang,
                set=name,
                side=side,
                kind=kind,
                matches=count,
            )
            for (name, side, kind), count in sorted(counts.items())
        ]
    return rows


def published_findings(findings: Iterable[Finding], withheld: Withheld) -> list[Finding]:
    """The findings for manifest and report: the samples that they show were judged by no stage."""
    if not withheld.anything:
        return list(findings)
    return [finding.model_copy(update={"example": ""}) for finding in findings]


def cleaning_rows(
    sources: Iterable[SourceState], steps: Collection[str], withheld: Withheld
) -> list[CleaningRow]:
    """Per source and cleaning step, in order: pairs changed, and the first few changes."""
    return [_cleaning_row(source, step, withheld) for source in sources for step in steps]


def _cleaning_row(source: SourceState, step: str, withheld: Withheld) -> CleaningRow:
    # Examples come from the first parts: enough to see what a step does, but not a fair sample.
    examples: list[tuple[str, str]] = []
    for record in source.cleaned.records:
        shown = record.facts["examples"][step]
        if len(examples) < EXAMPLES and shown:
            # A record of an earlier version has no rows, and cannot say whose text it shows.
            rows = record.facts.get("example_rows", {}).get(step, [None] * len(shown))
            examples += _shown(source, record.part, shown, rows, withheld)
    return CleaningRow(
        source=source.table.name,
        step=step,
        # Pairs, not sides: a pair of which both sides change counts once.
        changed=sum(record.facts["changed"][step] for record in source.cleaned.records),
        examples=examples[:EXAMPLES],
    )


def _shown(
    source: SourceState,
    part: str,
    examples: Sequence[tuple[str, str]],
    rows: Sequence[int | None],
    withheld: Withheld,
) -> list[tuple[str, str]]:
    """The examples of a part without those of excluded pairs and of personal data."""
    frame = pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.UInt64),
            "before": [before for before, _ in examples],
            "after": [after for _, after in examples],
        }
    )
    excluded = [mask for mask in source.masks if mask.reason == EXCLUDED]
    for mask in excluded:
        numbers = read_frame(source.cleaned.folder / f"{part}.parquet", columns=["row"])["row"]
        gone = numbers.filter(mask.flags(part))
        frame = frame.filter(pl.col("row").is_not_null() & ~pl.col("row").is_in(gone.implode()))
    personal = withheld.is_personal(pl.col("before")) | withheld.is_personal(pl.col("after"))
    return frame.filter(~personal).select("before", "after").rows()


def precision_rows(compared: Iterable[StageOutput]) -> list[PrecisionErrorRow]:
    """How far scores lie from exact ones, by score and language."""
    return [PrecisionErrorRow(**record.facts) for output in compared for record in output.records]


def fertility_of_pairs(
    out: Path, languages: list[str], tokenizers: list[Tokenizer], seed: int = 1
) -> pl.DataFrame:
    """Fertility over a sample of the training pairs in ``out``, by language; see ``fertility``."""
    # Files are read from ``out``, where the results have just been placed.
    samples = []
    for lang in languages:
        # Training pairs only, since a budget is about what will be trained on.
        files = sorted((out / "pairs" / pair_name(lang)).glob("train-*.parquet"))
        # Drawn by hash, so the figures do not depend on the order of a corpus.
        samples.append((lang, sample_pairs(files, seed=seed)))
    return fertility(named(tokenizers), samples, seed)


def versions(plan: Plan) -> dict[str, str]:
    """Versions of the libraries that can change results, without suffixes such as +cpu.

    Those of extras are among them where a component of the plan works with them.
    """
    components = [*plan.cleaners.values(), *plan.scorers.values()]
    extras = dict.fromkeys(module for component in components for module in component.modules)
    # "2.4.0+cpu" and "2.4.0+cu124" are one version: the suffix names the build for a device.
    return {name: version(name).partition("+")[0] for name in (*LIBRARIES, *extras)}
