"""Trace: from a token of a shard back to the document, the pair and the file it came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.build_manifest import (
    MANIFEST,
    SourceFacts,
    pair_name,
    read_build_manifest,
)
from sealdata.errors import ConfigError, DataError
from sealdata.shards.manifest import StreamManifest
from sealdata.shards.reader import DocumentView, view_sequence


@dataclass(frozen=True)
class Trace:
    """Where a token comes from."""

    stream: StreamManifest
    sequence: int  # in the token file
    document: DocumentView  # the part of it that lies in this sequence
    source: str | None  # None where no sidecar tells
    row: int | None  # data record in the source's file, from 0
    facts: SourceFacts | None  # of the source; None for a document stream
    pair: dict[str, Any]  # the row of the kept pairs: URLs, scores; empty for a document stream


def trace(path: Path, token: int) -> Trace:
    """The origin of the token at index ``token`` of a token file of a build.

    Raises:
        ConfigError: no such token, or the file is none of a build.
        DataError: the token is padding, or the pair is not where the sidecar says.
    """
    view = view_sequence(path)  # also checks the path
    if view.manifest.segments[0].from_elsewhere:
        raise DataError(
            f"{path}: its token files are from elsewhere and have no sidecar that tells where a "
            "document is from; `sealdata inspect` shows its text"
        )
    length = view.manifest.sequence_length
    number, offset = divmod(token, length)
    view = view_sequence(path, number)
    document = next((d for d in view.documents if d.start <= offset < d.stop), None)
    if document is None:
        raise DataError(f"{path}: token {token} is padding")
    begin, at = document, number
    while not begin.begins and at > 0:  # it began in an earlier sequence of the file
        at -= 1
        begin = view_sequence(path, at).documents[-1]
    out = _build_of(path)
    manifest = read_build_manifest(out)
    facts = next((s for s in manifest.sources if s.name == begin.source), None)
    pair = _pair(out, facts.lang, view.manifest.split, begin) if facts is not None else {}
    return Trace(view.manifest, number, document, begin.source, begin.row, facts, pair)


def _build_of(path: Path) -> Path:
    """The folder of the build: OUT of OUT/shards/SPLIT/KIND/NAME/FILE."""
    parents = path.absolute().parents
    if len(parents) < 5 or not (parents[4] / MANIFEST).is_file():
        raise ConfigError(f"{path} lies in no build: no {MANIFEST} four folders above it")
    return parents[4]


def _pair(out: Path, lang: str, split: str, document: DocumentView) -> dict[str, Any]:
    files = out / "pairs" / pair_name(lang) / f"{split}-*.parquet"
    here = (pl.col("source") == document.source) & (pl.col("row") == document.row)
    found = pl.scan_parquet(files).filter(here).collect()
    if found.height != 1:
        raise DataError(f"{out}: no pair {document.source} row {document.row} under pairs")
    return found.row(0, named=True)
