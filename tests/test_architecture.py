"""The shape of the tree: imports run downward, the two packages never meet, help stays light."""

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each floor may import from itself and from those above it in this list, never from below.
FLOORS = [
    {"errors", "filter_stages"},
    {"kernels"},
    {"files", "languages", "pairs"},
    {"text", "workflow"},
    {"component"},
    {"fetch"},
    {"laser", "lid"},
    {"readers", "cleaners", "scorers", "tokenizers", "formats", "shards"},
    {"contamination"},
    {"stages"},
    {"recipe", "tokens", "build_manifest"},
    {"pipeline"},
    {"report", "gold"},
    {"dataset"},
]
FLOOR_OF = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file."""
    files = (ROOT / package).rglob("*.py")
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


SEALDATA = modules("sealdata")


@pytest.mark.parametrize("name", sorted(set(SEALDATA) - {"sealdata"}))
def test_imports_run_downward(name):
    part = name.split(".")[1]
    assert part in FLOOR_OF, f"put {part} on a floor of this test"
    for imported in imports(SEALDATA[name]):
        if imported.startswith("sealdata.") and imported != "sealdata.__version__":
            other = imported.split(".")[1]
            assert FLOOR_OF[other] <= FLOOR_OF[part], f"{name} imports {imported}"


@pytest.mark.parametrize("package", ["sealdata", "sealtrain"])
def test_no_import_cycles(package):
    known = modules(package)
    graph = {name: imports(path) & set(known) - {name} for name, path in known.items()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("package", "other"), [("sealdata", "sealtrain"), ("sealtrain", "sealdata")]
)
def test_the_packages_share_nothing_but_files(package, other):
    for name, path in modules(package).items():
        assert not any(i == other or i.startswith(f"{other}.") for i in imports(path)), name


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
        for package in ("sealdata", "sealtrain")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert folders | {"sealcli", "sealcards"} == set(listed)


def test_what_a_training_run_imports_is_short():
    """Someone reads it in an evening: 1,500 lines for `sealtrain run`, 3,000 with all commands."""
    code = (
        "import sys, sealtrain.train, sealtrain.config\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'sealtrain'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed = {Path(name) for name in done.stdout.split()}
    assert len(needed) > 10
    assert sum(len(path.read_text().splitlines()) for path in needed) <= 1500
    everything = (ROOT / "sealtrain").rglob("*.py")
    assert sum(len(path.read_text().splitlines()) for path in everything) <= 3000
