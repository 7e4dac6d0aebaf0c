"""A stage: named work on parts whose output folder is keyed by everything that can change it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sealdata.manifest import PartRecord, read_json, read_record, stage_key, write_json

Job = Callable[[str, Path], PartRecord]  # (part, folder to write into); must be picklable


@dataclass(frozen=True)
class Stage:
    """Work on ``parts`` by ``job``; ``params`` and ``inputs`` (keys) must name all that matters."""

    name: str
    params: Any
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    job: Job
    version: int = 1

    @property
    def key(self) -> str:
        """16 hex digits; equal keys mean equal output."""
        return stage_key(self.name, self.version, [self.params, self.parts], list(self.inputs))


@dataclass(frozen=True)
class Done:
    """A finished stage: its folder and one record per part, in the order of the parts."""

    stage: str
    key: str
    folder: Path
    records: tuple[PartRecord, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(record.part for record in self.records)


@dataclass(frozen=True)
class Task:
    """One part of one stage, ready to run in any process."""

    job: Job
    part: str
    folder: Path

    def __call__(self) -> PartRecord:
        """Run the job and leave its record beside its data, last: the record means "finished"."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.job(self.part, self.folder)
        assert record.part == self.part, f"{record.part} != {self.part}"
        path = self.folder / f"{self.part}.json"
        write_json(path, record.model_dump(mode="json"))
        return read_record(path)  # as a resumed build sees it, down to the order of keys


class Engine(Protocol):
    """Runs tasks somewhere; results may come in any order."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, PartRecord]]:
        """Yield (index of the task, its record) as tasks finish."""
        ...


class Progress(Protocol):
    """Told what happens, to show it."""

    def begin(self, stage: str, parts: int) -> None:
        """A stage starts with this many unfinished parts."""
        ...

    def part_done(self, record: PartRecord) -> None:
        """One part is finished."""
        ...

    def end(self) -> None:
        """The stage is over."""
        ...


def run_stages(
    stages: Sequence[Stage], work: Path, engine: Engine, progress: Progress
) -> list[Done]:
    """Run what is unfinished of ``stages`` (of one kind, say one per source) side by side.

    A folder whose ``manifest.json`` exists is finished; within an unfinished one, so is each part
    whose record exists. Everything else runs again.

    Raises:
        SealError: a part failed; parts that had finished stay.
    """
    folders = [work / f"{stage.name}-{stage.key}" for stage in stages]
    records: dict[tuple[int, str], PartRecord] = {}
    tasks: list[Task] = []
    owners: list[int] = []
    for number, (stage, folder) in enumerate(zip(stages, folders, strict=True)):
        for part in stage.parts:
            finished = folder / f"{part}.json"
            if finished.exists():
                records[number, part] = read_record(finished)
            else:
                tasks.append(Task(stage.job, part, folder))
                owners.append(number)
    if tasks:
        progress.begin(stages[0].name, len(tasks))
        try:
            for index, record in engine.run(tasks):
                records[owners[index], record.part] = record
                progress.part_done(record)
        finally:
            progress.end()
    done = []
    for number, (stage, folder) in enumerate(zip(stages, folders, strict=True)):
        ordered = tuple(records[number, part] for part in stage.parts)
        _finish(stage, folder, ordered)
        done.append(Done(stage.name, stage.key, folder, ordered))
    return done


def _finish(stage: Stage, folder: Path, records: tuple[PartRecord, ...]) -> None:
    """Write the stage's manifest, which marks it finished and says how it was made."""
    path = folder / "manifest.json"
    if path.exists():
        assert read_json(path)["key"] == stage.key, f"{path} belongs to another stage"
        return
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
