"""Without the extras: what a curator's install can do, and what it says of what it cannot."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import sealdata
from sealcli.sealdata import main
from sealdata.extras import EXTRA_OF, MissingExtraError, require
from sealdata.gold.plot import plot_curves
from tests.structure import ROOT

# A module that Python imports at its start, so that workers refuse the same imports.
_FINDER = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refuse())

import importlib.metadata as metadata

def version(name, known=metadata.version):
    if name.replace("-", "_") in {modules}:
        raise metadata.PackageNotFoundError(name)
    return known(name)

metadata.version = version
"""

# The readers, scores and results that most recipes use.
_RECIPE = """
name = "plain"

[[source]]
name = "tsv"
reader = "tsv"
path = "sample:corpus/eng_Latn-jav_Latn.gz"
card = "sealdata-sample-corpus"
src_lang = "eng_Latn"
tgt_lang = "jav_Latn"
options = { layout = "nllb" }

[[source]]
name = "moses"
reader = "moses"
path = "moses"
src_lang = "en"
tgt_lang = "id"

[[source]]
name = "jsonl"
reader = "jsonl"
path = "thai.jsonl"
src_lang = "en"
tgt_lang = "th"

[[source]]
name = "parquet"
reader = "parquet"
path = "thai.parquet"
src_lang = "en"
tgt_lang = "th"

[[stream]]
name = "english"
kind = "replay"
path = "sample:corpus/replay-english.jsonl.gz"

[clean.unicode]
[clean.mojibake]

[score.length]
[score.ratio]
[score.lid]

[[rule]]
reason = "length_ratio"
score = "ratio.chars"
max = 3

[[rule]]
reason = "wrong_language"
score = "lid.src_set_margin"
min = -0.5

[dedup]

[tokenizer]
path = "sample:tokenizers/bpe"

[[fertility]]
kind = "sentencepiece"
path = "sample:tokenizers/unigram/unigram.model"

[pack]
sequence_length = 256
block_length = 16384
"""


