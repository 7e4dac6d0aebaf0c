"""Checks of what a recipe names: files, models, tokenizers, evaluation sets, the result folder."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sealdata.build_manifest import MANIFEST, Finding, read_build_manifest
from sealdata.errors import SealError
from sealdata.fetch.corpus_cards import read_corpus_card
from sealdata.files.places import locate
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import check_token_files, open_table
from sealdata.recipe.tables import SourceTable, StreamTable
from sealdata.sanity.findings import error


def tables_read(plan: Plan) -> list[SourceTable | StreamTable]:
    """The sources, and the streams that are read from files of text."""
    return [*plan.recipe.source, *plan.recipe.document_streams]


def named(table: SourceTable | StreamTable) -> str:
    """How findings name a source or stream."""
    kind = "source" if isinstance(table, SourceTable) else "stream"
    return f"{kind} {table.name!r}"


def missing_inputs(plan: Plan) -> Iterator[Finding]:
    """What the recipe names and this machine does not have, all of it at once.

    Raises:
        ConfigError: a path that can never name a file, see ``Plan.token_ranges``.
    """
    for stream in plan.recipe.token_streams:
        plan.token_ranges(stream)
    for table in tables_read(plan):
        reader, source = plan.reader(table)
        absent = [path for path in reader.files(source.path) if not path.exists()]
        if absent:
            yield error("missing", named(table), f"no file {absent[0]}{_near(absent[0])}")
    for name in plan.recipe.exclude.lists:
        path = locate(name, plan.base)
        if not path.is_file():
            yield error("missing", "[exclude]", f"no file {path}{_near(path)}")
    tables: list[SourceTable | StreamTable] = [*plan.recipe.source, *plan.recipe.stream]
    attempts: list[tuple[str, Callable[[], Any]]] = [
        *(
            (named(table), partial(read_corpus_card, table.card))
            for table in tables
            if table.card is not None
        ),
        # A fingerprint has the digests of all models.
        *((f"[score.{name}]", scorer.fingerprint) for name, scorer in plan.scorers.items()),
        ("[tokenizer]", partial(open_table, plan.recipe.tokenizer, plan)),
        *(("[[fertility]]", partial(open_table, t, plan)) for t in plan.recipe.fertility),
        ("[decontaminate]", plan.evaluation_files),
        ("token files", partial(check_token_files, plan)),
    ]
    for where, attempt in attempts:
        try:
            attempt()
        except SealError as problem:
            yield error("missing", where, str(problem))


def _near(path: Path) -> str:
    """Files whose names begin as that of a missing one does, or its folder if that is missing."""
    folder = path.parent
    if not folder.is_dir():
        return f"; the folder {folder} does not exist either"
    stem = path.name.partition(".")[0]
    names = sorted(other.name for other in folder.iterdir() if other.name.startswith(stem))
    # ``moses`` takes the common start of two names, which looks like a missing file to others.
    return f"; the folder has {', '.join(names[:4])}" if names else ""


def other_results(plan: Plan, out: Path) -> Iterator[Finding]:
    """Results in ``out`` that a build of this plan would replace, though they are not its own."""
    where = f"--out {out}"
    try:
        manifest = read_build_manifest(out) if (out / MANIFEST).is_file() else None
    except SealError:
        manifest = None  # of an earlier format: its name is unknown, its folder is a build's
    if manifest is not None:
        ours = {table.name for table in plan.recipe.source}
        theirs = {source.name for source in manifest.sources}
        if manifest.name != plan.recipe.name or not ours & theirs:
            yield error(
                "other-recipe",
                where,
                f"it holds the build {manifest.name!r} of {_few(sorted(theirs))}, which this build "
                "would replace; its card keeps what people wrote on the other one. Choose another "
                "folder",
            )


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
