"""Stored and recomputed margins side by side: rank correlation, interval, chart, manifest, card."""

import math
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest
from sealdata.files.frames import write_frame
from sealdata.report.audit_rows import AuditRows
from sealdata.report.dataset_card import render_card
from sealdata.report.hexbins import margin_chart
from sealdata.report.margin_agreement import CELLS, hexagons, interval, margin_facts, summary
from sealdata.report.schema import Limit

STORED = [1.06, 1.07, 1.08, 1.09, 1.10, 1.11, 1.12, 1.13, 1.14, 1.15]


def audit_rows(folder: Path, frames: list[pl.DataFrame], rows: int | None = None) -> AuditRows:
    files = [folder / f"{number}.parquet" for number in range(len(frames))]
    for frame, file in zip(frames, files, strict=True):
        write_frame(frame, file)
    return AuditRows({"jav_Latn": files}, rows=None if rows is None else {"jav_Latn": rows})


def frame(source: str, stored: list[float | None], again: list[float | None]) -> pl.DataFrame:
    columns = {"stored_margin": stored, "laser.margin": again}
    table = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float32))
    rows = pl.int_range(pl.len(), dtype=pl.UInt64)
    return table.with_columns(source=pl.lit(source), row=rows)


def ranks(values: list[float]) -> list[float]:
    """Places from 1; equal values share the mean of theirs."""
    return [
        1 + sum(other < value for other in values) + (values.count(value) - 1) / 2
        for value in values
    ]


def test_rank_correlation_per_source_with_ties_and_gaps(tmp_path: Path) -> None:
    """Spearman's is Pearson's of the ranks; rows that lack one of the two say nothing."""
    generator = np.random.default_rng(3)
    stored = [round(float(value), 2) for value in generator.normal(1.1, 0.04, 60)]
    again = [
        round(s + float(e), 2) for s, e in zip(stored, generator.normal(0, 0.04, 60), strict=True)
    ]
    expected = float(np.corrcoef(ranks(stored), ranks(again))[0, 1])
    assert 0.3 < expected < 0.9
    gaps = frame("nllb", [*stored, None, 1.2], [*again, 1.1, None])
    other = frame("other", stored[:30], [-value for value in stored[:30]])
    whole = audit_rows(tmp_path / "whole", [gaps, other])
    parts = audit_rows(tmp_path / "parts", [gaps.head(20), other, gaps.tail(-20)])
    facts = margin_facts(whole, "jav_Latn")
    assert facts == margin_facts(parts, "jav_Latn")
    assert [(f.source, f.of, f.rows) for f in facts] == [("nllb", 60, 60), ("other", 30, 30)]
    assert facts[0].correlation == pytest.approx(expected, abs=1e-4)
    assert facts[1].correlation == pytest.approx(-1, abs=1e-4)
    assert sum(pairs for _, _, pairs in facts[0].cells) == 60


def test_of_many_pairs_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealdata.report.margin_agreement.MAX_DRAWN", 25)
    values = [1 + number / 1000 for number in range(200)]
    [facts] = margin_facts(audit_rows(tmp_path, [frame("nllb", values, values)]), "jav_Latn")
    assert (facts.of, facts.rows, facts.correlation) == (200, 25, 1.0)


def test_few_pairs_and_constants_have_no_correlation(tmp_path: Path) -> None:
    few = audit_rows(tmp_path / "few", [frame("nllb", STORED, STORED)])
    flat = audit_rows(tmp_path / "flat", [frame("nllb", STORED * 3, [1.0] * 30)])
    for actual in (few, flat):
        [facts] = margin_facts(actual, "jav_Latn")
        assert (facts.correlation, facts.low, facts.high, facts.cells) == (None, None, None, [])
    without = frame("nllb", STORED, STORED).drop("laser.margin")
    assert margin_facts(audit_rows(tmp_path / "without", [without]), "jav_Latn") == []


