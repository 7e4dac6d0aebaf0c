"""Builds in folders of odd names, and damaged files of pairs: one line, never a traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .tiny import build, recipe, sealdata

PAIRS = "pairs/eng_Latn-ind_Latn/train-00000.parquet"
STREAM = "shards/train/parallel/eng_Latn-ind_Latn/part-00000.npy"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name is a pattern that does not match it, with a build."""
    folder = tmp_path_factory.mktemp("odd") / "a[bc]*?{x}"
    folder.mkdir()
    done = build(recipe(folder), folder / "o[ut]")
    assert done.exit_code == 0, done.output
    return folder


CALLS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "verify": lambda out: ("verify", out),
    "inspect": lambda out: ("inspect", f"{out / STREAM}:0"),
    "trace": lambda out: ("trace", f"{out / STREAM}:0"),
    "audit": lambda out: ("audit", out, "--annotate", 4),
    "compare": lambda out: ("audit", out, out),
    "audit of a recipe": lambda out: (
        *("audit", out.parent / "tiny.toml", "--out", out.parent / "au[dit]", "--workers", 1),
    ),
    "card": lambda out: ("card", out),
    "fertility": lambda out: ("fertility", out, "--tokenizer", "sample:tokenizers/bpe"),
    "budget": lambda out: ("budget", out, "--tokens", "1000"),
    "publish": lambda out: ("publish", out, "--repo", "a/b", "--dry-run", "--unfinished"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_name_is_not_a_pattern(odd: Path, name: str) -> None:
    done = sealdata(*CALLS[name](odd / "o[ut]"))
    assert done.exit_code == 0, done.output


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "text": lambda data: b"hello",
    "page": lambda data: data[:4] + b"\xff" * 400 + data[404:],
    "footer": lambda data: data[:-300] + b"\xff" * 280 + data[-20:],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["verify", "trace", "audit", "compare", "card", "fertility"])
def test_a_damaged_file_is_named(odd: Path, tmp_path: Path, name: str, damage: str) -> None:
    out = tmp_path / "out"
    shutil.copytree(odd / "o[ut]", out, ignore=shutil.ignore_patterns("work"))
    data = (out / PAIRS).read_bytes()
    (out / PAIRS).write_bytes(DAMAGE[damage](data))
    done = sealdata(*CALLS[name](out))
    assert isinstance(done.exception, SystemExit | None), done.exception
    last = done.output.splitlines()[-1]
    # A card needs the names of the columns only.
    assert done.exit_code != 0 or (name, damage) == ("card", "page"), done.output
    assert done.exit_code == 0 or "train-00000.parquet" in last
