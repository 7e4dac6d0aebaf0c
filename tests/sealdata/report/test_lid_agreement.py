"""Stored and recomputed language ID side by side."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.files.frames import write_frame
from sealdata.report.audit_rows import AuditRows
from sealdata.report.lid_agreement import agreement_facts

COLUMNS = ["lid.src_prob", "lid.tgt_prob"]
STORED = [1.0, 0.8, 0.6, 0.2, None, 0.9]
AGAIN = [0.9, 0.4, 0.95, 0.1, 0.5, None]


def audit_rows(folder: Path, frames: list[pl.DataFrame], rows: int | None = None) -> AuditRows:
    files = [folder / f"{number}.parquet" for number in range(len(frames))]
    for frame, file in zip(frames, files, strict=True):
        base = frame.with_columns(source=pl.lit("nllb"), row=pl.int_range(pl.len()).cast(pl.UInt64))
        write_frame(base, file)
    return AuditRows({"jav_Latn": files}, rows=None if rows is None else {"jav_Latn": rows})


def frame(stored: list[float | None], again: list[float | None]) -> pl.DataFrame:
    floats = {"stored_tgt_lid": stored, "lid.tgt_prob": again}
    return pl.DataFrame(floats, schema=dict.fromkeys(floats, pl.Float32))


def test_shares_and_correlation(tmp_path: Path) -> None:
    """The same in one file and spread over several."""
    whole = audit_rows(tmp_path / "whole", [frame(STORED, AGAIN)])
    parts = audit_rows(
        tmp_path / "parts", [frame(STORED[i : i + 2], AGAIN[i : i + 2]) for i in (0, 2, 4)]
    )
    [facts] = agreement_facts(whole, "jav_Latn", COLUMNS)
    assert [facts] == agreement_facts(parts, "jav_Latn", COLUMNS)
    assert (facts.side, facts.rows) == ("tgt", 4)
    assert facts.at_limits == {
        "0.3": {"agree": 1.0, "stored": 0.0, "again": 0.0},
        "0.5": {"agree": 0.75, "stored": 0.25, "again": 0.0},  # 0.8 and 0.4
        "0.7": {"agree": 0.5, "stored": 0.25, "again": 0.25},  # and 0.6 and 0.95
        "0.9": {"agree": 0.5, "stored": 0.25, "again": 0.25},  # 0.9 is 0.8999 in 32 bits
    }
    both = pl.DataFrame({"s": STORED[:4], "a": AGAIN[:4]})
    expected = both.select(pl.corr("s", "a")).item()
    assert facts.correlation == pytest.approx(expected, abs=1e-4)


def test_what_does_not_vary_has_no_correlation(tmp_path: Path) -> None:
    actual = agreement_facts(
        audit_rows(tmp_path, [frame([1.0] * 3, [0.5, 0.6, 0.7])]), "jav_Latn", COLUMNS
    )
    assert actual[0].correlation is None


def test_a_corpus_that_stores_none(tmp_path: Path) -> None:
    nothing = frame([None] * 3, [0.5, 0.6, 0.7])
    assert agreement_facts(audit_rows(tmp_path, [nothing]), "jav_Latn", COLUMNS) == []
    assert agreement_facts(audit_rows(tmp_path, [nothing]), "jav_Latn", []) == []


def test_a_sample_stands_for_more(tmp_path: Path) -> None:
    actual = agreement_facts(
        audit_rows(tmp_path, [frame(STORED, AGAIN)], rows=600), "jav_Latn", COLUMNS
    )
    assert actual[0].rows == 400
