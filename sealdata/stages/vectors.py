"""Vectors: the sentence embeddings of a part's pairs, for stages that need a whole source.

A store holds two files per part. ``PART.npy`` is float16 [texts, dim]: unit vectors, one for each
distinct text of a side. ``PART.parquet`` has a row per pair: ``embedded``, and for each side
``SIDE_vector`` (its row of the array) and ``SIDE_key`` (a hash of what the encoder reads of it).
``SIDE_vector`` is null if a side of the pair has no text, or more than the encoder reads. Later
embeddings are appended.
"""

from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.encoders.neighbours import spans, unit
from sealdata.errors import DataError
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import write_atomic
from sealdata.scorers import Embedded, Scorer
from sealdata.workflow.part_files import drop_checksum, is_store_intact, write_checksum

Side = Literal["src", "tgt"]
SIDES: tuple[Side, Side] = ("src", "tgt")
Halves = npt.NDArray[np.float16]

_COPIED = 16_384  # vectors copied at a time


def read_index(store: Path, part: str, columns: list[str] | None = None) -> pl.DataFrame:
    """The row per pair that names its vectors."""
    return read_frame(store / f"{part}.parquet", columns)


def read_array(path: Path) -> npt.NDArray[Any]:
    """A file of numbers, memory-mapped: only the rows that are used are read.

    Raises:
        DataError: missing or damaged.
    """
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path} ({error}); delete its folder and run again") from None
    return array


def add_vectors(
    store: Path, part: str, scorer: Scorer, pairs: pl.DataFrame, needed: pl.Series
) -> tuple[pl.Series, pl.DataFrame] | None:
    """Bring a part's vectors to cover all ``needed`` rows of ``pairs``; None if they do already.

    Returns the rows embedded now (bool per row of ``pairs``) and their scores, a row for each:
    encoding is the expensive part, so scores are computed with it. Memory is a chunk of pairs.
    """
    # An array without an index is what a killed run left. It is replaced, as damaged files are.
    stored = is_store_intact(store, part)
    index = read_index(store, part) if stored else _blank(pairs.height)
    # ``embedded`` also marks pairs without text: encoding them again would bring nothing.
    todo = needed & ~index["embedded"]
    if stored and not todo.any():
        return None
    fresh = pairs.filter(todo)
    texts = _Texts(fresh, scorer, index, read_array(store / f"{part}.npy") if stored else None)
    # The function that writes returns nothing, so the scores leave it through a list.
    scores: list[pl.DataFrame] = []

    def write(temporary: Path) -> None:
        # A new file with the old vectors copied, because a file that grows in place could be cut by
        # a kill.
        with temporary.open("wb") as file:
            scores.append(texts.write(file, fresh, scorer))

    paths = (store / f"{part}.npy", store / f"{part}.parquet")
    # From here to the checksums a killed run leaves a part that does not count: an array of one run
    # with the index of another could name the wrong vectors.
    for path in paths:
        drop_checksum(path)
    write_atomic(paths[0], write)
    write_frame(_indexed(index, todo, texts), paths[1])
    for path in paths:
        write_checksum(path)
    return todo, scores[0]


