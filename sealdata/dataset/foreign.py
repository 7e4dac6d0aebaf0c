"""Files in the result folder that no build or audit wrote, where one would write or remove."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sealdata.build_manifest import MANIFEST
from sealdata.errors import DataError
from sealdata.files.hidden import visible
from sealdata.files.placed import read_placed
from sealdata.files.records import read_json
from sealdata.report.dataset_card_merge import check_is_card, check_is_draft
from sealdata.report.training_summary import TRAINING_SUMMARY

# Folders that hold results and nothing else. ``work`` and ``audit`` are not among them.
FOLDERS = ("pairs", "dropped", "matches", "shards", "report")
RECIPE, CARD, CROISSANT = "recipe.toml", "README.md", "croissant.json"
AUDIT = "audit"
SHOWN = 5
_AUDIT_FILES = re.compile(r"audit/(index\.html|audit\.json|sample-\w+\.parquet)")
# What builds without a record placed. Such a build that was killed has no manifest either.
_EARLIER = re.compile(
    r"pairs/[\w-]+/(train|validation)-\d{5}\.parquet|(dropped|matches)/[\w-]+/part-\d{5}\.parquet"
    r"|shards/tokenizer/[^/]+|shards/(train|validation)/.+|report/(audit\.json|index\.html)"
    r"|recipe\.toml|croissant\.json|manifest\.json"
)


def own_names(out: Path) -> set[str]:
    """The names in ``out`` that earlier builds and audits wrote, as far as it is recorded."""
    names = set(read_placed(out))
    unrecorded = not names and _is_work(out / "work")
    content = _json(out / MANIFEST)
    if isinstance(content, dict) and {"build_key", "sealdata"} <= set(content):
        # The format does not matter: an earlier version names its files too.
        files = content.get("files")
        names |= {MANIFEST, RECIPE, CROISSANT} | set(files if isinstance(files, dict) else ())
    elif unrecorded:
        names |= {name for name in _present(out) if _EARLIER.fullmatch(name)}
    audit = _json(out / AUDIT / "audit.json")
    # Without a record, an audit is known by its facts, or a killed one by the work of its stages.
    if unrecorded or (isinstance(audit, dict) and {"format", "build"} <= set(audit)):
        names |= {name for name in _audited(out) if _AUDIT_FILES.fullmatch(name)}
    return names


def foreign_files(out: Path) -> list[str]:
    """Names in ``out`` that stand in the way of a build, and that no earlier build wrote."""
    placed = own_names(out)
    return [name for name in _present(out) if name not in placed and not _is_merged(out, name)]


def check_own(out: Path) -> None:
    """Refuse a folder with files of others, before any work.

    Raises:
        DataError: there are some; the message names them.
    """
    _refuse(out, foreign_files(out), "a build")


def check_own_audit(out: Path) -> None:
    """The same for what an audit writes into ``audit/``.

    Raises:
        DataError: see ``check_own``.
    """
    placed = own_names(out)
    names = [name for name in _audited(out) if _AUDIT_FILES.fullmatch(name) and name not in placed]
    _refuse(out, names, "an audit")


def _refuse(out: Path, names: list[str], maker: str) -> None:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise DataError(
            f"{out} has files where {maker} writes, which none wrote there: "
            f"{', '.join(names[:SHOWN])}{more}; move them elsewhere, or choose another folder"
        )


def _present(out: Path) -> Iterator[str]:
    """Files of result folders, and those of single names, in a fixed order."""
    for folder in FOLDERS:
        path = out / folder
        if path.is_file():
            yield folder
        # A desktop leaves files of its own, which stay where they are.
        files = visible((p for p in sorted(path.rglob("*")) if not p.is_dir()), path)
        yield from (file.relative_to(out).as_posix() for file in files)
    for name in (MANIFEST, RECIPE, CARD, CROISSANT, TRAINING_SUMMARY):
        if (out / name).exists():
            yield name


def _audited(out: Path) -> Iterable[str]:
    return [f"{AUDIT}/{path.name}" for path in sorted((out / AUDIT).glob("*"))]


def _is_merged(out: Path, name: str) -> bool:
    """Whether the file is a card or summary, into which a new one is merged."""
    checks = {CARD: check_is_card, TRAINING_SUMMARY: check_is_draft}
    if name not in checks:
        return False
    try:
        checks[name](out / name)
    except DataError:
        return False
    return True


def _is_work(work: Path) -> bool:
    """Whether a stage has written here: a person may have a folder of this name too."""
    return any(re.fullmatch(r"[\w-]+-[0-9a-f]{16}", path.name) for path in work.glob("*-*"))


def _json(path: Path) -> object:
    try:
        return read_json(path) if path.is_file() else None
    except DataError:
        return None
