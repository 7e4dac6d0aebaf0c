"""Workers: how many threads they start, and what becomes of them when their build is gone."""

import signal
import subprocess
import sys

from sealdata.workflow.engines.local import _uninterruptible_children

ORPHANS = """
import os, time
from sealdata.workflow.engines.local import _make_pool
if __name__ == "__main__":
    pool = _make_pool(2, [])
    parts = [pool.submit(time.sleep, 600) for _ in range(2)]
    while not all(part.running() for part in parts):
        time.sleep(0.05)
    pool.submit(time.sleep, 0)
    time.sleep(2)  # both are in the middle of their part
    os.kill(os.getpid(), 9)
"""

THREADS = """
import os, sys
from pathlib import Path
import polars as pl
from sealdata.files.records import PartRecord
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage

def count(part, folder):
    threads = pl.thread_pool_size()
    return PartRecord(part=part, rows_in=threads, rows_out=threads)

if __name__ == "__main__":
    os.cpu_count = lambda: 6
    os.environ["POLARS_MAX_THREADS"] = "5"
    with LocalEngine(2) as engine:
        stage = Stage("threads", None, (), ("a", "b"), count)
        [output] = run_stages([stage], Path(sys.argv[1]), engine, NoProgress())
    print(*(r.rows_out for r in output.records), os.environ["POLARS_MAX_THREADS"])
"""


def test_workers_end_with_their_killed_build_not_with_their_part(tmp_path):
    """They hold the pipe: it ends when the last of them does."""
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, script], stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert ended.returncode == -9
    assert ended.stderr.count(b"Traceback") == 0


def test_threads_of_all_workers_are_the_cores(tmp_path):
    """Polars counts when it is imported, which is before a worker runs its first task."""
    script = tmp_path / "threads.py"
    script.write_text(THREADS, encoding="utf-8")
    command = [sys.executable, script, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "3 3 5\n"


def test_sigterm_waits_until_the_workers_have_started() -> None:
    """A child that starts while its parent stops would print a traceback."""
    steps: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: steps.append("stopped"))
    try:
        with _uninterruptible_children():
            signal.raise_signal(signal.SIGTERM)
            steps.append("started")
        assert steps == ["started", "stopped"]
    finally:
        signal.signal(signal.SIGTERM, before)
