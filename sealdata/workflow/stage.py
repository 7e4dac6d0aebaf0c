"""A stage: named work on parts whose output folder is keyed by everything that can change it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sealdata.files.frames import parts_in_memory
from sealdata.files.records import (
    PartRecord,
    checksum,
    read_json,
    read_record,
    stage_key,
    write_json,
)

_log = logging.getLogger(__name__)
_told: set[tuple[Path, str]] = (
    set()
)  # damage that was reported: whoever waits for a part asks often
Job = Callable[[str, Path], PartRecord]  # (part, folder to write into); must be picklable


@dataclass(frozen=True)
class Stage:
    """Work on ``parts`` by ``job``; ``params`` and ``inputs`` (keys) must name all that matters.

    The rest changes no output: ``rows`` per part, where known, are for progress, and so is
    ``weight``, the work of the job among others that say how far they are (None: they cannot);
    ``stores`` are folders beside the stage's own in which the job leaves ``PART.parquet``;
    ``num_gpus`` is what an engine that places tasks keeps free for each.
    """

    name: str
    params: Any
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    job: Job
    version: int = 1
    rows: Mapping[str, int] = field(default_factory=dict)
    stores: tuple[Path, ...] = ()
    num_gpus: float = 0
    weight: float | None = None

    @property
    def key(self) -> str:
        """16 hex digits; equal keys mean equal output."""
        return stage_key(self.name, self.version, [self.params, self.parts], list(self.inputs))

    def done(self, work: Path, records: Sequence[PartRecord] = ()) -> "Done":
        """The stage as those after it see it; without records, where it is going to be."""
        return Done(self.name, self.key, work / f"{self.name}-{self.key}", tuple(records))

    def finished(self, part: str, folder: Path) -> PartRecord | None:
        """What an earlier run recorded of a part, if all that it wrote is still there.

        A file that is gone or not as it was written makes the part unfinished: it is made again.
        """
        record = finished_part(part, folder)
        stored = all(sound(store / f"{part}.parquet") for store in self.stores)
        return record if stored else None

    def task(self, part: str, folder: Path, place: tuple[int, int]) -> "Task":
        """The work on one part; ``place`` is the caller's, to know it again."""
        return Task(self.job, part, folder, place, self.num_gpus)


@dataclass(frozen=True)
class Done:
    """A finished stage: its folder and one record per part, in the order of the parts."""

    stage: str
    key: str
    folder: Path
    records: tuple[PartRecord, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows that came out, by part."""
        return {record.part: record.rows_out for record in self.records}

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(record.part for record in self.records)


@dataclass(frozen=True)
class Task:
    """One part of one stage, ready to run in any process, and to run again if it was lost."""

    job: Job
    part: str
    folder: Path
    place: tuple[int, int]
    num_gpus: float = 0
    then: tuple["Task", ...] = ()  # what goes on with the same part, while it is in memory

    def __call__(self) -> list[PartRecord]:
        """Run the job and those that follow it: the records of all."""
        with parts_in_memory():
            return [self._run(), *(task._run() for task in self.then)]

    def _run(self) -> PartRecord:
        """Run the job and leave its record beside its data, last: the record means "finished"."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.job(self.part, self.folder)
        assert record.part == self.part, f"{record.part} != {self.part}"
        if not record.files:
            record = record.model_copy(update={"files": written(self.part, self.folder)})
        path = self.folder / f"{self.part}.json"
        write_json(path, record.model_dump(mode="json"))
        return read_record(path)  # as a resumed build sees it, down to the order of keys


def written(part: str, folder: Path) -> dict[str, str]:
    """The files of a part, ``PART.*`` but for its record and all in ``PART/``: their names in
    ``folder`` and checksums."""
    paths = [path for path in folder.glob(f"{part}.*") if path.name != f"{part}.json"]
    paths += [path for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): checksum(path) for path in sorted(paths)}


def finished_part(part: str, folder: Path) -> PartRecord | None:
    """The record that a part left in ``folder``; None where it or a file it names is not there,
    or a file is not as it was written."""
    path = folder / f"{part}.json"
    if not path.exists():
        return None
    record = read_record(path)
    return record if all(_is(folder / name, old) for name, old in record.files.items()) else None


def seal(path: Path) -> None:
    """Leave the checksum of a file that no record names beside it, for ``sound``."""
    write_json(_seal(path), checksum(path))


