"""The command line: what it prints on stdout and stderr, and its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_shards import SENTENCES, make_config

from sealcli.sealtrain import main


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def config(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of the other tests as a file."""
    folder = tmp_path_factory.mktemp("cli")
    values = make_config(shards, folder / "run").model_dump(mode="json", exclude_none=True)
    lines = [f"{key} = {json.dumps(v)}" for key, v in values.items() if not isinstance(v, dict)]
    for section, table in values.items():
        if isinstance(table, dict):
            lines.append(f"[{section}]")
            lines += [f"{key} = {json.dumps(v)}" for key, v in table.items() if v != {}]
    path = folder / "run.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


COMMANDS = ["run", "config", "config show", "eval", "bench", "export", "compare", "plot"]


@pytest.mark.parametrize("arguments", [[], *map(str.split, COMMANDS)])
def test_help_shows_an_example(arguments: list[str]) -> None:
    result = call(*arguments, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from sealcli.sealtrain import main; main(['run', '--help'], standalone_mode="
        "False); print({'torch', 'numpy', 'transformers', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_run_and_run_again_and_eval(config: Path, shards: Path, tmp_path: Path) -> None:
    plan = call("run", config, "--dry-run")
    assert plan.exit_code == 0
    assert "12 steps of 4 x 32 tokens: 1,536 tokens" in plan.stdout
    assert "parallel/tha_Thai-eng_Latn" in plan.stdout

    out = tmp_path / "run"
    first = call("run", config, "--out", out)
    assert first.exit_code == 0, first.stderr
    assert "Thai (tha_Thai)" in first.stdout
    assert "step 12/12" in first.stderr
    again = call("run", config, "--out", out)
    assert again.stderr == f"{out} is finished (12 steps): nothing to do\n"
    assert again.stdout == first.stdout

    refs = tmp_path / "refs"
    refs.mkdir()
    for code, lines in SENTENCES.items():
        (refs / f"{code}.txt").write_text("\n".join(lines), "utf-8")
    table = call("eval", out, "--refs", refs, "--max-sentences", "2")
    assert table.exit_code == 0, table.stderr
    assert "2 sentences a direction" in table.stdout
    assert "chrF++: nrefs:1" in table.stdout
    as_json = json.loads(call("eval", out, "--refs", refs, "--max-sentences", "2", "--json").stdout)
    assert as_json["step"] == 12
    assert len(as_json["directions"]) == 4


def test_errors_are_one_line_with_their_exit_code(config: Path, tmp_path: Path) -> None:
    unknown = call("run", "quikstart")
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith("sealtrain: no config file or built-in config 'quikstart'")
    nothing = call("run", config, "--out", tmp_path / "new", "--resume")
    assert nothing.exit_code == 2
    assert nothing.stderr.startswith("sealtrain: nothing to resume")
    missing = call("eval", tmp_path)
    assert missing.exit_code == 1
    assert missing.stderr == (
        f"sealtrain: no checkpoint in {tmp_path}; give a run's folder or one of its checkpoints\n"
    )


def test_missing_shards_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--dry-run"]):
        result = call("run", "quickstart", *more)
        assert result.exit_code == 1
        assert result.stderr == (
            "sealtrain: no shards at builds/quickstart/shards; "
            "run `sealdata build quickstart` first\n"
        )
        assert not (tmp_path / "runs").exists()


def test_the_version_is_that_of_the_package() -> None:
    from sealdata import __version__

    shown = CliRunner().invoke(main, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"sealtrain, version {__version__}\n")
