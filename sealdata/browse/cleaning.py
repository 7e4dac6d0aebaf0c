"""What cleaning changed in a pair: its text as read, against the text of the build."""

import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sealdata.build_manifest import BuildManifest, SourceFacts
from sealdata.errors import DataError
from sealdata.files.parquet import scan
from sealdata.files.records import read_json

Segment = tuple[str, str]  # "same", "gone" or "new", and the text

_PIECES = re.compile(r"\w+|\s+|.", re.DOTALL)
_MAX_PIECES = 2_000  # of a changed passage that is compared piece by piece; its time is quadratic


class RawTexts:
    """Texts as the readers found them, in the parts of ingest under ``OUT/work``.

    People remove that folder to save space: a source without its parts is in ``gone``.
    """

    def __init__(self, out: Path, manifest: BuildManifest) -> None:
        folders = _ingest_folders(out / "work")
        self._parts: dict[str, list[Path]] = {}
        for source in manifest.sources:
            folder = folders.get(_identity(source, manifest.limit))
            paths = sorted(folder.glob("part-*.parquet")) if folder else []
            # part-00000.parquet, and not part-00000.rejected.parquet
            self._parts[source.name] = [path for path in paths if path.name.count(".") == 1]
        self.gone = [name for name, parts in self._parts.items() if not parts]

    def find(self, source: str, rows: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Row -> English and other side as read; rows that cannot be found are left out."""
        parts = [part for part in self._parts.get(source, []) if part.exists()]
        if not parts or not rows:
            return {}
        pairs = pl.concat([scan(part) for part in parts])
        raw_rows = pairs.filter(pl.col("row").is_in(list(rows))).select("row", "src", "tgt")
        triples = raw_rows.collect(engine="streaming").iter_rows()
        return {row: (src or "", tgt or "") for row, src, tgt in triples}


def _ingest_folders(work: Path) -> dict[str, Path]:
    """Identity of what was read -> the newest folder of ingest."""
    folders = [path.parent for path in work.glob("ingest-*/manifest.json")]
    newest = {}
    for folder in sorted(folders, key=lambda folder: (folder / "manifest.json").stat().st_mtime):
        try:
            table = read_json(folder / "manifest.json")
            params = table["params"]
            reader = params["reader"][0]
            newest[_key(params["source"][0], reader, params["limit"], table["inputs"])] = folder
        except (DataError, KeyError, IndexError, TypeError):
            continue  # of another version: the raw text is not found there, and the page says so
    return newest


def _identity(source: SourceFacts, limit: int | None) -> str:
    return _key(source.name, source.reader, limit, [file.sha256 for file in source.files])


def _key(name: str, reader: str, limit: int | None, digests: list[str]) -> str:
    return json.dumps([name, reader, limit, sorted(digests)])


def difference(before: str, after: str) -> list[Segment]:
    """The two texts as one list of segments: unchanged, only before, only after."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = (text[start : len(text) - end] for text in (before, after))
    segments = [("same", before[:start]), *_middle(old, new)]
    segments.append(("same", before[len(before) - end :] if end else ""))
    return [(kind, text) for kind, text in segments if text]


def _middle(old: str, new: str) -> list[Segment]:
    pieces, others = _PIECES.findall(old), _PIECES.findall(new)
    if max(len(pieces), len(others)) > _MAX_PIECES:
        return [("gone", old), ("new", new)]
    segments: list[Segment] = []
    matcher = difflib.SequenceMatcher(None, pieces, others, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            segments.append(("same", "".join(pieces[i:j])))
        else:
            segments += [("gone", "".join(pieces[i:j])), ("new", "".join(others[k:m]))]
    return segments


def _common(text: str, other: str) -> int:
    """Length of the longest common prefix."""
    pairs = zip(text, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other)))
