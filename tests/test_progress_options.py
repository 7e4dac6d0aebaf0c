"""Commands that may take long show their progress alike."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.options import MODES as CLI_MODES
from sealcli.sealdata import main
from sealdata.workflow.progress import MODES

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
