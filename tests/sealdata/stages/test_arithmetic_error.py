"""What bf16 and int8 change in the scores of a build is measured on its own pairs, and shown."""

import json
import re

import numpy as np
import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest
from sealdata.dataset.audit import audit_recipe
from sealdata.encoders.similarity import cosine
from sealdata.files.places import sample_dir
from sealdata.pipeline.plan import load_plan
from sealdata.scorers import PrecisionCheck, laser
from sealdata.scorers.laser import Laser, _load
from sealdata.stages import arithmetic_error
from sealdata.stages.arithmetic_error import MeasureError, errors
from sealdata.stages.rules import Rule
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

GATES = """
[score.laser]
encoder = "sample"
precision = "{}"
[[rule]]
reason = "not_similar"
score = "laser.cosine"
min = 0.6
"""
LANGS = ("ind_Latn", "tha_Thai")


def pairs(lang: str, number: int) -> list[tuple[str, str]]:
    sides = ((sample_dir() / "text" / f"{code}.txt") for code in ("eng_Latn", lang))
    texts = (side.read_text("utf-8").splitlines()[:number] for side in sides)
    return list(zip(*texts, strict=True))


def by_hand(rows: list[tuple[str, str]], name: str) -> np.ndarray:
    """Cosines by one encoder, as a build rounds them."""
    src, tgt = (_load("sample", name, "cpu").encode([row[s] for row in rows]) for s in (0, 1))
    return cosine(src, tgt).round(4).astype(np.float64)


@pytest.mark.parametrize("name", ["bf16", "int8"])
def test_a_build_measures_its_own_errors(small_build, name):
    """A part a source, so that a batch is the same as by hand (int8 depends on it)."""
    rows = {lang: pairs(lang, 50) for lang in LANGS}
    sources = {(lang, lang): own for lang, own in rows.items()}
    manifest = small_build(sources, GATES.format(name), part_rows=60)
    found = {row.lang: row for row in manifest.precision_errors}
    assert set(found) == set(LANGS)
    for lang, row in found.items():
        exact, rough = by_hand(rows[lang], "fp32"), by_hand(rows[lang], name)
        error = np.abs(rough - exact)
        assert (row.score, row.precision, row.device) == ("laser.cosine", name, "cpu")
        assert row.pairs == 50
        assert row.mean == pytest.approx(error.mean(), abs=2e-5)
        assert row.largest == pytest.approx(error.max(), abs=2e-4)
        assert row.p99 == row.largest, "of 50"
        assert row.spread == pytest.approx(exact.std(ddof=1), abs=1e-4)
        assert row.flips == ((rough < 0.6) != (exact < 0.6)).sum()
        assert row.largest > (0.0004 if name == "bf16" else 0.1), (
            "so the numbers above say something"
        )
    page = (small_build.out / "report" / "index.html").read_text("utf-8")
    card = (small_build.out / "README.md").read_text("utf-8")
    facts = json.loads((small_build.out / "report" / "audit.json").read_text("utf-8"))
    shown = f"{found['tha_Thai'].mean:.4f}"
    assert f'<td class="n">{shown}</td>' in page
    regions = re.findall(r'role="region" aria-label="([^"]*)"', page)
    assert len(set(regions)) == len(regions), "a name of its own for each"
    assert f"| Thai | `laser.cosine` | {name}, cpu | 50 | {shown} |" in card
    assert facts["build"]["precision_errors"] == [row.model_dump() for row in found.values()]
    assert BuildManifest.model_validate(manifest.model_dump()).precision_errors == list(
        found.values()
    )


def test_measuring_is_done_once_and_decides_nothing(small_build, monkeypatch):
    """A moved rule on the cosine measures again; what it selects is keyed without the errors."""
    sources = {("one", "tha_Thai"): pairs("tha_Thai", 20)}
    small_build(sources, GATES.format("bf16"))
    kept = small_build.rows("pairs")
    assert {path.name for path in (small_build.out / "work").glob("precision-*/*")} == {
        "manifest.json",
        "tha_Thai.json",
    }
    assert not laser._load.cache_info().currsize, "encoders in fp32 are given back"
    for folder in (small_build.out / "work").glob("precision-*"):
        for path in folder.iterdir():
            path.unlink()
    monkeypatch.setattr(arithmetic_error, "PAIRS", 5)
    (small_build.out / "manifest.json").unlink()
    again = small_build(sources, GATES.format("bf16"))
    assert [row.pairs for row in again.precision_errors] == [5]
    assert small_build.rows("pairs").equals(kept)
    assert len(list((small_build.out / "work").glob("select-*"))) == 1


