"""What a terminal would obey reaches it escaped, in whatever a command prints."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from sealdata.files.printable import printable

from .sealdata.dataset.tiny import PAIRS, build, recipe, sealdata

EVIL = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 \x9b2J \x85 \r!"
COMMANDS = [
    *range(9),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
]
OBEYED = set(map(chr, COMMANDS)) | {"\u2028", "\u2029"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nไทย \u200f \u00ad", "plain\ttext\nไทย \u200f \u00ad"),
        ("\x1b[2J", "\\u001b[2J"),
        ("a\u202eb\u2066c\u2069", "a\\u202eb\\u2066c\\u2069"),
        ("\x9b1A\x85\x7f\r", "\\u009b1A\\u0085\\u007f\\u000d"),
    ],
)
def test_only_commands_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert {char for char in map(chr, range(0x3000)) if printable(char) != char} == OBEYED


def test_json_reads_the_escapes_back() -> None:
    assert json.loads(printable(json.dumps(EVIL, ensure_ascii=False))) == EVIL
    assert printable("a\nb", lines=False) == "a\\nb"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of a corpus with such text, some of which no rule keeps."""
    folder = tmp_path_factory.mktemp("evil")
    evil = EVIL.replace("\r", "").replace("\x85", "")
    pairs = [(f"{evil} {source}", f"{target} {evil}") for source, target in PAIRS]
    path = recipe(folder, [*pairs, ("\x1b[8m", "x")] * 2, f"# {'x' * 3}\n")
    with (folder / "s.tsv").open("a") as file:
        file.write(f"one column {evil}\n" * 30)
    done = build(path, folder / "out", "--allow", "unreadable")
    assert done.exit_code == 0, done.output
    # The same as references, in files of a name that no one would choose.
    refs = folder / "refs"
    refs.mkdir()
    for name, side in (("eng_Latn", 0), ("ind_Latn", 1)):
        lines = "".join(pair[side] + "\n" for pair in [*pairs, ("\u202ex", "y")])
        (refs / f"{name}.txt").write_text(lines, "utf-8")
    pl.DataFrame({f"en{EVIL}": ["a"]}).write_parquet(folder / "columns.parquet")
    (folder / "ev\x1b[31mil\u202e.tsv").write_text("a\n")
    return folder


RUN = "from sealcli.sealdata import main; main()"
STREAM = "out/shards/train/parallel/eng_Latn-ind_Latn/part-00000.npy"
CALLS = {
    "build": ("build", "tiny.toml", "--out", "new", "--allow", "unreadable", "--workers", 1),
    "build --json": ("build", "tiny.toml", "--out", "n2", "--json", "--allow", "unreadable"),
    "dry run": ("build", "tiny.toml", "--dry-run", "--allow", "unreadable"),
    "inspect": ("inspect", f"{STREAM}:0"),
    "trace": ("trace", f"{STREAM}:0"),
    "audit": ("audit", "out"),
    "audit --json": ("audit", "out", "--json"),
    "compare": ("audit", "out", "other"),
    "verify": ("verify", "out"),
    "card": ("card", "out"),
    "gold": ("gold", "tiny.toml", "--refs", "refs"),
    "gold --json": ("gold", "tiny.toml", "--refs", "refs", "--json"),
    "fertility": ("fertility", "out", "--tokenizer", "sample:tokenizers/bpe"),
    "lengths": ("lengths", "--refs", "refs"),
    "init": ("init", "s.tsv", "--out", "new.toml"),
    "init, odd file": ("init", "ev\x1b[31mil\u202e.tsv", "--out", "n.toml"),
    "init, odd column": ("init", "columns.parquet", "--out", "n.toml"),
    "no such file": ("build", "no\x1b[31m\u202e.toml"),
    "no such folder": ("verify", "no\x9b\u2066"),
    "no such command": ("no\x1b[31m\u202e",),
    "no such option": ("build", "--no\x1b[31m\u202e"),
    "wrong choice": ("build", "tiny.toml", "--engine", "\x1b[31m\u202e"),
    "wrong file": ("audit", "out", "--annotated", "no\x1b[31m\u202e"),
    "browse": ("browse", "no\x1b[31m\u202e"),
    "recipe": ("recipe", "show", "tiny.toml"),
}


# These print text of the corpus itself.
SHOWN = ("build", "build --json", "inspect", "trace", "audit", "gold")


@pytest.mark.parametrize("name", CALLS)
def test_no_command_prints_them(name: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base)
    if name == "compare":
        recipe(base, PAIRS)
        assert build(base / "tiny.toml", base / "other").exit_code == 0
    done = sealdata(*CALLS[name])
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert OBEYED & set(done.output) == set(), repr(done.output[:2000])
    assert name not in SHOWN or "\\u202e" in done.output
    assert done.output


def test_warnings_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    sealdata("verify", "nowhere")  # any command sets it up
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s is damaged", ("a\x1b[31m",), None)
    assert logging.lastResort is not None
    assert logging.lastResort.format(record) == "a\\u001b[31m is damaged"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", ["inspect", "trace"])
def test_a_terminal_without_the_letters_shows_codes(
    base: Path, encoding: str, command: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, command, f"{base / STREAM}:0"],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u202e" in done.stdout
