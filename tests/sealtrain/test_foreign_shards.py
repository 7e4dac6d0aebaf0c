"""Shards and models from elsewhere: no path leads out, no format is evaluated, no code is run."""

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from tiny_shards import make_config

from sealtrain import parallel
from sealtrain.data import open_streams
from sealtrain.errors import ConfigError, DataError
from sealtrain.model import SAFE, base_config
from sealtrain.prompts import check_template, fill, prompt
from sealtrain.train import locked, train

STREAM = "train/parallel/eng_Latn-tha_Thai"


@pytest.fixture
def copy(shards: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shards, tmp_path / "shards"))


def edit(folder: Path, change) -> None:
    path = folder / STREAM / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../../other/part-00000.npy"])
def test_files_outside_of_the_shards_are_refused(copy: Path, name: str) -> None:
    real = copy / STREAM / "part-00000.npy"
    other = copy.parent / "other/part-00000.npy"
    other.parent.mkdir()
    source = next((copy / STREAM).glob("*.npy")) if not real.is_file() else real
    shutil.copy(source, other)
    path = name if name.startswith("..") else str(other)
    edit(copy, lambda m: m["segments"][0].update(path=path))
    with pytest.raises(DataError, match=r"which is outside of .*set allow_outside = true"):
        open_streams(copy, "train")
    assert open_streams(copy, "train", allow_outside=True)


def test_a_tokenizer_outside_of_the_shards_is_refused(copy: Path) -> None:
    edit(copy, lambda m: m["tokenizer"].update(path="../../../../tokenizer"))
    with pytest.raises(DataError, match=r"names (\.\./){4}tokenizer, which is outside"):
        open_streams(copy, "train")


@pytest.mark.parametrize(
    "template",
    [
        "{first.__class__}\n{second}",
        "{first!r}\n{second}",
        "{first:>9999999999}\n{second}",
        "{0}{first}{second}",
        "{second}{first}",
        "{first}",
        "{first}{second}{",
    ],
)
def test_templates_are_data(copy: Path, template: str) -> None:
    with pytest.raises(ValueError, match=r"template|Single|expected"):
        check_template(template)
    edit(copy, lambda m: m.update(templates=[template]))
    with pytest.raises(DataError, match="not a stream manifest: templates"):
        open_streams(copy, "train")


def test_a_template_is_filled_once() -> None:
    template = "{{{first_name}}}: {first}\n{second_name}: {second}!"
    check_template(template)
    values = {"first_name": "A", "first": "{second} {{x}}", "second_name": "B", "second": "{first}"}
    assert fill(template, values) == "{A}: {second} {{x}}\nB: {first}!"
    del values["second"]
    assert fill(template, values) == "{A}: {second} {{x}}\nB: "
    assert prompt(template, values) == "{A}: {second} {{x}}\nB:"
    assert prompt("{first}{second}", {"first": "x "}) == "x "
    assert prompt("{{second}} {first} {second}", {"first": "x "}) == "{second} x "


def test_code_of_a_folder_is_neither_run_nor_offered(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.MyConfig"}})
    )
    (tmp_path / "mine.py").write_text("raise SystemExit('was run')\n")
    with pytest.raises(ConfigError, match=r"needs Python code of its own \(auto_map\)"):
        base_config(str(tmp_path))
    assert SAFE["trust_remote_code"] is False


def test_a_second_run_in_a_folder_is_refused(shards: Path, tmp_path: Path) -> None:
    config = make_config(shards, tmp_path)
    config.out.mkdir(parents=True, exist_ok=True)
    with (
        FileLock(config.out / ".lock"),
        pytest.raises(DataError, match="another run is training in"),
    ):
        train(config)
    assert not (config.out / "log.jsonl").exists()
    with locked(config.out, parallel.start()):
        pass
    assert train(config) is not None
