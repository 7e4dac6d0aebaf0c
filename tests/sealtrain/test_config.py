"""Configs: what is accepted, and the errors for what is not."""

from pathlib import Path

import pytest

from sealtrain.config import Config, load
from sealtrain.errors import ConfigError
from sealtrain.optim import check_schedule

GOOD = """
seed = 1
shards = "shards"
out = "runs/x"
[mixture]
strategy = "parallel-only"
total_tokens = 1000
[model]
hidden_size = 16
intermediate_size = 32
num_layers = 1
num_heads = 2
[train]
batch_sequences = 4
micro_batch_sequences = 2
[optim]
lr = 1e-3
warmup_steps = 1
decay_steps = 1
[checkpoint]
every_steps = 5
"""


def write(folder: Path, text: str) -> str:
    path = folder / "run.toml"
    path.write_text(text, "utf-8")
    return str(path)


def test_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.mixture.replay == 0.25
    assert config.train.document_mask is True
    assert config.eval.refs is None


def test_quickstart_is_found_by_name() -> None:
    config = load("quickstart")
    assert config.out == Path("runs/quickstart")
    assert config.mixture.strategy == "parallel-only"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "lr = 1e-3",
            "lr = 1e-3\nwarmup = 5",
            "optim.warmup: unknown key; did you mean 'warmup_steps'?",
        ),
        ("seed = 1", "sed = 1", "sed: unknown key; did you mean 'seed'?"),
        ("lr = 1e-3", "lr = 1e-3\nzzzzz = 5", "optim.zzzzz: unknown key; allowed: lr, betas"),
        ("lr = 1e-3", "", "optim.lr: is required"),
        ("lr = 1e-3", "lr = 0.0", "optim.lr: Input should be greater than 0"),
        ('"parallel-only"', '"parallel"', "mixture.strategy: Input should be 'parallel-only'"),
        ("total_tokens = 1000", "", "mixture: give one of total_tokens"),
        ("total_tokens = 1000", "total_tokens = 1\nparallel_tokens = 1", "give one of"),
        ("num_heads = 2", "num_heads = 3", "model: hidden_size must be an even multiple"),
        ("num_heads = 2", "", "model: give init_from, or all of"),
        ("num_heads = 2", 'num_heads = 2\ninit_from = "x"', "init_from brings its own shape"),
        ("total_tokens = 1000", "total_tokens = 9\nparallel_share = 0.5", "has no parallel_share"),
        ("seed = 1", "seed = ", "not valid TOML"),
    ],
)
def test_errors_name_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD.replace(old, new)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_multilingual_takes_no_parallel_budget(tmp_path: Path) -> None:
    text = GOOD.replace("parallel-only", "multilingual").replace("total_", "parallel_")
    with pytest.raises(ConfigError, match="multilingual reads no parallel text"):
        load(write(tmp_path, text))


def test_an_unknown_name_lists_the_built_in_ones() -> None:
    with pytest.raises(ConfigError, match=r"built-in config 'quikstart'; built in: .*quickstart"):
        load("quikstart")


def test_identity_holds_what_changes_the_model(tmp_path: Path) -> None:
    def identity(text: str) -> dict[str, object]:
        return load(write(tmp_path, text)).identity()

    same = GOOD.replace("runs/x", "runs/y").replace("every_steps = 5", "every_steps = 7")
    same = same.replace("micro_batch_sequences = 2", "micro_batch_sequences = 1")
    assert identity(same) == identity(GOOD)
    assert identity(GOOD.replace("1e-3", "2e-3"))["optim.lr"] == 2e-3
    assert identity(GOOD.replace("seed = 1", "seed = 2"))["seed"] == 2


@pytest.mark.parametrize(
    ("name", "batch", "tokens", "steps"),
    [
        ("openseal-1b", 512, 10_000_000_000, 4_768),
        ("openseal-7b", 1024, 34_700_000_000, 8_273),
    ],
)
def test_the_paper_s_runs(name: str, batch: int, tokens: int, steps: int) -> None:
    """The values from the paper, and a schedule that fits into the steps that follow from them."""
    config = load(name)
    assert config.train.batch_sequences == batch
    assert config.mixture.strategy == "parallel-only"
    assert config.mixture.replay == 0.25
    assert config.mixture.total_tokens == tokens
    assert tokens // (batch * 4096) == steps
    assert round(0.15 * steps, -1) == pytest.approx(config.optim.decay_steps, abs=5)
    check_schedule(config.optim, steps)


def test_a_config_survives_a_checkpoint() -> None:
    """A checkpoint's record holds every key of the config, with defaults where none was given."""
    config = load("openseal-1b")
    assert Config.model_validate_json(config.model_dump_json()) == config
