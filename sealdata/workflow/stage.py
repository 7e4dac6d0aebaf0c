"""A stage: named work on parts, with an output folder keyed by all that can change the output."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

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
_reported: set[tuple[Path, str]] = set()  # damage is reported once, though it is met many times
PartFunction = Callable[[str, Path], PartRecord]  # (part, folder to write into); picklable


class Step:
    """Work on a part that owns all that identifies its output, besides its inputs.

    Subclasses are frozen dataclasses, so that workers can unpickle them.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the output changes for the same parameters

    def stage_name(self) -> str:
        """The stage's name, for folders and progress. Default: ``name``."""
        return self.name

    def params(self) -> Any:
        """All parameters that can change the output, as JSON values. Default: none."""
        return None

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Do the work on one part and write its files into ``folder``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Stage:
    """Work on ``parts`` by ``job``; ``params`` and ``inputs`` (keys) name all that matters.

    The other fields change no output. ``rows`` per part, where known, are for progress. ``weight``
    is the share of the job among others that report how much of them is done; None means that it
    cannot report. ``stores`` are folders besides the stage's own in which the job leaves
    ``PART.parquet``. ``num_gpus`` is what an engine that places tasks keeps free for each.
    """

    name: str
    params: Any
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    job: PartFunction
    version: int = 1
    rows: Mapping[str, int] = field(default_factory=dict)
    stores: tuple[Path, ...] = ()
    num_gpus: float = 0
    weight: float | None = None

    @classmethod
    def of(cls, step: Step, inputs: tuple[str, ...], parts: tuple[str, ...], **other: Any) -> Self:
        """The stage that does ``step``, whose name, version and parameters are its own."""
        return cls(step.stage_name(), step.params(), inputs, parts, step, step.version, **other)

    @property
    def key(self) -> str:
        """16 hex digits; equal keys mean equal output."""
        return stage_key(self.name, self.version, [self.params, self.parts], list(self.inputs))

    def output(self, work: Path, records: Sequence[PartRecord] = ()) -> "StageOutput":
        """What later stages see of this one. Without records: where its output will be."""
        return StageOutput(self.name, self.key, work / f"{self.name}-{self.key}", tuple(records))

    def finished(self, part: str, folder: Path) -> PartRecord | None:
        """What an earlier run recorded of a part, if all that it wrote is still there.

        A file that is gone or not as it was written makes the part unfinished: it is made again.
        """
        record = finished_part(part, folder)
        stored = all(is_intact(store / f"{part}.parquet") for store in self.stores)
        return record if stored else None

    def task(self, part: str, folder: Path, index: tuple[int, int]) -> "Task":
        """The work on one part; ``index`` tells the caller which task it is."""
        return Task(self.job, part, folder, index, self.num_gpus)


class OutputRef(NamedTuple):
    """The key and the folder of a stage's output: all that a job needs of it, small to pickle."""

    key: str
    folder: Path


