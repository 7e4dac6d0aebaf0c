"""Margins over nearest neighbours: all cosines, or an index, against faiss's exact search.

    python -m tests.benchmarks.margin                 # 20,000 pairs, each way; writes MARGIN.md
    python -m tests.benchmarks.margin --pairs 200000  # prints only, without faiss's exact search

Pairs are two sentences of the sample in English and in another language, both cut at random ends,
embedded by the demonstration encoder; its 512 numbers are turned into LASER's 1,024 by a rotation,
which leaves cosines as they are. Times are those of finding the neighbours of both sides, not of
encoding. Every measurement has a process of its own with one thread; the kernel counts its CPU time
and peak resident memory, Python and its libraries included. `near` is the share of margins within
0.001 of the exact ones, `recall` the share of the exact four neighbours that were found, both over
the first 5,000 pairs.
"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from .race import peak_memory

RESULTS = Path(__file__).with_name("MARGIN.md")
MILLION = "## A million pairs"  # written by margin_million
PART, K, CHECKED = "part-00000", 4, 5_000
HEADER = (
    "| way | pairs | CPU seconds | pairs/s | peak RSS, MiB | on disk, MiB | near | recall |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)
WAYS = ("every cosine", "index", "faiss, every cosine")


def write_vectors(_: str, num_pairs: int, folder: Path) -> None:
    """A store of one part, as scoring leaves it, and the pool of its texts."""
    import numpy as np
    import polars as pl

    from sealdata.encoders.neighbours import unit
    from sealdata.files.frames import write_frame
    from sealdata.scorers.laser import _load
    from sealdata.stages.margin import Pool, save
    from sealdata.stages.rules import RuleEvaluator
    from sealdata.stages.vectors import SIDES
    from sealdata.workflow.stage import OutputRef

    encoder = _load("sample", "fp32", "cpu")
    turned, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((1024, encoder.dim)))
    index = {"embedded": pl.repeat(True, num_pairs, eager=True)}
    vectors = np.zeros((2 * num_pairs, 1024), np.float16)
    for number, (side, texts) in enumerate(zip(SIDES, distinct(num_pairs), strict=True)):
        made = encoder.encode(texts, normalise=True) @ turned.T.astype(np.float32)
        vectors[number * num_pairs :][:num_pairs] = unit(made)
        rows = pl.int_range(num_pairs, dtype=pl.UInt32, eager=True)
        index |= {f"{side}_vector": rows + number * num_pairs, f"{side}_key": rows.cast(pl.UInt64)}
    save(folder / "store" / f"{PART}.npy", vectors)
    write_frame(pl.DataFrame(index), folder / "store" / f"{PART}.parquet")
    evaluator = RuleEvaluator((), {}, (), "ind_Latn", OutputRef("clean", folder / "store"))
    for side in SIDES:
        Pool(evaluator, "similarity", folder / "store", (PART,))(side, folder / "pool")


def distinct(num_pairs: int) -> tuple[list[str], list[str]]:
    """English and other sides; no text of a side twice."""
    from tests.make_sample.corpus import read_pairs
    from tests.make_sample.plan import FILES

    generator = random.Random(7)
    known = [read_pairs("text", file.lang) for file in FILES]
    found: tuple[dict[str, None], dict[str, None]] = ({}, {})
    while min(map(len, found)) < num_pairs:
        one, other = generator.sample(generator.choice(known), 2)
        for texts, sides in zip(found, zip(one, other, strict=True), strict=True):
            text = " ".join(sides)
            start, stop = generator.randrange(len(text) // 3), generator.randrange(len(text) // 3)
            texts[text[start : len(text) - stop].strip()] = None
    return list(found[0])[:num_pairs], list(found[1])[:num_pairs]


def measure(way: str, num_pairs: int, folder: Path) -> dict[str, Any]:
    """One measurement, in this process; leaves margins in ``folder/WAY.npy``."""
    import numpy as np

    from sealdata.encoders.approximate import faiss
    from sealdata.stages.margin import Compare, Index, Margins, Search, Texts, block_names
    from sealdata.stages.vectors import SIDES, Side

    src, tgt = (Texts(folder / "pool", folder / "store", (PART,), side) for side in SIDES)
    out = folder / way
    blocks: dict[Side, tuple[str, ...]] = {s: block_names(s, num_pairs) for s in SIDES}
    whole: tuple[Side, ...] = ()
    compare = Compare(src, tgt, K)
    began = time.process_time()
    if way == "every cosine":
        blocks = dict.fromkeys(SIDES, block_names("block", num_pairs))
        whole = ("tgt",)
        for name in blocks["src"]:
            compare(name, out)
    elif way == "index":
        for side in SIDES:
            Index((src, tgt))(side, folder / "indexes")
        for name in blocks["src"] + blocks["tgt"]:
            Search((src, tgt), folder / "indexes", K)(name, out)
    else:
        both = [texts.rows(0, num_pairs) for texts in (src, tgt)]
        library = faiss()
        for side, own, other in (("src", *both), ("tgt", *reversed(both))):
            flat = library.IndexFlatIP(other.shape[1])
            flat.add(other)
            best = flat.search(own, K)[0][:, ::-1]
            for number, name in enumerate(blocks[side]):
                out.mkdir(exist_ok=True)
                start = number * 32_768
                np.save(out / f"{name}.{side}.npy", best[start : start + 32_768])
    seconds = time.process_time() - began
    peak = peak_memory()
    Margins(src, tgt, out, blocks, whole, "ratio", K)(PART, folder / "margins" / way)
    size = sum(f.stat().st_size for n in ("store", "indexes") for f in (folder / n).glob("*"))
    return {"way": way, "pairs": num_pairs, "seconds": seconds, "rss": peak, "disk": size / 2**20}


def agreement(folder: Path, way: str) -> tuple[float, float]:
    """Shares of the first pairs: margins within 0.001 of those of every cosine, and of the English
    sides' neighbours that were found."""
    import numpy as np
    import polars as pl

    frames = [pl.read_parquet(folder / "margins" / w / f"{PART}.parquet") for w in (way, WAYS[0])]
    values = [frame["margin"].to_numpy()[:CHECKED] for frame in frames]
    names = {WAYS[0]: "block-00000.src.npy"}
    found, exact = (
        np.load(folder / w / names.get(w, "src-00000.src.npy"))[:CHECKED] for w in (way, WAYS[0])
    )
    near = float((np.abs(values[0] - values[1]) <= 0.001).mean())
    hits = (np.abs(found[:, :, None] - exact[:, None, :]) < 2e-6).any(axis=2)
    return near, float(hits.mean())


