"""What cleaning changed in a pair is shown, and texts as read are found again."""

import json
from pathlib import Path

import polars as pl
import pytest

from sealdata.browse.cleaning import RawTexts, difference
from sealdata.build_manifest import read_build_manifest
from sealdata.files.frames import write_frame
from sealdata.files.records import write_json

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
