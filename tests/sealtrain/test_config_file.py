"""Configs that extend others: what is merged, removed and refused, and where a value comes from."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealtrain import main
from sealtrain.config import load
from sealtrain.config_file import resolve
from sealtrain.errors import ConfigError

BASE = """
seed = 1
out = "base"
[mixture]
replay = 0.5
max_epochs = 2.0
[mixture.weights]
"parallel/a.b" = 2
"parallel/c" = 3
[optim]
betas = [0.9, 0.95]
[eval]
refs = "refs"
"""


def write(folder: Path, **texts: str) -> None:
    """Files `{name}.toml`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, "utf-8")


def test_tables_merge_deeply_and_other_values_replace(tmp_path: Path) -> None:
    run = 'extends = "base.toml"\nout = "run"\n[mixture.weights]\n"parallel/c" = 5\n'
    write(tmp_path, base=BASE, run=run + "[optim]\nbetas = [0.8, 0.9]\n")
    assert resolve(str(tmp_path / "run.toml")).table == {
        "seed": 1,
        "out": "run",
        "mixture": {
            "replay": 0.5,
            "max_epochs": 2.0,
            "weights": {"parallel/a.b": 2, "parallel/c": 5},
        },
        "optim": {"betas": [0.8, 0.9]},
        "eval": {"refs": "refs"},
    }


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ("total_tokens = 5", {"total_tokens": 5}),
        ("parallel_tokens = 6", {"parallel_tokens": 6}),
        ("replay = 0.1", {"parallel_tokens": 7, "replay": 0.1}),
        # Both are said, so the config refuses them by its own rule.
        ("total_tokens = 5\nparallel_tokens = 6", {"total_tokens": 5, "parallel_tokens": 6}),
    ],
)
def test_one_budget_replaces_the_other(
    tmp_path: Path, budget: str, expected: dict[str, float]
) -> None:
    run = f'extends = "base.toml"\n[mixture]\n{budget}\n'
    write(tmp_path, base="[mixture]\nparallel_tokens = 7\n", run=run)
    assert resolve(str(tmp_path / "run.toml")).table == {"mixture": expected}


def test_a_table_and_a_value_replace_each_other(tmp_path: Path) -> None:
    write(tmp_path, base=BASE, run='extends = "base.toml"\neval = 1\n[seed]\nx = 2\n')
    table = resolve(str(tmp_path / "run.toml")).table
    assert (table["eval"], table["seed"]) == (1, {"x": 2})


def test_removed_keys_go_before_the_files_own_are_merged(tmp_path: Path) -> None:
    removed = '["mixture.max_epochs", "mixture.weights.parallel/a.b", "eval", "out", "eval.refs"]'
    write(
        tmp_path,
        base=BASE,
        run=f'extends = "base.toml"\nremove = {removed}\nout = "run"\n[eval]\nbatch = 1\n',
    )
    assert resolve(str(tmp_path / "run.toml")).table == {
        "seed": 1,
        "mixture": {"replay": 0.5, "weights": {"parallel/c": 3}},
        "optim": {"betas": [0.9, 0.95]},
        "out": "run",
        "eval": {"batch": 1},
    }


def test_a_chain_of_files_in_several_folders(tmp_path: Path) -> None:
    """Relative paths start at the folder of the file that says them, not at the current one."""
    write(tmp_path / "a", base=BASE, middle='extends = "base.toml"\nseed = 2\n')
    write(tmp_path / "b", run='extends = "../a/middle.toml"\nremove = ["mixture", "optim"]\n')
    resolved = resolve(str(tmp_path / "b/run.toml"))
    assert resolved.table == {"seed": 2, "out": "base", "eval": {"refs": "refs"}}
    assert {".".join(key): path.name for key, path in resolved.origins.items()} == {
        "seed": "middle.toml",
        "out": "base.toml",
        "eval.refs": "base.toml",
    }


