"""Recipes that extend others: what merges, what replaces, what is removed, what is refused."""

import copy
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError
from sealdata.recipe.inheritance import Layered, extend, with_absolute_paths
from sealdata.recipe.reading import read_recipe, resolve_recipe
from sealdata.recipe.show import show_recipe
from sealdata.recipe.tables import Recipe

BASE = """
name = "base"
[[source]]
name = "one"
reader = "tsv"
path = "one.tsv"
src_lang = "en"
tgt_lang = "jv"
options = { layout = "pairs" }
[clean.unicode]
[clean.html]
[score.length]
[score.ratio]
[[rule]]
reason = "too_long"
score = "length.src_chars"
min = 2
max = 100
languages = { jav_Latn = { max = 200 }, tha_Thai = { off = true } }
[[rule]]
key = "ratio"
reason = "length_ratio"
score = "ratio.chars"
max = 3
[tokenizer]
path = "models/tokenizer.json"
[format]
templates = ["{first}\\t{second}"]
"""


@pytest.fixture
def extended(tmp_path: Path):
    """Reads a recipe of this text that extends BASE, which stands beside it."""
    (tmp_path / "base.toml").write_text(BASE, "utf-8")

    def read(text: str, extends: str = "base.toml") -> Recipe:
        path = tmp_path / "mine.toml"
        path.write_text(f'extends = "{extends}"\n{text}', "utf-8")
        recipe, folder = read_recipe(str(path))
        assert folder == tmp_path
        return recipe

    return read


def bounds(recipe: Recipe) -> dict[str, tuple[float | None, float | None]]:
    return {rule.address: (rule.min, rule.max) for rule in recipe.rule}


def test_one_rule_changes_that_rule_and_keeps_the_others(extended) -> None:
    """A recipe that named one rule lost all others."""
    recipe = extended(
        '[[rule]]\nreason = "too_long"\nscore = "length.src_chars"\nmax = 50\n'
        "languages = { jv = { min = 1 } }\n"  # another spelling of jav_Latn
        '[[rule]]\nkey = "ratio"\nmin = 0.5\n'
        '[[rule]]\nreason = "too_short"\nscore = "length.tgt_chars"\nmin = 3\n'
    )
    assert bounds(recipe) == {
        "too_long/length.src_chars": (2, 50),
        "ratio": (0.5, 3),
        "too_short/length.tgt_chars": (3, None),
    }
    assert {lang: (b.min, b.max, b.off) for lang, b in recipe.rule[0].languages.items()} == {
        "jav_Latn": (1, 200, False),
        "tha_Thai": (None, None, True),
    }


