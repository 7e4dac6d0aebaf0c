"""Trace: from a token of a shard back to the document, the pair and the file it came from."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.build_manifest import (
    MANIFEST,
    BuildManifest,
    SourceFacts,
    pair_name,
    read_build_manifest,
)
from sealdata.errors import ConfigError, DataError
from sealdata.files.frames import read_frame
from sealdata.files.parquet import reading, scan
from sealdata.recipe.tables import FormatTable
from sealdata.shards.manifest import StreamManifest, read_stream_manifest
from sealdata.shards.neighbours import DOCUMENT_NAMES, document_of
from sealdata.shards.reader import DocumentView, find_sequence, view_sequence


@dataclass(frozen=True)
class Trace:
    """Where a token comes from."""

    stream: StreamManifest
    sequence: int  # in the token file
    document: DocumentView  # the part of it that lies in this sequence
    files: tuple[str, ...]  # of the source, or of the document stream, as the recipe names them
    facts: SourceFacts | None  # of the source; None for a document stream
    # The row of the kept pairs: URLs, scores; the first of several; empty for a document stream.
    pair: dict[str, Any]
    rows: tuple[int, ...] = ()  # of all pairs in the document, in its order; () as for ``pair``


def trace(path: Path, token: int) -> Trace:
    """The origin of the token at index ``token`` of a token file of a build.

    Searches row groups of a sidecar, then files of pairs, then the rows of one: the time grows with
    the logarithm of the build's size.

    Raises:
        ConfigError: no such token, or the file is none of a build.
        DataError: the token is padding, or the pair is not where the sidecar says.
    """
    stream = read_stream_manifest(find_sequence(path, 0)[0])
    # Foreign files hold ids only. No one recorded what they were made from.
    if stream.segments[0].from_elsewhere:
        raise DataError(
            f"{path}: its token files are from elsewhere and have no sidecar that tells where a "
            "document is from; `sealdata inspect` shows its text"
        )
    # Sequences do not overlap, so the number of a token in the file is enough to place it.
    number, offset = divmod(token, stream.sequence_length)
    try:
        view = view_sequence(path, number)
    except ConfigError:
        raise ConfigError(
            f"{path}: no token {token:,}; sequences have {stream.sequence_length:,} tokens, and "
            f"there is no sequence {number:,}"
        ) from None
    # Padding lies after the last document of its place and belongs to none.
    document = next((d for d in view.documents if d.start <= offset < d.stop), None)
    if document is None:
        raise DataError(f"{path}: token {token} is padding")
    if document.source is None or document.row is None:
        raise DataError(f"{path} has no sidecar that tells where a document is from: build again")
    out = _build_of(path)
    manifest = read_build_manifest(out)
    # The name is that of a source or of a stream. The recipe lets no two of them share one.
    facts = next((source for source in manifest.sources if source.name == document.source), None)
    if facts is None:
        # A document stream is not in the manifest's sources, and its text is in no file of the
        # build.
        files = tuple(_stream_paths(manifest, document.source))
        return Trace(stream, number, document, files, None, {})
    files = tuple(file.name for file in facts.files)
    # The pairs of a split are in its own files, so only those are searched.
    kept = sorted((out / "pairs" / pair_name(facts.lang)).glob(f"{stream.split}-*.parquet"))
    names = [source.name for source in manifest.sources]
    pair = find_pair(kept, names, document.source, document.row)
    # Files were changed after the build, or deleted.
    if pair is None:
        raise DataError(f"{out}: no pair {document.source} row {document.row} under pairs")
    num_pairs = FormatTable.model_validate(manifest.recipe.get("format", {})).document_pairs
    rows = _document_rows(kept, pair, num_pairs)
    return Trace(stream, number, document, files, facts, pair, rows)


def _document_rows(files: Sequence[Path], first: dict[str, Any], num_pairs: int) -> tuple[int, ...]:
    """Rows of the pairs that the document beginning with the pair ``first`` holds.

    Packing puts ``num_pairs`` neighbours at most into a document. They are counted from the first
    kept pair of their page, which a scan over the files finds: the time grows with the build.
    """
    name = next((first[column] for column in DOCUMENT_NAMES if first[column] is not None), None)
    if num_pairs == 1 or name is None:
        return (first["row"],)
    same = scan(files).filter((pl.col("source") == first["source"]) & (document_of() == name))
    with reading(files[0].parents[2]):
        rows = same.select("row").collect()["row"].sort().to_list()
    start = rows.index(first["row"])
    return tuple(rows[start : start + num_pairs])


def find_pair(
    files: Sequence[Path], names: Sequence[str], source: str, row: int
) -> dict[str, Any] | None:
    """The pair ``row`` of ``source``; None if it is not among the files.

    ``files`` have the kept pairs of one language, each of one source, in the order of the sources
    in ``names``, then by row. A binary search reads the first row of about log2(files) of them,
    then the row numbers of one.
    """

    def begins(file: Path) -> tuple[int, int]:
        # Two columns, not the whole file.
        with reading(file):
            first = scan(file).select("source", "row").head(1).collect()
        return names.index(first["source"][0]), first["row"][0]

    # The file before the first one that begins behind the pair is the only one that can hold it.
    index = bisect_right(files, (names.index(source), row), key=begins)
    if not index:
        return None
    # Row numbers rise in the file, though some are missing: dropped pairs are elsewhere.
    rows = read_frame(files[index - 1], columns=["row"])["row"]
    window = scan(files[index - 1]).slice(int(rows.search_sorted(row)), 1)
    with reading(files[index - 1]):
        at_place = window.collect()
    # The search returns a place also for a row that is not there, so it is compared.
    here = at_place.filter((pl.col("source") == source) & (pl.col("row") == row))
    return here.row(0, named=True) if here.height else None


def _stream_paths(manifest: BuildManifest, name: str | None) -> list[str]:
    tables = manifest.recipe.get("stream", [])
    return [table["path"] for table in tables if table["name"] == name]


def _build_of(path: Path) -> Path:
    """The folder of the build: OUT of OUT/shards/SPLIT/KIND/NAME/FILE."""
    # No link is resolved here: a stream may be reached through a linked folder.
    parents = path.absolute().parents
    if len(parents) < 5 or not (parents[4] / MANIFEST).is_file():
        raise ConfigError(f"{path} is not in a build: there is no {MANIFEST} four folders above it")
    return parents[4]
