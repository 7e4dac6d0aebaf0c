"""Memory and speed of a large language-ID model in several processes: ours, and fastText's.

``python -m tests.benchmarks.shared_model MODEL [PROCESSES]``, on Linux, for it reads /proc.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

NUM_PAIRS = 12_000


def main(model: Path, processes: int) -> None:
    """Print a row for each way."""
    print(f"{model.name}, {model.stat().st_size / 2**20:,.0f} MiB, {processes} processes")
    print(f"{'way':<14}{'loaded in s':>12}{'PSS MiB':>10}{'USS MiB':>10}{'texts per CPU s':>17}")
    context = multiprocessing.get_context("spawn")
    for way in ("ours", "fastText's"):
        told, ready = context.Queue(), context.Barrier(processes + 1)
        arguments = (way, str(model), told, ready)
        workers = [context.Process(target=_work, args=arguments) for _ in range(processes)]
        for worker in workers:
            worker.start()
        loads = [told.get() for _ in workers]
        ready.wait()  # everybody has loaded
        rates = [told.get() for _ in workers]
        pids = [worker.pid for worker in workers if worker.pid]
        pss, uss = (sum(_memory(pid)[what] for pid in pids) for what in ("Pss", "Private_Dirty"))
        rate = sum(rates) / len(rates)
        print(f"{way:<14}{max(loads):>12.1f}{pss:>10,.0f}{uss:>10,.0f}{rate:>17,.0f}")
        ready.wait()  # memory is measured
        for worker in workers:
            worker.join()


def _work(way: str, model: str, told: Any, ready: Any) -> None:
    import polars as pl

    from sealdata.lid.model import LEAST, MOST, FastText

    from .corpus import mixed_pairs

    pairs = mixed_pairs(NUM_PAIRS)
    texts = pl.concat([pairs["src"].unique(maintain_order=True), pairs["tgt"]])
    began = time.process_time()
    if way == "ours":
        ours = FastText(Path(model))
    else:
        import fasttext

        predict = (kept := fasttext.load_model(model)).f.predict
    told.put(time.process_time() - began)
    if way == "ours":
        ours.likeliest(texts.head(1))  # the machine code is there
    ready.wait()
    began = time.process_time()
    if way == "ours":
        ours.likeliest(texts)
    else:
        for text in texts.to_list():
            predict(text + "\n", MOST, LEAST, "strict")
        assert kept
    told.put(len(texts) / (time.process_time() - began))
    ready.wait()


def _memory(pid: int) -> dict[str, float]:
    """MiB by kind, of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
