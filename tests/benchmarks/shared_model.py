"""Memory and speed of a large language-ID model in several processes: shared, and one copy each.

``python -m tests.benchmarks.shared_model MODEL [PROCESSES]``, on Linux, for it reads /proc. Rates
are by the clock: the server's work is not in the CPU time of those who ask.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NUM_PAIRS = 12_000


def main(model: Path, processes: int) -> None:
    """Print a row for each way."""
    print(f"{model.name}, {model.stat().st_size / 2**20:,.0f} MiB, {processes} processes")
    print(f"{'way':<14}{'loaded in s':>12}{'PSS MiB':>10}{'USS MiB':>10}{'texts/s':>10}")
    context = multiprocessing.get_context("spawn")
    for way in ("shared", "one copy each", "bare loop"):
        told, ready = context.Queue(), context.Barrier(processes + 1)
        arguments = (way, str(model), told, ready)
        workers = [context.Process(target=_work, args=arguments) for _ in range(processes)]
        for worker in workers:
            worker.start()
        loads = [told.get() for _ in workers]
        ready.wait()  # everybody has loaded
        rates = [told.get() for _ in workers]
        pids = [worker.pid for worker in workers if worker.pid] + _servers(str(model.absolute()))
        pss, uss = (sum(_memory(pid)[what] for pid in pids) for what in ("Pss", "Private_Dirty"))
        print(f"{way:<14}{max(loads):>12.1f}{pss:>10,.0f}{uss:>10,.0f}{sum(rates):>10,.0f}")
        ready.wait()  # memory is measured
        for worker in workers:
            worker.join()
        time.sleep(6)  # the server's grace


def _work(way: str, model: str, told: Any, ready: Any) -> None:
    from sealdata.lid.model import LEAST, MOST, FastText
    from sealdata.lid.shared import SharedModel

    from .corpus import mixed_pairs

    pairs = mixed_pairs(NUM_PAIRS)
    texts = [*pairs["src"].unique(maintain_order=True), *pairs["tgt"]]
    began = time.monotonic()
    opened = SharedModel(Path(model)) if way == "shared" else FastText(Path(model))
    told.put(time.monotonic() - began)
    ready.wait()
    began = time.monotonic()
    if way == "bare loop":
        predict = opened._model.f.predict  # type: ignore[union-attr]
        for text in texts:
            predict(text + "\n", MOST, LEAST, "strict")
    else:
        opened.likeliest(texts)
    told.put(len(texts) / (time.monotonic() - began))
    ready.wait()


def _servers(model: str) -> list[int]:
    command = ["ps", "-e", "-ww", "-o", "pid=,args="]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in shown.splitlines()]
    return [int(pid) for pid, *args in lines if f"sealdata.lid.server {model} " in "".join(args)]


def _memory(pid: int) -> dict[str, float]:
    """MiB by kind, of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}


if __name__ == "__main__":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