@pytest.mark.parametrize(("correlation", "rows"), [(0.0, 100), (0.6, 50), (-0.9, 1000)])
def test_interval_is_that_of_bonett_and_wright(correlation: float, rows: int) -> None:
    low, high = interval(correlation, rows)
    middle = (math.atanh(low) + math.atanh(high)) / 2
    width = 1.96 * math.sqrt((1 + correlation**2 / 2) / (rows - 3))
    assert math.tanh(middle) == pytest.approx(correlation, abs=2e-3)
    assert math.atanh(high) - middle == pytest.approx(width, rel=5e-3)


def test_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """400 samples of a normal pair whose rank correlation is 6 / pi * asin(r / 2)."""
    generator = np.random.default_rng(1)
    truth = 6 / math.pi * math.asin(0.6 / 2)
    inside = 0
    for _ in range(400):
        x, noise = generator.normal(size=(2, 200))
        drawn = pl.DataFrame({"a": x, "b": 0.6 * x + 0.8 * noise})
        actual = drawn.select(pl.corr("a", "b", method="spearman")).item()
        low, high = interval(actual, 200)
        inside += low <= truth <= high
    assert 0.92 < inside / 400 < 0.98


def test_each_point_is_in_its_nearest_hexagon() -> None:
    points = np.random.default_rng(2).random((300, 2))
    actual = {(c, r): n for c, r, n in hexagons(*points.T, (0.0, 1.0), (0.0, 1.0))}
    centres = np.array(
        [(c, r) for c in range(2 * CELLS + 3) for r in range(2 * CELLS) if c % 2 == r % 2]
    )
    positions = centres * (0.5, math.sqrt(3) / 2) / CELLS
    nearest = np.linalg.norm(points[:, None] - positions, axis=2).argmin(axis=1)
    expected: dict[tuple[int, int], int] = {}
    for column, row in centres[nearest].tolist():
        expected[column, row] = expected.get((column, row), 0) + 1
    assert actual == expected
    [(column, row, pairs)] = hexagons(np.full(9, 7.0), np.full(9, -7.0), (0.0, 1.0), (0.0, 1.0))
    assert (column, row, pairs) == (2 * CELLS, 0, 9), "beyond the scales: at the corner"


def test_chart_draws_cells_and_limits(tmp_path: Path) -> None:
    values = [1 + number / 100 for number in range(40)]
    [facts] = margin_facts(audit_rows(tmp_path, [frame("nllb", values, values)]), "jav_Latn")
    limits = [
        Limit(rule=0, reason="low", min=low, max=high, missing_drops=False, outside=0)
        for low, high in ((1.06, None), (1.02, 9.0))
    ]
    named = list(zip(("stored.margin", "laser.margin"), limits, strict=True))
    chart = str(margin_chart(facts, "Javanese", named))
    assert chart.count("M") == len(facts.cells) + 3, "hexagons, the frame, two limits in sight"
    [drawn] = re.findall(r'<path class="limit" d="([^"]*)"', chart)
    assert (drawn.count("v"), drawn.count("h")) == (1, 1)
    assert "40 pairs" in chart
    unequal = facts.model_copy(update={"cells": [(0, 0, 1), (2, 0, 1000)]})
    # Levels 1 and 5 of 5: log(2) is a tenth of log(1001).
    opacities = re.findall(r'fill-opacity="([^"]*)"', margin_chart(unequal, "Javanese"))
    assert opacities == ["0.2", "1"]
    assert "rank correlation 1.00" in chart


def test_manifest_and_card_say_it(build: tuple[Path, BuildManifest], tmp_path: Path) -> None:
    values = [1 + number / 100 for number in range(40)]
    facts = margin_facts(audit_rows(tmp_path, [frame("nllb", values, values)]), "jav_Latn")
    manifest = build[1].model_copy(update={"margins": [summary(lang_row) for lang_row in facts]})
    again = BuildManifest.model_validate_json(manifest.model_dump_json())
    assert again.margins == manifest.margins
    assert "| Javanese | nllb | 40 | 40 | 1.00 | 1.00 to 1.00 |" in render_card(again)
    assert "laser.margin" not in render_card(build[1])
