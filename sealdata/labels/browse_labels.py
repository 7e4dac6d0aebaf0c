"""Labels of ``sealdata browse``, appended line by line to a file of the build."""

import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import DataError
from sealdata.files.frames import read_frame
from sealdata.labels.sheet import FOLDER, KEY

LABELS_FILE = "labels.jsonl"
LABELS = ("good", "bad", "wrong_language", "misaligned")
# Filters besides the labels themselves: pairs with any of them, pairs drawn for annotation, and
# those of them that the annotator has not labelled.
FILTERS = (ANY, DRAWN, TO_LABEL) = ("any", "drawn", "to_label")


class LabelRow(BaseModel):
    """One line of ``labels.jsonl``: a label of one pair.

    The last line of an annotator on a pair holds.
    """

    model_config = ConfigDict(frozen=True)

    source: str  # name of the recipe's source
    row: int  # 0-based data record in its file
    lang: str  # the side that is not English
    label: str | None  # good, bad, wrong_language or misaligned; null takes the label back
    text: str  # digest of both texts, to see that they have changed since
    time: str  # when it was given, UTC
    annotator: str = ""  # who gave it: ``sealdata browse --annotator``


class Label(NamedTuple):
    """The label of a pair, and the digest of the texts that it was given for."""

    name: str
    text: str


def text_digest(src: str | None, tgt: str | None) -> str:
    """16 hex digits of SHA-256 over both texts."""
    joined = "\0".join((src or "", tgt or ""))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_label_rows(path: Path) -> tuple[list[LabelRow], int]:
    """All lines of a file of labels, in order, and the number of lines that hold no label.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    rows, num_torn = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            rows.append(LabelRow.model_validate_json(line))
        except ValidationError:
            num_torn += 1
    return rows, num_torn


class Labels:
    """The labels that one annotator gave to a build, in memory and in its file.

    Labels of other annotators are in the same file. They are not held: no one sees what others
    said of a pair.

    A label is one line, written by one call and synchronised to the disk before ``add`` returns. A
    kill can leave at most one torn line, which is passed over and counted.

    Raises:
        DataError: the file cannot be read.
    """

    def __init__(self, out: Path, annotator: str = "") -> None:
        self.path = out / LABELS_FILE
        self.annotator = annotator
        self.num_torn = 0  # lines that hold no label
        self._labels: dict[tuple[str, int], Label] = {}
        self._lock = threading.Lock()
        self.drawn = _drawn(out / FOLDER / KEY)
        if self.path.exists():
            rows, self.num_torn = read_label_rows(self.path)
            for row in rows:
                if row.annotator == annotator:
                    self._hold(row)

    def _hold(self, row: LabelRow) -> None:
        if row.label in LABELS:
            self._labels[row.source, row.row] = Label(row.label, row.text)
        else:
            self._labels.pop((row.source, row.row), None)

    def get(self, source: str, row: int) -> Label | None:
        """The label of a pair."""
        return self._labels.get((source, row))

    def rows(self, label: str) -> dict[str, list[int]]:
        """Source -> rows that have ``label``, or that one of FILTERS selects."""
        rows: dict[str, list[int]] = {}
        if label in (DRAWN, TO_LABEL):
            for source, row in self.drawn:
                if label == DRAWN or (source, row) not in self._labels:
                    rows.setdefault(source, []).append(row)
            return rows
        with self._lock:
            for (source, row), label_row in self._labels.items():
                if label in (ANY, label_row.name):
                    rows.setdefault(source, []).append(row)
        return rows

    def counts(self) -> dict[str, int]:
        """Label -> pairs that have it."""
        with self._lock:
            names = [label.name for label in self._labels.values()]
        return {name: names.count(name) for name in LABELS}

    def add(self, source: str, row: int, lang: str, label: str | None, text: str) -> None:
        """Append a label; None takes the earlier one back.

        Raises:
            DataError: the disk is full or refuses.
        """
        time = datetime.now(UTC).isoformat(timespec="seconds")
        entry = LabelRow(
            source=source,
            row=row,
            lang=lang,
            label=label,
            text=text,
            time=time,
            annotator=self.annotator,
        )
        line = json.dumps(entry.model_dump(), ensure_ascii=False) + "\n"
        with self._lock:
            try:
                _append(self.path, line.encode())
            except OSError as error:
                message = f"cannot write {self.path}: {error.strerror or error}"
                raise DataError(message) from None
            self._hold(entry)


def _drawn(key: Path) -> list[tuple[str, int]]:
    """Source and row of each pair that ``audit --annotate`` drew; [] if there is no sheet."""
    if not key.is_file():
        return []
    return list(read_frame(key, ["source", "row"]).iter_rows())


def _append(path: Path, line: bytes) -> None:
    """Write ``line`` at the end of the file, on a line of its own."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        # A kill in the middle of a write leaves a line without an end.
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(handle, line)
        if written != len(line):
            raise OSError(28, "No space left on device")
        os.fsync(handle)
    finally:
        os.close(handle)
