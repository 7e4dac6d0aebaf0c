"""Splits a byte stream into batches of lines, at line feeds only."""

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError
from sealdata.readers import MAX_BATCH

_BLOCK = 4 << 20
MAX_LINE = 64 << 20  # bytes; without a limit a file that has no line feeds would fill the memory
_LINE_FEED = 10
_HOLE = bytes(4096)


def line_batches(
    stream: BinaryIO, batch_rows: int, where: str, num_files: int = 1
) -> Iterator[pl.Series]:
    """Binary series of ``batch_rows`` lines, in file order. The last may be shorter.

    A series ends early with the line that fills MAX_BATCH bytes, or this file's share of them if
    ``num_files`` files are read side by side.

    Only LF ends a line: U+2028, U+0085 and a lone CR are text. Lines keep their LF (the last line
    may have none); a byte-order mark at the start of the stream is dropped.

    Raises:
        DataError: a line of more than 64 MiB: ``where`` is not a text file.
    """
    waiting: list[pl.Series] = []  # lines for the next batch, as they lie in the blocks
    left, room = batch_rows, MAX_BATCH // num_files  # lines and bytes that it still takes
    rest = b""
    for block in blocks(stream, where):
        data = rest + block
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _LINE_FEED) + 1
        start = first = 0  # in data: the first byte and line that no batch has
        while first < len(ends):
            full = int(np.searchsorted(ends, room + start))  # the line that fills the batch
            last = min(first + left, full + 1, len(ends))
            waiting.append(_as_series(data, start, ends[first:last]))
            left, room = left - (last - first), room - (int(ends[last - 1]) - start)
            start, first = int(ends[last - 1]), last
            if left == 0 or room <= 0:
                yield pl.concat(waiting, rechunk=False)
                waiting, left, room = [], batch_rows, MAX_BATCH // num_files
        rest = data[start:]
        if len(rest) > MAX_LINE:
            raise DataError(f"{where}: a line of more than {MAX_LINE:,} bytes; is it a text file?")
    if rest:
        waiting.append(_as_series(rest, 0, np.array([len(rest)])))
    if waiting:
        yield pl.concat(waiting, rechunk=False)


def blocks(stream: BinaryIO, where: str) -> Iterator[bytes]:
    """The bytes of a stream in large pieces, without a byte-order mark at its start.

    Raises:
        DataError: a run of zero bytes as long as a block of a disk. A download that was cut off
            leaves such holes, and each of them would pass for one bad line.
    """
    block = stream.read(_BLOCK).removeprefix(codecs.BOM_UTF8)
    while block:
        # Every hole has such a byte: the whole block is searched only if there is one.
        if 0 in block[:: len(_HOLE) // 2] and _HOLE in block:
            raise DataError(f"{where} has a hole of zero bytes, never written; fetch it again")
        yield block
        block = stream.read(_BLOCK)


def _as_series(data: bytes, start: int, ends: npt.NDArray[np.int64]) -> pl.Series:
    """The lines from byte ``start`` on that end at ``ends``; the bytes are not copied."""
    return binary_series(np.concatenate([[start], ends]).astype(np.int64), data)


def binary_series(starts: npt.NDArray[np.int64], data: bytes | npt.NDArray[np.uint8]) -> pl.Series:
    """A Binary series of ``data[starts[i] : starts[i + 1]]``; the bytes are not copied."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(starts), pa.py_buffer(data)]
    array = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts) - 1, buffers)
    return pl.Series("line", array)


def as_text(lines: pl.Series) -> pl.Series:
    """The lines as text without their ends (LF or CR LF); null where the bytes are not UTF-8."""
    text = decoded(lines).to_frame("line")
    return text.select(without_end(pl.col("line"))).to_series()


def decoded(lines: pl.Series) -> pl.Series:
    """The lines as text, ends included; null where the bytes are not UTF-8."""
    try:
        return lines.cast(pl.String)
    except pl.exceptions.ComputeError:  # some line is not UTF-8: find out which, one by one
        return pl.Series(lines.name, map(_decode, lines.to_list()), dtype=pl.String)


def _decode(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def without_end(text: pl.Expr) -> pl.Expr:
    """``text`` without a line feed, or carriage return and line feed, at its end."""
    return text.str.strip_suffix("\n").str.strip_suffix("\r")


def as_raw(lines: pl.Series) -> pl.Series:
    """The lines as text for a person to look at: bytes that are not UTF-8 become U+FFFD."""
    decoded = [line.decode("utf-8", errors="replace").rstrip("\r\n") for line in lines.to_list()]
    return pl.Series(lines.name, decoded, dtype=pl.String)


def text_series(values: list[str | None]) -> pl.Series:
    """Python strings as text; null where one holds lone surrogates, which are not Unicode text."""
    try:
        return pl.Series(values, dtype=pl.String)
    except UnicodeEncodeError:
        return pl.Series(
            [value if _is_unicode(value) else None for value in values], dtype=pl.String
        )


def _is_unicode(value: str | None) -> bool:
    return value is None or value.encode("utf-8", "replace").decode() == value


def json_keys(raw: str) -> list[str]:
    """The keys of the JSON object in ``raw``; none where it is none, or is cut."""
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    return list(record) if isinstance(record, dict) else []
