"""Running stages that do the same work side by side, say one per source."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sealdata.errors import DataError
from sealdata.files.records import PartRecord, read_sealed, write_sealed
from sealdata.workflow.part_files import was_finished
from sealdata.workflow.protocols import Engine, Progress, TaskSource
from sealdata.workflow.stage import Stage, StageOutput, Task


def run_stages(
    stages: Sequence[Stage], work: Path, engine: Engine, progress: Progress
) -> list[StageOutput]:
    """Run what is unfinished of ``stages`` side by side. All do the same work, say one per source.

    A part is finished if its record exists and the files that it names are intact. All other parts
    run again.

    Raises:
        SealError: a part failed; finished parts stay.
    """
    # Folders are named by keys, so what an earlier recipe left in ``work`` is not met here.
    outputs = [stage.output(work) for stage in stages]
    # By stage and part: tasks finish in any order, and sources may have parts of one name.
    records: dict[tuple[int, str], PartRecord] = {}
    tasks: list[Task] = []
    num_damaged = 0
    for index, (stage, output) in enumerate(zip(stages, outputs, strict=True)):
        for part in stage.parts:
            # This reads every file of the part once, to compare checksums.
            record = stage.finished(part, output.folder)
            if record is None:
                tasks.append(stage.task(part, output.folder, (index, 0)))
                num_damaged += was_finished(part, output.folder)
            else:
                records[index, part] = record
    # A build with nothing to do here starts no workers and shows no line.
    if tasks:
        # All stages have one name, so they share one line of progress.
        name = stages[0].name
        progress.begin(name)
        for record in records.values():
            progress.part_kept(name, record)
        for _ in range(num_damaged):
            progress.part_damaged(name)
        progress.expect(name, len(tasks), _num_rows(stages, tasks))
        try:
            # These tasks have no followers, so each returns one record.
            for task, [record] in engine.run(_all_at_once(tasks)):
                records[task.index[0], record.part] = record
                progress.part_done(name, record)
        finally:
            # After an error too: a live display would overwrite the message.
            progress.end(name)
    return [
        # In the order of the parts, not of their completion: the manifest must not depend on speed.
        finish(stage, work, [records[index, part] for part in stage.parts])
        for index, stage in enumerate(stages)
    ]


def _all_at_once(tasks: Sequence[Task]) -> TaskSource:
    """A source that returns all tasks at the first call."""
    # Each task is handed out once. The second call returns none, which ends the engine's run.
    waiting = list(tasks)

    def source() -> Sequence[Task]:
        ready = waiting[:]
        waiting.clear()
        return ready

    return source


def _num_rows(stages: Sequence[Stage], tasks: Sequence[Task]) -> int:
    """Rows of all tasks, or 0 where those of some are not known."""
    # With some rows unknown, a share by rows would be wrong. Progress then counts parts.
    counts = [stages[task.index[0]].rows.get(task.part) for task in tasks]
    return 0 if None in counts else sum(rows or 0 for rows in counts)


def finish(stage: Stage, work: Path, records: Sequence[PartRecord]) -> StageOutput:
    """Write the stage's manifest, which marks it as finished and says how it was made."""
    output = stage.output(work, records)
    path = output.folder / "manifest.json"
    content = {
        "stage": stage.name,
        "key": stage.key,
        "version": stage.version,
        "params": stage.params,
        "inputs": list(stage.inputs),
        "parts": [record.model_dump(mode="json") for record in records],
    }
    # A part that was made again has the same bytes, so an old manifest is still true. A damaged
    # one, or one that an earlier version wrote, is replaced.
    if _written(path) != json.loads(json.dumps(content)):
        write_sealed(path, content)
    return output


def _written(path: Path) -> dict[str, Any] | None:
    try:
        return read_sealed(path) if path.exists() else None
    except DataError:
        return None
