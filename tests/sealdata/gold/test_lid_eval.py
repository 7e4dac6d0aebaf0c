"""sealdata lid eval: accuracy, confusion, and what the rules of a recipe cost and catch."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError, DataError
from sealdata.gold.lid_eval import evaluate
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import Recipe

LINES = {
    "eng_Latn": [
        "The government will build a new school in that village next year.",
        "The children are playing in the garden behind the school.",
        "The government will build a new school in that village next year.",
    ],
    "ind_Latn": [
        "Pemerintah akan membangun sekolah baru di desa itu tahun depan.",
        "Menteri mengatakan bahwa perusahaan itu akan membuka kantor baru di Jakarta.",
        "The children are playing in the garden behind the school.",  # untranslated
    ],
    "zsm_Latn": [
        "Kerajaan akan membina sekolah baharu di kampung itu pada tahun hadapan.",
        "Pemerintah akan membangun sekolah baru di desa itu tahun depan.",  # Indonesian
        "2020",
    ],
    "tha_Thai": [
        "รัฐบาลจะสร้างโรงเรียนใหม่ในหมู่บ้านนั้นปีหน้า",
        "เด็กๆ กำลังเล่นอยู่ในสวนหลังโรงเรียน",
        "โรงเรียนใหม่",  # short
    ],
}
RULES = [
    {"reason": "wrong_language", "score": f"lid.{side}_{margin}", "min": 0.0}
    for side in ("src", "tgt")
    for margin in ("set_margin", "short_margin")
] + [{"reason": "confusable_language", "score": "lid.tgt_within_set_margin", "min": 0.0}]


@pytest.fixture
def refs(tmp_path: Path) -> Path:
    for lang, lines in LINES.items():
        (tmp_path / f"{lang}.dev").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


def recipe(**changes: object) -> tuple[Recipe, Path]:
    table, base = read_recipe("quickstart")
    return Recipe.model_validate(table.model_dump() | {"rule": RULES} | changes), base


def test_accuracy_confusion_and_cost(refs: Path) -> None:
    actual = {row.lang: row for row in evaluate(*recipe(), refs).languages}
    counts = {code: (r.texts, r.right, r.in_set, r.dropped) for code, r in actual.items()}
    assert counts == {
        "eng_Latn": (2, 2, 2, 0),
        "ind_Latn": (3, 2, 2, 1),
        "zsm_Latn": (3, 1, 2, 1),
        "tha_Thai": (3, 3, 3, 0),
    }
    assert actual["ind_Latn"].reasons == {"wrong_language": 1, "confusable_language": 0}
    assert actual["zsm_Latn"].reasons == {"wrong_language": 0, "confusable_language": 1}
    assert actual["zsm_Latn"].taken_for == {"ind_Latn": 1, "none": 1, "zsm_Latn": 1}
    assert actual["ind_Latn"].taken_for == {"ind_Latn": 2, "eng_Latn": 1}


def test_swaps(refs: Path) -> None:
    swaps = {(row.declared, row.true): row for row in evaluate(*recipe(), refs).swaps}
    assert len(swaps) == 4 * 3
    assert not swaps["tha_Thai", "eng_Latn"].confusable
    assert (swaps["tha_Thai", "eng_Latn"].texts, swaps["tha_Thai", "eng_Latn"].caught) == (2, 2)
    assert swaps["zsm_Latn", "ind_Latn"].confusable
    assert swaps["zsm_Latn", "ind_Latn"].caught == 3  # two by the sister's margin, one is English


def test_a_recipe_without_language_id(refs: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \[score\.lid\]"):
        evaluate(*recipe(score={"length": {}}, rule=[]), refs)
    with pytest.raises(DataError, match="models fetch lid218e"):
        evaluate(*recipe(), refs, "lid218e")


def test_the_command(refs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDATA_MODELS", str(refs))
    arguments = ["lid", "eval", "--refs", str(refs), "--recipe", "quickstart"]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    assert "lid.176.ftz at the limits of quickstart" in shown.stdout
    assert "1 (eng_Latn)" not in shown.stdout  # English has a column of its own
    as_json = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert [row["lang"] for row in as_json["languages"]] == list(LINES)
    absent = CliRunner().invoke(main, [*arguments, "--model", "lid218e"])
    assert absent.exit_code == 1
    assert "sealdata models fetch lid218e --accept-license" in absent.stderr
