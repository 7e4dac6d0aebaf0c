"""Streaming stages: each part of a source is processed while the rest is still being read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.records import PartRecord
from sealdata.workflow import task_progress
from sealdata.workflow.part_files import finished_part, was_finished
from sealdata.workflow.protocols import POLL, Engine, Progress
from sealdata.workflow.run_stages import finish
from sealdata.workflow.stage import Stage, StageOutput, Task

_BRIEF = 0.01  # seconds; a look at all sources that takes less may be repeated at every call
PATIENCE = 120.0  # seconds for a file of another machine to appear; NFS may hide it for 60


@dataclass(frozen=True)
class StreamingStages:
    """A producer that cuts one source into parts, and consumers that process each part in turn.

    The producer is one task. It writes ``part_name(0)``, ``part_name(1)`` and so on, and a record
    for each as soon as its data is written. It lists all of them in ``facts["parts"]`` of its own
    record. The consumers have the same parts.
    """

    # One task, because a compressed file can only be read from its start.
    producer: Stage
    # In the order in which they run on a part: each may read the output of those before.
    consumers: tuple[Stage, ...]

    def __post_init__(self) -> None:
        assert len(self.producer.parts) == 1, "a producer is one task"
        # Keys of consumers must be known before the parts are. They depend on the producer's key.
        assert not any(stage.parts for stage in self.consumers), "the producer names the parts"


def part_name(index: int) -> str:
    """The name of a source's part."""
    # Five digits sort correctly as text. Consumers rely on names that follow from the number.
    return f"part-{index:05d}"


def run_streaming(
    sources: Sequence[StreamingStages], work: Path, engine: Engine, progress: Progress
) -> list[list[StageOutput]]:
    """Run what is unfinished of all sources side by side: for each, its producer and consumers.

    Only one process can read a compressed file, from its start. The parts that it has written go on
    to other processes at once. They are found by their records on disk, whichever machine wrote
    them.

    Raises:
        SealError: a part failed; finished parts stay.
    """
    states = [_SourceProgress(index, stages, work) for index, stages in enumerate(sources)]
    # All sources have the same stages, so one line of progress each serves all of them.
    names = [sources[0].producer.name, *(stage.name for stage in sources[0].consumers)]
    # ``after`` is the stage before in the chain, whose time left bounds this one's.
    for name, after in zip(names, (None, *names), strict=False):
        progress.begin(name, after)
    try:
        for task, records in engine.run(_AllSources(states, progress)):
            states[task.index[0]].on_done(task, records, progress)
    finally:
        for name in names:
            progress.end(name)
    return [state.finish(work) for state in states]


@dataclass
class _AllSources:
    """Asks the sources for tasks.

    With thousands of sources, a look at all their folders takes a while. Then it is repeated only
    after ten times as long, and in between only sources with new results are asked.
    """

    states: Sequence["_SourceProgress"]
    progress: Progress
    next_full_look: float = 0.0  # time.monotonic()

    def __call__(self) -> list[Task]:
        """The tasks that have become ready."""
        began = time.monotonic()
        # The first call is always a full look.
        is_full = began >= self.next_full_look
        # What waits for the next full look is late, not lost: a finished producer is asked again.
        asked = [state for state in self.states if is_full or state.has_new_results]
        tasks = [task for state in asked for task in state.ready_tasks(self.progress)]
        elapsed = time.monotonic() - began
        # Looks at folders thus take at most about a tenth of the driver's time.
        if is_full and elapsed > _BRIEF:
            self.next_full_look = began + 10 * elapsed
        return tasks


