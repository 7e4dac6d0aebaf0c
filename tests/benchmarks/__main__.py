"""Run the benchmarks and write RESULTS.md: ``python -m tests.benchmarks``."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .race import Race

RESULTS = Path(__file__).with_name("RESULTS.md")
LIBRARIES = (
    "polars",
    "polars-hash",
    "numpy",
    "numba",
    "tiktoken",
    "tokenizers",
    "torch",
    "fasttext-predict",
)
HEADER = "what", "way", "speed on one core", "CPU seconds", "times the last way"
NOTES = """\
Written by `python -m tests.benchmarks`. Every figure is the CPU time (user and system, children
included) of a single thread, not the clock on the wall: other work on the machine disturbs it
less, though not nothing. Median of {repeats} runs (lowest to highest), the ways of one thing in
turns. Nothing here is asserted by a test: compare the rows of one table, not of two machines.

The text: each line is two different sentences of `sealdata/sample/text`, the same two on both
sides, {chars:.0f} characters on average; {pairs:,} distinct pairs of English with 12 languages
(ingest, packing and rules file to file: with Thai alone). It is clean, so cleaners find little to
repair, and its words recur, which suits tokenizers: absolute figures are optimistic for the web.
"""


def single_threaded() -> None:
    """Libraries read these when they are first imported."""
    for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"


def races(
    num_pairs: int,
    num_sentences: int,
    repeats: int,
    opusfilter: Path | None,
    datatrove: Path | None,
    library: Path | None,
) -> Iterator["Race"]:
    """All benchmarks, one after another."""
    from . import language, laser, models, text, tokens
    from .corpus import mixed_pairs

    pairs = mixed_pairs(num_pairs)
    few = pairs.gather_every(max(1, 2 * pairs.height // num_sentences))
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        yield from text.ingest(num_pairs, repeats, folder)
        yield from text.cleaners(pairs, repeats)
        yield from text.scorers(pairs, repeats)
        yield from text.rule_chain(num_pairs, repeats, folder)
        yield from text.dedup_keys(pairs, repeats)
        yield from tokens.tokenising(pairs.gather_every(4), repeats)
        peers = None
        if datatrove:
            from .tokenize_peers import install as install_peers

            peers = install_peers(datatrove)
        yield from tokens.packing(num_pairs // 4, repeats, folder, peers)
        yield from models.similarity(few, repeats)
        yield from laser.encoding(few, min(repeats, 3), library)
        yield from language.language_id(num_pairs, repeats, folder / "lid")
        if opusfilter:
            from .opusfilter import install, seven_rules

            program = install(opusfilter)
            full = num_pairs >= 100_000  # not with --quick
            yield from seven_rules(program, 200_000 if full else num_pairs, repeats, folder)
            if full:
                yield from seven_rules(program, 2_000_000, 1, folder)
            peers = opusfilter.with_name(f"{opusfilter.name}-language")
            yield from language.against_peers(peers, num_pairs // 4, min(repeats, 3), folder)


def machine(started: datetime) -> str:
    """What the figures were taken on."""
    cores, load = os.cpu_count(), os.getloadavg()[0]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{started:%Y-%m-%d %H:%M} UTC. {_processor()}, {cores} cores, load {load:.1f} at the end. "
        f"Python {platform.python_version()}, sealdata {version('sealdata')}, {libraries}.\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")


def table_row(cells: tuple[str, ...]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--pairs", default=120_000, show_default=True, help="Pairs of the input.")
@click.option(
    "--datatrove",
    type=click.Path(path_type=Path),
    help="Compare packing with datatrove and datasets.map, installed into this folder.",
)
@click.option("--repeats", default=3, show_default=True, help="Runs of each way.")
@click.option("--quick", is_flag=True, help="12,000 pairs, 1 run; writes no file.")
@click.option(
    "--laser",
    type=click.Path(path_type=Path),
    help="Compare with laser-encoders by this Python, which has it (see tests/golden).",
)
@click.option(
    "--opusfilter",
    type=click.Path(path_type=Path),
    help="Compare with OpusFilter, installed into this folder unless it is there.",
)
def main(
    pairs: int,
    repeats: int,
    quick: bool,
    opusfilter: Path | None,
    datatrove: Path | None,
    laser: Path | None,
) -> None:
    """Measure the parts of sealdata on one core and write tests/benchmarks/RESULTS.md."""
    if quick:
        pairs, repeats = 12_000, 1
    single_threaded()
    import polars as pl

    from . import pack_scale, scale
    from .corpus import mixed_pairs

    started = datetime.now(UTC)
    lines = [table_row(HEADER), "|---|---|--:|--:|--:|"]
    click.echo("\n".join(lines))
    for result in races(pairs, pairs // 30, repeats, opusfilter, datatrove, laser):
        for row in result.rows():
            lines.append(table_row(row))
            click.echo(lines[-1])
    chars = mixed_pairs(1200).select(pl.concat_list(pl.col("src", "tgt").str.len_chars()).explode())
    notes = NOTES.format(repeats=repeats, pairs=pairs, chars=chars.to_series().mean())
    if opusfilter:
        from .opusfilter import NOTE

        notes = f"{notes}\n{NOTE}"
    if not quick:
        page = ["# Benchmarks", "", notes, machine(started), *lines, ""]
        RESULTS.write_text("\n".join(page), "utf-8")
        scale.main()
        pack_scale.main()
        click.echo(f"\nwritten: {RESULTS}, {scale.PAGE}, {pack_scale.PAGE}", err=True)


if __name__ == "__main__":
    main()
