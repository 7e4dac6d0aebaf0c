"""A stage: named work on parts, with an output folder keyed by all that can change the output."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from sealdata.files.frames import parts_in_memory
from sealdata.files.records import PartRecord, read_record, stage_key, write_record
from sealdata.languages import declare, declared
from sealdata.workflow.part_files import finished_part, is_store_intact, written

PartFunction = Callable[[str, Path], PartRecord]  # (part, folder to write into); picklable


class Step:
    """Work on a part that owns all that identifies its output, besides its inputs.

    Subclasses are frozen dataclasses, so that workers can unpickle them.
    """

    # Class attributes: a step cannot run under a name or version that is not its own.
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

    # Begins the name of the output folder, and labels the progress.
    name: str
    # JSON values only: they are hashed into the key and written into the manifest.
    params: Any
    # Keys of the outputs that the job reads, or digests of input files.
    inputs: tuple[str, ...]
    # Empty for the consumers of a stream, whose producer names the parts.
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
        # Parts belong to the key: the same source cut in another way has other files. So do the
        # languages of the recipe, by which scores are computed.
        params = [self.params, self.parts, *([languages] if (languages := declared()) else [])]
        return stage_key(self.name, self.version, params, list(self.inputs))

    def output(self, work: Path, records: Sequence[PartRecord] = ()) -> "StageOutput":
        """What later stages see of this one. Without records: where its output will be."""
        # Name and key: people find the folder by the name, and builds with equal keys share it.
        return StageOutput(self.name, self.key, work / f"{self.name}-{self.key}", tuple(records))

    def finished(self, part: str, folder: Path) -> PartRecord | None:
        """What an earlier run recorded of a part, if all that it wrote is still there.

        A file that is gone or not as it was written makes the part unfinished: it is made again.
        """
        record = finished_part(part, folder)
        # Score files lie outside of the stage's folder, because several stages add to them. They
        # are read from end to end, so they are checked only where the record holds.
        if record is None or not all(is_store_intact(store, part) for store in self.stores):
            return None
        return record

    def task(self, part: str, folder: Path, index: tuple[int, int]) -> "Task":
        """The work on one part; ``index`` tells the caller which task it is."""
        # A task carries the job only: pickling the whole stage for each part would cost more.
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
    # (number of the source or stage, place in the chain). It changes no output.
    index: tuple[int, int]
    num_gpus: float = 0
    then: tuple["Task", ...] = ()  # tasks on the same part, run while its text is in memory
    # of the recipe, which the worker has not read
    languages: Mapping[str, Any] = field(default_factory=declared)

    def __call__(self) -> list[PartRecord]:
        """Run the job and those that follow it: the records of all."""
        # Tasks on one part run in one process: the text is read and decompressed once.
        # An error in a later task loses no earlier record: each is on disk as soon as its job ends.
        declare(self.languages)
        with parts_in_memory():
            return [self._run(), *(task._run() for task in self.then)]

    def _run(self) -> PartRecord:
        """Run the job and write its record last: a record means "finished"."""
        # In the worker, not in the driver: on a cluster another machine may be the first here.
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.job(self.part, self.folder)
        assert record.part == self.part, f"{record.part} != {self.part}"
        # Ingest lists the files itself, because its task writes many parts.
        if not record.files:
            record = record.model_copy(update={"files": written(self.part, self.folder)})
        # Last, by rename: a part without a record runs again, whatever files a killed run left.
        path = self.folder / f"{self.part}.json"
        write_record(path, record)
        return read_record(path)  # as a resumed build sees it, down to the order of keys
