"""Gold: references judged by the code that builds; counts, examples, exit codes."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealcli.show_gold import show_gold
from sealdata.errors import CheckError, ConfigError
from sealdata.gold.trial_facts import GoldFacts, _language_facts, gold
from sealdata.recipe.reading import read_recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from tests.sealdata.lexicon.made_up import made_up

RECIPE = """
name = "strict"
[[source]]
name = "a"
reader = "tsv"
path = "not/there.tsv"
src_lang = "eng_Latn"
tgt_lang = "tha_Thai"
[[source]]
name = "b"
reader = "moses"
path = "nowhere"
src_lang = "id"
tgt_lang = "en"
[[source]]
name = "c"
reader = "tsv"
path = "$UNSET/c.tsv"
src_lang = "eng_Latn"
tgt_lang = "khm_Khmr"
[clean.unicode]
[clean.html]
[clean.whitespace]
[score.copy]
[score.markup]
[score.numerals]
[[rule]]
reason = "copy"
score = "copy.overlap"
max = 0.7
[[rule]]
reason = "markup"
score = "markup.remains"
max = 0
[[rule]]
reason = "number_mismatch"
score = "numerals.conflict"
max = 0.5
[decontaminate]
refs = ["not/there"]
[tokenizer]
path = "not/there.json"
"""
ENGLISH = [
    "Bus 27 leaves from gate 4.",
    "Nasi goreng and es teh.",
    "Route 66 begins here, not at 5.",
    "The shop is closed today.",
]
THAI = ["รถสาย 27 ออกจากประตู 4", "ข้าวผัดกับชาเย็น", "สาย 77 เริ่มที่นี่ ไม่ใช่ 6", "วันนี้ร้านปิด"]
INDONESIAN = [
    "Bus 27 berangkat dari gerbang 4.",
    "Nasi goreng dan es teh.",
    "Route 66 begins here, not at 7.",
    "Hari ini toko tutup.",
]


@pytest.fixture
def refs(tmp_path: Path) -> Path:
    folder = tmp_path / "refs"
    folder.mkdir()
    for name, lines in (("eng_Latn", ENGLISH), ("tha_Thai", THAI), ("ind_Latn", INDONESIAN)):
        (folder / f"{name}.dev").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "strict.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def judge(recipe: Path | str, refs: Path, **options: object) -> GoldFacts:
    with LocalEngine(1) as engine:
        return gold(*read_recipe(str(recipe)), refs, engine, NoProgress(), **options)


def test_counts_by_first_and_any_reason(recipe, refs):
    facts = judge(recipe, refs)
    rows = [(row.lang, row.pairs, row.rejected, row.first, row.any) for row in facts.languages]
    assert rows == [
        ("tha_Thai", 4, 1, {"number_mismatch": 1}, {"number_mismatch": 1}),
        ("ind_Latn", 4, 2, {"copy": 2}, {"copy": 2}),  # half the numbers agree: within the limit
    ]
    assert facts.without_references == ["khm_Khmr"]
    assert facts.defects == []


def test_all_reasons_of_a_pair_are_counted(recipe, refs):
    lines = [*INDONESIAN[:2], "Route 67 begins here, not at 7.", INDONESIAN[3]]
    (refs / "ind_Latn.dev").write_text("\n".join(lines), encoding="utf-8")
    row = judge(recipe, refs).languages[1]
    assert row.first == {"copy": 2}
    assert row.any == {"copy": 2, "number_mismatch": 1}


def test_examples_show_the_pair_as_written_and_its_scores(recipe, refs):
    [example] = judge(recipe, refs).languages[0].examples
    assert example.model_dump() == {
        "reason": "number_mismatch",
        "set": "dev",
        "line": 3,
        "src": ENGLISH[2],
        "tgt": THAI[2],
        "scores": {"numerals.conflict": 1.0},
    }


def test_a_line_that_a_reader_refuses_is_rejected(recipe, refs):
    lines = [*THAI[:3], " "]
    (refs / "tha_Thai.dev").write_text("\n".join(lines) + "\n", encoding="utf-8")
    row = judge(recipe, refs).languages[0]
    assert row.first == {"empty_side": 1, "number_mismatch": 1}


def test_defects_are_rejected_or_repaired(recipe, refs):
    facts = judge(recipe, refs, defects=True)
    actual = {(row.kind, row.lang): row for row in facts.defects}
    html = actual["html", "tha_Thai"]
    assert html.rejected + html.repaired == html.pairs == 4
    assert html.recall == 100
    numbers = actual["number", "tha_Thai"]
    assert (numbers.pairs, numbers.rejected, numbers.repaired) == (2, 2, 0)
    assert actual["repetition", "ind_Latn"].recall == 50  # the two copies, three times
    assert actual["repetition", "ind_Latn"].first == {"copy": 2}
    assert [(row.lang, row.pairs) for row in facts.languages] == [("tha_Thai", 4), ("ind_Latn", 4)]


LEXICON = """
name = "lexicon"
[[source]]
name = "a"
reader = "tsv"
path = "not/there.tsv"
src_lang = "en"
tgt_lang = "th"
[score.lexicon]
[[rule]]
reason = "misaligned"
score = "lexicon.evidence"
min = 0.4
[[rule]]
reason = "partial"
score = "lexicon.gap"
max = 0.35
[tokenizer]
path = "not/there.json"
"""


def test_a_lexicon_is_learnt_from_the_references_and_not_from_the_defects(recipe, refs, capsys):
    recipe.write_text(LEXICON)
    (refs / "ind_Latn.dev").unlink()
    for name, lines in zip(("eng_Latn", "tha_Thai"), made_up("Thai", 1000), strict=True):
        (refs / f"{name}.dev").write_text("\n".join(lines))
    facts = judge(recipe, refs, defects=True)
    assert facts.without_lexicon == []
    assert facts.languages[0].rejected <= 10
    recall = {row.kind: row.recall for row in facts.defects}
    assert min(recall["shuffled"], recall["off by one"]) > 95
    assert recall["partial"] > 15
    for name in ("eng_Latn", "tha_Thai"):
        lines = (refs / f"{name}.dev").read_text().split("\n")
        (refs / f"{name}.dev").write_text("\n".join(lines[:999]))
    facts = judge(recipe, refs)
    assert (facts.without_lexicon, facts.languages[0].rejected) == (["tha_Thai"], 0)
    show_gold(facts)
    assert "to learn a lexicon from in: tha_Thai. No pair there fails" in capsys.readouterr().out


def test_a_skipped_scorer_takes_its_rules_along(recipe, refs):
    facts = judge(recipe, refs, skip=["copy"])
    assert [row.first for row in facts.languages] == [{"number_mismatch": 1}, {}]
    assert facts.skipped == ["copy"]
    with pytest.raises(ConfigError, match=r"--skip laser: the recipe has no such scorer; it has"):
        judge(recipe, refs, skip=["laser"])


def test_an_absent_model_is_an_error_unless_skipped(recipe, refs):
    recipe.write_text(RECIPE + '[score.laser]\nencoder = "not/here"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[score.laser\]: .*not/here.*--skip laser"):
        judge(recipe, refs)
    assert judge(recipe, refs, skip=["laser"]).skipped == ["laser"]


def test_references_in_no_language_of_the_recipe(recipe, refs):
    for name in ("tha_Thai.dev", "ind_Latn.dev"):
        (refs / name).rename(refs / name.replace("tha_Thai", "lao_Laoo").replace("ind", "vie"))
    with pytest.raises(ConfigError, match="no references in a language of 'strict'"):
        judge(recipe, refs)


def test_the_share_of_each_language_is_checked(recipe, refs):
    judge(recipe, refs, max_percent=50.0).check()
    with pytest.raises(CheckError, match=r"1 of 2 languages: ind_Latn 50.00 %$"):
        judge(recipe, refs, max_percent=49.9).check()


@pytest.mark.parametrize("options", [[], ["--markdown"]])
def test_references_that_are_no_translations_are_named_and_counted(recipe, refs, options):
    (refs / "ind_Latn.dev").write_text("\n".join([*INDONESIAN[:1], ENGLISH[1], *INDONESIAN[2:]]))
    done = CliRunner().invoke(main, ["gold", str(recipe), "--refs", str(refs), *options])
    assert done.exit_code == 3
    said = [line for line in done.stdout.splitlines() if "translations" in line]
    assert said == [
        "ind_Latn: some references are not translations: "
        "33.33 % without 1 that are the same text on both sides."
    ]
    assert "ind_Latn 50.00 % (33.33 % without 1 that" in done.stderr


def test_quickstart_rejects_none_of_the_bundled_references():
    from sealdata.files.places import sample_dir

    facts = judge("quickstart", sample_dir() / "eval", skip=["laser"], max_percent=0)
    assert [row.pairs for row in facts.languages] == [30] * 12
    assert [row.rejected for row in facts.languages] == [0] * 12


def test_command_prints_tables_and_exits_with_3(recipe, refs):
    arguments = ["gold", str(recipe), "--refs", str(refs), "--workers", "1", "--defects"]
    done = CliRunner().invoke(main, [*arguments, "--skip", "markup"])
    assert done.exit_code == 3
    lines = done.stdout.splitlines()
    assert "Skipped, with their rules: markup" in lines
    assert "No references in: khm_Khmr" in lines
    [row] = [line.split() for line in lines if line.startswith("ind_Latn")]
    assert row == ["ind_Latn", "4", "2", "50.00", "above", "2"]
    assert "number_mismatch tha_Thai dev:3  numerals.conflict 1" in lines
    assert any(line.startswith("repetition") for line in lines)
    assert "strict rejects more than 1 %" in done.stderr


@pytest.mark.parametrize("options", [[], ["--markdown"]])
def test_what_a_model_cannot_judge_is_said(recipe, refs, options):
    recipe.write_text(RECIPE.replace("khm_Khmr", "ace_Latn") + "[score.lid]\n", encoding="utf-8")
    arguments = ["gold", str(recipe), "--refs", str(refs), "--workers", "1", *options]
    note = "NOTE: language ID by lid.176.ftz. It has no label for Acehnese (ace_Latn). There, "
    assert note in CliRunner().invoke(main, arguments).stdout
    assert "NOTE" not in CliRunner().invoke(main, [*arguments, "--skip", "lid"]).stdout


def test_command_prints_json(recipe, refs):
    arguments = ["gold", str(recipe), "--refs", str(refs), "--workers", "1", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--max", "50"])
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [(row["lang"], row["percent"]) for row in facts["languages"]] == [
        ("tha_Thai", 25.0),
        ("ind_Latn", 50.0),
    ]


def test_at_most_three_examples_of_a_reason():
    numbers = range(1, 6)
    rejected = pl.DataFrame(
        {
            "lang": "tha_Thai",
            "set": "dev",
            "line": numbers,
            "src": [f"e{number}" for number in numbers],
            "tgt": [f"t{number}" for number in numbers],
            "reason": ["slow", "slow", "fast", "slow", "slow"],
        }
    ).with_columns(reasons=pl.concat_list("reason"))
    facts = _language_facts(rejected, "tha_Thai", read_recipe("quickstart")[0])
    shown = [(example.reason, example.line) for example in facts.examples]
    assert shown == [("fast", 3), ("slow", 1), ("slow", 2), ("slow", 4)]
    assert (facts.rejected, facts.first) == (5, {"slow": 4, "fast": 1})
