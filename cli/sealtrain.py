"""The `sealtrain` command: parse, call, print."""

import json
import os
import sys
from pathlib import Path

import click

from sealtrain.errors import ConfigError, SealError

from .errors import Program


@click.group("sealtrain", cls=Program, user_error=SealError)
def main() -> None:
    """Train a language model on shards of parallel text, and see what it learned and forgot.

    \b
    Example:
        sealtrain run quickstart
        sealtrain eval runs/quickstart
    """


@main.command()
@click.argument("config")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run, not the config's.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--resume", is_flag=True, help="Continue, and fail if there is nothing to continue.")
def run(config: str, out: Path | None, dry_run: bool, resume: bool) -> None:
    """Train by CONFIG, a TOML file or the name of a built-in one.

    The same command continues a run that was interrupted, and leaves a finished one alone.

    \b
    Example:
        sealtrain run quickstart --dry-run
        sealtrain run my-run.toml --out runs/second
    """
    from sealtrain.config import load

    chosen = load(config)
    if out is not None:
        chosen = chosen.model_copy(update={"out": out})
    if dry_run:
        from sealtrain.plan import plan

        click.echo(plan(chosen))
        return
    _prepare_libraries()
    from sealtrain.report import validation_table
    from sealtrain.train import finished, train

    done = finished(chosen)
    if done is not None:
        click.echo(f"{chosen.out} is finished ({done.num_steps} steps): nothing to do")
        return
    result = train(chosen, resume, sys.stderr)
    if result is not None:
        click.echo(validation_table(result))


@main.command("eval")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--refs", help="Aligned folder of {FLORES code}.* files; default: the run's own.")
@click.option("--max-sentences", type=click.IntRange(min=1), help="At most so many per language.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def evaluate(checkpoint: Path, refs: str | None, max_sentences: int | None, as_json: bool) -> None:
    """Translate references both ways with CHECKPOINT (or a run's newest) and score the result.

    \b
    Example:
        sealtrain eval runs/quickstart
        sealtrain eval runs/quickstart/checkpoints/step-000080 --refs flores/devtest --json
    """
    _prepare_libraries()
    from sealtrain import evaluate as evaluation

    loaded = evaluation.load(checkpoint)
    where = refs or loaded.record.config.eval.refs
    if where is None:
        raise ConfigError("this run names no references: give --refs FOLDER")
    cap = max_sentences or loaded.record.config.eval.max_sentences
    found = evaluation.evaluate(
        loaded, evaluation.refs_folder(where), cap, lambda s: click.echo(s, err=True)
    )
    if as_json:
        click.echo(json.dumps(found.model_dump(), indent=1, ensure_ascii=False))
    else:
        click.echo(evaluation.report(found))


def _prepare_libraries() -> None:
    """Set before torch and transformers load: no banners, and threads that sleep while they wait.

    Spinning threads made a step on two busy cores up to ten times slower.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