class _Texts:
    """The texts of pairs that are to be embedded, and the rows of their vectors."""

    def __init__(
        self, fresh: pl.DataFrame, scorer: Scorer, index: pl.DataFrame, old: Halves | None
    ) -> None:
        # float16 [old texts, dim], memory-mapped, or None.
        self.old = old
        # A pair is embedded only if both sides have text: one vector has no cosine.
        keys = pl.DataFrame({side: scorer.text_keys(fresh[side]) for side in SIDES})
        has_text = keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        self.keys = {side: keys[side].fill_null(0) for side in SIDES}
        self.new: dict[Side, npt.NDArray[np.bool_]] = {}  # rows that bring a new text, once each
        for side in SIDES:
            # Texts that an earlier run encoded keep their vector.
            stored = index.filter(pl.col(f"{side}_vector").is_not_null())[f"{side}_key"]
            unknown = has_text & ~keys[side].is_in(stored.implode())
            # The first of equal new texts brings the vector. Its row of the array is shared later,
            # in ``_indexed``.
            first = pl.when(unknown).then(pl.col(side)).is_first_distinct() & unknown
            self.new[side] = keys.select(first).to_series().to_numpy()
        # Row of the array for each fresh pair, int64 [fresh]; -1 for "not the first, or no text".
        self.vectors = {side: np.full(fresh.height, -1, np.int64) for side in SIDES}
        self.not_truncated = np.zeros(fresh.height, np.bool_)

    def write(self, file: IO[bytes], fresh: pl.DataFrame, scorer: Scorer) -> pl.DataFrame:
        """Write old vectors, then new ones as they come. Returns the scores of all pairs."""
        # The header of the file has the final height, so the number of vectors must be known before
        # they are.
        count = 0 if self.old is None else len(self.old)
        total = count + sum(int(new.sum()) for new in self.new.values())
        if self.old is not None:
            _begin(file, total, self.old.shape[1])
            for start, stop in spans(len(self.old), _COPIED):
                file.write(np.ascontiguousarray(self.old[start:stop]).data)

        # The scorer calls this for each chunk of pairs, so all vectors together are never in
        # memory.
        def keep(chunk: Embedded) -> None:
            nonlocal count
            # The width is known only with the first chunk.
            if not file.tell():
                _begin(file, total, chunk.src.shape[1])
            self.not_truncated[chunk.rows] = chunk.not_truncated
            for side, vectors in zip(SIDES, (chunk.src, chunk.tgt), strict=True):
                is_new = self.new[side][chunk.rows]
                rows = chunk.rows[is_new]
                self.vectors[side][rows] = np.arange(count, count + len(rows))
                # Length 1 before rounding to half precision, so that a product of two rows is their
                # cosine.
                file.write(unit(vectors[is_new]).astype("<f2").data)
                count += len(rows)

        scores = scorer.score_embedded(fresh, keep)
        # No pair has text. An empty array still marks the part as done.
        if not file.tell():
            _begin(file, 0, 0)
        assert count == total, f"{count} vectors, not {total}"
        return scores


def _begin(file: IO[bytes], height: int, dim: int) -> None:
    # The header is written by hand, because ``np.save`` needs the whole array. Bytes are
    # little-endian everywhere.
    header = {"descr": "<f2", "fortran_order": False, "shape": (height, dim)}
    np.lib.format.write_array_header_1_0(file, header)


def _blank(height: int) -> pl.DataFrame:
    # One row with the right types, repeated.
    none = {f"{side}_vector": pl.Series([None], dtype=pl.UInt32) for side in SIDES}
    zero = {f"{side}_key": pl.Series([0], dtype=pl.UInt64) for side in SIDES}
    row = pl.DataFrame({"embedded": [False], **none, **zero})
    return row.select(pl.all().repeat_by(height).explode()) if height else row.clear()


def _indexed(index: pl.DataFrame, todo: pl.Series, texts: _Texts) -> pl.DataFrame:
    """The index with the rows that were embedded now."""
    rows = todo.arg_true().to_numpy()
    # A side that the encoder cut short has a vector of its beginning only, which is not its
    # meaning.
    truncated = np.zeros(index.height, np.bool_)
    truncated[rows] = ~texts.not_truncated
    columns = {"embedded": index["embedded"] | todo}
    for side in SIDES:
        # Polars hands out arrays that must not be written to, hence the copies.
        keys = index[f"{side}_key"].to_numpy().copy()
        keys[rows] = texts.keys[side].to_numpy()
        vectors = index[f"{side}_vector"].cast(pl.Int64).fill_null(-1).to_numpy().copy()
        vectors[rows] = texts.vectors[side]
        # Only one row of equal texts was given the vector; the others get it from there.
        shared = pl.DataFrame({"key": keys, "vector": vectors}).select(pl.max("vector").over("key"))
        # Truncated pairs have no vector, though another pair with the same text may.
        vector = shared.to_series().set(pl.Series(truncated), -1)
        columns[f"{side}_vector"] = vector.replace(-1, None).cast(pl.UInt32)
        columns[f"{side}_key"] = pl.Series(keys)
    return pl.DataFrame(columns)
