"""Packing more pairs, and on more cores: ``python -m tests.benchmarks.pack_scale``.

Writes the tables of docs/explanation/tokens.md between their markers. Every run is a separate
process with one thread. Measuring starts once the tokenizer is loaded and a pair has been packed.
"""

import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from .race import peak_memory

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "tokens.md"
BEGIN, END = "<!-- tables: python -m tests.benchmarks.pack_scale -->", "<!-- end of tables -->"

FILE_PAIRS = 200_000  # of one file of kept pairs
SIZES = (1, 4, 16)  # files
PROCESSES = (1, 2)  # at once, on SIZES[1] files each
REPEATS = 3
TOTALS = (17.2e9, 34.7e9)  # tokens: of the smaller model of the paper, and of the larger


@dataclass(frozen=True)
class Run:
    """What one process says of its work."""

    num_tokens: int
    real: float  # share of tokens that are no padding
    seconds: float  # on the wall
    cpu_seconds: float
    peak: float  # MiB resident, start included
    sidecar: float  # bytes of native sidecars over bytes of uint32 ids


def child(folder: Path, num_files: int) -> None:
    """Pack the first files when told to on standard input; print a Run."""
    from .tokens import pair_stage

    files = tuple(folder / f"kept-{number:02d}.parquet" for number in range(num_files))
    with TemporaryDirectory(dir=folder) as out:
        pair_stage((folder / "one.parquet",))("warm", Path(out))
    print("ready", flush=True)
    sys.stdin.readline()
    with TemporaryDirectory(dir=folder) as out:
        wall, cpu = time.perf_counter(), time.process_time()
        facts = pair_stage(files)("stream", Path(out)).facts
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        sidecars = sum(path.stat().st_size for path in Path(out).rglob("*.docs.parquet"))
    slots = facts["num_tokens"] + facts["num_padding"]
    peak = peak_memory()
    tokens = facts["num_tokens"]
    run = Run(tokens, tokens / slots, wall, cpu, peak, sidecars / (4 * slots))
    print(json.dumps(asdict(run)), flush=True)


def measure(folder: Path, num_files: int, processes: int) -> list[Run]:
    """So many processes at once, each on all files."""
    command = [sys.executable, "-m", __spec__.name, str(folder), str(num_files)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for one in children:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in children:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [Run(**json.loads(one.communicate()[0])) for one in children]


def write_pairs(folder: Path) -> None:
    """The same distinct pairs in every file, under another name of their source."""
    import polars as pl

    from sealdata.files.frames import write_frame

    from .corpus import THAI, pairs_of

    pairs = pairs_of(THAI, FILE_PAIRS)
    write_frame(pairs.head(1), folder / "one.parquet")
    for number in range(max(SIZES)):
        named = pairs.with_columns(source=pl.lit(f"source-{number}"))
        write_frame(named, folder / f"kept-{number:02d}.parquet")


def tables(folder: Path) -> str:
    """Run everything; the tables in Markdown."""
    write_pairs(folder)
    lines = [
        "| pairs | tokens | real | tokens a second and core | peak memory "
        "| native sidecars, of uint32 ids |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for size in SIZES:
        [run] = measure(folder, size, 1)
        rate = run.num_tokens / run.cpu_seconds
        lines.append(
            f"| {size * FILE_PAIRS:,} | {run.num_tokens / 1e6:,.1f} M | {run.real:.2%} "
            f"| {rate / 1e6:.2f} M | {run.peak:,.0f} MiB | {run.sidecar:.1%} |"
        )
    lines += [
        "",
        "| processes at once | CPU seconds of each | tokens a second, all, by the clock |",
    ]
    lines.append("|--:|--:|--:|")
    for processes in PROCESSES:
        runs = [measure(folder, SIZES[1], processes) for _ in range(REPEATS)]
        cpu = statistics.median(run.cpu_seconds for turn in runs for run in turn)
        together = statistics.median(
            sum(run.num_tokens for run in turn) / max(run.seconds for run in turn) for turn in runs
        )
        lines.append(f"| {processes} | {cpu:.2f} | {together / 1e6:.2f} M |")
    hours = " and ".join(f"{total / 1e9:.1f} billion {total / rate / 3600:.1f}" for total in TOTALS)
    lines += ["", f"At the rate of the largest, in core-hours: {hours}."]
    return "\n".join(lines)


def main() -> None:
    """Put the tables into the page."""
    from .__main__ import machine, single_threaded

    single_threaded()
    started = datetime.now(UTC)
    with TemporaryDirectory() as folder:
        made = tables(Path(folder))
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    taken = machine(started).split(". Python")[0]
    PAGE.write_text(f"{before}{BEGIN}\n{taken}.\n\n{made}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        child(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
