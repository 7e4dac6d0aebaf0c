"""Fixtures of the trainer's tests."""

import os
import sys
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no test uses the network
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
sys.path.insert(0, str(Path(__file__).parent))  # for tiny_shards, under any import mode

from tiny_shards import write_shards


def pytest_configure(config: pytest.Config) -> None:
    """torch warns of every checkpoint that a single process saves or loads."""
    config.addinivalue_line("filterwarnings", "ignore:torch.distributed is disabled")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read-only; a test that breaks shards copies them first."""
    return write_shards(tmp_path_factory.mktemp("build") / "shards")
