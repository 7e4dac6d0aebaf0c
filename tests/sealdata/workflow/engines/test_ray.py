"""The Ray engine: the bytes of the local one, lost workers, and machines that share no files."""

import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealdata import __version__
from sealdata.dataset.build import build
from sealdata.errors import ConfigError, DataError
from sealdata.files.records import PartRecord
from sealdata.pipeline.plan import load_plan
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import Engine, NoProgress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = pytest.mark.slow
# A component from outside must load in the processes of Ray, and a program must run there.
PLUGIN = Path(__file__).parents[2] / "plugins" / "my_parts.py"

RECIPE = """
name = "small"
part_rows = 50
[[source]]
name = "s"
reader = "tsv"
path = "s.tsv.gz"
src_lang = "eng_Latn"
tgt_lang = "tha_Thai"
options = { layout = "pairs" }
[plugins]
paths = ["my_parts.py"]
[clean.unicode]
[clean.no_stars]
[score.length]
[score.vowel_count]
[score.fields]
scorer = "program"
command = ["awk", "-F", "\\t", "{ print NF }"]
[[rule]]
reason = "no_vowel"
score = "vowel_count.src"
min = 1
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 6
[tokenizer]
path = "sample:tokenizers/bpe"
[pack]
sequence_length = 256
block_length = 16384
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("ray")


@pytest.fixture(scope="module")
def engine(shared):
    """One Ray for all tests: it takes seconds to start. It is told of two GPUs, there or not."""
    import ray

    from sealdata.workflow.engines.ray import RayEngine

    init = ray.init
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "init", lambda **options: init(num_gpus=2, **options))
        with RayEngine(2, shared) as opened:
            yield opened


def built(folder: Path, engine: Engine, data: bytes) -> dict[str, str]:
    """SHA-256 of the results of a small build, its manifest and card among them."""
    folder.mkdir()
    (folder / "s.tsv.gz").write_bytes(data)
    (folder / "small.toml").write_text(RECIPE, "utf-8")
    shutil.copy(PLUGIN, folder)
    build(load_plan(str(folder / "small.toml")), folder / "out", engine, NoProgress())
    return results(folder)


def results(folder: Path) -> dict[str, str]:
    """SHA-256 of the results of the build in ``folder``."""
    files = [path for path in sorted((folder / "out").rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "work" not in path.parts and path.name != ".lock"
    }


def test_the_bytes_are_those_of_the_local_engine(shared, engine):
    lines = "".join(f"word {number % 170}\tคำ {number % 150}\n" for number in range(400))
    data = gzip.compress(lines.encode(), mtime=0)
    on_ray = built(shared / "on_ray", engine, data)
    with LocalEngine(1) as local:
        assert built(shared / "local", local, data) == on_ray
    assert any(name.startswith("out/shards/train/parallel") for name in on_ray)


def test_an_error_arrives_as_one_line(shared, engine):
    data = gzip.compress(b"some words\tk\n" * 9999, mtime=0)[:60]
    with pytest.raises(DataError, match=r"s\.tsv\.gz is cut short at byte 60 of 60; fetch it"):
        built(shared / "cut", engine, data)


def test_a_lost_worker_is_tried_again(shared, engine):
    died = shared / "died"

    def dies_once(part: str, folder: Path) -> PartRecord:
        if part == "b" and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / f"{part}.txt").write_text(part)
        return PartRecord(part=part, rows_in=1, rows_out=1)

    stage = Stage("dies-once", None, (), ("a", "b", "c"), dies_once)
    [done] = run_stages([stage], shared / "work", engine, NoProgress())
    assert died.exists()
    assert done.parts == ("a", "b", "c")
    assert (done.folder / "b.txt").read_text() == "b"


def test_a_worker_lost_again_and_again_is_one_line(shared, engine):
    def dies(part: str, folder: Path) -> PartRecord:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    with pytest.raises(DataError, match=r"a worker process was lost in dies-[0-9a-f]+ ") as caught:
        run_stages([Stage("dies", None, (), ("a",), dies)], shared / "work", engine, NoProgress())
    assert "\n" not in str(caught.value)


def tell(part: str, folder: Path) -> PartRecord:
    """Leaves which GPU it sees."""
    time.sleep(0.3)
    (folder / f"{part}.txt").write_text(f"{os.environ.get('CUDA_VISIBLE_DEVICES')} {os.getpid()}")
    return PartRecord(part=part, rows_in=1, rows_out=1)


def test_one_actor_for_each_gpu(shared, engine):
    """As many as the cluster has, each with one GPU and no other, whatever part it gets."""
    parts = tuple("abcdef")
    stages = [Stage("gpu", None, (), parts, tell, num_gpus=1), Stage("cpu", None, (), parts, tell)]
    on_gpus, elsewhere = run_stages(stages, shared / "gpus", engine, NoProgress())
    seen = {(on_gpus.folder / f"{part}.txt").read_text() for part in parts}
    assert sorted(text.split()[0] for text in seen) == ["0", "1"], seen
    others = {(elsewhere.folder / f"{part}.txt").read_text().split()[1] for part in parts}
    assert not others & {text.split()[1] for text in seen}


def test_a_lost_actor_begins_anew(shared, engine):
    died = shared / "gpu-died"

    def dies_once(part: str, folder: Path) -> PartRecord:
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return PartRecord(part=part, rows_in=1, rows_out=1)

    stage = Stage("gpu-dies", None, (), ("a", "b"), dies_once, num_gpus=1)
    [done] = run_stages([stage], shared / "work", engine, NoProgress())
    assert died.exists()
    assert done.parts == ("a", "b")


def test_a_cluster_without_a_gpu(shared, engine, monkeypatch):
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 2.0})
    stage = Stage("gpu-none", None, (), ("a",), tell, num_gpus=1)
    with pytest.raises(ConfigError, match="no machine of the Ray cluster has a GPU"):
        run_stages([stage], shared / "work", engine, NoProgress())


def test_a_machine_that_does_not_see_an_input_is_refused(shared, engine, monkeypatch):
    monkeypatch.setattr(engine, "inputs", [shared / "nowhere.gz"])
    with pytest.raises(DataError, match=r"does not see .*nowhere\.gz as this one does"):
        engine._look_at_machines()
    assert list(shared.glob(".shared-*")) == []


def test_a_machine_with_another_version_is_refused(shared, engine, monkeypatch):
    monkeypatch.setattr("sealdata.workflow.engines.ray.__version__", "0.0.0")
    with pytest.raises(DataError, match=r"has sealdata .*, this one 0\.0\.0"):
        engine._look_at_machines()


def test_no_cluster_at_the_address(tmp_path):
    from sealdata.workflow.engines.ray import RayEngine

    with pytest.raises(DataError, match=r"no Ray cluster at 127\.0\.0\.1:9: "):
        RayEngine(2, tmp_path, address="127.0.0.1:9").__enter__()


def test_a_machine_that_sees_another_folder_is_refused(engine, shared):
    token = shared / "token"
    token.write_text("1234")
    with pytest.raises(DataError, match="on a file system that all machines mount"):
        engine._check_machine("far", (__version__, "", []), token, "node")


DRIVER = """
import sys
from pathlib import Path
from sealdata.dataset.build import build
from sealdata.workflow.engines.ray import RayEngine
from sealdata.pipeline.plan import load_plan
from sealdata.workflow.protocols import NoProgress

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with RayEngine(2, folder) as engine:
        build(load_plan(str(folder / "small.toml")), folder / "out", engine, NoProgress())
"""


def test_a_driver_killed_in_the_middle_leaves_what_a_rerun_finishes(tmp_path):
    """SIGKILL when some parts are done and others are not; the rerun gives the same bytes."""
    lines = "".join(f"word {number % 700}\tคำ {number % 600}\n" for number in range(700))
    data = gzip.compress(lines.encode(), mtime=0)
    with LocalEngine(1) as local:
        unbroken = built(tmp_path / "local", local, data)
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "s.tsv.gz").write_bytes(data)
    (folder / "small.toml").write_text(RECIPE, "utf-8")
    shutil.copy(PLUGIN, folder)
    (folder / "driver.py").write_text(DRIVER, "utf-8")
    command = [sys.executable, str(folder / "driver.py"), str(folder)]
    # A group of its own: the Ray that the driver started goes with it, as on a lost machine.
    driver = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while len(list((folder / "out/work").glob("clean-*/part-*.json"))) < 3:
            assert driver.poll() is None, "the build ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    assert not (folder / "out/manifest.json").exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert results(folder) == unbroken
