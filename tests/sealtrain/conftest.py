"""Fixtures of the trainer's tests."""

import os
import sys
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no test uses the network
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(Path(__file__).parent))  # for tiny_shards, under any import mode

from tiny_shards import SENTENCES, write_shards


def pytest_configure(config: pytest.Config) -> None:
    """torch warns of every checkpoint that a single process saves or loads."""
    config.addinivalue_line("filterwarnings", "ignore:torch.distributed is disabled")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read-only; a test that breaks shards copies them first."""
    return write_shards(tmp_path_factory.mktemp("build") / "shards")


@pytest.fixture
def refs(tmp_path: Path) -> Path:
    """A folder of references as FLORES-200 has them, and a file that is not one."""
    folder = tmp_path / "refs"
    folder.mkdir()
    for code, lines in SENTENCES.items():
        (folder / f"{code}.devtest").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "README.md").write_text("not a language", "utf-8")
    return folder