@dataclass(frozen=True)
class StageOutput:
    """A finished stage: its folder and one record per part, in the order of the parts."""

    stage: str
    key: str
    folder: Path
    records: tuple[PartRecord, ...]

    @property
    def ref(self) -> OutputRef:
        """What jobs are given of this output."""
        return OutputRef(self.key, self.folder)

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

    job: PartFunction
    part: str
    folder: Path
    index: tuple[int, int]
    num_gpus: float = 0
    then: tuple["Task", ...] = ()  # tasks on the same part, run while its text is in memory

    def __call__(self) -> list[PartRecord]:
        """Run the job and those that follow it: the records of all."""
        # Tasks on one part run in one process: the text is read and decompressed once.
        with parts_in_memory():
            return [self._run(), *(task._run() for task in self.then)]

    def _run(self) -> PartRecord:
        """Run the job and write its record last: a record means "finished"."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.job(self.part, self.folder)
        assert record.part == self.part, f"{record.part} != {self.part}"
        if not record.files:
            record = record.model_copy(update={"files": written(self.part, self.folder)})
        # Last, by rename: a part without a record runs again, whatever files a killed run left.
        path = self.folder / f"{self.part}.json"
        write_json(path, record.model_dump(mode="json"))
        return read_record(path)  # as a resumed build sees it, down to the order of keys


def written(part: str, folder: Path) -> dict[str, str]:
    """The files of a part, by name in ``folder``, with their checksums: ``PART.*`` except its
    record, and everything in ``PART/``."""
    paths = [path for path in folder.glob(f"{part}.*") if path.name != f"{part}.json"]
    paths += [path for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): checksum(path) for path in sorted(paths)}


def finished_part(part: str, folder: Path) -> PartRecord | None:
    """The record of a part in ``folder``; None if it is missing, or if a file that it names is
    missing or damaged."""
    path = folder / f"{part}.json"
    if not path.exists():
        return None
    record = read_record(path)
    intact = all(_matches(folder / name, old) for name, old in record.files.items())
    return record if intact else None


def write_checksum(path: Path) -> None:
    """Write the checksum of a file that no record names, next to the file, for ``is_intact``."""
    write_json(_checksum_path(path), checksum(path))


def drop_checksum(path: Path) -> None:
    """Do this before the file changes: if the write is interrupted, the file does not count."""
    _checksum_path(path).unlink(missing_ok=True)


def is_intact(path: Path) -> bool:
    """Whether the file is the one that its checksum was written for."""
    return _checksum_path(path).exists() and _matches(path, read_json(_checksum_path(path)))


def _checksum_path(path: Path) -> Path:
    return path.with_suffix(".checksum.json")


def _matches(path: Path, old: str) -> bool:
    try:
        new = checksum(path)
    except FileNotFoundError:
        return False
    # Size and CRC-32 of every file of every finished part are checked at each start. A flipped
    # bit in the work folder would otherwise go into all later results.
    if new != old and (path, new) not in _reported:
        _reported.add((path, new))
        _log.warning("%s is damaged (%s, written as %s): it is made again", path, new, old)
    return new == old


# Returns the tasks that have become ready since the last call.
TaskSource = Callable[[], Sequence[Task]]

POLL = 0.2  # seconds after which an engine asks for new tasks, if none has finished before


class Engine(Protocol):
    """Runs tasks somewhere, in any order."""

    def run(self, source: TaskSource) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield each task and its records as it finishes.

        The source is called at the start, after results were yielded and every ``POLL`` seconds.
        The run is over when it returns nothing and nothing is running.
        """
        ...


class Progress(Protocol):
    """Receives what happens, to show it. Stages may overlap."""

    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts; ``after`` names the one whose parts it works on as they appear."""
        ...

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More unfinished parts of a stage have become known, with their rows (0: unknown)."""
        ...

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known in advance; ``weight`` as in ``Stage``."""
        ...

    def headway(self, stage: str, task: int, share: float) -> None:
        """The share of such a task that is done, 0 to 1."""
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
) -> list[StageOutput]:
    """Run what is unfinished of ``stages`` side by side. All do the same work, say one per source.

    A part is finished if its record exists and the files that it names are intact. All other parts
    run again.

    Raises:
        SealError: a part failed; finished parts stay.
    """
    outputs = [stage.output(work) for stage in stages]
    records: dict[tuple[int, str], PartRecord] = {}
    tasks: list[Task] = []
    for index, (stage, output) in enumerate(zip(stages, outputs, strict=True)):
        for part in stage.parts:
            record = stage.finished(part, output.folder)
            if record is None:
                tasks.append(stage.task(part, output.folder, (index, 0)))
            else:
                records[index, part] = record
    if tasks:
        name = stages[0].name
        progress.begin(name)
        progress.expect(name, len(tasks), _num_rows(stages, tasks))
        try:
            for task, [record] in engine.run(_all_at_once(tasks)):
                records[task.index[0], record.part] = record
                progress.part_done(name, record)
        finally:
            progress.end(name)
    return [
        finish(stage, work, [records[index, part] for part in stage.parts])
        for index, stage in enumerate(stages)
    ]


def _all_at_once(tasks: Sequence[Task]) -> TaskSource:
    """A source that returns all tasks at the first call."""
    waiting = list(tasks)

    def source() -> Sequence[Task]:
        ready = waiting[:]
        waiting.clear()
        return ready

    return source


def _num_rows(stages: Sequence[Stage], tasks: Sequence[Task]) -> int:
    """Rows of all tasks, or 0 where those of some are not known."""
    counts = [stages[task.index[0]].rows.get(task.part) for task in tasks]
    return 0 if None in counts else sum(rows or 0 for rows in counts)


def finish(stage: Stage, work: Path, records: Sequence[PartRecord]) -> StageOutput:
    """Write the stage's manifest, which marks it as finished and says how it was made."""
    output = stage.output(work, records)
    path = output.folder / "manifest.json"
    if path.exists():
        assert read_json(path)["key"] == stage.key, f"{path} belongs to another stage"
        return output
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
    return output
