"""Which tokens of a pair are to be learnt: those after its prompt; loaded where a config asks."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from sealtrain.errors import DataError


def document_file(folder: Path, part: str) -> Path:
    """The sidecar that says where the documents of a token file begin and their prompts end."""
    path = folder / f"{Path(part).stem}.docs.parquet"
    if not path.is_file():
        raise DataError(f'{path}: missing, and train.loss_on = "target" needs it')
    return path


def check_sidecars(streams: Iterable[Any]) -> None:
    """Refuse streams of pairs that do not say where their prompts end."""
    for stream in streams:
        for segment in stream.manifest.segments if stream.manifest.kind == "parallel" else ():
            document_file(stream.folder, segment.path)


def learnt(stream: Any, part: int, place: int) -> npt.NDArray[np.bool_]:
    """Which tokens of a sequence, found by its file and its place there, are of no prompt [S]."""
    segments, length = stream.manifest.segments, stream.manifest.sequence_length
    names = tuple(segment.path for segment in segments[max(part - 1, 0) : part + 1])
    first = sum(segment.num_sequences for segment in segments[:part])
    bits = _learnt_bits(stream.folder, names, first, segments[part].num_sequences, length)
    return np.unpackbits(bits[place], count=length).astype(bool)


@cache
def _learnt_bits(
    folder: Path, parts: tuple[str, ...], first: int, num: int, length: int
) -> npt.NDArray[np.uint8]:
    """A bit for each token of a file, [num sequences, length / 8]: clear where it is of a prompt.

    `parts` are the file before, if there is one, whose last document may reach into this one, and
    the file itself; `first` is the number of its first sequence in the stream.
    """
    *before, here = (pl.scan_parquet(document_file(folder, part)) for part in parts)
    rows = pl.concat([*(frame.tail(1) for frame in before), here]).collect()
    start = (rows["sequence"].to_numpy().astype(np.int64) - first) * length + rows["offset"]
    edges = np.zeros(num * length + 1, dtype=np.int8)
    for sign, places in ((1, start), (-1, start + rows["prompt"].to_numpy())):
        np.add.at(edges, np.clip(places, 0, num * length), sign)
    return np.packbits(np.cumsum(edges[:-1], dtype=np.int8).reshape(num, length) == 0, axis=1)