def test_the_quickstart_keeps_its_rules(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rule = '[[rule]]\nreason = "too_long"\nscore = "length.src_chars"\nmax = 1500\n'
    path.write_text(f'extends = "quickstart"\n{rule}', "utf-8")
    mine, base = read_recipe(str(path))[0], read_recipe("quickstart")[0]
    changed = [(a, b) for a, b in zip(mine.rule, base.rule, strict=True) if a != b]
    assert [(a.address, a.max, b.max) for a, b in changed] == [
        ("too_long/length.src_chars", 1500, 2000)
    ]
    assert mine.model_dump(exclude={"rule"}) == base.model_dump(exclude={"rule"})


def test_tables_merge_and_lists_replace(extended) -> None:
    recipe = extended(
        'name = "mine"\n[clean.whitespace]\n[format]\ntemplates = ["{first}|{second}"]\n'
        "[pack]\nsequence_length = 64\n"
        '[[source]]\nname = "one"\ntgt_lang = "su"\n'
        '[[source]]\nname = "two"\nreader = "moses"\npath = "two"\n'
        'src_lang = "en"\ntgt_lang = "th"\n'
    )
    assert recipe.name == "mine"
    assert list(recipe.clean) == ["unicode", "html", "whitespace"]
    assert recipe.format.templates == ["{first}|{second}"]
    assert (recipe.pack.sequence_length, recipe.pack.block_length) == (64, 262_144)
    assert [(s.name, s.tgt_lang, s.path) for s in recipe.source] == [
        ("one", "sun_Latn", "one.tsv"),
        ("two", "tha_Thai", "two"),
    ]
    assert recipe.source[0].options == {"layout": "pairs"}


@pytest.mark.parametrize(
    ("remove", "check"),
    [
        ("clean.html", lambda r: list(r.clean) == ["unicode"]),
        ("rule.ratio", lambda r: list(bounds(r)) == ["too_long/length.src_chars"]),
        (
            "rule.too_long/length.src_chars.min",
            lambda r: bounds(r)["too_long/length.src_chars"] == (None, 100),
        ),
        (
            "rule.too_long/length.src_chars.languages.tha_Thai",
            lambda r: list(r.rule[0].languages) == ["jav_Latn"],
        ),
        ("rule", lambda r: r.rule == []),
        (
            "format",
            lambda r: r.format.templates == ["{first_name}: {first}\n{second_name}: {second}"],
        ),
    ],
)
def test_what_is_removed_is_said(extended, remove: str, check) -> None:
    assert check(extended(f'remove = ["{remove}"]\n'))


def test_the_longest_name_is_removed() -> None:
    """Names of sources may have dots, and one may begin with another."""
    base = extend(Layered(), {"source": [{"name": "a", "b": 1}, {"name": "a.b", "x": 1}]}, "base")
    removed = extend(base, {"remove": ["source.a.b.x"]}, "mine")
    assert removed.table["source"] == [{"name": "a", "b": 1}, {"name": "a.b"}]


def test_an_empty_list_removes_all(extended) -> None:
    assert extended("rule = []\n").rule == []


def test_a_chain_and_a_recipe_in_another_folder(tmp_path: Path) -> None:
    """Paths of a recipe start at its own folder, also if another one extends it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.toml").write_text(BASE, "utf-8")
    (tmp_path / "middle.toml").write_text('extends = "sub/base.toml"\nseed = 7\n', "utf-8")
    (tmp_path / "mine.toml").write_text('extends = "middle.toml"\nname = "mine"\n', "utf-8")
    recipe, _ = read_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.name, recipe.seed) == ("mine", 7)
    assert recipe.source[0].path == str(tmp_path / "sub" / "one.tsv")
    assert recipe.tokenizer.path == str(tmp_path / "sub" / "models/tokenizer.json")


def test_every_relative_path_of_a_base_is_made_absolute() -> None:
    table = {
        "source": [{"path": "a.tsv"}, {"path": "/b.tsv"}, {"path": "sample:c"}],
        "stream": [
            {"path": "$DATA/d.txt"},
            {
                "tokens": [
                    "e-*.npy",
                    "~/f.npy",
                    "https://g/h.npy",
                    {"path": "i.npy", "byte_start": 4},
                ]
            },
        ],
        "tokenizer": {"path": "j"},
        "fertility": [{"path": "k"}],
        "decontaminate": {"refs": ["l", {"path": "m", "name": "n"}], "containment": 0.8},
        "exclude": {"lists": ["o"]},
        "score": {
            "laser": {"encoder": "sample", "models": {"tha_Thai": "p/q"}},
            "lid": {"x": "r/s"},
            "mine": {"scorer": "regex", "pattern": "https?://"},
            "run": {"command": ["./run", "s/a/b/"], "files": ["t"], "env": {"X": "u/v"}},
        },
        "clean": {"run": {"command": ["run"], "cwd": "w"}},
        "plugins": {"paths": ["x.py", "/y.py"]},
    }
    before = copy.deepcopy(table)
    assert with_absolute_paths(table, Path("/base")) == {
        "source": [{"path": "/base/a.tsv"}, {"path": "/b.tsv"}, {"path": "sample:c"}],
        "stream": [
            {"path": "$DATA/d.txt"},
            {
                "tokens": [
                    *("/base/e-*.npy", "~/f.npy", "https://g/h.npy"),
                    {"path": "/base/i.npy", "byte_start": 4},
                ]
            },
        ],
        "tokenizer": {"path": "/base/j"},
        "fertility": [{"path": "/base/k"}],
        "decontaminate": {
            "refs": ["/base/l", {"path": "/base/m", "name": "n"}],
            "containment": 0.8,
        },
        "exclude": {"lists": ["/base/o"]},
        "score": {
            "laser": {"encoder": "sample", "models": {"tha_Thai": "/base/p/q"}},
            "lid": {"x": "/base/r/s"},
            # Patterns, arguments and variables are text. A program's paths start where it runs.
            "mine": {"scorer": "regex", "pattern": "https?://"},
            "run": {
                "command": ["./run", "s/a/b/"],
                "files": ["t"],
                "env": {"X": "u/v"},
                "cwd": "/base",
            },
        },
        "clean": {"run": {"command": ["run"], "cwd": "/base/w"}},
        "plugins": {"paths": ["/base/x.py", "/y.py"]},
    }
    assert table == before


def test_a_circle_that_does_not_return_to_the_first_file(tmp_path: Path) -> None:
    for name, base in (("mine", "a"), ("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{base}.toml"\n', "utf-8")
    with pytest.raises(
        ConfigError, match=r"circle: .*mine\.toml -> .*a\.toml -> .*b\.toml -> .*a\."
    ):
        read_recipe(str(tmp_path / "mine.toml"))


def test_what_is_removed_has_no_origin_and_the_base_is_left_alone() -> None:
    entries = [{"key": "ratio", "reason": "r", "score": "ratio.chars", "max": 3}]
    base = extend(
        Layered(), {"rule": entries, "clean": {"html": {"a": 1}, "mask": {"b": 2}}}, "base"
    )
    before = copy.deepcopy(base)
    table = {"remove": ["clean.html"], "rule": []}
    emptied = extend(base, table, "mine")
    assert table == {"remove": ["clean.html"], "rule": []}
    assert emptied.table == {"rule": [], "clean": {"mask": {"b": 2}}}
    assert emptied.origins == {("clean", "mask", "b"): "base"}
    changed = extend(base, {"rule": [{"key": "ratio", "max": 5}]}, "mine")
    assert changed.table["rule"] == [entries[0] | {"max": 5}]
    assert changed.origins["rule", "ratio", "max"] == "mine"
    assert changed.origins["rule", "ratio", "score"] == "base"
    assert base == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "quikstart"', "extends = 'quikstart': no such file, and no built-in recipe"),
        ('extends = "mine.toml"', "extends goes in a circle: .*mine.toml -> .*mine.toml"),
        ('extends = "base.toml"\nstreams = []', "unknown key 'streams'; did you mean 'stream'"),
        (
            'extends = "base.toml"\nremove = ["clean.htm"]',
            r"""remove = \["clean.htm"\]: there is no 'htm' to remove; did you mean 'html'""",
        ),
        (
            'extends = "base.toml"\nremove = ["rule.ration"]',
            r"""remove = \["rule.ration"\]: no rule has this key; did you mean 'ratio'""",
        ),
        (
            'extends = "base.toml"\n[[rule]]\nkey = "ration"\nmax = 2',
            r"no rule has the key 'ration'; did you mean 'ratio'\?; a new rule needs a reason",
        ),
        ('remove = ["clean"]\n' + BASE, "remove takes away what a recipe extends"),
        (
            'extends = "base.toml"\n[[rule]]\nkey = "x"\nreason = "r"\nscore = "a.b"\nmax = 1\n'
            '[[rule]]\nreason = "x"\nscore = "ratio.chars"\nkey = "ratio"\nmax = 1\n'
            "[clean.unicod]\n",
            "no cleaner named 'unicod'",
        ),
    ],
)
def test_mistakes_name_the_file(tmp_path: Path, text: str, message: str) -> None:
    from sealdata.pipeline.plan import load_plan

    (tmp_path / "base.toml").write_text(BASE, "utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_plan(str(path))
    if "cleaner" not in message:
        assert str(path) in str(caught.value)


def test_two_rules_of_one_key_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BASE.replace('key = "ratio"', 'key = "too_long/length.src_chars"'), "utf-8")
    with pytest.raises(
        ConfigError, match=r"two \[\[rule\]\] are named 'too_long/length.src_chars'"
    ):
        read_recipe(str(path))


def test_show_names_the_origin_of_each_value(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE, "utf-8")
    path = tmp_path / "mine.toml"
    rule = '[[rule]]\nkey = "ratio"\nmax = 5\nlanguages = { th = { off = true } }\n'
    path.write_text(f'extends = "base.toml"\nname = "mine"\n{rule}', "utf-8")
    done = CliRunner().invoke(main, ["recipe", "show", str(path)])
    base = tmp_path / "base.toml"
    assert f'name = "mine"  # {path}' in done.output
    assert f'reader = "tsv"  # {base}' in done.output
    shown = done.output[done.output.index("[[rule]]  # key: ratio") :]
    assert shown.splitlines() == [
        "[[rule]]  # key: ratio",
        f'key = "ratio"  # {path}',
        f'reason = "length_ratio"  # {base}',
        f'score = "ratio.chars"  # {base}',
        f"max = 5  # {path}",
        "",
        "[rule.languages.tha_Thai]",
        f"off = true  # {path}",
    ]


@pytest.mark.parametrize(
    "name", ["quickstart", "openseal", "openseal-plus", "openseal-urls", "openseal-experiments"]
)
@pytest.mark.parametrize("defaults", [False, True])
def test_what_is_shown_is_the_same_recipe(name: str, defaults: bool) -> None:
    resolved = resolve_recipe(name)
    shown = Recipe.model_validate(tomllib.loads(show_recipe(resolved, defaults)))
    assert shown.model_dump() == resolved.recipe.model_dump()
    origins = set(resolved.origins.values())
    assert origins == ({name} if name in ("quickstart", "openseal") else {name, "openseal"})


def test_keys_that_need_quotes_are_shown_with_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rule = """
extends = "quickstart"
[[rule]]
reason = "length_ratio"
score = "ratio.chars"
sources = { "opus-*" = { max = 2 } }
languages = { "tha_Thai, lao_Laoo" = { max = 4 } }
"""
    path.write_text(rule, "utf-8")
    resolved = resolve_recipe(str(path))
    for defaults in (False, True):
        shown = Recipe.model_validate(tomllib.loads(show_recipe(resolved, defaults)))
        assert shown.model_dump() == resolved.recipe.model_dump()


def test_what_was_said_of_one_dataset_is_not_said_of_another(tmp_path: Path) -> None:
    """The title would stand on a report of other text; the licence is of the recipe's making."""
    path = tmp_path / "mine.toml"
    for name, title, licence in (
        ("", "SealData quickstart sample", "cc0-1.0"),
        ('name = "mine"\n', "", "cc0-1.0"),
        ('name = "mine"\n[card]\npretty_name = "Mine"\n', "Mine", "cc0-1.0"),
    ):
        path.write_text(f'extends = "quickstart"\n{name}', encoding="utf-8")
        card = read_recipe(str(path))[0].card
        assert (card.pretty_name, card.license) == (title, licence)
        assert bool(card.summary) == (name == "")


def test_the_built_in_recipes_that_extend_openseal_differ_where_they_say() -> None:
    base, _ = read_recipe("openseal")
    for name, keys in (
        ("openseal-plus", {"source", "card"}),
        ("openseal-urls", {"source", "card"}),
        ("openseal-experiments", {"stream", "card"}),
    ):
        recipe, _ = read_recipe(name)
        differing = {key for key in dict(base) if getattr(base, key) != getattr(recipe, key)}
        assert differing == {"name"} | keys
    assert recipe.stream[0] == base.stream[0]
    assert len(recipe.stream) == 1 + 11
