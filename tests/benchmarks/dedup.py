"""Dedup, caps, near-dedup and decontamination at growing sizes: speed and peak memory.

    python -m tests.benchmarks.dedup               # 1, 5, 20, 40 million pairs; writes DEDUP.md
    python -m tests.benchmarks.dedup --millions 1  # prints only

Exact dedup and caps read the hashes of keys, so these are drawn directly and no text is made: a
tenth of the pairs repeat an earlier one, seven English sentences serve ten pairs. Near-dedup reads
text: words of the sample at random, a tenth of the pairs an earlier one with a word put behind both
sides. The search for evaluation sentences reads lines of two sentences of the sample; those that it
knows are of shuffled letters. Every measurement has a process of its own with one thread; the
kernel counts its CPU time and peak resident memory, Python and its libraries included. A range of
keys holds at most 4 million, which bounds the memory of exact dedup and caps.
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

RESULTS = Path(__file__).with_name("DEDUP.md")
PART_ROWS = 500_000
REPEATED, ENGLISH = 0.1, 0.7
SENTENCES = 26_117  # FLORES-200 dev and devtest in thirteen languages
HEADER = (
    "| what | pairs | dropped | CPU seconds | pairs/s | peak RSS, MiB | on disk, MiB |\n"
    "|---|--:|--:|--:|--:|--:|--:|"
)


def write_keys(folder: Path, num_pairs: int) -> None:
    """Key files of parts, as stage ``keys`` and ``SideKeys`` write them."""
    import numpy as np
    import polars as pl

    from sealdata.stages.partition import write_sorted
    from sealdata.text.hashing import mix

    generator = np.random.default_rng(7)
    distinct = int(num_pairs * (1 - REPEATED))
    for number, start in enumerate(range(0, num_pairs, PART_ROWS)):
        pairs = pl.Series(np.arange(start, min(start + PART_ROWS, num_pairs), dtype=np.uint64))
        pairs = pairs % distinct
        frame = pl.DataFrame(
            {
                "at": pl.int_range(pairs.len(), dtype=pl.UInt32, eager=True),
                "src_key": mix(mix(pairs, 3) % int(distinct * ENGLISH), 1),
                "tgt_key": mix(pairs, 2),
            }
        )
        name = f"part-{number:05d}.parquet"
        write_sorted(frame.sort("src_key", "at"), folder / "keys" / name)
        scores = pl.Series(generator.normal(1.1, 0.1, pairs.len()))
        capped = frame.select("at", key="src_key", score=scores)
        write_sorted(capped.sort("key", "at"), folder / "cap-keys" / name)
        write_sorted(frame.select("at"), folder / "cleaned" / name)


Result = tuple[int, float, int]  # pairs dropped, CPU seconds, bytes read and written


def across(folder: Path, num_pairs: int, what: str) -> Result:
    """Resolve all ranges and flag all parts."""
    from sealdata.stages.caps import Cap
    from sealdata.stages.dedup import Resolve
    from sealdata.stages.partition import Flag, KeyFile, range_names

    keys = folder / ("keys" if what == "exact dedup" else "cap-keys")
    paths = sorted(keys.glob("*.parquet"))
    files = tuple(KeyFile(path, order, "ind_Latn") for order, path in enumerate(paths))
    job = Resolve(files) if what == "exact dedup" else Cap(files, "src", 1)
    out, ranges = folder / f"{what}-out", range_names(num_pairs)
    began = time.process_time()
    for name in ranges:
        job(name, out / "resolved")
    orders = {path.stem: order for order, path in enumerate(paths)}
    flag = Flag("dedup", "reason", out / "resolved", ranges, orders, folder / "cleaned")
    dropped = sum(sum(flag(part, out / "mask").dropped.values()) for part in orders)
    seconds = time.process_time() - began
    return dropped, seconds, sum(file.stat().st_size for file in (*paths, *out.rglob("*.parquet")))


def write_texts(folder: Path, num_pairs: int) -> list[str]:
    """Parts of pairs of a dozen words, one in ten an earlier pair and a word more."""
    import numpy as np
    import polars as pl

    from sealdata.files.frames import write_frame

    from .corpus import ENGLISH as LANG
    from .corpus import THAI, sentences

    english = pl.Series(sorted({word for line in sentences(LANG) for word in line.split()}))
    thai = pl.Series(sorted({line[at : at + 5] for line in sentences(THAI) for at in range(40)}))
    generator = np.random.default_rng(7)
    parts = []
    for start in range(0, num_pairs, PART_ROWS):
        rows = min(PART_ROWS, num_pairs - start)
        sides = {}
        again = np.arange(rows) % 10 == 9
        for side, words, glue in (("src", english, " "), ("tgt", thai, "")):
            picks = generator.integers(0, words.len(), (13, rows))
            picks[:12, again] = picks[:12, np.flatnonzero(again) - 1]
            text = pl.DataFrame([words[row].alias(str(i)) for i, row in enumerate(picks[:12])])
            more = (
                pl.when(pl.Series(again))
                .then(pl.lit(glue) + words[picks[12]])
                .otherwise(pl.lit(""))
            )
            sides[side] = text.select(pl.concat_str(pl.all(), separator=glue) + more).to_series()
        parts.append(f"part-{len(parts):05d}")
        write_frame(pl.DataFrame(sides), folder / "text" / f"{parts[-1]}.parquet")
    return parts


def near(folder: Path, num_pairs: int) -> Result:
    """All jobs of near-dedup, one after another."""
    from sealdata.stages.near import SKETCHES_PER_RANGE, Bands, Edges, Sketches, Verify
    from sealdata.stages.partition import Flag, KeyFile, range_names
    from sealdata.stages.rules import RuleEvaluator
    from sealdata.workflow.stage import OutputRef

    from .corpus import THAI

    parts = write_texts(folder, num_pairs)
    began = time.process_time()

    def files(stage: str) -> tuple[KeyFile, ...]:
        paths = (folder / stage / f"{part}.parquet" for part in parts)
        return tuple(KeyFile(path, order, THAI) for order, path in enumerate(paths))

    evaluator = RuleEvaluator((), {}, (), THAI, OutputRef("clean", folder / "text"))
    made = sum(Bands(evaluator)(part, folder / "bands").facts["keys"] for part in parts)
    ranges, orders = range_names(made), {part: order for order, part in enumerate(parts)}
    for name in ranges:
        Edges(files("bands"))(name, folder / "edges")
    job = Sketches(folder / "edges", ranges, orders, folder / "text")
    sketched = sum(job(part, folder / "sketches").facts["keys"] for part in parts)
    couples = range_names(sketched, SKETCHES_PER_RANGE)
    for name in couples:
        Verify(files("sketches"), 0.8)(name, folder / "alike")
    flag = Flag("dedup", "reason", folder / "alike", couples, orders, folder / "text")
    dropped = sum(sum(flag(part, folder / "near-mask").dropped.values()) for part in parts)
    seconds = time.process_time() - began
    spilled = ("bands", "edges", "sketches", "alike", "near-mask")
    return dropped, seconds, sum(f.stat().st_size for n in spilled for f in (folder / n).iterdir())


def search(num_pairs: int) -> Result:
    """Both sides against sentences of shuffled letters, as many as FLORES has."""
    import polars as pl

    from sealdata.contamination.hashes import hashed
    from sealdata.contamination.index import Index
    from sealdata.contamination.texts import Sentence
    from sealdata.text.hashing import key_hashes, text_key

    from .corpus import mixed_pairs

    shuffle = random.Random(7)
    lines = mixed_pairs(SENTENCES).select(pl.concat_list("src", "tgt").explode()).to_series()
    sentences = ("".join(shuffle.sample(line, len(line))) for line in lines.head(SENTENCES))
    index = Index.of(hashed("set", "file", (Sentence(1, "", text) for text in sentences))[0])
    pairs = mixed_pairs(num_pairs)
    seconds, found = 0.0, 0
    for side in ("src", "src", "tgt"):  # the first time compiles and does not count
        if side == "src":
            seconds, found = 0.0, 0
        keys = key_hashes(pairs, [side]).to_series()
        normal = pairs.select(text_key(side)).to_series()
        began = time.process_time()
        found += index.search(keys, normal, 0.8).height
        seconds += time.process_time() - began
    return found, seconds, 0


def measure(what: str, num_pairs: int, folder: Path) -> dict[str, Any]:
    """One measurement, in this process."""
    if what == "evaluation search":
        dropped, seconds, size = search(num_pairs)
    elif what == "near-dedup":
        dropped, seconds, size = near(folder, num_pairs)
    else:
        dropped, seconds, size = across(folder, num_pairs, what)
    peak = peak_memory()
    return {
        "what": what,
        "pairs": num_pairs,
        "dropped": dropped,
        "seconds": seconds,
        "rss": peak,
        "disk": size / 2**20,
    }


def table_row(found: dict[str, Any]) -> str:
    """A row of the table, as Markdown."""
    rate = found["pairs"] / found["seconds"]
    cells = (
        found["what"],
        f"{found['pairs']:,}",
        f"{found['dropped']:,}",
        f"{found['seconds']:.1f}",
        f"{rate:,.0f}",
        f"{found['rss']:,.0f}",
        f"{found['disk']:,.0f}" if found["disk"] else "",
    )
    return f"| {' | '.join(cells)} |"


def alone(what: str, num_pairs: int, folder: Path) -> dict[str, Any]:
    """One measurement in a process of its own, with a thread a library."""
    code = (
        "from tests.benchmarks.__main__ import single_threaded; single_threaded()\n"
        "import json, pathlib, sys; from tests.benchmarks.dedup import measure\n"
        "print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]))))"
    )
    command = [sys.executable, "-c", code, what, str(num_pairs), str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@click.command()
@click.option("--millions", type=float, multiple=True, help="Of pairs.  [default: 1, 5, 20, 40]")
@click.option(
    "--near-most", default=20.0, show_default=True, help="Millions near-dedup goes up to."
)
def main(millions: tuple[float, ...], near_most: float) -> None:
    """Measure the gates that look across all pairs."""
    lines = [HEADER]
    click.echo(HEADER)
    for size in millions or (1, 5, 20, 40):
        num_pairs = int(size * 1_000_000)
        whats = ["exact dedup", "side cap"]
        whats += ["near-dedup"] if size <= near_most else []
        whats += ["evaluation search"] if size <= 1 else []
        with TemporaryDirectory(prefix="sealdata-bench-") as name:
            write_keys(Path(name), num_pairs)
            for what in whats:
                lines.append(table_row(alone(what, num_pairs, Path(name))))
                click.echo(lines[-1])
    if not millions:
        intro = (
            (__doc__ or "").partition("\n\n    python")[0],
            (__doc__ or "").rpartition("\n\n")[2],
        )
        page = ["# Gates across all pairs", "", intro[0], "", intro[1], *lines, ""]
        RESULTS.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
