"""Margin: how much closer a pair is than the nearest neighbours of its sides in its source.

A chain of jobs per source, over the vectors that scoring left. ``Pool`` lists the distinct texts of
a side; of few pairs ``Compare`` holds every text of one side against every one of the other, of
many ``Index`` makes them searchable and ``Search`` asks; ``Margins`` puts a pair's cosine against
what was found for its sides. See ``sealdata.laser.neighbours`` for the definitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.files.frames import write_frame
from sealdata.files.records import PartRecord, write_atomic
from sealdata.filter_stages import RuleStage
from sealdata.laser.approximate import near_cosines, write_index
from sealdata.laser.neighbours import Kind, Vectors, best_cosines, margins, spans
from sealdata.stages.rules import RuleEvaluator
from sealdata.stages.vectors import Side, read_array, read_index
from sealdata.workflow.stage import Step

BLOCK = 32_768  # texts that one task seeks the neighbours of: 128 MiB of LASER's vectors
NONE = np.uint32(2**32 - 1)  # the text of a pair that has none

_SORTED = 1 << 22  # keys at a time: some 150 MiB
_PAIRS = 8192  # whose cosines are computed at a time
_DECIMALS = 4  # of a margin, as of a cosine: machines differ in the seventh digit

_EQUAL = 1e-5  # between two ways to compute one cosine: they differ in the seventh digit

Places = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pool(Step):
    """Lists the distinct texts of a side (the part: ``src`` or ``tgt``) of surviving pairs.

    A text that several pairs share, or that the encoder cannot tell from another, counts once: it
    must not be its own neighbour. In memory are some 22 bytes a pair: 0.9 GB of 42M.
    """

    name: ClassVar[str] = "margin-pool"

    evaluator: RuleEvaluator
    before: RuleStage
    store: Path
    parts: tuple[str, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``SIDE.npy`` (uint32 [texts, 2]: number of the part, row of the first pair with
        the text, in this order) and ``SIDE.PART.npy`` (uint32 [pairs]: which text is a pair's)."""
        keys: list[npt.NDArray[np.uint64]] = []
        rows: list[tuple[int, npt.NDArray[np.uint32]]] = []  # of a part: height, rows in the pool
        for own in self.parts:
            index = read_index(self.store, own)
            alive = self.evaluator.evaluate(own, before=self.before).surviving
            living = alive & index["src_vector"].is_not_null() & index["tgt_vector"].is_not_null()
            rows.append((living.len(), living.arg_true().to_numpy()))
            keys.append(index[f"{part}_key"].to_numpy()[rows[-1][1]])
        first = _first_of_its_kind(keys)
        is_first = first == np.arange(len(first), dtype=np.uint32)
        rank = is_first.cumsum(dtype=np.uint32)  # from 1
        texts = np.empty((int(is_first.sum()), 2), np.uint32)
        start = done = 0
        for number, (own, (height, at)) in enumerate(zip(self.parts, rows, strict=True)):
            mine = slice(start, start + len(at))
            column = np.full(height, NONE)
            column[at] = rank[first[mine]] - 1
            save(folder / f"{part}.{own}.npy", column)
            named = at[is_first[mine]]
            texts[done : done + len(named), 0] = number
            texts[done : done + len(named), 1] = named
            start, done = mine.stop, done + len(named)
        save(folder / f"{part}.npy", texts)
        return PartRecord(part=part, rows_in=start, rows_out=start, facts={"texts": len(texts)})