def test_a_built_in_name_comes_before_a_file_of_that_name(tmp_path: Path) -> None:
    write(tmp_path, run='extends = "openseal-1b"\nout = "x"\n[mixture]\nreplay = 0.5\n')
    (tmp_path / "openseal-1b").write_text("seed = 7\n", "utf-8")
    config, base = load(str(tmp_path / "run.toml")), load("openseal-1b")
    assert config.mixture == base.mixture.model_copy(update={"replay": 0.5})
    assert config.optim == base.optim
    assert (config.seed, config.out) == (base.seed, Path("x"))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"run": 'extends = "opensea-1b"\n'},
            "{run}: extends: no config file or built-in config 'opensea-1b'; built in: experiments",
        ),
        ({"run": 'extends = ["a", "b"]\n'}, "{run}: extends: give the name of one config or the"),
        ({"run": 'remove = ["seed"]\n'}, "{run}: remove: needs `extends`, the config to remove"),
        (
            {"run": 'extends = "base.toml"\nremove = "seed"\n', "base": BASE},
            '{run}: remove: give a list of keys such as ["mixture.max_epochs"]',
        ),
        (
            {"run": 'extends = "base.toml"\nremove = ["mixture.max_epoch"]\n', "base": BASE},
            "{run}: remove: {base} has no key 'mixture.max_epoch'; the nearest key is "
            "'mixture.max_epochs'",
        ),
        (
            {"run": 'extends = "base.toml"\nremove = ["zzz"]\n', "base": "seed = 1\n"},
            "{run}: remove: {base} has no key 'zzz'; the nearest key is 'seed'",
        ),
        (
            {"run": 'extends = "base.toml"\n', "base": "seed = \n"},
            "{base}: not valid TOML: Invalid",
        ),
        (
            {"run": 'extends = "base.toml"\n', "base": 'extends = "run.toml"\n'},
            "{base}: extends: the files extend each other in a circle: {run} -> {base} -> {run}",
        ),
        (
            {"run": 'extends = "run.toml"\n'},
            "{run}: extends: the files extend each other in a circle: {run} -> {run}",
        ),
        (
            {
                "run": 'extends = "base.toml"\n',
                "base": 'extends = "other.toml"\n',
                "other": 'extends = "./base.toml"\n',
            },
            "{other}: extends: the files extend each other in a circle: "
            "{run} -> {base} -> {other} -> {base}",
        ),
        # The file that gives a value is named, and the extending file for a value that is missing.
        (
            {"run": 'extends = "base.toml"\n', "base": 'extends = "quickstart"\nsed = 1\n'},
            "{base}: sed: unknown key; did you mean 'seed'?",
        ),
        (
            {
                "run": 'extends = "base.toml"\n',
                "base": 'extends = "quickstart"\n[optim]\nbetas = [0.9, 2]\n',
            },
            "{base}: optim.betas.1: Input should be less than 1",
        ),
        (
            {"run": 'extends = "quickstart"\nremove = ["optim.lr"]\n'},
            "{run}: optim.lr: is required",
        ),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    write(tmp_path, **texts)
    paths = {name: str(tmp_path / f"{name}.toml") for name in ("run", "base", "other")}
    with pytest.raises(ConfigError) as caught:
        load(paths["run"])
    assert str(caught.value).startswith(message.format(**paths))
    assert "\n" not in str(caught.value)


def test_config_show_prints_each_value_with_its_origin(tmp_path: Path) -> None:
    weights = '[mixture.weights]\n"parallel/a.b" = 2.5\n'
    write(tmp_path, run=f'extends = "quickstart"\nremove = ["eval"]\nseed = 2\n{weights}')
    path = tmp_path / "run.toml"
    result = CliRunner().invoke(main, ["config", "show", str(path)])
    assert result.exit_code == 0, result.output
    assert (
        result.stdout
        == f"""\
seed = 2  # {path}
shards = "builds/quickstart/shards"  # quickstart.toml
out = "runs/quickstart"  # quickstart.toml
log_every_steps = 10  # quickstart.toml

[mixture]
strategy = "parallel-only"  # quickstart.toml
replay = 0.25  # quickstart.toml
total_tokens = 160000  # quickstart.toml

[mixture.weights]
"parallel/a.b" = 2.5  # {path}

[model]
hidden_size = 192  # quickstart.toml
intermediate_size = 512  # quickstart.toml
num_layers = 4  # quickstart.toml
num_heads = 6  # quickstart.toml

[train]
batch_sequences = 8  # quickstart.toml
micro_batch_sequences = 8  # quickstart.toml
document_mask = true  # quickstart.toml

[optim]
lr = 0.003  # quickstart.toml
warmup_steps = 8  # quickstart.toml
decay_steps = 16  # quickstart.toml
decay = "linear"  # quickstart.toml

[checkpoint]
every_steps = 40  # quickstart.toml
"""
    )
    assert tomllib.loads(result.stdout) == resolve(str(path)).table


def test_what_config_show_prints_is_a_config(tmp_path: Path) -> None:
    """Lists, names in subfolders and built-in files as origins."""
    result = CliRunner().invoke(main, ["config", "show", "experiments/parallel-first"])
    assert "parallel_share = 0.5  # experiments/mixed.toml" in result.stdout.splitlines()
    assert "betas = [0.9, 0.95]" in result.stdout
    write(tmp_path, whole=result.stdout)
    assert load(str(tmp_path / "whole.toml")) == load("experiments/parallel-first")


def test_config_show_refuses_a_broken_config(tmp_path: Path) -> None:
    write(tmp_path, run='extends = "quickstart"\n[optim]\nlr = 0\n')
    result = CliRunner().invoke(main, ["config", "show", str(tmp_path / "run.toml")])
    assert result.exit_code == 2
    message = f"{tmp_path / 'run.toml'}: optim.lr: Input should be greater than 0"
    assert result.stderr == f"sealtrain: {message}\n"
