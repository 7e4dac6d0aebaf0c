"""The shape of the tree: imports run downward, the two packages never meet, help stays light."""

import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter

import pytest

from tests.structure import PACKAGES, ROOT, floors, imported_module, imports, modules, rooms

# Rooms of sealdata from the lowest up. A room imports only those on lines before its own, and one
# on the same line not at all. docs/contributing.md says what each room is for.
LEVELS = [
    "errors filter_stages pairs kernels",
    "files languages component extras",
    "text workflow fetch programs",
    "encoders readers tokenizers build_manifest",
    "cleaners contamination formats lexicon lid shards",
    "labels scorers tokens",
    "recipe plugins",
    "stages",
    "pipeline",
    "report gold sanity",
    "dataset browse",
    "notebook",
]
LEVEL_OF = {room: level for level, line in enumerate(LEVELS) for room in line.split()}


def test_imports_run_downward():
    arrows = rooms("sealdata")
    assert set(arrows) == set(LEVEL_OF), "put every room on a level of this test"
    upward = [
        f"{room} imports {other}"
        for room, others in arrows.items()
        for other in others
        if LEVEL_OF[other] >= LEVEL_OF[room]
    ]
    assert upward == []


def test_the_house_stays_small():
    """What a newcomer has to hold in mind; raise a limit only with a reason in the commit."""
    arrows = rooms("sealdata")
    assert len(arrows) <= 35
    assert 1 + max(floors(arrows).values()) <= 11
    assert len(list((ROOT / "sealdata").glob("*.py"))) <= 8


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_cycles(package):
    # The package itself is left out: its public names are imported at their first use only.
    known = {name: path for name, path in modules(package).items() if name != package}
    graph = {name: imports(path) & set(known) - {name} for name, path in known.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(known)


@pytest.mark.parametrize(
    ("package", "other"), [("sealdata", "sealtrain"), ("sealtrain", "sealdata")]
)
def test_the_packages_share_nothing_but_files(package, other):
    for name, path in modules(package).items():
        assert not any(i == other or i.startswith(f"{other}.") for i in imports(path)), name


def test_the_program_sees_imports_of_every_form(tmp_path):
    """The tests above would pass on a tool that finds nothing."""
    package = tmp_path / "sealdata"
    (package / "low").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "low" / "__init__.py").write_text("")
    (package / "low" / "one.py").write_text("x = 1\n")
    (package / "high.py").write_text("def f():\n    from sealdata.low.one import x\n")
    (package / "other.py").write_text("import sealdata.low.one\nfrom sealdata import high\n")
    arrows = rooms("sealdata", tmp_path)
    assert arrows == {"low": set(), "high": {"low"}, "other": {"low", "high"}}
    assert floors(arrows) == {"low": 0, "high": 1, "other": 2}
    assert not imported_module("sealdata.__version__", modules("sealdata", tmp_path))


@pytest.mark.parametrize("program", ["sealdata", "sealtrain"])
def test_help_loads_nothing_heavy(program):
    """What makes start-up slow is imports: none of these may be loaded before a command runs."""
    heavy = (
        "{'torch', 'polars', 'numpy', 'numba', 'transformers', 'datasets', 'fasttext', "
        "'pydantic', 'ray'}"
    )
    code = (
        f"import sys; sys.argv = ['{program}', '--help']\n"
        f"from sealcli.{program} import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Example" in done.stdout


def test_every_folder_is_packaged():
    """The list in pyproject.toml is by hand, because cli/ is installed under another name."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert folders | {"sealcli", "sealcards"} == set(listed)
