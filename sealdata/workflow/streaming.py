"""Chains: stages that take on each part of a source while the rest of it is still being read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.records import PartRecord
from sealdata.workflow import task_progress
from sealdata.workflow.stage import POLL, Done, Engine, Progress, Stage, Task, finish, finished_part

_BRIEF = 0.01  # seconds in which all chains may be asked as often as an engine likes
PATIENCE = 120.0  # seconds for a file of another machine to show; NFS may hide it for 60


@dataclass(frozen=True)
class Chain:
    """A head that cuts one source into parts, and links that each part goes through in turn.

    The head has a single part of its own. Parts of the source are ``part_name(0)`` and so on: the
    head leaves a record for each as soon as its data is there, and lists all of them in
    ``facts["parts"]`` of its own record. Links have no parts of their own: they are the head's.
    """

    head: Stage
    links: tuple[Stage, ...]

    def __post_init__(self) -> None:
        assert len(self.head.parts) == 1, "a head is one task"
        assert not any(link.parts for link in self.links), "the parts of a link are the head's"


def part_name(number: int) -> str:
    """The name of a source's part."""
    return f"part-{number:05d}"


def run_chains(
    chains: Sequence[Chain], work: Path, engine: Engine, progress: Progress
) -> list[list[Done]]:
    """Run what is unfinished of all chains side by side: for each, its head and its links.

    A compressed file can be read from its start only, by one process. What it has read goes on to
    the others at once: parts are found by their records on disk, whatever machine made them.

    Raises:
        SealError: a part failed; parts that had finished stay.
    """
    states = [_State(number, chain, work) for number, chain in enumerate(chains)]
    names = [chains[0].head.name, *(link.name for link in chains[0].links)]
    for name, after in zip(names, (None, *names), strict=False):
        progress.begin(name, after)
    try:
        for task, records in engine.run(_Rounds(states, progress)):
            states[task.place[0]].took(task, records, progress)
    finally:
        for name in names:
            progress.end(name)
    return [state.finish(work) for state in states]


@dataclass
class _Rounds:
    """Asks the chains for tasks. With thousands of sources a look at the folders of all takes its
    time: then nine tenths pass without one, and only chains of which a task is done are asked."""

    states: Sequence["_State"]
    progress: Progress
    due: float = 0.0  # when all are asked again

    def __call__(self) -> list[Task]:
        """The tasks that have become ready."""
        began = time.monotonic()
        everyone = began >= self.due
        asked = self.states if everyone else [state for state in self.states if state.stirred]
        tasks = [task for state in asked for task in state.feed(self.progress)]
        took = time.monotonic() - began
        if everyone and took > _BRIEF:
            self.due = began + 10 * took
        return tasks


@dataclass
class _State:
    """How far one chain is."""

    number: int
    chain: Chain
    work: Path
    whole: PartRecord | None = None  # the head's record, once it is done
    taken: int = 0  # parts of the head that went on to the links
    began: bool = False
    stirred: bool = True  # a task of it is done since it was last asked
    share: float | None = None  # of the head that is done
    ready: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = [stage.done(self.work) for stage in (self.chain.head, *self.chain.links)]
        self.records: list[dict[str, PartRecord]] = [{} for _ in self.chain.links]

    def feed(self, progress: Progress) -> list[Task]:
        """The tasks that became ready: the head at first, then links of parts that appeared."""
        self.stirred = False
        if not self.began:
            [part], folder = self.chain.head.parts, self.places[0].folder
            self.whole = self.chain.head.finished(part, folder)
            if self.whole is None:
                task_progress.remove(folder)  # what an earlier run left
                self.ready.append(self.chain.head.task(part, folder, (self.number, 0)))
                progress.expect_task(self.chain.head.name, self.number, self.chain.head.weight)
        self._listen(progress)
        while (part_record := self._appeared()) is not None:
            self.taken += 1
            if self.began:  # what was there before took no time of this run
                progress.part_done(self.chain.head.name, part_record)
            self._go_on(part_record.part, part_record.rows_out, progress)
        self.began = True
        given, self.ready = self.ready, []
        return given

    def _listen(self, progress: Progress) -> None:
        """Pass on how far the head is."""
        if self.began and self.whole is None:
            share = task_progress.found(self.places[0].folder)
            if share is not None and share != self.share:
                self.share = share
                progress.headway(self.chain.head.name, self.number, share)

    def _appeared(self) -> PartRecord | None:
        """The record of the next part of the head, if it is there; once the head is done, it is."""
        part, folder = part_name(self.taken), self.places[0].folder
        if self.whole is None:
            return finished_part(part, folder)
        if self.taken == len(self.whole.facts["parts"]):
            return None
        deadline = time.monotonic() + PATIENCE
        while (record := finished_part(part, folder)) is None:
            if time.monotonic() > deadline:
                raise DataError(f"{folder}/{part}.json does not show up; is the folder shared?")
            time.sleep(POLL)
        return record

    def took(self, task: Task, records: Sequence[PartRecord], progress: Progress) -> None:
        """A task of this chain is done, and those of the same part that followed it."""
        self.stirred = True
        for done, record in zip((task, *task.then), records, strict=True):
            place = done.place[1]
            if place == 0:
                self.whole = record
                progress.headway(self.chain.head.name, self.number, 1.0)
            else:
                self.records[place - 1][record.part] = record
                progress.part_done(self.chain.links[place - 1].name, record)

    def _go_on(self, part: str, rows: int, progress: Progress) -> None:
        """One task for all that is unfinished of a part: its text is read once for all links."""
        tasks = []
        for number, stage in enumerate(self.chain.links):
            folder = self.places[number + 1].folder
            record = stage.finished(part, folder)
            if record is None:
                tasks.append(stage.task(part, folder, (self.number, number + 1)))
                progress.expect(stage.name, 1, rows)
            else:
                self.records[number][part] = record
        if tasks:
            self.ready.append(replace(tasks[0], then=tuple(tasks[1:])))

    def finish(self, work: Path) -> list[Done]:
        """Head and links with the records of all parts, in their order."""
        assert self.whole is not None, "the engine ended before the head"
        parts = list(self.whole.facts["parts"])
        found = [[records[part] for part in parts] for records in self.records]
        return [
            finish(self.chain.head, work, [self.whole]),
            *(finish(link, work, own) for link, own in zip(self.chain.links, found, strict=True)),
        ]