def unseal(path: Path) -> None:
    """What is written next may be broken off: until it is sealed it does not count."""
    _seal(path).unlink(missing_ok=True)


def sound(path: Path) -> bool:
    """Whether the file is there as it was when it was sealed."""
    return _seal(path).exists() and _is(path, read_json(_seal(path)))


def _seal(path: Path) -> Path:
    return path.with_suffix(".checksum.json")


def _is(path: Path, old: str) -> bool:
    try:
        new = checksum(path)
    except FileNotFoundError:
        return False
    if new != old and (path, new) not in _told:
        _told.add((path, new))
        _log.warning("%s is damaged (%s, written as %s): it is made again", path, new, old)
    return new == old


Feed = Callable[[], Sequence[Task]]  # the tasks that have become ready since it was last asked

POLL = 0.2  # seconds after which an engine asks its feed again, if no task has finished before


class Engine(Protocol):
    """Runs tasks somewhere, in any order."""

    def run(self, feed: Feed) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield each task and its records as it finishes.

        The feed is asked at the start, after results were yielded and every ``POLL`` seconds; when
        it gives nothing and nothing is running, the run is over.
        """
        ...


class Progress(Protocol):
    """Told what happens, to show it. Stages may overlap."""

    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts; ``after`` names the one whose parts it takes on as they appear."""
        ...

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """So many more unfinished parts of a stage have become known, and rows (0: unknown)."""
        ...

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known beforehand; ``weight`` as in ``Stage``."""
        ...

    def headway(self, stage: str, task: int, share: float) -> None:
        """So much of such a task is done, 0 to 1."""
        ...

    def part_done(self, stage: str, record: PartRecord) -> None:
        """One part of a stage is finished."""
        ...

    def end(self, stage: str) -> None:
        """The stage is over."""
        ...


class NoProgress:
    """Shows nothing."""

    def begin(self, stage: str, after: str | None = None) -> None:
        """Nothing."""

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """Nothing."""

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """Nothing."""

    def headway(self, stage: str, task: int, share: float) -> None:
        """Nothing."""

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Nothing."""

    def end(self, stage: str) -> None:
        """Nothing."""


def run_stages(
    stages: Sequence[Stage], work: Path, engine: Engine, progress: Progress
) -> list[Done]:
    """Run what is unfinished of ``stages`` (of one kind, say one per source) side by side.

    A part is finished if its record exists and the files that it names are as they were written.
    Everything else runs again.

    Raises:
        SealError: a part failed; parts that had finished stay.
    """
    places = [stage.done(work) for stage in stages]
    records: dict[tuple[int, str], PartRecord] = {}
    tasks: list[Task] = []
    for number, (stage, place) in enumerate(zip(stages, places, strict=True)):
        for part in stage.parts:
            record = stage.finished(part, place.folder)
            if record is None:
                tasks.append(stage.task(part, place.folder, (number, 0)))
            else:
                records[number, part] = record
    if tasks:
        name = stages[0].name
        progress.begin(name)
        progress.expect(name, len(tasks), _rows(stages, tasks))
        try:
            for task, [record] in engine.run(_once(tasks)):
                records[task.place[0], record.part] = record
                progress.part_done(name, record)
        finally:
            progress.end(name)
    return [
        finish(stage, work, [records[number, part] for part in stage.parts])
        for number, stage in enumerate(stages)
    ]


def _once(tasks: Sequence[Task]) -> Feed:
    """A feed that gives all tasks when it is first asked."""
    waiting = list(tasks)

    def feed() -> Sequence[Task]:
        given = waiting[:]
        waiting.clear()
        return given

    return feed


def _rows(stages: Sequence[Stage], tasks: Sequence[Task]) -> int:
    """Rows of all tasks, or 0 where some are not known."""
    known = [stages[task.place[0]].rows.get(task.part) for task in tasks]
    return 0 if None in known else sum(rows or 0 for rows in known)


def finish(stage: Stage, work: Path, records: Sequence[PartRecord]) -> Done:
    """Write the stage's manifest, which marks it finished and says how it was made."""
    done = stage.done(work, records)
    path = done.folder / "manifest.json"
    if path.exists():
        assert read_json(path)["key"] == stage.key, f"{path} belongs to another stage"
        return done
    write_json(
        path,
        {
            "stage": stage.name,
            "key": stage.key,
            "version": stage.version,
            "params": stage.params,
            "inputs": list(stage.inputs),
            "parts": [record.model_dump(mode="json") for record in records],
        },
    )
    return done
