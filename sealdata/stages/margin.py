"""Margin: how much closer a pair is than the nearest neighbours of its sides in its source.

The steps work on the vectors that scoring wrote, source by source. ``Pool`` lists the distinct
texts of a side. For few texts, ``Compare`` compares every text of one side with every text of the
other. For many, ``Index`` makes them searchable and ``Search`` searches. ``Margins`` relates a
pair's cosine to the neighbours of its sides. ``sealdata.encoders.neighbours`` has the definitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.encoders.approximate import near_cosines, write_index
from sealdata.encoders.neighbours import Kind, Vectors, best_cosines, margins, spans
from sealdata.files.frames import write_frame
from sealdata.files.records import PartRecord, write_atomic
from sealdata.filter_stages import RuleStage
from sealdata.stages.rules import RuleEvaluator
from sealdata.stages.vectors import Side, read_array, read_index
from sealdata.workflow.stage import Step

BLOCK = 32_768  # texts of one task: 128 MiB of LASER's vectors
NO_TEXT = np.uint32(2**32 - 1)  # stands for the text of a pair that is not in the pool

_KEYS_PER_SORT = 1 << 22  # about 150 MiB
_PAIRS_PER_BATCH = 8192  # of which cosines are computed
_DECIMALS = 4  # of a margin, as of a cosine: machines differ in the seventh digit

_EQUAL = 1e-5  # between two ways to compute one cosine: they differ in the seventh digit

# ``Rows`` are int64 [n] numbers of texts in a pool. ``Cosines`` are float64 [n].
Rows = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pool(Step):
    """Lists the distinct texts of a side (the part: ``src`` or ``tgt``) of surviving pairs.

    A text that several pairs share counts once, and so do texts that the encoder reads alike: a
    text must not be its own neighbour. It takes 22 bytes of memory a pair: 0.9 GB for 42M.
    """

    name: ClassVar[str] = "margin-pool"

    # No ``params``: the inputs have a digest of the surviving rows, which is all that the evaluator
    # decides here.
    evaluator: RuleEvaluator
    before: RuleStage
    store: Path
    parts: tuple[str, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``SIDE.npy`` (uint32 [texts, 2]: number of the part, row of the first pair with
        the text, in this order) and ``SIDE.PART.npy`` (uint32 [pairs]: which text is a pair's)."""
        # First pass: read the keys of all parts. Only keys and row numbers are kept, 12 bytes a
        # pair.
        keys: list[npt.NDArray[np.uint64]] = []
        rows: list[tuple[int, npt.NDArray[np.uint32]]] = []  # of a part: height, rows in the pool
        for source_part in self.parts:
            index = read_index(self.store, source_part)
            surviving = self.evaluator.evaluate(source_part, before=self.before).surviving
            # A pair needs both vectors to have a cosine. A text without a partner is not in the
            # pool either.
            has_vectors = index["src_vector"].is_not_null() & index["tgt_vector"].is_not_null()
            in_pool = surviving & has_vectors
            rows.append((in_pool.len(), in_pool.arg_true().to_numpy()))
            # ``arg_true`` gathers the keys in the order of the rows, so positions rise with part
            # and row.
            keys.append(index[f"{part}_key"].to_numpy()[rows[-1][1]])
        # uint32 [surviving pairs of all parts]: the position at which the pair's text occurs first.
        first = _first_positions(keys)
        is_first = first == np.arange(len(first), dtype=np.uint32)
        # The number of a text counts the first occurrences up to it, so texts are in the order of
        # the corpus.
        rank = is_first.cumsum(dtype=np.uint32)  # from 1
        texts = np.empty((int(is_first.sum()), 2), np.uint32)
        start = done = 0
        # Second pass: cut the result into the parts again, and write a column for each.
        for part_index, (source_part, (height, part_rows)) in enumerate(
            zip(self.parts, rows, strict=True)
        ):
            span = slice(start, start + len(part_rows))
            # Rows that did not survive have no text, so that the column stays aligned with the
            # part.
            column = np.full(height, NO_TEXT)
            # A pair has the number of the text's first occurrence, wherever that lies in the
            # source.
            column[part_rows] = rank[first[span]] - 1
            save(folder / f"{part}.{source_part}.npy", column)
            new_texts = part_rows[is_first[span]]
            texts[done : done + len(new_texts), 0] = part_index
            texts[done : done + len(new_texts), 1] = new_texts
            start, done = span.stop, done + len(new_texts)
        # Sorted by part and row: ``Texts`` finds the rows of a part by binary search.
        save(folder / f"{part}.npy", texts)
        return PartRecord(part=part, rows_in=start, rows_out=start, facts={"texts": len(texts)})


