"""Follows the stages of a run by the steps that they belong to."""

import time
from collections.abc import Callable, Iterable, Sequence

from sealdata.files.records import PartRecord
from sealdata.workflow.meter import Meter
from sealdata.workflow.progress_views import Snapshot, View
from sealdata.workflow.steps import Step, Work, WorkState, share_done, time_left


class StepProgress:
    """Follows the stages of a run, and shows the step that they belong to.

    ``steps`` are all steps of the run, in order. A stage that none of them names belongs to the
    step that is running; before the first step it is a step of its own.
    """

    def __init__(self, views: Sequence[View], steps: Sequence[Step] = ()) -> None:
        self._views = views
        self._shown = [0.0] * len(views)  # time.monotonic() when each view was shown last
        self._steps = list(steps)
        self._meters: dict[str, Meter] = {}  # by stage, of this run
        self._step_of = {stage: step for step in steps for stage in step.stages}
        self._current: Step | None = None
        self._began = 0.0  # time.monotonic() when the current step began
        self._notes: list[str] = []  # until something is done: a finished run has nothing to say

    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts; nothing is shown before it has work."""
        self._meters[stage] = Meter(self._meters[after] if after is not None else None)
        if stage not in self._step_of:
            step = self._current or Step(stage, stage, (Work((stage,), 1.0),))
            self._step_of[stage] = step

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More work has become known."""
        self._meters[stage].expect(parts, rows)
        self._show(stage)

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known in advance."""
        self._meters[stage].expect_task(task, weight)
        self._show(stage)

    def headway(self, stage: str, task: int, share: float) -> None:
        """Record the share that is done."""
        self._meters[stage].headway(task, share)
        self._show(stage)

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Count the part."""
        self._meters[stage].add(record)
        self._show(stage)

    def part_kept(self, stage: str, record: PartRecord) -> None:
        """Count a part of an earlier run."""
        self._meters[stage].keep(record)

    def part_damaged(self, stage: str) -> None:
        """Count a part of an earlier run that is made again."""
        self._meters[stage].damaged_parts += 1

    def note(self, text: str) -> None:
        """Say ``text`` once there is work to do."""
        self._notes.append(text)
        if self._current is not None:
            self._say_notes()

    def end(self, stage: str) -> None:
        """The stage is over; its step may go on with another stage."""
        self._meters[stage].ended = True

    def close(self) -> None:
        """The run is over: state the end of the last step."""
        self._finish()

    def _show(self, stage: str) -> None:
        step = self._step_of[stage]
        # A step that is not announced has the place -1, and follows any other.
        if step is not self._current and (step not in self._steps or self._is_later(step)):
            self._finish()
            self._start(step)
        now = time.monotonic()
        due = [i for i, view in enumerate(self._views) if now - self._shown[i] >= view.interval]
        if due:
            snapshot = self._snapshot(ended=False)
            for index in due:
                self._shown[index] = now
                self._views[index].show(snapshot)

    def _is_later(self, step: Step) -> bool:
        return self._current is None or self._place(step) > self._place(self._current)

    def _start(self, step: Step) -> None:
        before = self._place(self._current)
        self._current, self._began = step, time.monotonic()
        self._shown = [self._began] * len(self._views)
        self._say_notes()
        skipped = max(self._place(step) - before - 1, 0)
        for view in self._views:
            view.begin(self._snapshot(ended=False), skipped)

    def _say_notes(self) -> None:
        for text in self._notes:
            for view in self._views:
                view.note(text)
        self._notes.clear()

    def _finish(self) -> None:
        if self._current is not None:
            for view in self._views:
                view.end(self._snapshot(ended=True))

    def _place(self, step: Step | None) -> int:
        """The index of a step; -1 before the first, and for one that the run did not announce."""
        return self._steps.index(step) if step in self._steps else -1

    def _snapshot(self, ended: bool) -> Snapshot:
        step, index = self._current, self._place(self._current)
        assert step is not None, "a snapshot before the first step"
        by_stage = {
            stage: meter for stage, meter in self._meters.items() if self._step_of[stage] is step
        }
        meters = list(by_stage.values())
        # Work without a cost is not over the pairs of the corpus, so its rows are not counted.
        free = {stage for work in step.works if not work.cost for stage in work.stages}
        over_pairs = [meter for stage, meter in by_stage.items() if stage not in free]
        works = self._of_current(step)
        # What earlier steps took tells the speed of this machine. Those of an earlier run took
        # nothing, and are left out.
        before = [self._state(work) for other in self._steps[:index] for work in other.works]
        before = [work._replace(share=1.0, left=0.0) for work in before if work.begun]
        later = [self._state(work) for other in self._steps[index + 1 :] for work in other.works]
        running = [meter for meter in meters if meter.began is not None and not meter.ended]
        last = (running or meters)[-1]
        has_no_end = any(meter.has_no_end() for meter in running)
        keeps = self._meters.get(step.keeps or "")
        return Snapshot(
            number=index + 1,
            total=len(self._steps),
            name=step.name,
            title=step.title,
            unit=step.unit,
            done=1.0 if ended else share_done(works),
            parts=last.parts,
            expected_parts=last.expected_parts,
            rows=max((meter.rows + meter.kept_rows for meter in over_pairs), default=0),
            rows_per_second=_rate([m for m in running or meters if m in over_pairs]),
            lost=self._lost(step),
            kept=keeps.num_left() if keeps is not None else None,
            parts_kept=sum(meter.kept_parts for meter in meters),
            parts_damaged=sum(meter.damaged_parts for meter in meters),
            seconds=time.monotonic() - self._began,
            has_no_end=has_no_end and not ended,
            step_left=0.0 if ended else None if has_no_end else time_left([*before, *works]),
            left=None if has_no_end and not ended else time_left([*before, *works, *later]),
        )

    def _of_current(self, step: Step) -> list[WorkState]:
        """The work of a step, without what the run passed over: an earlier run did it, or this
        corpus does not need it."""
        works = [self._state(work) for work in step.works]
        last = max((i for i, work in enumerate(works) if work.begun), default=0)
        return [work for i, work in enumerate(works) if work.begun or i > last]

    def _lost(self, step: Step) -> int | None:
        meters = [self._meters[stage] for stage in step.losses if stage in self._meters]
        return sum(meter.num_lost() for meter in meters) if meters else None

    def _state(self, work: Work) -> WorkState:
        """Stages of a work overlap, so that the last one tells how far all of them are."""
        meters = [self._meters[stage] for stage in work.stages if stage in self._meters]
        meters = [meter for meter in meters if meter.began is not None]
        if not meters:
            return WorkState(work.cost, begun=False, share=None)
        if all(meter.ended for meter in meters):
            seconds = max(max(meter.seconds, meter.reported) for meter in meters)
            return WorkState(work.cost, True, 1.0, seconds, 0.0)
        shares, lefts = [m.done() for m in meters], [m.left() for m in meters]
        seconds = max(max(meter.seconds, meter.reported) for meter in meters)
        return WorkState(work.cost, True, _if_all(min, shares), seconds, _if_all(max, lefts))


def _rate(meters: Sequence[Meter]) -> float:
    """Rows a second of the slowest stage, which sets the pace of those that overlap it."""
    # A first part within a clock tick must not divide by zero.
    rates = [meter.rows / max(meter.seconds, 1e-3) for meter in meters if meter.rows]
    return min(rates, default=0.0)


def _if_all(
    choose: Callable[[Iterable[float]], float], values: Sequence[float | None]
) -> float | None:
    """The lowest or highest of ``values``; None if any of them is not known."""
    numbers = [value for value in values if value is not None]
    return choose(numbers) if len(numbers) == len(values) else None
