"""Which reader a file needs, by its first bytes and lines."""

import csv
import json
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealdata.errors import DataError
from sealdata.files.signatures import HEAD_BYTES
from sealdata.languages import ENGLISH, find_language, language_of_tag
from sealdata.readers._columns import STRUCT
from sealdata.readers._open import member_names, open_archive, open_stream
from sealdata.readers.tsv import LAYOUTS
from sealdata.recipe.draft.names import bare, languages_in

HEAD_LINES = 200
# Columns that often hold the score of an alignment.
_SCORES = re.compile(r"(?i).*(score|margin|laser|cosine|bicleaner|comet).*")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Format:
    """How to read a file: a reader, its options, and what the file says of its languages."""

    reader: str
    options: dict[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()  # FLORES-200 codes that the content names
    notes: tuple[str, ...] = ()
    # Column -> its first texts, where the file does not say which columns hold the sides.
    columns: dict[str, list[str]] = field(default_factory=dict)


class NoPairsError(DataError):
    """A file that is readable, but holds no pairs; the message says what it is."""

    has_ids = False  # each line has an id and a text


def detect(path: Path) -> Format:
    """The format of a file.

    Raises:
        NoPairsError: it holds text of one language, or something else than pairs.
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise DataError(f"cannot be opened: {error.strerror or error}") from None
    if magic.startswith(b"PAR1"):
        return _parquet(path)
    if zipfile.is_zipfile(path):
        return _archive(path)
    head = _head(path, xml=".tmx" in path.name.lower())
    if b"<tmx" in head[:4096] or "tmx" in path.name.lower().split("."):
        return _tmx(head)
    lines = head.decode("utf-8", "replace").lstrip("\ufeff").split("\n")[:HEAD_LINES]
    # The last line may be cut off.
    lines = [line for line in (lines[:-1] or lines) if line.strip()]
    if not lines:
        raise NoPairsError("it is empty")
    if lines[0].lstrip().startswith("{"):
        return _jsonl(lines)
    if bare(path.name).lower().endswith(".csv"):
        return _csv(lines)
    return _tsv(lines, path.name)


def _head(path: Path, xml: bool = False) -> bytes:
    with open_stream(path, xml=xml) as stream:
        return stream.read(4 * HEAD_BYTES)


def _archive(path: Path) -> Format:
    with open_archive(path) as archive:
        names = member_names(archive)
    tmx = [name for name in names if bare(name).lower().endswith(".tmx")]
    if len(tmx) == 1:
        with open_archive(path) as archive, archive.open(tmx[0]) as member:
            return _tmx(member.read(4 * HEAD_BYTES))
    matches = {language.code for name in names if (language := find_language(_suffix(name)))}
    if ENGLISH in matches and len(matches) == 2:
        notes = _licences(names)
        return Format("moses", languages=tuple(sorted(matches)), notes=notes)
    if len(names) == 1:
        return detect_member(path)
    raise NoPairsError(f"the archive holds {len(names)} files, none a pair with English; unpack it")


def detect_member(path: Path) -> Format:
    """The format of the only file of an archive."""
    lines = [line for line in _head(path).decode("utf-8", "replace").split("\n")[:-1] if line]
    if not lines:
        raise NoPairsError("it is empty")
    return _jsonl(lines) if lines[0].startswith("{") else _tsv(lines, path.name)


def _licences(names: list[str]) -> tuple[str, ...]:
    matches = [
        name for name in names if re.match(r"(?i)licen[cs]e|copying|readme", Path(name).name)
    ]
    return (f"in the archive: {', '.join(matches)}",) if matches else ()


def _suffix(name: str) -> str:
    return bare(name).rpartition(".")[2]


def _tmx(head: bytes) -> Format:
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    tags = re.findall(r"<tuv[^>]*?(?:xml:)?lang=[\"']([^\"']+)", text)
    codes = (language_of_tag(tag) for tag in tags)
    return Format("tmx", languages=tuple(dict.fromkeys(code for code in codes if code)))


def _jsonl(lines: list[str]) -> Format:
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    tables = [record for record in records if isinstance(record, dict)]
    if not tables or len(lines) == 1:
        raise NoPairsError("it is not one JSON object a line")
    return _named("jsonl", tables)


def _parquet(path: Path) -> Format:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            batch = next(iter(file.iter_batches(HEAD_LINES)), None)
            rows = batch.to_pylist() if batch is not None else []
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"it is not Parquet, or is damaged ({reason})") from None
    if not rows:
        raise NoPairsError("it has no rows")
    return _named("parquet", rows)


def _named(reader: str, rows: list[dict[str, Any]]) -> Format:
    """The format of rows with named columns: JSON lines, Parquet."""
    inner = [row[STRUCT] for row in rows if isinstance(row.get(STRUCT), dict)]
    texts = _of_type(inner or rows, str)
    options: dict[str, Any] = {}
    scores = [name for name in _of_type(rows, (int, float)) if _SCORES.fullmatch(name)]
    if scores:
        options["score_column"] = scores[0]
    columns = {name: code for name in texts if (code := language_of_tag(name))}
    if len(columns) > 1 and ENGLISH in columns.values():
        return Format(reader, options, languages=tuple(dict.fromkeys(columns.values())))
    if len(texts) < 2 or "text" in texts:
        what = "documents, which a [[stream]] reads" if texts else "no text"
        raise NoPairsError(f"it has {what}")
    samples = {name: [str(row.get(name) or "") for row in inner or rows] for name in texts}
    return Format(reader, options, columns=samples)


def _of_type(rows: list[dict[str, Any]], kind: type | tuple[type, ...]) -> list[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(key for key, value in row.items() if isinstance(value, kind))
    return [name for name, count in counts.items() if count > len(rows) / 2]


def _csv(lines: list[str]) -> Format:
    try:
        names, *rows = csv.reader(line.rstrip("\r") for line in lines)
    except csv.Error as error:
        raise NoPairsError(f"it is not CSV ({error})") from None
    sides = {name: codes[0] for name in names if (codes := languages_in(name))}
    english = [name for name, code in sides.items() if code == ENGLISH]
    others = [name for name, code in sides.items() if code != ENGLISH]
    if len(english) == 1 and len(others) == 1:
        options = {"columns": [english[0], others[0]]}
        return Format("csv", options, languages=(ENGLISH, sides[others[0]]))
    if len(names) < 2:
        raise NoPairsError("its header has one column")
    samples = {
        name: [row[index] for row in rows if index < len(row)] for index, name in enumerate(names)
    }
    return Format("csv", columns=samples)


def _tsv(lines: list[str], file_name: str) -> Format:
    rows = [line.rstrip("\r").split("\t") for line in lines]
    width, count = Counter(len(row) for row in rows).most_common(1)[0]
    if width == 1:
        raise NoPairsError(
            "its lines have one column; aligned files end in their languages (x.en, x.th), and "
            "other text is read by a [[stream]]"
        )
    if count < len(rows) / 2:
        raise NoPairsError(f"its lines have {min(map(len, rows))} to {max(map(len, rows))} columns")
    rows = [row for row in rows if len(row) == width]
    numeric = [
        sum(bool(_NUMBER.fullmatch(row[index].strip())) for row in rows) > 0.9 * len(rows)
        for index in range(width)
    ]
    # Columns of numbers must be those of the layout, and only those.
    matching = [
        layout
        for layout, names in LAYOUTS.items()
        if [name.startswith("stored_") for name in names] == numeric
    ]
    if matching:
        # Some layouts have the same columns. The name of the file decides, or else the plain one.
        by_name = [layout for layout in matching if layout in file_name.lower()]
        layout = by_name[0] if by_name else "pairs" if "pairs" in matching else matching[0]
        return Format("tsv", {"layout": layout}, notes=(f"columns: {', '.join(LAYOUTS[layout])}",))
    if width == 2 and numeric[0]:
        error = NoPairsError("its lines have an id and text of one language; name both files")
        error.has_ids = True
        raise error
    layouts = ", ".join(f"{name} ({len(columns)})" for name, columns in LAYOUTS.items())
    raise NoPairsError(f"its lines have {width} columns in an unknown order; layouts: {layouts}")