@dataclass
class _SourceProgress:
    """How much of one source is done."""

    index: int
    stages: StreamingStages
    work: Path
    producer_record: PartRecord | None = None  # once the producer is done
    num_seen: int = 0  # parts of the producer that were handed to the consumers
    has_begun: bool = False
    has_new_results: bool = True  # a task is done since the source was last asked
    share: float | None = None  # of the producer's work that is done
    ready: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        stages = (self.stages.producer, *self.stages.consumers)
        # Folder 0 is the producer's, folder i + 1 that of consumer i.
        self.folders = [stage.output(self.work).folder for stage in stages]
        # By consumer, then by part.
        self.records: list[dict[str, PartRecord]] = [{} for _ in self.stages.consumers]

    def ready_tasks(self, progress: Progress) -> list[Task]:
        """The tasks that became ready: the producer, then consumers of new parts."""
        self.has_new_results = False
        producer = self.stages.producer
        if not self.has_begun:
            [part], folder = producer.parts, self.folders[0]
            # Complete from an earlier run: no task, and all parts are handed on below.
            self.producer_record = producer.finished(part, folder)
            if self.producer_record is None:
                task_progress.remove(folder)  # of an earlier, interrupted run
                self.ready.append(producer.task(part, folder, (self.index, 0)))
                # A file of it is damaged or gone: the source is read again, intact parts are kept.
                if was_finished(part, folder):
                    progress.part_damaged(producer.name)
                progress.expect_task(producer.name, self.index, producer.weight)
        self._show_share(progress)
        # After a kill, parts without a producer's record are found here as well, and not read
        # again.
        while (record := self._next_record()) is not None:
            self.num_seen += 1
            # Parts of an earlier run took no time of this one.
            count = progress.part_done if self.has_begun else progress.part_kept
            count(producer.name, record)
            # Rows that came out of the producer are those that go into the consumers.
            self._consume(record.part, record.rows_out, progress)
        self.has_begun = True
        tasks, self.ready = self.ready, []
        return tasks

    def _show_share(self, progress: Progress) -> None:
        """Pass on how much of the producer's work is done."""
        if self.has_begun and self.producer_record is None:
            share = task_progress.read(self.folders[0])
            # Only changes are shown: this runs several times a second.
            if share is not None and share != self.share:
                self.share = share
                progress.headway(self.stages.producer.name, self.index, share)

    def _next_record(self) -> PartRecord | None:
        """The record of the producer's next part, if it has been written.

        Once the producer is done all its parts exist, but a network file system may show them late.
        """
        part, folder = part_name(self.num_seen), self.folders[0]
        if self.producer_record is None:
            return finished_part(part, folder)  # None: not written yet
        # The names follow from the number, so the count says whether all were seen.
        if self.num_seen == len(self.producer_record.facts["parts"]):
            return None
        # The producer is done, so the part exists on the machine that wrote it.
        deadline = time.monotonic() + PATIENCE
        while (record := finished_part(part, folder)) is None:
            if time.monotonic() > deadline:
                raise DataError(f"{folder}/{part}.json does not appear; is the folder shared?")
            time.sleep(POLL)
        return record

    def on_done(self, task: Task, records: Sequence[PartRecord], progress: Progress) -> None:
        """A task of this source is done, and those on the same part that followed it."""
        self.has_new_results = True
        # Results come in the order of the chain: the task itself, then its followers.
        for finished_task, record in zip((task, *task.then), records, strict=True):
            stage_index = finished_task.index[1]
            if stage_index == 0:
                self.producer_record = record
                # A finished task has removed its report, so the end is stated here.
                progress.headway(self.stages.producer.name, self.index, 1.0)
            else:
                self.records[stage_index - 1][record.part] = record
                progress.part_done(self.stages.consumers[stage_index - 1].name, record)

    def _consume(self, part: str, rows: int, progress: Progress) -> None:
        """One task for all unfinished consumers of a part, so that its text is read once."""
        tasks = []
        for index, stage in enumerate(self.stages.consumers):
            folder = self.folders[index + 1]
            # A consumer added to the recipe runs here, while finished ones are left as they are.
            record = stage.finished(part, folder)
            if record is None:
                tasks.append(stage.task(part, folder, (self.index, index + 1)))
                if was_finished(part, folder):
                    progress.part_damaged(stage.name)
                progress.expect(stage.name, 1, rows)
            else:
                self.records[index][part] = record
                progress.part_kept(stage.name, record)
        if tasks:
            # Consumers read each other's output, so they run in their order, as one task.
            self.ready.append(replace(tasks[0], then=tuple(tasks[1:])))

    def finish(self, work: Path) -> list[StageOutput]:
        """Producer and consumers with the records of all parts, in the order of the parts."""
        assert self.producer_record is not None, "the engine ended before the producer"
        # The producer's order, so that results do not depend on which part finished first.
        parts = list(self.producer_record.facts["parts"])
        return [
            finish(self.stages.producer, work, [self.producer_record]),
            *(
                finish(stage, work, [records[part] for part in parts])
                for stage, records in zip(self.stages.consumers, self.records, strict=True)
            ),
        ]
