"""The `sealtrain` command: each function parses its arguments, calls the library and prints."""

import os
import sys
import warnings
from pathlib import Path
from typing import Literal

import click

from sealtrain.errors import ConfigError, SealError

from .errors import Program
from .terminal import echo


@click.group("sealtrain", cls=Program, user_error=SealError)
@click.version_option(package_name="sealdata", prog_name="sealtrain")
def main() -> None:
    """Train a language model on shards of parallel text, and measure what it learned and forgot.

    \b
    Example:
        sealtrain run quickstart
        sealtrain eval runs/quickstart
    """


@main.command()
@click.argument("config")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the run, instead of `out`.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--gpus", type=click.IntRange(min=1), default=1, help="Plan: number of GPUs.")
@click.option("--gpu", default="H200", show_default=True, help="Plan: kind of GPU.")
@click.option(
    "--mfu",
    type=click.FloatRange(0.01, 1),
    default=0.4,
    show_default=True,
    help="Plan: share of the GPU's peak speed.",
)
@click.option("--resume", is_flag=True, help="Only resume: fail if there is no checkpoint.")
def run(
    config: str,
    out: Path | None,
    dry_run: bool,
    gpus: int,
    gpu: str,
    mfu: float,
    resume: bool,
) -> None:
    """Train as CONFIG says, a TOML file or the name of a built-in config.

    The same command resumes an interrupted run and does not change a finished one. A larger budget
    extends a run.

    \b
    Example:
        sealtrain run quickstart --dry-run
        sealtrain run openseal-7b --dry-run --gpus 8 --gpu H200 --mfu 0.45
        sealtrain run my-run.toml --out runs/second
    """
    from sealtrain.config import load

    chosen = load(config)
    if out is not None:
        chosen = chosen.model_copy(update={"out": out})
    if dry_run:
        _prepare_libraries()
        from .show_plan import Machine, plan

        echo(plan(chosen, Machine(gpus, gpu, mfu)))
        return
    _prepare_libraries()
    from sealtrain.train import train

    from .show_train import validation_table

    result = train(chosen, resume, sys.stderr)
    if result is not None:
        echo(validation_table(result))


@main.group("config")
def config_group() -> None:
    """Look at training configs.

    \b
    Example:
        sealtrain config show openseal-1b
    """


@config_group.command("show")
@click.argument("config")
def show_config(config: str) -> None:
    """Print CONFIG merged with all that it extends, each value with the file that sets it.

    CONFIG is a TOML file or the name of a built-in config. The output is a config itself, without
    `extends`; values that no file sets have their defaults and are not printed.

    \b
    Example:
        sealtrain config show experiments/mixed
        sealtrain config show my-run.toml > whole.toml
    """
    from sealtrain.config import check
    from sealtrain.config_file import resolve

    resolved = resolve(config)
    check(resolved)
    echo(resolved.to_toml())


@main.command("eval")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--refs", help="Folder of aligned {FLORES code}.* files.  [default: eval.refs]")
@click.option("--max-sentences", type=click.IntRange(min=1), help="At most this many per language.")
@click.option(
    "--shots",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Examples in each prompt: the first lines of the references, not scored.",
)
@click.option(
    "--max-new-tokens",
    type=click.IntRange(min=1),
    help="Tokens of a translation, at most.  [default: those of the run's config]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def evaluate(
    checkpoint: Path,
    refs: str | None,
    max_sentences: int | None,
    shots: int,
    max_new_tokens: int | None,
    as_json: bool,
) -> None:
    """Translate references from and to English with CHECKPOINT, and score the translations.

    CHECKPOINT is the folder of a checkpoint, or of a run, whose newest checkpoint is taken. The
    results are saved in the run's folder, for `sealtrain compare` and `sealtrain export`.

    \b
    Example:
        sealtrain eval runs/quickstart
        sealtrain eval runs/quickstart --shots 3
        sealtrain eval runs/quickstart/checkpoints/step-000080 --refs flores/devtest --json
    """
    _prepare_libraries()
    from sealtrain import evaluate as evaluation
    from sealtrain.records import to_json
    from sealtrain.references import refs_folder
    from sealtrain.translate import load

    from .show_eval import report

    loaded = load(checkpoint)
    settings = loaded.record.config.eval
    folder = refs or settings.refs
    if folder is None:
        raise ConfigError("the run's config has no eval.refs: give --refs FOLDER")
    limit = max_sentences or settings.max_sentences
    result = evaluation.evaluate(
        loaded,
        refs_folder(folder),
        limit,
        lambda line: echo(line, err=True),
        shots,
        max_new_tokens,
    )
    echo(f"saved in {evaluation.keep(result)}", err=True)
    if as_json:
        echo(to_json(result.model_dump(), indent=1, ensure_ascii=False))
    else:
        echo(report(result))


