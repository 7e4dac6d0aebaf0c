"""One run of one setting, and all of them; in workers, hence not in the main module."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click

from .settings import RUNS, SEEDS, SETTINGS, TRANSLATED


def train(setting: str, seed: int) -> None:
    """One run to its end; one that is finished is left alone."""
    from sealtrain.config import load
    from sealtrain.train import train as train_by

    config, out = RUNS / setting / f"seed-{seed}.toml", folder(setting, seed)
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        f'extends = "experiments/{setting}"\nseed = {seed}\nout = "{out.as_posix()}"\n', "utf-8"
    )
    train_by(load(str(config)))
    click.echo(f"{out}: trained", err=True)


def translate(setting: str, seed: int) -> None:
    """The translations of a run that are not there yet."""
    from sealtrain.evaluate import evaluate, keep
    from sealtrain.references import refs_folder
    from sealtrain.translate import load

    out = folder(setting, seed)
    for shots in TRANSLATED.get(setting, ()):
        if not list((out / "evaluations").glob(f"*.{shots}-shot.json")):
            loaded = load(out)
            settings = loaded.record.config.eval
            refs = refs_folder(settings.refs or "")
            keep(evaluate(loaded, refs, settings.max_sentences, lambda _: None, shots))
            click.echo(f"{out}: translated with {shots} examples", err=True)


def folder(setting: str, seed: int) -> Path:
    """Where a run lies."""
    return RUNS / setting / f"seed-{seed}"


def everything(work: Callable[[str, int], None], jobs: int) -> None:
    """Some work on all settings with the first seed, then with the next, so many at a time."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        todo = [pool.submit(work, setting, seed) for seed in SEEDS for setting in SETTINGS]
        for run in todo:
            run.result()
