"""Vectors: the sentence embeddings of a part's pairs, kept for what looks at a whole source.

A store holds, per part, ``PART.npy`` (float16 [texts, dim], each of length 1, each text of a side
once) and ``PART.parquet``, a row per pair: ``embedded``, and for each side ``SIDE_vector`` (row of
the array; null for a pair of which a side has no text, or more than the encoder reads) and
``SIDE_key`` (hash of the text as the encoder reads it). What is embedded later comes behind what is
there.
"""

from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import write_atomic
from sealdata.laser.neighbours import spans, unit
from sealdata.scorers import Embedded, Scorer

Side = Literal["src", "tgt"]
SIDES: tuple[Side, Side] = ("src", "tgt")
Halves = npt.NDArray[np.float16]

_COPIED = 16_384  # vectors copied at a time


def read_index(store: Path, part: str, columns: list[str] | None = None) -> pl.DataFrame:
    """The row per pair that says which vectors are its."""
    return read_frame(store / f"{part}.parquet", columns)


def read_array(path: Path) -> npt.NDArray[Any]:
    """A file of numbers, mapped: only what is looked at is read.

    Raises:
        DataError: missing or damaged.
    """
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path} ({error}); delete its folder and run again") from None
    return array


def add_vectors(
    store: Path, part: str, scorer: Scorer, pairs: pl.DataFrame, wanted: pl.Series
) -> tuple[pl.Series, pl.DataFrame] | None:
    """Bring a part's vectors to cover all ``wanted`` rows of ``pairs``; None if they do already.

    Encoding is what costs: returned are the rows embedded now (bool per row of ``pairs``) and the
    scores that came with it, a row for each of them. Memory is that of a chunk of pairs.
    """
    stored = (store / f"{part}.parquet").exists()
    index = read_index(store, part) if stored else _blank(pairs.height)
    todo = wanted & ~index["embedded"]
    if stored and not todo.any():
        return None
    fresh = pairs.filter(todo)
    texts = _Texts(fresh, scorer, index, read_array(store / f"{part}.npy") if stored else None)
    scores: list[pl.DataFrame] = []

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            scores.append(texts.write(file, fresh, scorer))

    write_atomic(store / f"{part}.npy", write)
    write_frame(_indexed(index, todo, texts), store / f"{part}.parquet")
    return todo, scores[0]


class _Texts:
    """The texts of pairs that are to be embedded, and where their vectors go."""

    def __init__(
        self, fresh: pl.DataFrame, scorer: Scorer, index: pl.DataFrame, old: Halves | None
    ) -> None:
        self.old = old
        keys = pl.DataFrame({side: scorer.text_keys(fresh[side]) for side in SIDES})
        has_text = keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        self.keys = {side: keys[side].fill_null(0) for side in SIDES}
        self.new: dict[Side, npt.NDArray[np.bool_]] = {}  # the first of its text
        for side in SIDES:
            known = index.filter(pl.col(f"{side}_vector").is_not_null())[f"{side}_key"]
            mine = has_text & ~keys[side].is_in(known.implode())
            first = pl.when(mine).then(pl.col(side)).is_first_distinct() & mine
            self.new[side] = keys.select(first).to_series().to_numpy()
        self.vectors = {side: np.full(fresh.height, -1, np.int64) for side in SIDES}
        self.not_truncated = np.zeros(fresh.height, np.bool_)

    def write(self, file: IO[bytes], fresh: pl.DataFrame, scorer: Scorer) -> pl.DataFrame:
        """Write the old vectors and then the new ones as they come; the scores of all pairs."""
        count = 0 if self.old is None else len(self.old)
        total = count + sum(int(new.sum()) for new in self.new.values())
        if self.old is not None:
            _begin(file, total, self.old.shape[1])
            for start, stop in spans(len(self.old), _COPIED):
                file.write(np.ascontiguousarray(self.old[start:stop]).data)

        def keep(chunk: Embedded) -> None:
            nonlocal count
            if not file.tell():
                _begin(file, total, chunk.src.shape[1])
            self.not_truncated[chunk.rows] = chunk.not_truncated
            for side, vectors in zip(SIDES, (chunk.src, chunk.tgt), strict=True):
                mine = self.new[side][chunk.rows]
                rows = chunk.rows[mine]
                self.vectors[side][rows] = np.arange(count, count + len(rows))
                file.write(unit(vectors[mine]).astype("<f2").data)
                count += len(rows)

        scores = scorer.score_embedded(fresh, keep)
        if not file.tell():
            _begin(file, 0, 0)
        assert count == total, f"{count} vectors, not {total}"
        return scores


def _begin(file: IO[bytes], height: int, dim: int) -> None:
    header = {"descr": "<f2", "fortran_order": False, "shape": (height, dim)}
    np.lib.format.write_array_header_1_0(file, header)


def _blank(height: int) -> pl.DataFrame:
    none = {f"{side}_vector": pl.Series([None], dtype=pl.UInt32) for side in SIDES}
    zero = {f"{side}_key": pl.Series([0], dtype=pl.UInt64) for side in SIDES}
    one = pl.DataFrame({"embedded": [False], **none, **zero})
    return one.select(pl.all().repeat_by(height).explode()) if height else one.clear()


def _indexed(index: pl.DataFrame, todo: pl.Series, texts: _Texts) -> pl.DataFrame:
    """The index with the rows that were embedded now."""
    at = todo.arg_true().to_numpy()
    unread = np.zeros(index.height, np.bool_)
    unread[at] = ~texts.not_truncated
    columns = {"embedded": index["embedded"] | todo}
    for side in SIDES:
        keys = index[f"{side}_key"].to_numpy().copy()
        keys[at] = texts.keys[side].to_numpy()
        vectors = index[f"{side}_vector"].cast(pl.Int64).fill_null(-1).to_numpy().copy()
        vectors[at] = texts.vectors[side]
        # Of equal texts one row has the vector; the others get it from there.
        found = pl.DataFrame({"key": keys, "vector": vectors}).select(pl.max("vector").over("key"))
        vector = found.to_series().set(pl.Series(unread), -1)
        columns[f"{side}_vector"] = vector.replace(-1, None).cast(pl.UInt32)
        columns[f"{side}_key"] = pl.Series(keys)
    return pl.DataFrame(columns)
