"""sealdata lid curve: what every limit catches of relatives and loses of references."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError
from sealdata.gold.curves import Curve, Point, _points, measure_curves
from sealdata.gold.plot import plot_curves
from sealdata.recipe.reading import read_recipe

LINES = {
    "eng_Latn": ["The government will build a new school.", "The children are playing."],
    "ind_Latn": ["Pemerintah akan membangun sekolah baru.", "Anak-anak sedang bermain di taman."],
    "zsm_Latn": ["Kerajaan akan membina sekolah baharu.", "Kanak-kanak sedang bermain di taman."],
    "tha_Thai": ["รัฐบาลจะสร้างโรงเรียนใหม่", "เด็กๆ กำลังเล่นอยู่ในสวน"],
    "lao_Laoo": ["ລັດຖະບານຈະສ້າງໂຮງຮຽນໃໝ່", "ເດັກນ້ອຍກຳລັງຫຼິ້ນຢູ່ໃນສວນ"],
}


@pytest.fixture
def refs(tmp_path: Path) -> Path:
    for lang, lines in LINES.items():
        (tmp_path / f"{lang}.dev").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


def test_points_count_what_is_below_each_limit() -> None:
    points = _points(np.array([-0.5, 0.2, 0.9, 1]), np.array([-0.9, 0.2]))
    index = {point.limit: (point.lost, point.caught) for point in points}
    assert index[-1.0] == (0, 0)
    assert index[-0.89] == (0, 50)
    assert index[0.2] == (25, 50)
    assert index[0.21] == (50, 100)
    assert index[1.0] == (75, 100)  # at the limit is not below it


def test_the_tightest_limit_within_a_loss() -> None:
    points = [Point(limit=x, lost=lost, caught=50) for x, lost in ((-1, 1), (0, 1), (1, 9))]
    curve = Curve(model="m", lang="ind_Latn", texts=9, relatives={}, points=points)
    assert [curve.tightest(loss) for loss in (0.5, 1, 100)] == [None, points[1], points[2]]


def test_languages_that_letters_tell_apart_have_no_curve(refs: Path) -> None:
    actual = measure_curves(*read_recipe("quickstart"), refs, ())
    assert [(curve.lang, curve.texts, curve.relatives) for curve in actual] == [
        ("ind_Latn", 2, {"zsm_Latn": 2}),
        ("zsm_Latn", 2, {"ind_Latn": 2}),
    ]
    for lang in ("ind_Latn", "zsm_Latn"):
        (refs / f"{lang}.dev").unlink()
    with pytest.raises(ConfigError, match="no two languages of one confusable set and script"):
        measure_curves(*read_recipe("quickstart"), refs, ())


def test_command_prints_and_draws(refs: Path, tmp_path: Path) -> None:
    svg = tmp_path / "curves.svg"
    options = ["lid", "curve", "--refs", str(refs), "--recipe", "quickstart"]
    shown = CliRunner().invoke(main, [*options, "--plot", str(svg)])
    assert shown.exit_code == 0, shown.output
    assert "% of relatives caught" in shown.output
    printed = json.loads(CliRunner().invoke(main, [*options, "--json"]).stdout)
    curves = [Curve.model_validate(curve) for curve in printed]
    assert svg.read_text("utf-8") == plot_curves(curves), "no date, no random ids"
    axes = ElementTree.parse(svg).getroot().iterfind(".//{*}g[@id]")
    assert sum(group.get("id", "").startswith("axes_") for group in axes) == len(curves) == 2
