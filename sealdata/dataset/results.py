"""Results: finished files of the stages take their names in the build's folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sealdata.build_manifest import MANIFEST, BuildManifest, FileFacts, pair_name
from sealdata.dataset.foreign import FOLDERS, RECIPE, check_own, own_names
from sealdata.errors import DataError
from sealdata.files.digests import Digests
from sealdata.files.parquet import count_rows
from sealdata.files.placed import add_placed, drop_placed, read_placed, set_aside
from sealdata.files.records import file_sha256, sweep, write_atomic
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.source_state import SourceState
from sealdata.pipeline.streams import Stream, open_table
from sealdata.stages.decontaminate import MATCHES
from sealdata.stages.pack import STREAM
from sealdata.workflow.stage import StageOutput

# Written by the build itself, after the results of its stages are in place.
MADE_HERE = (MANIFEST, RECIPE, "report/audit.json", "report/index.html")
WRITTEN_BY_PEOPLE = ("README.md", "TRAINING_SUMMARY.md", "labels.jsonl", "audit")


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the build folder; the lock goes with the process, however it ends.

    Raises:
        DataError: another build holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    lock = out / ".lock"
    if lock.is_symlink():  # the lock of another folder, or a file that a lock would spoil
        raise DataError(f"{lock} is a link, and a lock must be a file of its own; remove the link")
    # The file stays. A lock by the existence of a file would outlive a killed process.
    try:
        # Not blocking: report at once instead of waiting for hours.
        held = FileLock(lock).acquire(blocking=False)
    except Timeout:
        raise DataError(f"another build is running in {out}; wait for it or use --out") from None
    with held:
        # Nothing writes results now, so what a killed run left half written belongs to no run.
        for folder in (*FOLDERS, "work", "audit"):
            sweep(out / folder)
        sweep(out, deep=False)
        yield


def set_aside_written(out: Path) -> None:
    """Move what people wrote on the build in ``out`` to ``set-aside/``: card, labels and audit.

    For a build of another recipe, on whose card it would be wrong.
    """
    for name in WRITTEN_BY_PEOPLE:
        if (out / name).exists():
            set_aside(out, name)
    drop_placed(out, [name for name in read_placed(out) if name.startswith("audit/")])


def pair_files(sources: list[SourceState]) -> dict[str, Path]:
    """Names in the build folder, and the stage files behind them.

    Parts of one language pair are numbered through all its sources in recipe order. A file without
    rows gets no name, so that a data set never lists an empty file.
    """
    files: dict[str, Path] = {}
    numbers: dict[tuple[str, str], int] = {}
    for source in sources:
        for part in source.selected.parts:
            # Both splits share a folder: the card names the files of each by a pattern.
            for split, folder in (
                ("train", "pairs"),
                ("validation", "pairs"),
                ("dropped", "dropped"),
            ):
                path = source.selected.folder / f"{part}.{split}.parquet"
                if count_rows(path) == 0:
                    continue
                # Numbers without gaps, whatever parts are empty: they do not follow the numbers of
                # the stage's parts.
                number = numbers.get((source.lang, split), 0)
                numbers[source.lang, split] = number + 1
                stem = "part" if split == "dropped" else split
                files[f"{folder}/{pair_name(source.lang)}/{stem}-{number:05d}.parquet"] = path
    return files


def match_files(sources: list[SourceState]) -> dict[str, Path]:
    """Names in the build folder of the matches with evaluation sets, numbered as ``pair_files``."""
    files: dict[str, Path] = {}
    numbers: dict[str, int] = {}
    for source in sources:
        if source.leaks is None:
            continue
        for part in source.leaks.parts:
            # Matches have a folder of their own, because ``publish`` must not upload it.
            path = source.leaks.folder / f"{part}.{MATCHES}.parquet"
            if count_rows(path) == 0:
                continue
            number = numbers.get(source.lang, 0)
            numbers[source.lang] = number + 1
            files[f"{MATCHES}/{pair_name(source.lang)}/part-{number:05d}.parquet"] = path
    return files


def stream_files(plan: Plan, streams: list[Stream], packed: list[StageOutput]) -> dict[str, Path]:
    """Names under ``shards`` of the packed streams' files and of the tokenizer that made them."""
    # A trainer needs the tokenizer to prompt and to decode, and must not depend on the recipe's
    # path.
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    files = {f"shards/tokenizer/{path.name}": path for path in tokenizer.files()}
    for stream, output in zip(streams, packed, strict=True):
        # A stream without documents has no folder, and so no names.
        for path in sorted((output.folder / STREAM).glob("*")):
            files[f"shards/{stream.path}/{path.name}"] = path
    return files


def place_results(files: dict[str, Path], out: Path) -> None:
    """Make the build's result folders hold exactly ``files`` (name in ``out`` -> file).

    The manifest goes first: while results change, the build is not finished.
    """
    # A kill after this line leaves a folder without a manifest: the next run continues it.
    placed = own_names(out)
    # Again, because hours have passed: a person may have put files here meanwhile.
    check_own(out)
    # Recorded first. A kill at any later point leaves no file whose owner is unknown.
    add_placed(out, placed | set(files) | set(MADE_HERE))
    (out / MANIFEST).unlink(missing_ok=True)
    # A file of an earlier recipe would be loaded with the new data set, so it goes.
    gone = sorted(
        name for name in placed if name.partition("/")[0] in FOLDERS and name not in files
    )
    for name in gone:
        (out / name).unlink(missing_ok=True)
    drop_placed(out, set(gone) - set(MADE_HERE))
    for folder in FOLDERS:
        # Reverse order lists the content of a folder before the folder, which may then be empty.
        for path in sorted((out / folder).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                _remove_if_empty(path)
    for name, path in files.items():
        # An input such as the tokenizer is copied: its owner may write to it tomorrow.
        put = _link if path.is_relative_to(out / "work") else _copy
        put(path, out / name)


def _link(path: Path, name: Path) -> None:
    """A hard link, or a copy where the file system has none; an equal link is kept."""
    if name.exists():
        # Equal results of an earlier run: the link is the same file, and nothing is written.
        if name.samefile(path):
            return
        name.unlink()
    name.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Results and ``work`` share their bytes on disk. Deleting ``work`` later removes only the
        # other name.
        os.link(path, name)
    except OSError:
        # File systems of some clusters refuse hard links, or ``work`` is a link to another disk.
        _copy(path, name)


def _copy(path: Path, name: Path) -> None:
    write_atomic(name, lambda temporary: shutil.copyfile(path, temporary))


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def facts(files: dict[str, Path], digests: Digests) -> dict[str, FileFacts]:
    """Size and SHA-256 of every result, by name."""
    return {
        # The digest is of the stage's file, which is the same file or was just copied from it.
        name: FileFacts(size=path.stat().st_size, sha256=digests.sha256(path))
        for name, path in sorted(files.items())
    }


def file_facts(path: Path) -> FileFacts:
    """Size and SHA-256 of one file."""
    return FileFacts(size=path.stat().st_size, sha256=file_sha256(path))


def intact(out: Path, manifest: BuildManifest) -> bool:
    """Whether every result is there at its size (``verify`` reads the bytes too)."""
    # Sizes only: the start of a build must not read the whole data set.
    return all(
        (out / name).is_file() and (out / name).stat().st_size == fact.size
        for name, fact in manifest.files.items()
    )
