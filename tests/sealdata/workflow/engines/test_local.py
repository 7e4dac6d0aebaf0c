"""What becomes of workers whose build is gone."""

import subprocess
import sys

ORPHANS = """
import os, time
from sealdata.workflow.engines.local import _make_pool
if __name__ == "__main__":
    pool = _make_pool(2, "1", [])
    parts = [pool.submit(time.sleep, 600) for _ in range(2)]
    while not all(part.running() for part in parts):
        time.sleep(0.05)
    pool.submit(time.sleep, 0)
    time.sleep(2)  # both are in the middle of their part
    os.kill(os.getpid(), 9)
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
