"""Prints the result of a build, the plan of a recipe, a sequence and the origin of a token."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sealdata.build_manifest import BuildManifest
from sealdata.contamination.sets import evaluation_files, set_name
from sealdata.dataset.describe import component_rows
from sealdata.dataset.trace import Trace
from sealdata.errors import SealError
from sealdata.files.hidden import hidden_in
from sealdata.files.places import locate
from sealdata.files.printable import printable
from sealdata.languages import resolve
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import token_files
from sealdata.recipe.tables import SourceTable, StreamTable
from sealdata.report.bound_rules import source_limits
from sealdata.report.markup import bounds
from sealdata.scorers import Scorer
from sealdata.shards.reader import SequenceView
from sealdata.stages.rules import Bounds

from .options import say_left_out
from .show_audit import funnel_table
from .terminal import echo

_SHOWN_ABOVE = ("source", "row", "src", "tgt", "src_lang", "tgt_lang")
_COLOURS = ("cyan", "green", "yellow", "magenta")  # neighbouring documents differ


def show_build(manifest: BuildManifest, out: Path) -> None:
    """The funnel, the numbers of tokens, and the paths of the results."""
    echo(funnel_table(manifest))
    for finding in manifest.findings:
        echo(finding.with_example)
    for row in manifest.silent:
        echo(row.with_example)
    echo()
    train = [stream for stream in manifest.streams if stream.split == "train"]
    for kind in dict.fromkeys(stream.kind for stream in train):
        streams = [stream for stream in train if stream.kind == kind]
        tokens = sum(stream.num_tokens for stream in streams)
        sequences = sum(stream.num_sequences for stream in streams)
        echo(f"{kind + ':':<13}{tokens:,} training tokens in {sequences:,} sequences")
    for stream in train:
        if stream.left_out_tokens:
            echo(
                f"{stream.path}: {stream.left_out_tokens:,} tokens after the last whole sequence "
                "of their files are left out"
            )
        if stream.cut_documents:
            echo(
                f"{stream.path}: ranges of token files that begin inside a document: "
                f"{stream.cut_documents:,}"
            )
    _show_sidecars(manifest)
    for limit in source_limits(manifest):
        echo(_source_limit(limit.reason, limit.score, limit.source, limit.bounds))
    if manifest.limit is not None:
        echo(f"PARTIAL: only the first {manifest.limit:,} records of each source")
    for lexicon in manifest.lexicons:
        if lexicon.scored < lexicon.of:
            echo(f"lexicon: {lexicon.sentence}")
    for model in manifest.demonstrations:
        echo(f"DEMONSTRATION ONLY: {model.use} by the {model.name}. {model.note}")
    for model in manifest.models:
        if model.note and not model.demonstration:
            echo(f"NOTE: {model.use} by {model.name}. {model.note}")
    echo()
    results = {"report": "report/index.html", "card": "README.md", "pairs": "pairs"}
    for name, path in (results | {"shards": "shards"}).items():
        echo(f"{name:<8}{out / path}")


def _show_sidecars(manifest: BuildManifest) -> None:
    """The size of the sidecars for other trainers, also as a share of the token ids."""
    payload = sum(
        facts.size
        for name, facts in manifest.files.items()
        if name.endswith(".npy") and not name.endswith(".offsets.npy")
    )
    for reader in dict.fromkeys(name for row in manifest.streams for name in row.sidecar_bytes):
        size = sum(row.sidecar_bytes.get(reader, 0) for row in manifest.streams)
        echo(f"sidecars for {reader}: {size:,} bytes, {size / payload:.1%} of the ids")


def _show_models(name: str, scorer: Scorer) -> None:
    """The models of a scorer, and what each one cannot judge; or that one is absent."""
    try:
        models = scorer.models()
    except SealError as error:
        echo(f"model   {name}: {error}")
        return
    for model in models:
        echo(f"model   {name}: {model.name}{'. ' * bool(model.note)}{model.note}")


def show_left_out(plan: Plan) -> None:
    """Hidden and temporary files beside the data, on stderr."""
    tables: list[SourceTable | StreamTable] = [*plan.recipe.source, *plan.recipe.document_streams]
    left_out = {}
    for table in tables:
        reader, source = plan.reader(table)
        left_out[table.name] = reader.left_out(source.path)
    for ref in plan.recipe.decontaminate.tables:
        path = locate(ref.path, plan.base)
        left_out[f"evaluation set {set_name(path, ref.name)}"] = hidden_in(path)
    for name, files in left_out.items():
        say_left_out(name, files)


def show_plan(plan: Plan, out: Path) -> None:
    """The inputs and steps of a build, and which files are missing."""
    recipe = plan.recipe
    echo(f"{recipe.name} -> {out}")
    tables: list[SourceTable | StreamTable] = [*recipe.source, *recipe.document_streams]
    for table in tables:
        reader, where = plan.reader(table)
        files = reader.files(where.path)
        absent = [path for path in files if not path.is_file()]
        megabytes = sum(path.stat().st_size for path in files if path not in absent) / 1e6
        langs = [resolve(code).name for code in (where.src_lang, where.tgt_lang) if code]
        size = f"missing: {absent[0]}" if absent else f"{megabytes:,.2f} MB"
        echo(f"read    {table.name:<24} {table.reader:<8} {' - '.join(langs):<24} {size}")
    for table in recipe.token_streams:
        taken = _taken(plan, table)
        lang = resolve(table.lang).name
        echo(f"read    {table.name:<24} {'tokens':<8} {lang:<24} {taken}")
    for name in recipe.exclude.lists:
        path = locate(name, plan.base)
        echo(f"exclude {name}{'' if path.is_file() else f'  missing: {path}'}")
    for origin in plan.plugins.files:
        echo(f"plugin  {origin.path}, SHA-256 {origin.version}…")
    echo(f"clean   {', '.join(plan.cleaners) or 'nothing'}")
    for row in component_rows(plan):
        origin_of_row = f" of {row.origin}" if row.origin else ""
        command = f": {shlex.join(row.command)}" if row.command else ""
        echo(f"{row.kind:<8}{row.name} is {row.component}{origin_of_row}{command}")
    for name, scorer in plan.scorers.items():
        _show_models(name, scorer)
    for rule, bound in zip(recipe.rule, plan.bound_rules(recipe.source), strict=True):
        limits = [f">= {rule.min:g}"] if rule.min is not None else []
        limits += [f"<= {rule.max:g}"] if rule.max is not None else []
        differing = f" ({len(rule.languages)} languages differ)" if rule.languages else ""
        echo(f"rule    {rule.reason}: {rule.score} {' and '.join(limits)}{differing}")
        for source, limits_of_source in bound.sources.items():
            echo(_source_limit(rule.reason, rule.score, source, limits_of_source))
    for ref in recipe.decontaminate.tables:
        path = locate(ref.path, plan.base)
        size = _size_of_set(path, tuple(ref.columns))
        echo(f"without {set_name(path, ref.name):<24} {size}")
    caps = recipe.caps
    for name, limit in (("src", caps.max_per_src), ("tgt", caps.max_per_tgt)):
        if limit is not None:
            echo(f"cap     {limit} pairs per {name}, by {caps.score or 'order'}")
    if recipe.near_dedup.jaccard is not None:
        echo(f"near    near-duplicates from a similarity of {recipe.near_dedup.jaccard:g}")
    echo(
        f"pack    {recipe.pack.mode}, {recipe.pack.sequence_length:,} tokens a sequence, "
        f"{recipe.format.directions} directions"
    )


def _taken(plan: Plan, table: StreamTable) -> str:
    try:
        return f"{token_files(plan, table).num_sequences:,} sequences by reference"
    except SealError as error:
        return str(error)


def _size_of_set(path: Path, columns: tuple[str, ...]) -> str:
    try:
        return f"{len(evaluation_files(path, columns)):,} files"
    except SealError:
        return f"missing: {path}"


def _source_limit(reason: str, score: str, source: str, limits: Bounds | None) -> str:
    """The limits that a rule has for one source."""
    must_be = "off" if limits is None else bounds(*limits)
    return f"limit   {reason}: {score} {must_be} in source {source}"


class _Screen(Console):
    """A console that leaves a reader who has gone to the program, as all other output does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show_sequence(view: SequenceView) -> None:
    """A sequence as text, its documents in alternating colours, with the origin of each."""
    console = _Screen(highlight=False, soft_wrap=True)
    length = view.manifest.sequence_length
    console.print(
        f"{escape(printable(str(view.stream)))}, sequence {view.number}: {length} tokens, "
        f"{view.num_padding} padding"
    )
    for number, document in enumerate(view.documents):
        colour = _COLOURS[number % len(_COLOURS)]
        where = f"{document.source} row {document.row}" if document.source is not None else ""
        where, text = escape(printable(where)), escape(printable(document.text))
        before = "" if document.begins else "… "
        after = " ■" if document.ends else " …"
        console.print(f"[dim]{document.start:>5}–{document.stop:<5} {where}[/dim]")
        console.print(f"[{colour}]{before}{text}{after}[/{colour}]")


def _rows(trace: Trace) -> str:
    """``row 7``, or ``rows 7, 8, 11`` of a document of several pairs."""
    if len(trace.rows) < 2:
        return f"row {trace.document.row}"
    return "rows " + ", ".join(map(str, trace.rows))


def show_trace(trace: Trace) -> None:
    """The document around the token, and all facts about its origin."""
    stream, document = trace.stream, trace.document
    echo(document.text)
    echo()
    facts = {
        "sequence": f"{trace.sequence}, tokens {document.start} to {document.stop - 1} of it",
        "source": f"{document.source}, {_rows(trace)}",
        "file": ", ".join(trace.files) or None,
        "order": " - ".join(stream.languages),
        "template": repr(stream.templates[document.template])
        if stream.templates and document.template is not None
        else None,
        **{name: value for name, value in trace.pair.items() if name not in _SHOWN_ABOVE},
    }
    for name, value in facts.items():
        if value is not None:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            echo(f"{name:<24}{shown}")
