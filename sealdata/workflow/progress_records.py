"""Progress as JSON records, for schedulers and other programs."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from sealdata.files.printable import printable
from sealdata.workflow.progress_views import PLAIN_INTERVAL, Snapshot
from sealdata.workflow.steps import Step

FORMAT = 1  # of the records; raised when a field is removed or changes its meaning


class Records:
    """One JSON object a line; docs/how-to/watch-a-build.md has the fields."""

    interval = PLAIN_INTERVAL

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()

    def open(self, command: str, steps: Sequence[Step]) -> None:
        """All steps of the run."""
        listed = [{"name": step.name, "title": step.title} for step in steps]
        self._write("start", command=command, steps=listed)

    def begin(self, snapshot: Snapshot, skipped: int) -> None:
        """The step and the state of the run."""
        self._write("step_begin", **_fields(snapshot), steps_skipped=skipped)

    def show(self, snapshot: Snapshot) -> None:
        """The state of the run."""
        self._write("progress", **_fields(snapshot))

    def end(self, snapshot: Snapshot) -> None:
        """The state of the run at the end of the step."""
        self._write("step_end", **_fields(snapshot))

    def note(self, text: str) -> None:
        """A message that tells of no problem."""
        self._write("note", text=text)

    def warn(self, text: str) -> None:
        """A warning."""
        self._write("warning", text=text)

    def fetched(self, file: str, num_bytes: int, total: int | None, rate: float) -> None:
        """How much of a file has arrived; ``rate`` is in bytes a second."""
        left = (total - num_bytes) / rate if total is not None and rate else None
        self._write(
            "fetch",
            file=file,
            bytes=num_bytes,
            bytes_total=total,
            bytes_per_second=_rounded(rate),
            seconds_left=_rounded(left),
        )

    def close(self, status: str) -> None:
        """How the run ended."""
        self._write("end", status=status, seconds=_rounded(time.monotonic() - self._began))

    def _write(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        record = {"format": FORMAT, "event": event, "time": now, **fields}
        # JSON reads the escapes back: a value is the same with and without them.
        print(printable(json.dumps(record, ensure_ascii=False)), file=self._stream, flush=True)


def _fields(snapshot: Snapshot) -> dict[str, Any]:
    """The fields of a record, in their order."""
    table = asdict(snapshot)
    names = {"number": "step", "total": "steps", "step_left": "step_seconds_left"}
    names |= {"left": "seconds_left", "lost": "rows_lost", "kept": "rows_kept"}
    names |= {"seconds": "step_seconds"}
    return {names.get(name, name): _rounded(value) for name, value in table.items()}


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
