"""Margins of a million pairs through an index, held against exact ones of some of them.

    python -m tests.benchmarks.margin_million    # writes its part of MARGIN.md; takes 5 GB of disk

A million vectors of 1,024 numbers a side are drawn: 1,000 subjects of unequal size, in them 100,000
clusters of some ten sentences, and for each translation noise of its own, for some more than for
others; numbers weigh less the later they come, as in embeddings. Every tenth pair is wrong: a
sentence with the translation of another of its cluster. The jobs are those of a build, each in a
process of its own with one thread. `own` is the peak of a process's own memory, Python and its
libraries included, `peak` that with the pages of mapped files, which the kernel may take back. The
index of one side answers for 32,768 texts of the other; of 5,000 pairs the exact neighbours are
sought among all.
"""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from .margin import MILLION, write_section
from .race import peak_memory

PARTS = {"part-00000": 5_000, "part-00001": 500_000, "part-00002": 495_000}  # pairs
FIRST, DIM, K = "part-00000", 1024, 4
SUBJECTS, CLUSTERS = 1_000, 100_000
STEPS = (
    "vectors",
    "texts of a side",
    "index of a side",
    "search, 32,768 texts",
    "exact, 5,000 texts",
)
HEADER = "| step | CPU seconds | own, MiB | peak, MiB | on disk, MiB |\n|---|--:|--:|--:|--:|"


def write_vectors(store: Path) -> None:
    """A store of vectors, as scoring leaves it."""
    import numpy as np
    import polars as pl

    from sealdata.files.frames import write_frame
    from sealdata.stages.margin import save

    generator = np.random.default_rng(1)
    subjects = generator.standard_normal((SUBJECTS, DIM), np.float32)
    clusters = 0.6 * generator.standard_normal((CLUSTERS, DIM), np.float32)
    clusters += subjects[np.minimum(generator.zipf(1.3, CLUSTERS), SUBJECTS) - 1]
    for number, (part, height) in enumerate(PARTS.items()):
        array = np.empty((2 * height, DIM), np.float16)
        for start in range(0, height, 5_000):
            for side, made in enumerate(_drawn(generator, clusters, 5_000)):
                array[side * height + start :][:5_000] = made
        save(store / f"{part}.npy", array)
        rows = pl.int_range(height, dtype=pl.UInt32, eager=True)
        keys = rows.cast(pl.UInt64) + number * 10**6
        frame = pl.DataFrame({"embedded": pl.repeat(True, height, eager=True)})
        for side, name in enumerate(("src", "tgt")):
            columns = {f"{name}_vector": rows + side * height, f"{name}_key": keys}
            frame = frame.with_columns(**columns)
        write_frame(frame, store / f"{part}.parquet")


def _drawn(generator: Any, clusters: Any, height: int) -> Iterator[Any]:
    """Both sides of some pairs, float32 [height, DIM], of length 1."""
    import numpy as np

    from sealdata.encoders.neighbours import unit

    def normal() -> Any:
        return generator.standard_normal((height, DIM), np.float32)

    weights = (1 + np.arange(DIM, dtype=np.float32)) ** -0.35
    cluster = clusters[generator.integers(len(clusters), size=height)]
    sentence = cluster + 0.7 * normal()
    wrong = generator.random((height, 1)) < 0.1
    noise = generator.uniform(0.1, 0.9, (height, 1)).astype(np.float32)
    yield unit(sentence * weights)
    yield unit((np.where(wrong, cluster + 0.7 * normal(), sentence) + noise * normal()) * weights)