def _first_of_its_kind(parts: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint32]:
    """For each key of all parts, where it stands first. Empties the list, to be rid of it."""
    keys = np.concatenate([*parts, np.zeros(0, np.uint64)])
    parts.clear()
    first = np.empty(len(keys), np.uint32)
    bits = max(1, (len(keys) // _SORTED).bit_length())
    width = 1 << (64 - bits)
    for low in range(0, 1 << 64, width):  # keys are hashes, so ranges are of about one size
        mine = np.flatnonzero((keys >= np.uint64(low)) & (keys <= np.uint64(low + width - 1)))
        _, places, which = np.unique(keys[mine], return_index=True, return_inverse=True)
        first[mine] = mine[places][which]
    return first


@dataclass(frozen=True)
class Texts:
    """The distinct texts of one side of a source, as vectors."""

    pool: Path
    store: Path
    parts: tuple[str, ...]
    side: Side

    def __len__(self) -> int:
        return len(self._places)

    @cached_property
    def _places(self) -> npt.NDArray[np.uint32]:
        """uint32 [texts, 2]: number of the part, row of the part's array."""
        pairs = read_array(self.pool / f"{self.side}.npy")
        places: npt.NDArray[np.uint32] = np.array(pairs)
        for number, part in enumerate(self.parts):
            mine = slice(*np.searchsorted(pairs[:, 0], [number, number + 1]))
            vectors = read_index(self.store, part, [f"{self.side}_vector"]).to_series()
            places[mine, 1] = vectors.fill_null(NONE).to_numpy()[pairs[mine, 1]]
        return places

    @cached_property
    def _arrays(self) -> list[npt.NDArray[np.float16]]:
        return [read_array(self.store / f"{part}.npy") for part in self.parts]

    def rows(self, start: int, stop: int) -> Vectors:
        """Vectors ``start`` to ``stop``, float32 [stop - start, dim]."""
        return self.gather(np.arange(start, stop))

    def gather(self, texts: Places) -> Vectors:
        """The vectors of ``texts``, which rise: float32 [len(texts), dim]."""
        places = self._places[texts]
        found = []
        for number in np.unique(places[:, 0]):
            mine = slice(*np.searchsorted(places[:, 0], [number, number + 1]))
            found.append(self._arrays[number][places[mine, 1]])
        return np.concatenate(found).astype(np.float32)


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
        queries = self.src.rows(start, stop)
        mine, others = best_cosines(queries, len(self.tgt), self.tgt.rows, self.k)
        save(folder / f"{part}.src.npy", mine)
        save(folder / f"{part}.tgt.npy", others)
        return PartRecord(part=part, rows_in=stop - start, rows_out=stop - start)


@dataclass(frozen=True)
class Index(Step):
    """Makes the texts of a side (the part) searchable; see ``sealdata.laser.approximate``."""

    name: ClassVar[str] = "margin-index"
    version: ClassVar[int] = 2

    sides: tuple[Texts, Texts]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``SIDE.faiss``."""
        [texts] = [own for own in self.sides if own.side == part]
        path = folder / f"{part}.faiss"
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
        own, other = sorted(self.sides, key=lambda texts: texts.side != side)
        start, stop = block_of(part, len(own))
        queries, path = own.rows(start, stop), self.indexes / f"{other.side}.faiss"
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
    found: Path
    blocks: Mapping[Side, tuple[str, ...]]  # in order; those whose files speak of a side's texts
    whole: tuple[Side, ...]  # of which each file has all texts, not a block of them
    kind: Kind
    k: int

    def params(self) -> list[Any]:
        """The kind of margin and the number of neighbours."""
        return [self.kind, self.k]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: how many pairs have a margin."""
        texts = [read_array(own.pool / f"{own.side}.{part}.npy") for own in (self.src, self.tgt)]
        height = len(texts[0])
        values = np.full(height, np.nan)
        at = np.flatnonzero(texts[0] != NONE)
        if len(at) and min(len(self.src), len(self.tgt)) > self.k:
            src, tgt = (own[at].astype(np.int64) for own in texts)
            cosines = self._cosines(src, tgt)
            around = [self._around(*side, cosines) for side in (("src", src), ("tgt", tgt))]
            values[at] = margins(self.kind, cosines, (around[0] + around[1]) / 2)
        column = pl.Series("margin", values).fill_nan(None).round(_DECIMALS).cast(pl.Float32)
        write_frame(column.to_frame(), folder / f"{part}.parquet")
        scored = height - column.null_count()
        return PartRecord(part=part, rows_in=height, rows_out=height, facts={"scored": scored})

    def _cosines(self, src: Places, tgt: Places) -> Cosines:
        found = np.empty(len(src))
        for start, stop in spans(len(src), _PAIRS):
            sides = []
            for own, texts in ((self.src, src), (self.tgt, tgt)):
                named, place = np.unique(texts[start:stop], return_inverse=True)
                sides.append(own.gather(named)[place])
            found[start:stop] = np.einsum("nd,nd->n", *sides)
        return found

    def _around(self, side: Side, texts: Places, cosines: Cosines) -> Cosines:
        """The mean cosine of the nearest neighbours of ``texts``, given those of their partners."""
        files = [read_array(self.found / f"{block}.{side}.npy") for block in self.blocks[side]]
        best = np.full((len(texts), self.k), -np.inf, np.float32)
        for number, file in enumerate(files):
            if side in self.whole:  # each file has all texts, against some of the other side's
                both = np.concatenate([best, file[texts]], axis=1)
                best = np.partition(both, self.k, axis=1)[:, self.k :]
            else:
                mine = texts // BLOCK == number
                best[mine] = file[texts[mine] % BLOCK]
        if not self.whole:  # an index may have missed the partner, which is known to be there
            best = np.sort(best, axis=1)
            missed = (cosines > best[:, 0]) & (np.abs(best - cosines[:, None]) > _EQUAL).all(axis=1)
            best[missed, 0] = cosines[missed]
        known = np.isfinite(best)
        total = np.where(known, best, 0).sum(axis=1, dtype=np.float64)
        means: Cosines = total / np.maximum(known.sum(axis=1), 1)
        return means


def block_names(prefix: str, num_texts: int) -> tuple[str, ...]:
    """Names of the blocks of ``num_texts`` texts, the parts of ``Compare`` and ``Search``."""
    return tuple(f"{prefix}-{number:05d}" for number in range(-(-num_texts // BLOCK)))


def block_of(name: str, num_texts: int) -> tuple[int, int]:
    """From which text to which a block goes."""
    start = int(name.rpartition("-")[2]) * BLOCK
    return start, min(start + BLOCK, num_texts)


def save(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write an array as .npy, atomically."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, array)

    write_atomic(path, write)
