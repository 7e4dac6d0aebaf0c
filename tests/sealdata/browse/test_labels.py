"""Labels outlive the program, however it ends; what cleaning changed is found again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from sealdata.browse.cleaning import RawTexts, difference
from sealdata.browse.labels import Labels, text_digest
from sealdata.build_manifest import read_build_manifest
from sealdata.files.frames import write_frame
from sealdata.files.records import write_json

WRITER = """
import sys
from pathlib import Path
from sealdata.browse.labels import Labels
labels = Labels(Path(sys.argv[1]))
for row in range(100_000):
    labels.add("web", row, "tha_Thai", "bad", "0" * 16)
    print(row, flush=True)
"""


def test_every_label_that_was_confirmed_survives_a_kill(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line == "20\n":
                writer.send_signal(signal.SIGKILL)
                break
        confirmed = 20 + len(writer.stdout.readlines())
    assert set(Labels(tmp_path).rows("bad")["web"]) >= set(range(confirmed + 1))


def test_a_torn_line_is_counted_and_harms_no_other(tmp_path):
    labels = Labels(tmp_path)
    labels.add("web", 1, "tha_Thai", "good", "a")
    with labels.path.open("ab") as handle:
        handle.write(b'{"source": "web", "row": 2, "la')
    again = Labels(tmp_path)
    assert again.num_torn == 1
    again.add("web", 3, "tha_Thai", "misaligned", "c")
    again.add("web", 1, "tha_Thai", "wrong_language", "a")
    again.add("web", 3, "tha_Thai", None, "c")
    last = Labels(tmp_path)
    assert last.num_torn == 1
    assert last.counts() == {"good": 0, "bad": 0, "wrong_language": 1, "misaligned": 0}
    assert last.rows("any") == {"web": [1]}
    assert len(last.path.read_text().splitlines()) == 5


def test_digests_tell_texts_apart():
    digests = {text_digest(*pair) for pair in [("a", "b"), ("ab", ""), ("", "ab"), (None, "ab")]}
    assert len(digests) == 3


DIFFERENCES = [
    ("Tom &amp; Jerry", "Tom & Jerry", [("same", "Tom &"), ("gone", "amp;"), ("same", " Jerry")]),
    ("a\u200bb", "ab", [("same", "a"), ("gone", "\u200b"), ("same", "b")]),
    (
        "The  court  sat.",
        "The court sat.",
        [
            ("same", "The "), ("gone", "  "), ("new", ""), ("same", "court"), ("gone", " "),
            ("same", " sat."),
        ],
    ),
    ("ເກົ່າ", "ໃໝ່", [("gone", "ເກົ່າ"), ("new", "ໃໝ່")]),
    ("same", "same", [("same", "same")]),
    ("", "new", [("new", "new")]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "_expected"), DIFFERENCES)
def test_differences_hold_both_texts(before, after, _expected):
    segments = difference(before, after)
    assert "".join(text for kind, text in segments if kind != "new") == before
    assert "".join(text for kind, text in segments if kind != "gone") == after
    changed = sum(len(text) for kind, text in segments if kind != "same")
    assert changed <= sum(len(text) for kind, text in _expected if kind != "same")


def test_long_differences_take_no_quadratic_time():
    before, after = ("a b " * 200_000), ("b a c " * 150_000)
    assert difference("x" + before + "y", "x" + after + "y")[0] == ("same", "x")


def ingest(out: Path, name: str, limit: int | None, rows: list[tuple[int, str, str]]) -> None:
    """A folder of ingest as a build leaves it, of the source ``jav-web``."""
    folder = out / "work" / name
    params = {"limit": limit, "part_rows": 50, "reader": ["tsv", {}], "source": ["jav-web"]}
    write_json(folder / "manifest.json", {"inputs": ["ab" * 32], "params": params})
    for number, part in enumerate((rows[:1], rows[1:])):
        frame = pl.DataFrame(part, schema=["row", "src", "tgt"], orient="row")
        write_frame(frame, folder / f"part-{number:05d}.parquet")
    write_frame(pl.DataFrame({"row": [1], "raw": ["x"]}), folder / "part-00000.rejected.parquet")


def test_texts_as_read_are_found_by_what_was_read(out, tmp_path):
    manifest = read_build_manifest(out)
    assert RawTexts(tmp_path, manifest).gone == ["tha-web", "mya-web", "jav-web"]
    ingest(tmp_path, "ingest-2", None, [(2, "Please &amp; wash.", "Mangga"), (40, "Forty", "x")])
    ingest(tmp_path, "ingest-1", 10, [(2, "of a build with --limit", ""), (3, "", "")])
    (tmp_path / "work" / "ingest-3").mkdir()
    (tmp_path / "work" / "ingest-3" / "manifest.json").write_text(json.dumps({"params": []}))
    raw = RawTexts(tmp_path, manifest)
    assert raw.gone == ["tha-web", "mya-web"]
    assert raw.find("jav-web", [2, 40, 41]) == {
        2: ("Please &amp; wash.", "Mangga"),
        40: ("Forty", "x"),
    }
    assert raw.find("tha-web", [2]) == {}
