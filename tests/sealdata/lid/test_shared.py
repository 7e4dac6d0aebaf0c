"""One copy of a model for many processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.lid import shared
from sealdata.lid.model import FastText
from sealdata.lid.shared import SharedModel, open_model
from sealdata.models.store import find_model
from sealdata.pairs import make_pairs

MODEL = find_model("lid176-ftz")
TEXTS = ["Good morning.", "Selamat pagi, semua.", "", "สวัสดี", "a\nb", "x\0y", "再见"] * 30


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sockets of its own; servers are gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    for pid in servers(tmp_path):
        os.kill(pid, signal.SIGKILL)


def servers(folder: Path) -> list[int]:
    """Processes whose command line names a socket in ``folder``: the server and its children."""
    command = ["ps", "-e", "-ww", "-o", "pid=,args="]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=1) for line in shown.stdout.splitlines()]
    return [int(pid) for pid, *args in lines if args and f"{folder}/" in args[0]]


def sameness(model: shared.Model) -> bool:
    here, there = FastText(MODEL).likeliest(TEXTS), model.likeliest(TEXTS)
    return np.array_equal(here.labels, there.labels) and np.array_equal(here.probs, there.probs)


def test_a_shared_model_says_the_same(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_CHUNK", 64)
    model = SharedModel(MODEL)
    assert sameness(model)
    assert model.likeliest([]).labels.shape == (0, 8)


def test_a_large_model_is_shared(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = make_pairs([("Good morning, everybody.", "Selamat pagi, semuanya.")])
    alone = load("scorers", "lid").score(pairs)
    monkeypatch.setattr(shared, "SHARE_FROM", 1)
    shared._open.cache_clear()
    assert isinstance(open_model(MODEL), SharedModel)
    assert load("scorers", "lid").score(pairs).equals(alone)
    shared._open.cache_clear()


def test_many_who_ask_at_once_start_one_server(apart: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: SharedModel(MODEL), range(4)))
    assert len(servers(apart)) == 1 + 4  # a child for each
    del models


def test_a_server_that_died_is_started_again(apart: Path) -> None:
    model = SharedModel(MODEL)
    running = servers(apart)
    assert running
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    assert sameness(model)


def test_a_server_ends_when_nobody_is_connected(apart: Path) -> None:
    """The client is killed, not closed; the server waits for GRACE seconds."""
    code = (
        "import sealdata.lid.server as server, pathlib, sys\n"
        "server.GRACE = 0.1\n"
        "server.serve(server.FastText(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]))"
    )
    address = apart / "socket"
    server = subprocess.Popen([sys.executable, "-c", code, str(MODEL), str(address)])
    while not (connection := shared._knock(address)):
        time.sleep(0.02)
    time.sleep(0.5)
    assert server.poll() is None
    connection.close()
    assert server.wait(10) == 0
    assert not address.exists()


def test_a_server_that_cannot_start_says_why(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DataError, match=r"server of .*lid\.176\.ftz did not start: exit code 1"):
        SharedModel(MODEL)


def test_the_folder_of_sockets_is_private(apart: Path) -> None:
    (apart / f"sealdata-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(DataError, match="that only you can enter"):
        SharedModel(MODEL)