@main.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--tasks", help="lm-eval tasks, separated by commas.  [default: see above]")
@click.option(
    "--shots",
    type=click.IntRange(min=0),
    help="Examples in each prompt.  [default: the task's]",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many questions per task.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def bench(
    checkpoint: Path, tasks: str | None, shots: int | None, limit: int | None, as_json: bool
) -> None:
    """Run benchmarks other than translation on CHECKPOINT, a run or an exported folder.

    EleutherAI's lm-evaluation-harness (pip install "sealdata[lm-eval]") runs them and downloads
    the questions. The default is XCOPA, XNLI, XStoryCloze, Belebele, PAWS-X and COPAL-ID in the
    languages of the recipes. Four English ones show what was lost.

    \b
    Example:
        sealtrain bench runs/quickstart --tasks xcopa_th,xcopa_vi --limit 100
        sealtrain bench models/openseal-1b --json > openseal-1b.json
    """
    _prepare_libraries()
    from sealtrain.records import to_json

    from . import bench as benchmarks

    chosen = tasks.split(",") if tasks else benchmarks.REGION.split()
    results = benchmarks.bench(checkpoint, chosen, shots, limit)
    if as_json:
        echo(to_json({"results": results["results"], "versions": results["versions"]}))
    else:
        echo(benchmarks.score_table(results))


@main.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Type of the weights; bfloat16 halves the size and rounds.",
)
@click.option("--data-card", default="", help="Link to the data card, shown in the model card.")
def export(
    checkpoint: Path, out: Path, dtype: Literal["float32", "bfloat16"], data_card: str
) -> None:
    """Write CHECKPOINT, or the newest one of a run, as a folder that transformers loads.

    \b
    Example:
        sealtrain export runs/quickstart --out models/quickstart
    """
    _prepare_libraries()
    from sealtrain.export import export as write

    echo(write(checkpoint, out, dtype, data_card))


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--plot", type=click.Path(path_type=Path), help="Also draw a .png, .svg or .pdf.")
@click.option(
    "--significance",
    is_flag=True,
    help="Test two runs by a paired bootstrap of translations.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def compare(runs: tuple[Path, ...], plot: Path | None, significance: bool, as_json: bool) -> None:
    """Compare finished RUNS in tables; runs that differ only in their seed share a row.

    \b
    Example:
        sealtrain compare runs/mixed-* runs/parallel-only-* --plot compare.png
        sealtrain compare runs/a runs/b --significance
    """
    _prepare_libraries()
    from sealtrain import compare as comparing
    from sealtrain.records import to_json

    from . import show_compare as show

    if significance:
        if len(runs) != 2:
            raise ConfigError(f"--significance compares two runs, not {len(runs)}")
        settings = comparing.read_runs(runs)
        baseline, system = (run for setting in settings for run in setting.runs)
        echo(show.significance_table(comparing.significance(baseline, system)))
        return
    settings = comparing.read_runs(runs)
    if plot is not None:
        from sealtrain.plot import plot_settings

        plot_settings(settings, plot)
        echo(f"drawn into {plot}", err=True)
    echo(to_json(show.facts(settings), indent=1) if as_json else show.report(settings))


@main.command("plot")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs.png"),
    show_default=True,
    help="A .png, .svg or .pdf file.",
)
def plot_curves(runs: tuple[Path, ...], out: Path) -> None:
    """Draw loss, learning rate and gradient norm of RUNS, finished or not.

    \b
    Example:
        sealtrain plot runs/quickstart --out quickstart.png
    """
    from sealtrain.plot import plot_runs

    plot_runs(runs, out)
    echo(out)


def _prepare_libraries() -> None:
    """Set what torch and transformers read while they are imported: fewer messages, and OpenMP.

    OpenMP threads that spin while they wait made a step on two busy cores up to ten times slower.
    The ignored warning comes with every checkpoint that a single process writes or reads.
    """
    warnings.filterwarnings("ignore", message="torch.distributed is disabled")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
