"""How the commands end: which exit code, and what on stderr."""

import os
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from sealcli.errors import Program
from sealdata.errors import CheckError, ConfigError, DataError, SealError


def program(error: BaseException) -> Program:
    @click.group("seal", cls=Program, user_error=SealError)
    def group() -> None: ...

    @group.command()
    def fail() -> None:
        raise error

    return group


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("a.gz is cut short"), 1, "seal: a.gz is cut short"),
        (ConfigError("no such key"), 2, "seal: no such key"),
        (CheckError("2 files differ"), 3, "seal: 2 files differ"),
        (OSError(28, "No space left on device", "x"), 1, "seal: x: No space left on device"),
        (DataError("a\x1b[2J\nb"), 1, "seal: a\\u001b[2J\\nb"),
        (MemoryError(), 1, "seal: out of memory; run again, with fewer --workers"),
        (KeyboardInterrupt(), 130, "seal: interrupted; run the same command again to continue"),
        (
            ModuleNotFoundError("No module named 'transformers'", name="transformers"),
            1,
            'seal: needs transformers: pip install "sealdata[train]"',
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line(error, code, line):
    done = CliRunner().invoke(program(error), ["fail"])
    assert done.exit_code == code
    assert done.stderr == line + "\n"


@pytest.mark.parametrize(
    "error", [AssertionError("ours"), ModuleNotFoundError("no module", name="sealdata.nothing")]
)
def test_our_own_bugs_keep_their_traceback(error):
    done = CliRunner().invoke(program(error), ["fail"])
    assert done.exception is error


def test_a_wrong_argument_exits_with_2():
    assert CliRunner().invoke(program(DataError("x")), ["nothing"]).exit_code == 2


def test_sigterm_exits_with_143_and_its_handler_is_restored():
    @click.group("seal", cls=Program, user_error=SealError)
    def group() -> None: ...

    @group.command()
    def wait() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 5)

    def handler(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, handler)
    try:
        done = CliRunner().invoke(group, ["wait"])
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.exit_code == 143
    assert done.stderr == "seal: terminated; run the same command again to continue\n"


@pytest.mark.parametrize(
    "arguments", [["models", "list"], ["--help"], ["--version"], ["build", "--help"]]
)
def test_a_closed_pipe_exits_with_141_and_prints_nothing(arguments):
    read, write = os.pipe()
    os.close(read)
    code = "from sealcli.sealdata import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize(("closed", "code"), [("2>&-", 0), (">&-", 0), ("<&- >&- 2>&-", 0)])
def test_output_that_is_closed_goes_nowhere(closed, code):
    run = f"{sys.executable} -c 'from sealcli.sealdata import main; main()' models list {closed}"
    assert subprocess.run(["sh", "-c", run], timeout=60, check=False).returncode == code
