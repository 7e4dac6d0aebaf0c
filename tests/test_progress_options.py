"""Commands that may take long show their progress alike."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sealcli.options import MODES as CLI_MODES
from sealcli.sealdata import main
from sealcli.show_sources import fetch_progress
from sealdata.workflow.progress import MODES, ProgressOptions

LONG = (
    ("build",),
    ("audit",),
    ("gold",),
    ("calibrate",),
    ("fertility",),
    ("verify",),
    ("sources", "fetch"),
    ("models", "fetch"),
)


def test_the_command_line_knows_all_modes() -> None:
    assert CLI_MODES == MODES


@pytest.mark.parametrize("command", LONG, ids=" ".join)
def test_long_commands_have_the_options(command: tuple[str, ...]) -> None:
    text = CliRunner().invoke(main, [*command, "--help"]).output
    for option in ("--progress", "-q, --quiet", "--progress-file"):
        assert option in text


def test_quiet_still_prints_errors(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["verify", str(tmp_path), "--quiet"])
    assert done.exit_code == 1
    assert "no manifest.json" in done.output or str(tmp_path) in done.output


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("lines", "a.zip: 2.0 of 2.0 MB, "), ("auto", "a.zip: 2.0 of 2.0 MB, "), ("off", "")],
)
def test_a_download_is_shown_as_asked(
    mode: Any, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "progress.jsonl"
    with fetch_progress(ProgressOptions(mode, file)) as report:
        report("a.zip", 1_000_000, 2_000_000)  # too early to be shown
        report("a.zip", 2_000_000, 2_000_000)
    error = capsys.readouterr().err
    assert error.startswith(shown)
    assert error.count("\n") == bool(shown)
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["event"] for record in records] == ["start", "fetch", "end"]
    assert (records[1]["file"], records[1]["bytes"], records[1]["seconds_left"]) == (
        "a.zip",
        2_000_000,
        0.0,
    )
    assert records[2]["status"] == "done"