def without(modules: set[str], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A Python command in ``folder`` that cannot import ``modules``, in any of its processes."""
    (folder / "sitecustomize.py").write_text(_FINDER.format(modules=sorted(modules)))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def commands(*lines: str) -> tuple[str, str]:
    """Commands of sealdata, run one after another in one process."""
    calls = "".join(f"main({line.split()}, 'sealdata', standalone_mode=False)\n" for line in lines)
    return "-c", "from sealcli.sealdata import main\n" + calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    thai = pl.DataFrame(
        {
            "en": ["Good morning.", "The rice is on the table.", "Thank you very much."],
            "th": ["สวัสดีตอนเช้า", "ข้าวอยู่บนโต๊ะ", "ขอบคุณมาก"],
        }
    )
    thai[:2].write_ndjson(tmp_path / "thai.jsonl")
    thai[1:].write_parquet(tmp_path / "thai.parquet")
    (tmp_path / "moses.en").write_text("Good morning.\nThank you.\nThe rice is on the table.\n")
    (tmp_path / "moses.id").write_text("Selamat pagi.\nTerima kasih.\nNasinya di atas meja.\n")
    (tmp_path / "plain.toml").write_text(_RECIPE)
    return tmp_path


def test_a_usual_recipe_needs_no_extra(folder: Path) -> None:
    lines = (
        "build plain.toml --workers 2",
        "audit builds/plain",
        "verify builds/plain",
        "recipe show quickstart",
        "models list",
    )
    done = without(set(EXTRA_OF), folder, *commands(*lines))
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "builds/plain/manifest.json").read_text())
    kept = {row["source"]: row["train"] + row["validation"] for row in manifest["funnel"]}
    assert kept == {"tsv": 168, "moses": 3, "jsonl": 2, "parquet": 1}
    assert {row["tokenizer"] for row in manifest["fertility"]} == {"bpe", "unigram"}
    assert {row["kind"] for row in manifest["streams"]} == {"parallel", "replay"}
    for name in ("README.md", "croissant.json", "report/index.html"):
        assert (folder / "builds/plain" / name).stat().st_size > 1000, name


def test_the_library_imports_no_extra(folder: Path) -> None:
    code = (
        "import sealdata, polars as pl\n"
        "from sealdata.component import KINDS, available, component_class\n"
        "for kind in KINDS:\n"
        "    for name in available(kind):\n"
        "        assert component_class(kind, name).__doc__\n"
        "from sealdata.pipeline.plan import load_plan\n"
        "print(len(load_plan('quickstart').fingerprints()['score']))\n"
        "pairs = pl.DataFrame({'src': ['Good morning.'], 'tgt': ['Selamat pagi.']})\n"
        "scores = sealdata.score(\n"
        "    pairs, src='src', tgt='tgt', src_lang='en', tgt_lang='id', scorers=['ratio']\n"
        ")\n"
        "print(scores.height)\n"
    )
    done = without(set(EXTRA_OF), folder, "-c", code)
    assert done.stderr == ""
    assert done.stdout.split() == ["10", "1"]


_NEEDS = {
    "quickstart": ("", "torch", "[score.laser]", "laser"),
    "hf": (
        '[[source]]\nname = "more"\nreader = "hf"\npath = "data"\n'
        'src_lang = "en"\ntgt_lang = "th"\n',
        "datasets",
        "'more': reader hf",
        "hf",
    ),
    "near": ("[near_dedup]\njaccard = 0.8\n", "rensa", "[near_dedup]", "near-dedup"),
}


@pytest.mark.parametrize(("addition", "module", "who", "extra"), _NEEDS.values(), ids=_NEEDS)
def test_a_missing_extra_is_one_line_before_any_work(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    addition: str,
    module: str,
    who: str,
    extra: str,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, module, None)
    (folder / "data").touch()
    (folder / "more.toml").write_text(_RECIPE + addition)
    recipe = "more.toml" if addition else "quickstart"
    line = f'sealdata: {who} needs {module}: pip install "sealdata[{extra}]"'
    for command in (["build", recipe], ["audit", recipe], ["build", recipe, "--dry-run"]):
        done = CliRunner().invoke(main, command, prog_name="sealdata")
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, line), command
    assert not list(folder.glob("builds/*/work/*"))


def test_other_commands_name_the_extra_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = CliRunner().invoke(main, ["build", "plain.toml", "--engine", "ray"])
    assert done.exit_code == 1
    assert done.stderr == 'sealdata: --engine ray needs ray: pip install "sealdata[ray]"\n'
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'--plot needs matplotlib: .*sealdata\[plots\]"'):
        plot_curves([])


def test_functions_of_the_library_raise_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    frame = pl.DataFrame({"src": ["Good morning."], "tgt": ["Selamat pagi."]})
    columns = {"src": "src", "tgt": "tgt", "src_lang": "en", "tgt_lang": "id"}
    with pytest.raises(MissingExtraError, match=r"\[score\.laser\] needs torch"):
        sealdata.score(frame, **columns, scorers={"laser": {"encoder": "sample"}})
    with pytest.raises(MissingExtraError, match=r"\[score\.laser\] needs torch"):
        sealdata.evaluate(frame, "quickstart", **columns)
    refs = str(ROOT / "sealdata/sample/eval")
    done = CliRunner().invoke(main, ["gold", "quickstart", "--refs", refs], prog_name="sealdata")
    assert done.exit_code == 2
    line = '[score.laser]: it needs torch: pip install "sealdata[laser]"; or skip it: --skip laser'
    assert done.stderr == f"sealdata: {line}\n"


def test_sealtrain_names_its_own_extra(folder: Path) -> None:
    code = "from sealcli.sealtrain import main; main(['run', 'quickstart'], 'sealtrain')"
    done = without({"torch"}, folder, "-c", code)
    assert done.returncode == 1
    assert done.stderr == 'sealtrain: needs transformers: pip install "sealdata[train]"\n'


def test_every_extra_of_the_table_is_declared_and_installs_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for module, extra in EXTRA_OF.items():
        package = module.replace("_", "-")
        assert any(line.startswith(package) for line in extras[extra]), module
        assert not any(line.startswith(package) for line in project["dependencies"]), module
    require("somebody", "ray")  # is installed
