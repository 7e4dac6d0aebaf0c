"""Trace: the kept pair of a document, found without reading all files of the language."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.dataset.trace import find_pair
from sealdata.files.frames import write_frame

NAMES = ["other", "second", "first"]  # the order of the recipe, not of the alphabet


def kept(folder: Path) -> list[Path]:
    """Ten files of "second", six of "first"; rows ascend with gaps, and every file has seven."""
    files = []
    for number in range(16):
        source, part = ("second", number) if number < 10 else ("first", number - 10)
        rows = [100 * part + 3 * step for step in range(7)]
        frame = pl.DataFrame(
            {"source": source, "row": rows, "src": [f"{source} {row}" for row in rows]},
            schema_overrides={"row": pl.UInt64},
        )
        files.append(folder / f"train-{number:05d}.parquet")
        write_frame(frame, files[-1])
    return files


def test_every_pair_is_found_and_no_other(tmp_path: Path) -> None:
    """The first and last row of every file, the row after each, and one in the middle."""
    files = kept(tmp_path)
    tried = [100 * part + step for part in range(11) for step in (0, 1, 9, 18, 19)]
    found = {
        (source, row): pair["src"]
        for source in NAMES
        for row in tried
        if (pair := find_pair(files, NAMES, source, row)) is not None
    }
    rows = {"second": range(10), "first": range(6)}
    assert found == {
        (source, 100 * part + step): f"{source} {100 * part + step}"
        for source, parts in rows.items()
        for part in parts
        for step in (0, 9, 18)
    }


def test_few_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = kept(tmp_path)
    opened: list[Path] = []
    scan = pl.scan_parquet

    def counting(path: Path, **options: Any) -> pl.LazyFrame:
        opened.append(path)
        return scan(path, **options)

    monkeypatch.setattr(pl, "scan_parquet", counting)
    assert find_pair(files, NAMES, "first", 203) is not None
    assert len(opened) <= 6, "the logarithm of 16 files, and the pair itself"
