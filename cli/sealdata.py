"""The `sealdata` command: parse, call, print."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sealdata import __version__
from sealdata.errors import SealError

from .audit import audit, card, publish
from .browse import browse
from .calibrate import calibrate
from .components import components
from .errors import Program
from .gold import gold, hash_refs, lengths
from .init import init
from .lid import lid
from .models import models
from .options import ALLOW, BUILD_OUT, WORKERS, finding_sayer, progress_options, say_finding
from .recipe import recipe_group
from .score import score
from .sources import sources
from .terminal import echo
from .tokens import budget, fertility, inspect, trace

if TYPE_CHECKING:
    from sealdata.workflow.progress import ProgressOptions


@click.group("sealdata", cls=Program, user_error=SealError)
@click.version_option(__version__, prog_name="sealdata")
def main() -> None:
    """Curate parallel corpora into audited pairs, packed token shards and a data card.

    \b
    Example:
        sealdata build quickstart
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """


@main.command()
@click.argument("recipe")
@BUILD_OUT
@WORKERS
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes on this machine, or a Ray cluster with shared files.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="A running Ray cluster.  [default: RAY_ADDRESS, or a new cluster on this machine]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Read only the first N records of each source; marks the build PARTIAL.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check the recipe and its inputs, print the plan with an estimate of tokens, and stop.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Verify a finished build, and make again what differs from what was written.",
)
@click.option(
    "--check-inputs",
    is_flag=True,
    help="Read all inputs again, also those of the same size and time of change.",
)
@ALLOW
@progress_options
@click.option("--json", "as_records", is_flag=True, help="The same as --progress json.")
def build(
    recipe: str,
    out: Path | None,
    workers: int,
    engine: Literal["local", "ray"],
    address: str | None,
    limit: int | None,
    dry_run: bool,
    check: bool,
    check_inputs: bool,
    allow: tuple[str, ...],
    as_records: bool,
    shown: "ProgressOptions",
) -> None:
    """Build RECIPE, a TOML file or the name of a built-in recipe.

    A sample of each input is checked first: what would make the result worthless is an error, what
    may be meant a warning. After an interruption, run the same command again to continue. A
    finished build is not repeated.

    \b
    Example:
        sealdata build quickstart --workers 2
        sealdata build my-recipe.toml --out /data/builds/mine
        sealdata build my-recipe.toml --out /shared/builds/mine --engine ray --address head:6379
    """
    from sealdata.dataset.silent import check_kept
    from sealdata.notebook.builds import build as run_build
    from sealdata.pipeline.plan import load_plan

    from .show import show_build, show_left_out, show_plan

    if as_records:
        shown = replace(shown, mode="json")
    plan = load_plan(recipe)
    show_left_out(plan)
    if dry_run:
        from sealdata.dataset.estimate import estimate_tokens
        from sealdata.dataset.foreign import check_own
        from sealdata.sanity.check import check as check_recipe

        from .show_tokens import show_estimate

        folder = out or Path("builds") / plan.recipe.name
        show_plan(plan, folder)
        check_own(folder)
        _, samples = check_recipe(plan, folder, allow, say_finding)
        show_estimate(estimate_tokens(plan, samples), plan.recipe.format.directions)
        return
    if address is not None and engine != "ray":
        raise click.UsageError("--address needs --engine ray")
    built = run_build(
        *(recipe, out),
        workers=workers,
        limit=limit,
        engine=engine,
        address=address,
        progress=shown,
        allow=allow,
        say=finding_sayer(shown),
        check=check,
        check_inputs=check_inputs,
    )
    if not built.fresh and shown.mode not in ("off", "json"):
        echo(f"{built.path} is up to date with {recipe}: nothing to do", err=True)
    show_build(built.manifest, built.path)
    check_kept(built.manifest)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@progress_options
def verify(folder: Path, shown: "ProgressOptions") -> None:
    """Check every file of the build in FOLDER: digests, sizes, token ids, boundaries.

    Exits with 3 if anything is wrong.

    \b
    Example:
        sealdata verify builds/quickstart
    """
    from sealdata.dataset.verify import VERIFY, verify_build

    with shown.open("verify", [VERIFY]) as progress:
        verified = verify_build(folder, progress)
    echo(verified)


for command in (
    audit,
    browse,
    card,
    publish,
    calibrate,
    components,
    gold,
    hash_refs,
    lengths,
    score,
    budget,
    fertility,
    inspect,
    trace,
    sources,
    models,
    lid,
    init,
    recipe_group,
):
    main.add_command(command)
