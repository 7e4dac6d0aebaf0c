"""`log.jsonl` of a run: one JSON object a line, with its `event` and `step`.

A full disk or a lost machine may leave lines that are not JSON. They are named and never stop a
run: all that a run needs to continue is in its checkpoints.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealtrain.records import numbers_of, to_json


@dataclass
class RunLog:
    """The events of a log, in their order, and the lines that could not be read."""

    path: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    tail: list[int] = field(default_factory=list)  # unreadable lines at the end, from 1
    damaged: list[int] = field(default_factory=list)  # unreadable lines before readable ones

    def faults(self, remedy: str) -> str:
        """One line that names what could not be read, or an empty text."""
        if not self.damaged:
            return ""
        numbers = ", ".join(map(str, self.damaged[:5])) + (", …" if self.damaged[5:] else "")
        return f"{self.path}: not readable: line {numbers}; {remedy}"


def append(path: Path, event: str, step: int, values: dict[str, Any]) -> None:
    """Add one line; closing the file hands it to the operating system."""
    # Opened for each line, so that a killed process loses no line that was written.
    with path.open("a", encoding="utf-8") as file:
        file.write(to_json({"event": event, "step": step, **values}) + "\n")


def read(path: Path) -> RunLog:
    """All lines that can be read; numbers that are not finite are floats again."""
    log = RunLog(path)
    # As bytes: one byte that is not UTF-8 then spoils its line only.
    *lines, rest = path.read_bytes().split(b"\n")
    # A kill during a write leaves a last line without a newline. It may be JSON by chance.
    if rest:
        log.tail.append(len(lines) + 1)
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=1):
        event = _event(line)
        if event is None:
            unreadable.append(number)
        else:
            log.damaged += unreadable
            unreadable = []
            log.events.append(event)
    log.tail = unreadable + log.tail
    return log


def _event(line: bytes) -> dict[str, Any] | None:
    """One event, or None for a line that is none."""
    try:
        values = json.loads(line)
    except ValueError:  # not JSON, or not UTF-8
        return None
    if not isinstance(values, dict) or not isinstance(values.get("step"), int):
        return None
    # Earlier versions wrote NaN without quotes, which Python reads as a number.
    return numbers_of(values) if "event" in values else None
