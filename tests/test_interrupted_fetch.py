"""Ctrl-C in the middle of a download: one line, 130, and the next call goes on from there."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.sealdata.fetch.test_corpora_download import BODY, Server, part_of, server

__all__ = ["server"]  # the fixture

# The addresses of the catalogue lead to the server of the test, whose file is not a published one.
COMMAND = """
import sys
import sealdata.fetch.files as files
whole = files.download
files.download = lambda url, path, report, **published: whole(sys.argv[1], path, report)
from sealcli.sealdata import main
main(sys.argv[2:])
"""
SOON = 60.0


def started(url: str, *arguments: object) -> subprocess.Popen[str]:
    """The command in a process of its own, which Ctrl-C reaches even where the tests ignore it."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, url, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["sources", "fetch", "nllb-opus", "--pair", "en-jv", "--out"], "nllb-opus/en-jv.txt.zip"),
        (["models", "fetch", "lid176-bin"], "lid.176.bin"),
    ],
)
def test_an_interrupted_fetch_goes_on_where_it_was(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], file: str
) -> None:
    monkeypatch.setenv("SEALDATA_MODELS", str(tmp_path))
    path = tmp_path / file
    arguments = [*arguments, str(tmp_path)] if arguments[-1] == "--out" else arguments
    server.stalls = [len(BODY) // 2]
    running = started(server.url, *arguments)
    deadline = time.monotonic() + SOON
    while not part_of(path).exists() or part_of(path).stat().st_size < len(BODY) // 2:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=SOON)
    server.go_on.set()
    assert running.returncode == 130
    assert said.splitlines()[-1] == "sealdata: interrupted; run the same command again to continue"
    assert "Traceback" not in said
    assert not path.exists()
    assert part_of(path).read_bytes() == BODY[: len(BODY) // 2]
    again = started(server.url, *arguments)
    printed, said = again.communicate(timeout=SOON)
    assert again.returncode == 0, said
    assert str(path) in printed
    assert path.read_bytes() == BODY
    assert server.asked == [None, f"bytes={len(BODY) // 2}-"]