def alone(way: str, num_pairs: int, folder: Path) -> dict[str, Any]:
    """One measurement in a process of its own, with a thread a library."""
    code = (
        "from tests.benchmarks.__main__ import single_threaded; single_threaded()\n"
        "import json, pathlib, sys; from tests.benchmarks import margin\n"
        "how = margin.write_vectors if sys.argv[1] == 'vectors' else margin.measure\n"
        "print(json.dumps(how(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))))"
    )
    command = [sys.executable, "-c", code, way, str(num_pairs), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout) or {}
    return found


def table_row(found: dict[str, Any], near: float, recall: float) -> str:
    """A row of the table, as Markdown."""
    cells = (
        found["way"],
        f"{found['pairs']:,}",
        f"{found['seconds']:.0f}",
        f"{found['pairs'] / found['seconds']:,.0f}",
        f"{found['rss']:,.0f}",
        f"{found['disk']:,.0f}",
        f"{near:.3f}",
        f"{recall:.3f}",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--pairs", type=int, help="How many.  [default: 20,000]")
def main(pairs: int | None) -> None:
    """Measure the search for neighbours."""
    lines = [HEADER]
    click.echo(HEADER)
    num_pairs = pairs or 20_000
    with TemporaryDirectory(prefix="sealdata-bench-") as name:
        folder = Path(name)
        alone("vectors", num_pairs, folder)  # elsewhere: a process begins with its parent's peak
        for way in WAYS if pairs is None else WAYS[:2]:
            found = alone(way, num_pairs, folder)
            lines.append(table_row(found, *agreement(folder, way)))
            click.echo(lines[-1])
    if pairs is None:
        intro, _, rest = (__doc__ or "").partition("\n\n    python")
        page = ["# Margins", "", intro, "", rest.partition("\n\n")[2], *lines, ""]
        write_section("", page)


def write_section(heading: str, lines: list[str]) -> None:
    """Write what stands under ``heading`` (if empty, the beginning) and keep the rest."""
    first, _, million = RESULTS.read_text("utf-8").partition(f"\n{MILLION}\n")
    text = "\n".join(lines)
    first, million = (first, f"\n{text}") if heading else (text, million)
    RESULTS.write_text(f"{first}\n{MILLION}\n{million}" if million else first, encoding="utf-8")


if __name__ == "__main__":
    main()
