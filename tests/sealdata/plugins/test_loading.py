"""Plugins: found by file and by entry point, part of every key, and usable in any process."""

import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from sealdata.component import NO_PLUGINS, load, load_table
from sealdata.dataset.audit import audit_build
from sealdata.dataset.build import build
from sealdata.errors import ConfigError, DataError
from sealdata.files.records import file_sha256
from sealdata.notebook.builds import Build
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.plugins import loading
from sealdata.plugins.loading import find_plugins, load_file, snake_case
from sealdata.recipe.tables import Recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

PLUGIN = Path(__file__).with_name("my_parts.py")
SCORER = """
from typing import ClassVar
from sealdata.scorers import Scorer
class {}(Scorer):
    columns: ClassVar[dict[str, str]] = {{"x": "a number of something, 0 or more"}}
    def score(self, pairs):
        return pairs.select(x={})
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("MyLength", "my_length"), ("HTMLTags", "html_tags"), ("A", "a"), ("Top10", "top10")],
)  # fmt: skip
def test_names(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_the_components_of_a_file() -> None:
    origin, classes = load_file(PLUGIN)
    assert {kind: list(named) for kind, named in classes.items()} == {
        "readers": ["bars"],
        "cleaners": ["no_stars"],
        "scorers": ["vowel_count"],
        "metrics": ["kept_hundreds"],
    }
    made = load("scorers", "vowel_count", {}, find_plugins([PLUGIN]).classes)
    assert made.component_name() == "vowel_count"
    assert made.identity() == made.fingerprint() | {"plugin": ["my_parts.py", file_sha256(PLUGIN)]}
    assert origin.identity() == made.identity()["plugin"]


def test_a_rule_on_a_plugin_without_its_table_says_so() -> None:
    source = {"name": "s", "reader": "tsv", "path": "s", "src_lang": "en", "tgt_lang": "th"}
    content = {
        "name": "t",
        "source": [source],
        "plugins": {"paths": [str(PLUGIN)]},
        "rule": [{"reason": "r", "score": "vowel_count.src", "min": 1}],
        "tokenizer": {"path": "t"},
    }
    with pytest.raises(ConfigError, match=r"no \[score.vowel_count\]; add that table"):
        Plan(Recipe.model_validate(content), PLUGIN.parent)


def test_a_fresh_process_unpickles_it(tmp_path: Path) -> None:
    params = {"weights": {"src": 2.5}}
    made = load("scorers", "vowel_count", params, find_plugins([PLUGIN]).classes)
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    (tmp_path / "made").write_bytes(pickle.dumps({"inside": [made]}))
    (tmp_path / "pairs").write_bytes(pickle.dumps(make_pairs([("aloe", "x")])))
    code = (
        "import pickle, sys\n"
        "made, pairs = (pickle.load(open(path, 'rb')) for path in sys.argv[1:])\n"
        "print(made['inside'][0].score(pairs).item())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "made"), str(tmp_path / "pairs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "7.5\n", done.stderr


def test_a_file_that_changed_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "changing.py"
    path.write_text(SCORER.format("One", "1"))
    origin, classes = load_file(path)
    pickled = pickle.dumps(classes["scorers"]["one"]())
    path.write_text(SCORER.format("One", "2"))
    del sys.modules[classes["scorers"]["one"].__module__]  # as in a process that lacks it
    with pytest.raises(DataError, match=r"changing.py changed while it was in use"):
        pickle.loads(pickled)
    # Both contents may be in one process, as in a notebook.
    assert load_file(path)[0].sha256 != origin.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("x = 1\n", "has no component: a class that derives from sealdata.scorers.Scorer"),
        ("x = 1\ny = x / 0\n", ", line 2: ZeroDivisionError: division by zero"),
        ("x = 1\n)\n", ", line 2: SyntaxError: unmatched ')'"),
        ("import no_such_module\n", ", line 1: ModuleNotFoundError: No module named"),
        (SCORER.format("Length", "1"), "has a scorer 'length', which is built in; rename it"),
    ],
)
def test_a_faulty_file_is_one_line(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_plugins([path])
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_plugins_with_one_name_are_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(SCORER.format("Same", name == "a"))
    with pytest.raises(ConfigError, match=r"b.py and .*a.py both have a scorer 'same'"):
        find_plugins([tmp_path / "a.py", tmp_path / "b.py"])


class Dist:
    """A distribution, as ``importlib.metadata`` has it."""

    name, version = "some-scorers", "1.2"


def installed(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """As if a distribution had an entry point in ``sealdata.scorers``."""
    entry = EntryPoint(name, value, "sealdata.scorers")
    vars(entry)["dist"] = Dist()
    found = {"sealdata.scorers": [entry]}
    monkeypatch.setattr(loading, "entry_points", lambda group: found.get(group, []))
    loading._installed.cache_clear()
    monkeypatch.setattr(loading, "_installed", loading._installed.__wrapped__)


def test_an_entry_point_is_a_component(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "vowels", "tests.sealdata.plugins.my_parts:VowelCount")
    plugins = find_plugins().classes
    assert "tests.sealdata.plugins.my_parts" not in sys.modules, "imported when it is used"
    made = load("scorers", "vowels", {}, plugins)
    assert made.component_name() == "vowels"
    assert made.identity()["plugin"] == [
        "some-scorers", "1.2", "tests.sealdata.plugins.my_parts:VowelCount"
    ]  # fmt: skip
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("length", "tests.sealdata.plugins.my_parts:VowelCount", "some-scorers 1.2 has a scorer"),
        ("x", "no_such_module:X", "'x' of some-scorers 1.2 cannot be loaded: ModuleNotFound"),
        ("x", "pathlib:Path", "pathlib:Path does not derive from Scorer"),
    ],
)
def test_a_faulty_entry_point_is_named(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, name, value)
    with pytest.raises(ConfigError) as caught:
        load("scorers", name, {}, find_plugins().classes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "table", "message"),
    [
        ("scorers", "length", {"scorer": "regex"}, "[score.length]: scorer 'length' exists"),
        ("scorers", "My", {"scorer": "regex"}, "[score.My]: 'My' must be small letters, digits"),
        ("scorers", "mine", {"scorer": "regx"}, "[score.mine]: no scorer named 'regx'. Did you"),
        ("scorers", "mine", {"scorer": "regex"}, "[score.mine]: scorer 'regex': 'pattern' is req"),
        ("scorers", "mine", {}, "under a name of your own, say scorer = "),
        ("scorers", "mine", {"scorer": "program", "command": ["no-such-program"]},
         "[score.mine]: command 'no-such-program' is not on the PATH"),
        ("cleaners", "mine", {}, "under a name of your own, say cleaner = "),
    ],
)  # fmt: skip
def test_names_of_the_recipe(kind: str, name: str, table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_table(kind, name, table, NO_PLUGINS)
    assert message in str(caught.value)


def recipe(plugin: Path) -> dict[str, Any]:
    source = {"name": "s", "reader": "bars", "path": "s.txt", "src_lang": "en", "tgt_lang": "id"}
    return {
        "name": "plugged",
        "plugins": {"paths": [str(plugin)]},
        "source": [source],
        "clean": {
            "no_stars": {},
            "dots": {"cleaner": "regex", "pattern": "[.]+$", "replacement": "."},
        },
        "score": {
            "vowel_count": {},
            "word": {"scorer": "regex", "pattern": "(?i)https?://bad"},
            "chars": {"scorer": "program", "command": ["awk", "{ print length($0) }"]},
        },
        "metric": {"kept_hundreds": {}},
        "rule": [
            {"reason": "vowels", "score": "vowel_count.src", "min": 3},
            {"reason": "bad_word", "score": "word.src_count", "max": 0},
            {"reason": "too_long", "score": "chars.value", "max": 60},
        ],
        "tokenizer": {"path": "sample:tokenizers/bpe"},
        "pack": {"sequence_length": 32, "block_length": 96},
    }


def test_a_build_with_all_of_them(tmp_path: Path) -> None:
    plugin = tmp_path / "parts.py"
    plugin.write_text(PLUGIN.read_text())
    lines = [
        *(f"A *number* {n} is here...|Nomor {n} ada.\n" for n in range(30)),
        "Xyz.|Abc.\n",
        "See HTTP://BAD for more of it.|Lihat.\n",
        "A sentence that is much longer than the others, if both of its sides count.|Panjang.\n",
        "no bar here\n",
    ]
    (tmp_path / "s.txt").write_text("".join(lines))
    plan = Plan(Recipe.model_validate(recipe(plugin)), tmp_path)
    with LocalEngine(1) as engine:
        manifest = build(plan, tmp_path / "out", engine, NoProgress()).manifest
    assert manifest.funnel[0].dropped == {
        "ingest": {"no_bar": 1},
        "rules": {"bad_word": 1},
        "lid": {"vowels": 1},
        "similarity": {"too_long": 1},
    }
    built = Build(tmp_path / "out")
    assert "A number 3 is here." in built.pairs().collect()["src"].to_list()
    digest = file_sha256(plugin)
    rows = {row.name: row for row in manifest.components}
    assert {name: row.component for name, row in rows.items()} == {
        "bars": "bars",
        "no_stars": "no_stars",
        "dots": "regex",
        "vowel_count": "vowel_count",
        "word": "regex",
        "chars": "program",
        "kept_hundreds": "kept_hundreds",
    }
    assert rows["vowel_count"].origin == f"parts.py {digest}"
    assert list(rows["chars"].files) == ["awk"]
    card = (tmp_path / "out/README.md").read_text()
    assert digest in card
    assert "awk { print length($0) }" in card
    # A report that does not run plugins still knows stages and meanings.
    facts = audit_build(tmp_path / "out").facts
    figures = {name: value for name, value in facts.metrics.items() if "hundreds" in name}
    kept = manifest.funnel[0].kept / 100
    assert figures == {
        "kept_hundreds.hundreds": kept, "kept_hundreds.hundreds.ind_Latn": kept
    }  # fmt: skip
    meanings = {score.name: score.meaning for score in facts.scores}
    assert meanings["vowel_count.src"] == "vowels of the English side, 0 or more"
    assert {rule.score: rule.stage for rule in facts.rules}["vowel_count.src"] == "lid"
    assert facts.similarity == []
    # Another content of the file is another build, and another stage where it is used.
    plugin.write_text(plugin.read_text() + "\n# a comment\n")
    other = Plan(plan.recipe, tmp_path)
    assert other.fingerprints()["plugins"] != plan.fingerprints()["plugins"]
    assert other.cleaners["no_stars"].identity() != plan.cleaners["no_stars"].identity()
    assert other.cleaners["dots"].identity() == plan.cleaners["dots"].identity()
    assert plugin in other.paths()