def step(name: str, folder: Path) -> dict[str, Any]:
    """Do one step in this process, on both sides; what it took on one."""
    from sealdata.encoders.neighbours import best_cosines
    from sealdata.stages.margin import Index, Pool, Search, Texts, save
    from sealdata.stages.rules import RuleEvaluator
    from sealdata.stages.vectors import SIDES
    from sealdata.workflow.stage import OutputRef

    store, pool, index = (folder / name for name in ("store", "pool", "index"))
    if name == "vectors":
        write_vectors(store)
        return {}
    both = Texts(pool, store, tuple(PARTS), "src"), Texts(pool, store, tuple(PARTS), "tgt")
    began = time.process_time()
    with own_memory() as own:
        for side, texts, others in zip(SIDES, both, reversed(both), strict=True):
            if name == "texts of a side":
                evaluator = RuleEvaluator((), {}, (), "ind_Latn", OutputRef("clean", store))
                Pool(evaluator, "similarity", store, tuple(PARTS))(side, pool)
            elif name == "index of a side":
                Index(both)(side, index)
            elif name == "search, 32,768 texts":
                Search(both, index, K)(f"{side}-00000", folder / "found")
            else:
                some = texts.rows(0, PARTS[FIRST])
                best = best_cosines(some, len(others), others.rows, K)[0]
                save(folder / "exact" / f"{side}-00000.{side}.npy", best)
    made = {"texts of a side": pool, "index of a side": index}.get(name)
    size = sum(file.stat().st_size for file in made.iterdir()) if made else 0
    seconds = time.process_time() - began
    peaks = {"own": max(own), "peak": peak_memory()}
    return {"seconds": seconds / 2, **peaks, "disk": size / 2 / 2**20}


@contextmanager
def own_memory() -> Iterator[list[float]]:
    """MiB of this process that are no pages of files, looked up ten times a second."""
    found: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            own = re.search(r"RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text())
            assert own is not None
            found.append(int(own[1]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def agreement(folder: Path) -> str:
    """Margins of the first part by what was found, against those by the exact neighbours."""
    import numpy as np
    import polars as pl

    from sealdata.stages.margin import Margins, Texts
    from sealdata.stages.vectors import SIDES, Side

    src, tgt = (Texts(folder / "pool", folder / "store", tuple(PARTS), side) for side in SIDES)
    blocks: dict[Side, tuple[str, ...]] = {side: (f"{side}-00000",) for side in SIDES}
    columns, hits = {}, []
    for way in ("found", "exact"):
        Margins(src, tgt, folder / way, blocks, (), "ratio", K)(FIRST, folder / "margins" / way)
        columns[way] = pl.read_parquet(folder / "margins" / way / f"{FIRST}.parquet")["margin"]
    for side in SIDES:
        found, exact = (
            np.load(folder / way / f"{side}-00000.{side}.npy")[: PARTS[FIRST]] for way in columns
        )
        hits.append((np.abs(found[:, :, None] - exact[:, None, :]) < 2e-6).any(axis=1).mean())
    both = pl.DataFrame(columns)
    off = (pl.col("found") - pl.col("exact")).cast(pl.Float64)
    rank, mean, near, spread, share = both.select(
        pl.corr("found", "exact", method="spearman"),
        off.mean().alias("mean"),
        (off.abs() <= 0.001).mean().alias("near"),
        pl.col("exact").std().alias("spread"),
        off.abs().quantile(0.99).alias("most"),
    ).row(0)
    return (
        f"Of the exact four neighbours {100 * np.mean(hits):.1f} % were found. Margins (standard "
        f"deviation {spread:.3f}): Spearman's rank correlation with the exact ones {rank:.4f}; "
        f"{100 * near:.1f} % within 0.001, 99 % within {share:.4f}, on average {mean:+.5f}."
    )


def alone(name: str, folder: Path) -> dict[str, Any]:
    """One step in a process of its own, with a thread a library."""
    code = (
        "from tests.benchmarks.__main__ import single_threaded; single_threaded()\n"
        "import json, pathlib, sys; from tests.benchmarks.margin_million import step\n"
        "print(json.dumps(step(sys.argv[1], pathlib.Path(sys.argv[2]))))"
    )
    command = [sys.executable, "-c", code, name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@click.command()
def main() -> None:
    """Measure the search for neighbours among a million."""
    lines = [HEADER]
    with TemporaryDirectory(prefix="sealdata-bench-") as name:
        for what in STEPS:
            found = alone(what, Path(name))
            if found:
                figures = " | ".join(f"{value:,.0f}" for value in found.values())
                lines.append(f"| {what} | {figures} |")
                click.echo(lines[-1])
        lines += ["", agreement(Path(name)), ""]
    click.echo(lines[-2])
    intro = (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2]
    write_section(MILLION, [intro, *lines])


if __name__ == "__main__":
    main()