def _first_positions(parts: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint32]:
    """For each key of all parts, the position where it occurs first (uint32 [keys]).

    Empties the list, so that its memory is free while the keys are sorted.
    """
    # The empty array is for a source without parts: ``concatenate`` refuses an empty list.
    keys = np.concatenate([*parts, np.zeros(0, np.uint64)])
    parts.clear()
    first = np.empty(len(keys), np.uint32)
    # One sort of all keys needs several times their memory. Equal keys are in one range, so ranges
    # suffice.
    bits = max(1, (len(keys) // _KEYS_PER_SORT).bit_length())
    width = 1 << (64 - bits)
    for low in range(0, 1 << 64, width):  # keys are hashes, so ranges are of about one size
        span = np.flatnonzero((keys >= np.uint64(low)) & (keys <= np.uint64(low + width - 1)))
        # ``unique`` returns the first index of each value, and ``span`` rises: so it is the first
        # position overall.
        _, first_in_span, which = np.unique(keys[span], return_index=True, return_inverse=True)
        first[span] = span[first_in_span][which]
    return first


@dataclass(frozen=True)
class Texts:
    """The distinct texts of one side of a source, as vectors."""

    # ``pool`` has the list of texts, ``store`` the vectors, a file per part of ``parts``.
    pool: Path
    store: Path
    parts: tuple[str, ...]
    side: Side

    def __len__(self) -> int:
        return len(self._positions)

    @cached_property
    def _positions(self) -> npt.NDArray[np.uint32]:
        """uint32 [texts, 2]: index of the part, row of the part's array."""
        # The pool names the first pair with a text. The row of its vector is in the index of the
        # part.
        pairs = read_array(self.pool / f"{self.side}.npy")
        positions: npt.NDArray[np.uint32] = np.array(pairs)
        for index, part in enumerate(self.parts):
            span = slice(*np.searchsorted(pairs[:, 0], [index, index + 1]))
            # The value for null is never used: every pair in the pool has vectors.
            vectors = read_index(self.store, part, [f"{self.side}_vector"]).to_series()
            positions[span, 1] = vectors.fill_null(NO_TEXT).to_numpy()[pairs[span, 1]]
        return positions

    @cached_property
    def _arrays(self) -> list[npt.NDArray[np.float16]]:
        # Memory maps of float16 [texts of the part, dim]: opening them reads only the headers.
        return [read_array(self.store / f"{part}.npy") for part in self.parts]

    def rows(self, start: int, stop: int) -> Vectors:
        """Vectors ``start`` to ``stop``, float32 [stop - start, dim]."""
        return self.gather(np.arange(start, stop))

    def gather(self, texts: Rows) -> Vectors:
        """The vectors of ``texts``, which must be in rising order: float32 [len(texts), dim]."""
        # Texts rise by part and row, so each part is one run, and its vectors are read in order of
        # the disk.
        positions = self._positions[texts]
        vectors = []
        for index in np.unique(positions[:, 0]):
            span = slice(*np.searchsorted(positions[:, 0], [index, index + 1]))
            vectors.append(self._arrays[index][positions[span, 1]])
        # Vectors are stored in half precision, but multiplied in float32: sums of 1,024 products
        # need it.
        return np.concatenate(vectors).astype(np.float32)


@dataclass(frozen=True)
class Compare(Step):
    """Compares a block of the source side's texts with all of the other side's."""

    name: ClassVar[str] = "margin-compare"

    src: Texts
    tgt: Texts
    k: int

    def params(self) -> int:
        """The number of neighbours."""
        return self.k

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes the highest cosines, each line rising, -inf for none: ``PART.src.npy`` (float32
        [block, k]) of the block's texts, ``PART.tgt.npy`` ([texts, k]) of the others within it."""
        start, stop = block_of(part, len(self.src))
        # The block stays in memory; the other side passes through in tiles.
        queries = self.src.rows(start, stop)
        # One product serves both directions. ``others`` has only this block's texts, and
        # ``Margins`` merges the blocks.
        mine, others = best_cosines(queries, len(self.tgt), self.tgt.rows, self.k)
        save(folder / f"{part}.src.npy", mine)
        save(folder / f"{part}.tgt.npy", others)
        return PartRecord(part=part, rows_in=stop - start, rows_out=stop - start)


@dataclass(frozen=True)
class Index(Step):
    """Builds an index of the texts of a side (the part); see ``sealdata.encoders.approximate``."""

    name: ClassVar[str] = "margin-index"
    version: ClassVar[int] = 2

    sides: tuple[Texts, Texts]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``SIDE.faiss``."""
        [texts] = [side for side in self.sides if side.side == part]
        path = folder / f"{part}.faiss"
        # faiss writes the file itself, so it gets the name of the temporary file.
        write_atomic(path, lambda new: write_index(len(texts), texts.rows, texts.gather, new))
        return PartRecord(part=part, rows_in=len(texts), rows_out=len(texts))


@dataclass(frozen=True)
class Search(Step):
    """Searches the neighbours of a block of texts of one side in the index of the other."""

    name: ClassVar[str] = "margin-search"

    sides: tuple[Texts, Texts]
    indexes: Path
    k: int

    def params(self) -> int:
        """The number of neighbours."""
        return self.k

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``PART.SIDE.npy``: float32 [block, k], as ``Compare`` does."""
        side = part.partition("-")[0]
        # ``False`` sorts before ``True``: the side of the block is first, whatever the order of
        # ``sides``.
        texts, other = sorted(self.sides, key=lambda texts: texts.side != side)
        start, stop = block_of(part, len(texts))
        queries, path = texts.rows(start, stop), self.indexes / f"{other.side}.faiss"
        save(folder / f"{part}.{side}.npy", near_cosines(queries, path, other.gather, self.k))
        return PartRecord(part=part, rows_in=stop - start, rows_out=stop - start)


@dataclass(frozen=True)
class Margins(Step):
    """Writes ``margin`` (float32), aligned with the part's rows.

    It is null for pairs that are not in the pool, and for all pairs of a source with at most ``k``
    distinct texts on a side: the mean over the neighbours would be a mean over all texts.
    """

    name: ClassVar[str] = "margin"

    src: Texts
    tgt: Texts
    neighbours: Path  # the folder of Compare or Search
    blocks: Mapping[Side, tuple[str, ...]]  # by side, in order: the files with its neighbours
    whole: tuple[Side, ...]  # sides of which each file has all texts, not a block of them
    kind: Kind
    k: int

    def params(self) -> list[Any]:
        """The kind of margin and the number of neighbours."""
        return [self.kind, self.k]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: how many pairs have a margin."""
        sides = (self.src, self.tgt)
        # uint32 [rows of the part] by side: which text of the pool is a row's, or NO_TEXT.
        texts = [read_array(side.pool / f"{side.side}.{part}.npy") for side in sides]
        height = len(texts[0])
        values = np.full(height, np.nan)
        # A pair is in the pool with both sides or with neither, so one side is enough to see.
        in_pool = np.flatnonzero(texts[0] != NO_TEXT)
        if len(in_pool) and min(len(self.src), len(self.tgt)) > self.k:
            src, tgt = (column[in_pool].astype(np.int64) for column in texts)
            # Computed again from the stored vectors, so that the pair and its neighbours have the
            # same rounding.
            cosines = self._cosines(src, tgt)
            # Artetxe and Schwenk 2019: both sides have the same weight in the mean.
            means = [self._neighbour_means(*side, cosines) for side in (("src", src), ("tgt", tgt))]
            values[in_pool] = margins(self.kind, cosines, (means[0] + means[1]) / 2)
        # NaN is a pair outside the pool, or a ratio over a mean that is not positive. Both become
        # null.
        column = pl.Series("margin", values).fill_nan(None).round(_DECIMALS).cast(pl.Float32)
        write_frame(column.to_frame(), folder / f"{part}.parquet")
        scored = height - column.null_count()
        return PartRecord(part=part, rows_in=height, rows_out=height, facts={"scored": scored})

    def _cosines(self, src: Rows, tgt: Rows) -> Cosines:
        cosines = np.empty(len(src))
        for start, stop in spans(len(src), _PAIRS_PER_BATCH):
            vectors = []
            for side, texts in ((self.src, src), (self.tgt, tgt)):
                # ``gather`` wants rising numbers. ``index`` then brings back the order of the
                # pairs, and repeated texts.
                distinct, index = np.unique(texts[start:stop], return_inverse=True)
                vectors.append(side.gather(distinct)[index])
            # All vectors have length 1, so the product is the cosine.
            cosines[start:stop] = np.einsum("nd,nd->n", *vectors)
        return cosines

    def _neighbour_means(self, side: Side, texts: Rows, cosines: Cosines) -> Cosines:
        """The mean cosine of the nearest neighbours of ``texts``.

        ``cosines`` are those with their partners, one per text.
        """
        folder = self.neighbours
        files = [read_array(folder / f"{block}.{side}.npy") for block in self.blocks[side]]
        # float32 [len(texts), k]; -inf stands for "no neighbour found yet".
        best = np.full((len(texts), self.k), -np.inf, np.float32)
        for index, file in enumerate(files):
            if side in self.whole:  # each file compares all texts with some of the other side
                # The k highest of 2k cosines. The order among them does not matter for a mean.
                both = np.concatenate([best, file[texts]], axis=1)
                best = np.partition(both, self.k, axis=1)[:, self.k :]
            else:
                # A block of one side has the neighbours of its own texts, complete.
                in_block = texts // BLOCK == index
                best[in_block] = file[texts[in_block] % BLOCK]
        if not self.whole:  # an index may miss the partner, whose cosine is known
            # Rising, so column 0 is the lowest neighbour, which the partner replaces.
            best = np.sort(best, axis=1)
            # The partner is already in the list if some cosine equals its own up to rounding. It
            # must not count twice.
            missed = (cosines > best[:, 0]) & (np.abs(best - cosines[:, None]) > _EQUAL).all(axis=1)
            best[missed, 0] = cosines[missed]
        # An index may find fewer than k neighbours. The mean is then over those that it found.
        is_cosine = np.isfinite(best)
        total = np.where(is_cosine, best, 0).sum(axis=1, dtype=np.float64)
        # The maximum avoids a division by 0. A text without any neighbour has the mean 0.
        means: Cosines = total / np.maximum(is_cosine.sum(axis=1), 1)
        return means


def block_names(prefix: str, num_texts: int) -> tuple[str, ...]:
    """Names of the blocks of ``num_texts`` texts, the parts of ``Compare`` and ``Search``."""
    return tuple(f"{prefix}-{number:05d}" for number in range(-(-num_texts // BLOCK)))


def block_of(name: str, num_texts: int) -> tuple[int, int]:
    """The first text of a block, and the one after its last."""
    start = int(name.rpartition("-")[2]) * BLOCK
    return start, min(start + BLOCK, num_texts)


def save(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write an array as .npy, atomically."""

    def write(temporary: Path) -> None:
        # An open file, not a path: ``np.save`` would add ``.npy`` to the temporary name.
        with temporary.open("wb") as file:
            np.save(file, array)

    write_atomic(path, write)
