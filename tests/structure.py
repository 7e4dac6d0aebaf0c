"""The structure of the packages as numbers: rooms, arrows between them, floors, sizes.

    python -m tests.structure [FOLDER]

A room is a folder of a package, or a module that lies loose in it. An arrow leads from a room to
one that it imports. A room's floor is the length of the longest chain of arrows below it.
"""

import ast
import statistics
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("sealdata", "sealtrain")


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(package: str, root: Path = ROOT) -> dict[str, Path]:
    """Dotted name -> file, of all modules of a package."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((root / package).rglob("*.py"))
    }


def rooms(package: str, root: Path = ROOT) -> dict[str, set[str]]:
    """Room -> the rooms of the package that it imports, itself left out."""
    known = modules(package, root)
    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        if name == package:
            continue
        room = name.split(".")[1]
        arrows.setdefault(room, set())
        for imported in imports(path):
            parts = imported.split(".")
            if parts[0] == package and len(parts) > 1 and imported_module(imported, known):
                arrows[room] |= {parts[1]} - {room}
    return arrows


def imported_module(name: str, known: dict[str, Path]) -> bool:
    """Whether a dotted name is a module of ``known``, or a name inside one that is no package."""
    return name in known or (name.rpartition(".")[0] in known and name.count(".") > 1)


def floors(arrows: dict[str, set[str]]) -> dict[str, int]:
    """Room -> its floor, from 0.

    Raises:
        CycleError: rooms import each other in a circle.
    """
    levels: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        levels[room] = 1 + max((levels[below] for below in arrows[room]), default=-1)
    return levels


def line_counts(package: str, root: Path = ROOT) -> tuple[list[int], list[int]]:
    """Lines of all files, and of all functions."""
    files, functions = [], []
    for path in modules(package, root).values():
        text = path.read_text(encoding="utf-8")
        files.append(len(text.splitlines()))
        functions.extend(
            (node.end_lineno or node.lineno) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef)
        )
    return files, functions


def main(root: Path) -> None:
    """Print the numbers of both packages, and the rooms of sealdata by floor."""
    for package in PACKAGES:
        arrows = rooms(package, root)
        files, functions = line_counts(package, root)
        loose = list((root / package).glob("*.py"))
        print(f"{package}: {len(files)} files, {sum(files):,} lines")
        print(f"  modules on the ground floor  {len(loose)}")
        print(f"  rooms                        {len(arrows)}")
        print(f"  arrows between rooms         {sum(map(len, arrows.values()))}")
        try:
            levels = floors(arrows)
            print(f"  floors                       {1 + max(levels.values())}")
        except CycleError as error:
            levels = {}
            print(f"  floors                       none: a circle, {' -> '.join(error.args[1])}")
        for what, counts in (("file", files), ("function", functions)):
            middle, p95 = statistics.median(counts), sorted(counts)[int(0.95 * len(counts))]
            name = f"lines of a {what}"
            print(f"  {name:28} median {middle:.0f}, p95 {p95}, max {max(counts)}")
        if package == "sealdata":
            for level in sorted(set(levels.values()), reverse=True):
                names = sorted(room for room, floor in levels.items() if floor == level)
                print(f"  floor {level:2}: {'  '.join(names)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
