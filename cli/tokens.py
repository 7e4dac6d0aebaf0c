"""Tokens: `sealdata fertility`, `budget`, `inspect`, `trace`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import AS_JSON, progress_options
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.tokens.budget import Unit
    from sealdata.workflow.progress import ProgressOptions


@click.command()
@click.argument("where", nargs=-1, required=True)
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    required=True,
    help="tokenizer.json, SentencePiece .model, .tiktoken file, a folder with one, or the name of "
    "a Hugging Face repository in the local cache; may be repeated.",
)
@click.option("--pairs", default=2000, show_default=True, help="Pairs per language, at most.")
@click.option("--csv", "csv", type=click.Path(path_type=Path), help="Also write a CSV file.")
@click.option("--chart", type=click.Path(path_type=Path), help="Also write a chart, as SVG.")
@AS_JSON
@click.option(
    "--extend",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also measure the tokenizer with N more pieces, learnt from other pairs of WHERE.",
)
@click.option(
    "--extend-out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the extended tokenizer to this folder.",
)
@click.option(
    "--hidden-size",
    type=click.IntRange(min=1),
    help="Width of the embeddings to count.  [default: OLMo 2's, 2048 (1B) and 4096 (7B)]",
)
@progress_options
def fertility(
    where: tuple[str, ...],
    tokenizers: tuple[str, ...],
    pairs: int,
    csv: Path | None,
    chart: Path | None,
    as_json: bool,
    extend: int | None,
    extend_out: Path | None,
    hidden_size: int | None,
    shown: "ProgressOptions",
) -> None:
    """Measure how many tokens each tokenizer needs for the languages of WHERE, against English.

    WHERE is a build's folder, a recipe, a folder of aligned files (eng_Latn.dev and tha_Thai.dev),
    or some of these files. What the columns mean: docs/explanation/tokens.md.

    \b
    Example:
        sealdata fertility builds/quickstart --tokenizer tokenizer.json --chart parity.svg
        sealdata fertility flores200_dataset/dev --tokenizer models/olmo2 --tokenizer allenai/gpt2
        sealdata fertility dev/eng_Latn.dev dev/lao_Laoo.dev --tokenizer models/olmo2
        sealdata fertility builds/nllb --tokenizer models/olmo2 --extend 8000 --extend-out sea
    """
    from sealdata.dataset.pair_samples import pair_samples
    from sealdata.dataset.what_if import extend_and_measure
    from sealdata.files.records import write_atomic
    from sealdata.files.spreadsheet import guarded_frame
    from sealdata.report.fertility_chart import fertility_svg
    from sealdata.tokenizers import find_tokenizer, named
    from sealdata.tokens.fertility import FERTILITY
    from sealdata.tokens.fertility import fertility as measure

    from .show_tokens import show_extension, show_fertility

    if extend is None and (extend_out or hidden_size):
        raise click.UsageError("--extend-out and --hidden-size need --extend")
    if extend is not None and len(tokenizers) > 1:
        raise click.UsageError("--extend takes one --tokenizer")
    opened = named([find_tokenizer(name) for name in tokenizers])
    with shown.open("fertility", [FERTILITY]) as progress:
        if extend is None:
            extension, rows = None, measure(opened, pair_samples(where, pairs), progress=progress)
        else:
            extension, rows = extend_and_measure(
                opened, where, pairs, extend, extend_out, progress=progress
            )
    if csv is not None:
        write_atomic(csv, guarded_frame(rows).write_csv)
    if chart is not None:
        drawn = fertility_svg(rows)
        write_atomic(chart, lambda path: path.write_text(drawn, "utf-8"))
    if as_json:
        echo(rows.write_json())
    else:
        show_fertility(rows)
    if extension is not None:
        show_extension(extension, rows, hidden_size, as_json)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--tokens", required=True, help="Parallel tokens to train on, such as 34.7e9.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="1 keeps the proportions of the languages; a larger value favours small ones.",
)
@click.option(
    "--max-epochs",
    type=click.FloatRange(min=0, min_open=True),
    help="Limit on the epochs of any language.",
)
@click.option(
    "--cap",
    "caps",
    multiple=True,
    metavar="LANG=TOKENS",
    help="Limit of a language; may be repeated.",
)
@click.option(
    "--by",
    type=click.Choice(["tokens", "pairs", "english-tokens"]),
    default="tokens",
    show_default=True,
    help="What the temperature makes equal: tokens, or content.",
)
@AS_JSON
def budget(
    folder: Path,
    tokens: str,
    temperature: float,
    max_epochs: float | None,
    caps: tuple[str, ...],
    by: "Unit",
    as_json: bool,
) -> None:
    """Divide a budget of tokens among the languages of the build in FOLDER.

    Prints tokens, pairs and epochs of each language, and the lines for a training config.

    \b
    Example:
        sealdata budget builds/nllb --tokens 34.7e9 --temperature 3.3 --max-epochs 4
        sealdata budget builds/nllb --tokens 34.7e9 --temperature 3.3 --by pairs
    """
    from sealdata.build_manifest import read_build_manifest
    from sealdata.languages import resolve
    from sealdata.tokens.budget import plan_budget

    from .show_tokens import show_budget

    limits = {}
    for cap in caps:
        lang, _, count = cap.partition("=")
        limits[resolve(lang).code] = _num_tokens(count, f"--cap {cap}")
    total = _num_tokens(tokens, f"--tokens {tokens}")
    manifest = read_build_manifest(folder)
    plan = plan_budget(manifest, total, temperature, max_epochs, limits, by)
    if as_json:
        echo(json.dumps(asdict(plan)))
    else:
        show_budget(plan)


def _num_tokens(text: str, where: str) -> int:
    try:
        count = float(text)
    except ValueError:
        count = 0
    if not 1 <= count < 1e18:
        raise click.UsageError(f"{where}: give a number of tokens, such as 34.7e9")
    return round(count)


@click.command()
@click.argument("shard")
def inspect(shard: str) -> None:
    """Print one sequence of SHARD, decoded, with its documents' boundaries and origins.

    SHARD is a part file. Add ":N" for sequence N (default 0).

    \b
    Example:
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """
    from sealdata.shards.reader import view_sequence

    from .show import show_sequence

    path, _, number = shard.partition(":")
    if number and not number.isdecimal():
        raise click.UsageError(f"{shard}: write the number of a sequence after the colon")
    show_sequence(view_sequence(Path(path), int(number or 0)))


@click.command()
@click.argument("position", metavar="PLACE")
def trace(position: str) -> None:
    """Print the origin of a token: source, file, row, URLs, scores, direction and template.

    PLACE is a part file of a build, ":" and the index of a token in the file.

    \b
    Example:
        sealdata trace builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:300
    """
    from sealdata.dataset.trace import trace as find_origin

    from .show import show_trace

    path, _, token = position.rpartition(":")
    if not path or not token.isdecimal():
        raise click.UsageError(f"{position}: give a part file, a colon and the index of a token")
    show_trace(find_origin(Path(path), int(token)))