def test_fp32_has_nothing_to_measure(small_build):
    manifest = small_build({("one", "tha_Thai"): pairs("tha_Thai", 4)}, GATES.format("fp32"))
    assert manifest.precision_errors == []
    assert not list((small_build.out / "work").glob("precision-*"))
    assert "computed in" not in (small_build.out / "README.md").read_text("utf-8")


def test_an_audit_of_a_recipe_measures_too(small_build, tmp_path):
    sources = {("one", "tha_Thai"): [*pairs("tha_Thai", 12), ("", "ว่างเปล่า")]}
    small_build(sources, GATES.format("bf16"))
    plan = load_plan(str(small_build.folder / "small.toml"))
    with LocalEngine(1) as engine:
        audited = audit_recipe(plan, tmp_path / "audited", engine, NoProgress())
    [row] = audited.facts.build.precision_errors
    assert (row.lang, row.pairs, row.flips) == ("tha_Thai", 12, 0)


class Exact(Laser):
    """Adds one hundredth to scores that pairs carry in their text."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        return pairs.select(cosine=pl.col("tgt").cast(pl.Float32) + 0.01)


def carrying(sizes: dict[str, int]) -> MeasureError:
    """A job over parts of so many pairs, whose text and score is the number of the pair."""

    def frame(part: str) -> pl.DataFrame:
        at = [number / 1000 for number in range(sizes[part])]
        rows = pl.DataFrame({"row": pl.int_range(len(at), dtype=pl.UInt64, eager=True)})
        score = pl.Series(at, dtype=pl.Float32)
        return rows.with_columns(
            source=pl.lit(part),
            src_lang=pl.lit("eng_Latn"),
            tgt_lang=pl.lit("tha_Thai"),
            src=pl.lit(part),
            tgt=pl.Series([str(value) for value in at], dtype=pl.String),
        ).with_columns(pl.when(pl.col("row") != 3).then(score).alias("laser.cosine"))

    rough = PrecisionCheck("bf16", "cpu", "cosine", Exact(encoder="sample"))
    rule = Rule("low", "laser.cosine", "similarity", (0.1, None), False, {})
    return MeasureError(tuple((frame, part) for part in sizes), "laser.cosine", rough, (rule,))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": 1000}, 256),
        ({"a": 100, "b": 1000}, 99 + 128),  # one without a score
        ({f"{n}": 1000 for n in range(20)}, 256),
        ({f"{n}": 3 for n in range(200)}, 256),
        ({"a": 0}, 0),
    ],
)
def test_pairs_come_from_several_parts_and_are_bounded(tmp_path, sizes, expected):
    facts = carrying(sizes)("tha_Thai", tmp_path).facts
    assert facts["pairs"] == expected
    if expected:
        assert facts["mean"] == pytest.approx(0.01, abs=1e-6)
    else:
        assert (facts["mean"], facts["p99"], facts["largest"], facts["spread"]) == (None,) * 4
        assert facts["flips"] == 0


def test_parts_are_read_only_while_pairs_are_wanted(tmp_path):
    job = carrying({f"{n}": 1000 for n in range(20)})
    drawn = job._drawn()
    assert drawn["source"].n_unique() == arithmetic_error._PARTS
    assert drawn.height == arithmetic_error.PAIRS


def test_errors_of_scores():
    rough = pl.Series([0.5, 0.25, None, 0.75], dtype=pl.Float32)
    exact = pl.Series([0.5, 0.5, 0.5, 0.625], dtype=pl.Float32)
    found = errors(rough, exact)
    assert found == {"pairs": 3, "mean": 0.125, "p99": 0.25, "largest": 0.25, "spread": 0.072169}
    assert errors(rough.head(1), exact.head(1))["spread"] is None


def test_a_language_of_which_nothing_is_scored(small_build):
    manifest = small_build({("one", "tha_Thai"): [("1", "๑")]}, GATES.format("bf16"))
    assert [(row.pairs, row.mean, row.flips) for row in manifest.precision_errors] == [(0, None, 0)]
