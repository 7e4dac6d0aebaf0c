"""``[languages.CODE]``: what a recipe may say of languages, in every process that runs it."""

import json
import subprocess
import sys

import pytest

from sealdata.errors import ConfigError
from sealdata.languages import (
    declare,
    declared,
    find_language,
    languages,
    relatives,
    remember,
    resolve,
)
from sealdata.recipe.language_facts import write_language_facts
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import use_languages
from sealdata.workflow.stage import Stage

SOURCE = """
[[source]]
name = "mine"
reader = "tsv"
path = "mine.tsv"
options = {{ layout = "pairs" }}
src_lang = "en"
tgt_lang = "{}"
"""


@pytest.fixture(autouse=True)
def _no_languages_of_other_tests():
    yield
    declare({})


def recipe(tmp_path, text, tgt_lang="xyz_Latn"):
    path = tmp_path / "r.toml"
    path.write_text(f'extends = "quickstart"\n{text}\n{SOURCE.format(tgt_lang)}', encoding="utf-8")
    return path


def test_a_language_that_no_one_knows_is_one_table(tmp_path):
    table = """
[languages.xyz_Latn]
name = "Xyzic"
autonym = "Bahasa Xyz"
length_factor = 0.9
aliases = ["xy-old"]
taken_for = ["ms"]
"""
    read, _ = read_recipe(str(recipe(tmp_path, table, "xy-old")))
    assert read.source[-1].tgt_lang == "xyz_Latn"
    language = resolve("xyz_Latn")
    assert (language.name, language.autonym, language.bcp47) == ("Xyzic", "Bahasa Xyz", "mis")
    assert (language.script, language.length_factor, language.spaces) == ("Latn", 0.9, True)
    assert relatives("xyz_Latn") == ("zsm_Latn",)
    read_recipe("quickstart")  # another recipe, which does not know it
    assert find_language("xyz_Latn") is None
    assert "xyz_Latn" not in languages()


def test_a_known_language_changes_where_the_recipe_says_so(tmp_path):
    shipped = resolve("tur_Latn")
    read_recipe(str(recipe(tmp_path, '[languages.tr]\nname = "Türkçe"', "tr")))
    changed = resolve("tur_Latn")
    assert changed.name == "Türkçe"
    assert (changed.autonym, changed.length_factor) == (shipped.autonym, shipped.length_factor)


