"""Reports and cards: `sealdata audit`, `card`, `publish`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ALLOW, BUILD_OUT, WORKERS, finding_sayer, progress_options
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.workflow.progress import ProgressOptions


@click.command()
@click.argument("what")
@click.argument("other", required=False, type=click.Path(path_type=Path))
@BUILD_OUT
@click.option(
    "--rows",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Pairs that all scorers see; more pairs make the errors smaller.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Read only the first N records of each source."
)
@click.option(
    "--fail-on",
    "checks",
    multiple=True,
    metavar="EXPR",
    help='Exit with 3 if this condition holds, such as "kept_share<0.5"; may be repeated.',
)
@WORKERS
@ALLOW
@click.option(
    "--annotate",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also write audit/annotation.tsv: N pairs per language to label, half kept, half dropped.",
)
@click.option(
    "--annotate-language",
    "annotate_languages",
    multiple=True,
    metavar="LANG",
    help="Draw pairs of this language only; may be repeated.",
)
@click.option(
    "--annotated",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A filled-in sheet, or labels.jsonl of browse; may be repeated, one for each annotator.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@progress_options
def audit(
    what: str,
    other: Path | None,
    out: Path | None,
    rows: int,
    limit: int | None,
    checks: tuple[str, ...],
    workers: int,
    allow: tuple[str, ...],
    annotate: int | None,
    annotate_languages: tuple[str, ...],
    annotated: tuple[Path, ...],
    as_json: bool,
    shown: "ProgressOptions",
) -> None:
    """Audit WHAT: a recipe, by a sample of its corpora scored in full, or the folder of a build.

    Writes audit/index.html and audit/audit.json into the folder. With OTHER, the folder of a
    second build, prints the changes from the first build to the second.

    \b
    Example:
        sealdata audit my-recipe.toml --fail-on "kept_share<0.5" --fail-on "duplicate_share>0.2"
        sealdata audit builds/quickstart --annotate 200
        sealdata audit builds/quickstart --annotated ann.tsv --annotated ben.tsv
        sealdata audit builds/old builds/new
    """
    from sealdata.dataset.audit import (
        READ_BUILD,
        apply_annotations,
        audit_build,
        audit_recipe,
    )
    from sealdata.dataset.audit_sheet import draw_sheet
    from sealdata.report.metrics import check, read_checks

    from .show_audit import show_audit, show_comparison

    conditions = read_checks(checks)  # a wrong condition must not cost hours of work
    if other is not None:
        from sealdata.dataset.compare import COMPARE, compare

        with shown.open("audit", [COMPARE]) as progress:
            comparison = compare(Path(what), other, progress)
        show_comparison(comparison, as_json)
        return
    if Path(what).is_dir():
        with shown.open("audit", [READ_BUILD]) as progress:
            audited = audit_build(Path(what), progress)
    else:
        from sealdata.errors import ConfigError
        from sealdata.pipeline.plan import load_plan
        from sealdata.pipeline.steps import audit_steps
        from sealdata.recipe.reading import RecipeNotFoundError
        from sealdata.workflow.engines.local import LocalEngine

        try:
            plan = load_plan(what)
        except RecipeNotFoundError as error:
            raise ConfigError(f"{what} is not the folder of a build, and {error}") from None
        folder = out or Path("builds") / plan.recipe.name
        with LocalEngine(workers) as engine, shown.open("audit", audit_steps(plan)) as progress:
            say = finding_sayer(shown)
            audited = audit_recipe(
                plan, folder, engine, progress, rows, limit, allow=allow, say=say
            )
    if annotated:
        audited = apply_annotations(audited, annotated)
    show_audit(audited, as_json)
    if annotate:
        folder = audited.page.parent
        sheet = draw_sheet(audited.facts, audited.audit_rows, folder, annotate, annotate_languages)
        echo(f"sheet   {sheet}", err=as_json)
    check(audited.facts, conditions)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write only the card, to this file.")
def card(folder: Path, out: Path | None) -> None:
    """Write the card (README.md) and the Croissant metadata of the build in FOLDER again.

    Also the draft of the summary of training content that the EU asks of providers of models
    (TRAINING_SUMMARY.md). What people wrote is kept: text between the marks, sections of their own,
    and keys of the front matter that the program does not set.

    \b
    Example:
        sealdata card builds/quickstart
    """
    from sealdata.build_manifest import read_build_manifest
    from sealdata.dataset.audit_sheet import are_outdated, read_annotations
    from sealdata.report.dataset_card import write_card, write_metadata
    from sealdata.report.dataset_card_merge import unwritten
    from sealdata.report.training_summary import TRAINING_SUMMARY

    manifest = read_build_manifest(folder)
    annotation = read_annotations(folder, manifest.funnel)
    if are_outdated(folder, manifest.funnel):
        echo("labels are of an earlier state of the build, and not on the card", err=True)
    if out:
        write_card(manifest, out, annotation)
    else:
        write_metadata(manifest, folder, annotation)
    path = out or folder / "README.md"
    echo(path)
    for what in unwritten(path.read_text("utf-8")):
        echo(f"a person must still write: {what}", err=True)
    if out is None:
        summary = folder / TRAINING_SUMMARY
        echo(summary)
        if left := unwritten(summary.read_text("utf-8")):
            echo(f"a draft: a provider of a model fills in {len(left)} places", err=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--repo", required=True, metavar="NAME", help="Dataset repository: OWNER/NAME.")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--shards", is_flag=True, help="Also publish the packed shards.")
@click.option(
    "--unfinished",
    is_flag=True,
    help="Publish even if the build is PARTIAL or a person must still write parts of the card.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check everything and list the files, but send nothing."
)
def publish(
    folder: Path, repo: str, private: bool, shards: bool, unfinished: bool, dry_run: bool
) -> None:
    """Publish the build in FOLDER to the Hugging Face Hub: pairs, report, card and recipe.

    The build is verified first. After an interruption, run the same command again: files that the
    repository has are not sent again. The token comes from HF_TOKEN or `hf auth login`.

    \b
    Example:
        sealdata publish builds/quickstart --repo me/my-corpus --private --dry-run
    """
    from sealdata.dataset.publish import check_ready, draft_notice, uploads
    from sealdata.dataset.publish import publish as send

    if dry_run:
        files = uploads(folder, check_ready(folder, unfinished), shards)
        for file in files:
            echo(f"{file.size:>15,}  {file.name}")
        echo(f"{sum(file.size for file in files):>15,}  bytes in {len(files)} files -> {repo}")
    else:
        say = partial(echo, err=True)
        sent = send(folder, repo, private, shards, unfinished, say)
        echo(f"{sent.address}: {len(sent.sent)} files sent, {len(sent.there)} unchanged")
    if notice := draft_notice(folder):
        echo(notice, err=True)
