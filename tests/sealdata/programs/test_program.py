"""External programs line by line: counted, timed out, repeated, and never silent."""

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.files.records import file_sha256
from sealdata.pairs import make_pairs

PAIRS = [("Hello\tyou\n there", "สวัสดี"), ("Two", "Dua"), ("", "\u2028x\r")]
LENGTH = ["awk", "{ print length($0) }"]
FIELDS = ["awk", "-F\t", "{ print NF }"]


def scorer(command: list[str], **options: Any) -> Any:
    return load("scorers", "program", {"command": command, **options})


def values(command: list[str], **options: Any) -> list[float | None]:
    scores = scorer(command, **options).score(make_pairs(PAIRS))
    assert scores.schema == {"value": pl.Float64}
    return scores["value"].to_list()


def script(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys\nfor line in sys.stdin:\n    {text}"]


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        (FIELDS, {}, [2, 2, 2]),  # a tab in a text is not one between texts
        (["cat"], {"input": "src"}, "not a number"),
        (script("print(len(line) - 1)"), {"input": "src"}, [16, 3, 0]),
        (script("print(len(line) - 1)"), {"input": "tgt"}, [6, 3, 3]),
        (script("print(line.count('T') or '')"), {}, [None, 1, None]),
        (script("print('NaN' if 'T' in line else -1.5)"), {}, [-1.5, None, -1.5]),
        (script("sys.stdout.write('7\\r\\n')"), {}, [7, 7, 7]),
        (["awk", "{ printf \"%s3\", sep; sep = \"\\n\" }"], {}, [3, 3, 3]),  # no end of line
        (script("print('inf')"), {}, "answered 'inf' to 'Hello you  there"),
        (script("print(*line.split())"), {"input": "src"}, "answered 'Hello you there' to"),
        (["head", "-n1"], {}, "answered 1 lines to 3"),
        (script("print(1, 1, sep='\\n')"), {}, "answered more than 3 lines to 3"),
        (["yes"], {}, "answered more than 3 lines to 3"),
        (["sh", "-c", "tr '\\n' x; cat /dev/zero"], {}, "bytes and was stopped"),
        (["sleep", "9"], {"timeout": 0.2}, "took longer than timeout = 0.2 seconds, and had answ"),
        (["sh", "-c", "sleep 9 & cat"], {"timeout": 0.2}, "took longer than timeout = 0.2 seconds"),
        (["sh", "-c", "echo 'no  model' >&2; exit 3"], {"retries": 0},
         "ended with exit code 3; stderr: no model; it crashes on the line 'Hello you  there"),
        (["sh", "-c", "kill -9 $$"], {"retries": 0}, "was killed by SIGKILL"),
        (script("'Two' in line and sys.exit('two!'); print(1)"), {},
         "ended with exit code 1; stderr: two!; it crashes on the line 'Two\\tDua'"),
        (["cat", "-n"], {}, "an answer must depend on nothing but its line"),
        (script("sys.stdout.buffer.write(b'\\xff\\n')"), {}, "which is not UTF-8"),
    ],
)  # fmt: skip
def test_answers_and_faults(command: list[str], options: dict[str, Any], expected: Any) -> None:
    if isinstance(expected, list):
        assert values(command, **options) == expected
        return
    with pytest.raises(DataError) as caught:
        values(command, **options)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("batch_lines", [1, 2, 7, 1000])
def test_answers_do_not_depend_on_batches(batch_lines: int) -> None:
    pairs = make_pairs([(f"number {n} {'x' * (n % 9)}", "y") for n in range(40)])
    made = scorer(LENGTH, batch_lines=batch_lines).score(pairs)
    assert made["value"].to_list() == [len(f"number {n} {'x' * (n % 9)}\ty") for n in range(40)]


def test_a_crash_is_repeated(tmp_path: Path) -> None:
    """A program that fails at its first start only."""
    command = ["sh", "-c", "test -e once || { touch once; exit 1; }; awk '{ print 5 }'"]
    with pytest.raises(DataError):
        scorer(command, retries=0, cwd=str(tmp_path / "")).score(make_pairs(PAIRS[:1]))
    (tmp_path / "once").unlink()
    scores = scorer(command, retries=1, cwd=str(tmp_path)).score(make_pairs(PAIRS))
    assert scores["value"].to_list() == [5, 5, 5]


def test_more_text_than_pipes_hold() -> None:
    """A program that prints before it has read all, and one that reads all first."""
    texts = pl.Series("x", [f"{n} " + "abcdef " * 60 for n in range(6000)])
    for command in (["cat"], ["sh", "-c", 'x=$(cat); echo "$x"']):
        cleaner = load("cleaners", "program", {"command": command, "timeout": 60})
        assert cleaner.clean(texts).equals(texts), command


def test_a_cleaner_puts_line_breaks_back() -> None:
    cleaner = load("cleaners", "program", {"command": ["tr", "a-z", "A-Z"]})
    texts = ["a\nb", "c\r\nd\r", "", "\n", None, "e"]
    assert cleaner.clean(pl.Series("src", texts)).to_list() == ["A\nB", "C\nD\n", "", "\n", "", "E"]


def test_the_environment_is_the_stated_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "x")
    code = "print(int('SECRET' in os.environ), os.environ['OWN'], os.environ['LANG'], os.getcwd())"
    command = [sys.executable, "-c", f"import os, sys\nfor line in sys.stdin: {code}"]
    options = {"command": command, "env": {"OWN": "yes"}, "cwd": str(tmp_path)}
    cleaner = load("cleaners", "program", options)
    assert cleaner.clean(pl.Series("x", ["a"])).to_list() == [f"0 yes C.UTF-8 {tmp_path}"]


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    run = tmp_path / "run.sh"
    run.write_text("#!/bin/sh\ncat\n")
    run.chmod(0o755)
    (tmp_path / "table.txt").write_text("1")
    options = {"command": ["./run.sh", "table.txt", "-x"], "files": ["table.txt"]}
    made = scorer(**options).in_folder(tmp_path)
    before = made.fingerprint()
    digest = file_sha256(tmp_path / "table.txt")
    assert before["sha256"] == [file_sha256(run), digest, digest]
    assert str(tmp_path) not in str(before)
    (tmp_path / "table.txt").write_text("22")
    assert made.fingerprint() != before
    # How lines are sent changes no answer.
    other = scorer(**options, timeout=5, retries=9, batch_lines=3).in_folder(tmp_path)
    assert other.fingerprint() == made.fingerprint()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": ["no-such-program"]}, "'no-such-program' is not on the PATH"),
        ({"command": ["./absent"]}, "'./absent' is not a program in "),
        ({"command": ["cat"], "files": ["absent.txt"]}, "absent.txt, which is not a file"),
        ({"command": ["cat"], "cwd": "absent"}, "there is no folder "),
    ],
)
def test_what_is_absent_is_said_at_once(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load("cleaners", "program", options).in_folder(tmp_path)
    assert message in str(caught.value)


def test_a_command_is_a_list() -> None:
    with pytest.raises(ConfigError, match="'command'"):
        load("scorers", "program", {"command": "cat"})
    with pytest.raises(ConfigError, match="'command'"):
        load("scorers", "program", {"command": []})