def test_a_layer_may_use_and_add_to_the_languages_of_its_base(tmp_path):
    recipe(tmp_path, '[languages.xyz_Latn]\nname = "Xyzic"')
    top = tmp_path / "top.toml"
    top.write_text(
        'extends = "r.toml"\n[languages.xyz_Latn]\nlength_factor = 1.1\n[[rule]]\nreason = "long"\n'
        'score = "length.src_chars"\nmax = 900\nlanguages = { xyz_Latn = { max = 800 } }\n'
    )
    read, _ = read_recipe(str(top))
    assert "xyz_Latn" in read.rule[-1].languages
    assert (resolve("xyz_Latn").name, resolve("xyz_Latn").length_factor) == ("Xyzic", 1.1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[languages.xyz_Latn]", "languages.xyz_Latn: no one knows this language; give it a name"),
        ('[languages.xyz]\nname = "X"', "languages.xyz: a key is a code of three letters and a"),
        ('[languages.xyz_Runr]\nname = "X"', "letters of the script 'Runr' are not counted"),
        ('[languages.xyz_Latn]\nnam = "X"', "languages.xyz_Latn: unknown key 'nam'; did you mean"),
        ('[languages.xyz_Latn]\nname = "X"\nlength_factor = 0', "'length_factor': Input should be"),
        ('[languages.xyz_Latn]\nname = "X"\naliases = ["id"]', "'id' already means ind_Latn"),
        (
            '[languages.xyz_Latn]\nname = "X"\ntaken_for = ["qzz_Latn"]',
            "languages.xyz_Latn: taken_for has an unknown language 'qzz_Latn'",
        ),
        ('[languages.tr]\nname = "X"\n[languages.tur_Latn]', "tur_Latn is declared twice"),
        (
            '[languages.qae_Latn]\nname = "X"\naliases = ["qx"]\n'
            '[languages.qaf_Latn]\nname = "Y"\naliases = ["qx"]',
            "the alias 'qx' already means qaf_Latn",
        ),
        ("languages = 3", "languages must be tables, [languages.xyz_Latn]"),
    ],
)
def test_mistakes_are_one_line(tmp_path, table, message):
    with pytest.raises(ConfigError) as caught:
        read_recipe(str(recipe(tmp_path, table)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def _lang_facts(part, folder):
    raise AssertionError("is never run")


def test_languages_belong_to_the_keys_of_stages():
    stage = Stage("x", None, (), ("p",), _lang_facts)
    plain = stage.key
    declare({"tur_Latn": {"length_factor": 1.5}})
    assert stage.key != plain
    declare({})
    assert stage.key == plain


def test_a_build_of_such_a_language_runs_in_workers_and_is_shown(tmp_path):
    lines = [f"The {n} boats came back late.\tKa {n} wato ena muri toa lepas." for n in range(200)]
    (tmp_path / "mine.tsv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "r.toml"
    path.write_text(
        'extends = "quickstart"\nname = "own"\nremove = ["source", "rule", "stream", "score"]\n'
        '[languages.xyz_Latn]\nname = "Xyzic"\nautonym = "Bahasa Xyz"\nlength_factor = 0.5\n'
        "[score.ratio]\n"
        '[[rule]]\nreason = "length_ratio"\nscore = "ratio.chars"\nmax = 2.9\n'
        + SOURCE.format("xyz_Latn")
    )

    def run(*args):
        command = [sys.executable, "-c", "from sealcli.sealdata import main; main()", *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    built = run("build", "r.toml", "--out", "out", "--workers", "2")
    assert built.returncode == 0, built.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["funnel"][0]["lang"] == "xyz_Latn"
    assert "Xyzic" in (tmp_path / "out/README.md").read_text()
    shard = next((tmp_path / "out/shards").rglob("part-00000.npy"))
    shown = run("inspect", str(shard))
    assert "Xyzic" in shown.stdout, shown.stderr + shown.stdout


def test_a_finished_build_does_not_change_what_a_recipe_says():
    declare({"qab_Latn": {"name": "New", "length_factor": 1.0}})
    remember({"qab_Latn": {"name": "Old"}, "qac_Latn": {"name": "Other", "autonym": None}})
    assert (resolve("qab_Latn").name, resolve("qac_Latn").autonym) == ("New", "Other")
    assert list(declared()) == ["qab_Latn"]
    declare({})
    assert resolve("qab_Latn").name == "Old"
    remember({"tur_Latn": {"name": "Türkçe", "aliases": [], "length_factor": None}})
    assert (resolve("tr_TR").name, resolve("tr").length_factor) == ("Türkçe", 0.974)
    remember({"tur_Latn": {"name": "Turkish"}})


def test_a_recipe_keeps_languages_by_code(tmp_path):
    """A manifest has the recipe, and what reads it goes by codes: the key may be any name."""
    read, _ = read_recipe(str(recipe(tmp_path, '[languages.tr]\nname = "Türkçe"', "tr")))
    assert list(read.languages) == ["tur_Latn"]
    declare({})
    remember(read.model_dump(mode="json")["languages"])
    assert (resolve("tr").code, resolve("tr").name) == ("tur_Latn", "Türkçe")
    remember({"tur_Latn": {"name": "Turkish"}})


def test_each_of_two_recipes_in_one_process_has_its_languages(tmp_path):
    first, _ = read_recipe(str(recipe(tmp_path, '[languages.qad_Latn]\nname = "A"', "qad_Latn")))
    read_recipe("quickstart")
    assert find_language("qad_Latn") is None
    use_languages(first)
    assert resolve("qad_Latn").name == "A"


def test_facts_are_written_into_a_recipe_whose_comments_stay(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('# mine\nname = "x"  # kept\n[languages.tah_Latn]\nname = "Tahitian"\n')
    write_language_facts(path, {"tah_Latn": {"length_factor": 0.7}, "ton_Latn": {"spaces": True}})
    assert path.read_text() == (
        '# mine\nname = "x"  # kept\n[languages.tah_Latn]\nname = "Tahitian"\n'
        "length_factor = 0.7\n\n"
        "[languages.ton_Latn]\nspaces = true\n"
    )
    new = tmp_path / "new.toml"
    write_language_facts(new, {"tah_Latn": {"taken_for": ["mri_Latn"]}})
    assert new.read_text() == '[languages.tah_Latn]\ntaken_for = ["mri_Latn"]\n'
    path.write_text("languages = 3\n")
    with pytest.raises(ConfigError, match=r"languages must be tables"):
        write_language_facts(path, {"tah_Latn": {}})
    path.write_text("= 3\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        write_language_facts(path, {"tah_Latn": {}})
