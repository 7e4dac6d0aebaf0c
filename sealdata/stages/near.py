"""Near-duplicates: the first of pairs with nearly the same character n-grams stays.

MinHash (Broder 1997) with banding, in steps whose memory does not grow with the corpus. ``Bands``
hashes the bands of each pair's sketch. ``Edges`` reads ranges of those hashes, and names the
couples of pairs that share a band. ``Sketches`` writes the sketches of both ends of a couple under
one key. ``Verify`` estimates the Jaccard similarity of each couple. rensa makes the sketches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.extras import require
from sealdata.files.frames import read_frame
from sealdata.files.records import PartRecord
from sealdata.kernels import texts_of
from sealdata.kernels.ngrams import ngram_hashes
from sealdata.stages.partition import (
    KeyFile,
    languages_of,
    rank_in_group,
    read_range,
    rows_of,
    write_sorted,
)
from sealdata.stages.rules import RuleEvaluator
from sealdata.text.hashing import mix, text_key
from sealdata.workflow.stage import Step

NGRAM = 5  # characters of the normal form
NUM_HASHES = 128
BANDS, ROWS = 20, 6  # of a similarity of 0.8 99.8 % share a band, of 0.7 92 %, of 0.5 27 %
_SEED = 1
_BATCH = 10_000  # pairs whose sketches are Python numbers at a time, as rensa returns them

# The sketch of a pair is written once for each of its couples. A larger block would make more
# couples with one pair of boilerplate.
BLOCK = 1_024  # pairs of a bucket that are compared with the same pair
SKETCHES_PER_RANGE = 500_000  # in memory with their copies: about 250 MiB
GROUP_SKETCHES = 1_024  # 128 KiB

Sketch = npt.NDArray[np.uint32]


def sketches(pairs: pl.DataFrame) -> tuple[Sketch, npt.NDArray[np.bool_]]:
    """MinHash of the n-grams of both sides of each pair (``src``, ``tgt``), [pairs, NUM_HASHES],
    and which pairs have any n-grams (bool [pairs]). Sketches of the others have no meaning.

    The sides' normal forms are joined by a line feed, which neither has. Equal on every machine.

    Raises:
        MissingExtraError: rensa is not installed.
    """
    require("[near_dedup]", "rensa")
    # Imported here, because the library is optional and other stages must work without it.
    from rensa import RMinHash

    # Empty arrays first: ``concatenate`` needs one where there are no pairs.
    batches, has_ngrams = [np.zeros((0, NUM_HASHES), np.uint32)], [np.zeros(0, np.bool_)]
    for batch in pairs.iter_slices(_BATCH):
        # The same normal form as for exact duplicates: case, spacing and punctuation make no
        # difference.
        sides = batch.select(text_key(side).alias(side) for side in ("src", "tgt"))
        joined = sides.select(pl.concat_str("src", "tgt", separator="\n")).to_series()
        # Flat buffers: hashes of all n-grams [n], and where each pair's begin [pairs + 1].
        hashes, begins = ngram_hashes(*texts_of(joined), NGRAM)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, begins, NUM_HASHES, _SEED)
        batches.append(np.array(matrix.to_rows(), np.uint32).reshape(batch.height, NUM_HASHES))
        has_ngrams.append(np.diff(begins) > 0)
    return np.concatenate(batches), np.concatenate(has_ngrams)


@dataclass(frozen=True)
class Bands(Step):
    """Writes ``at`` and ``key`` (u64) of every band of the surviving pairs, sorted by key."""

    name: ClassVar[str] = "near-bands"

    evaluator: RuleEvaluator

    def params(self) -> list[Any]:
        """What decides which pairs survive."""
        return self.evaluator.params()

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Pairs of fewer than NGRAM characters in all have no near-duplicates."""
        pairs = read_frame(
            self.evaluator.cleaned.folder / f"{part}.parquet", columns=["src", "tgt"]
        )
        surviving = self.evaluator.evaluate(part).surviving
        # Row numbers are those of the whole part, so they are made before the filter.
        rows = pairs.with_columns(at=pl.int_range(pl.len(), dtype=pl.UInt32)).filter(surviving)
        # Only keys of bands stay in memory: 240 bytes a pair, where a sketch has 512.
        batches = [_bands(batch) for batch in rows.iter_slices(_BATCH)]
        # Without a surviving pair there is no batch. The schema then comes from an empty frame.
        bands = pl.concat(batches or [_bands(rows)])
        write_sorted(bands.sort("key", "at"), folder / f"{part}.parquet")
        height = pairs.height
        return PartRecord(part=part, rows_in=height, rows_out=height, facts={"keys": bands.height})


def _bands(pairs: pl.DataFrame) -> pl.DataFrame:
    sketch, has_ngrams = sketches(pairs)
    # u64 [pairs, BANDS, ROWS]; the last 8 of the 128 hashes are in no band.
    hashes = sketch[has_ngrams, : BANDS * ROWS].astype(np.uint64).reshape(-1, BANDS, ROWS)
    # One u64 per band: the hashes of its rows, mixed by a multiplication that wraps.
    keys = np.zeros(hashes.shape[:2], np.uint64)
    for row in range(ROWS):
        keys = keys * np.uint64(0x5851F42D4C957F2D) + hashes[:, :, row] + np.uint64(1)
    # The number of the band goes in: equal rows of two different bands prove nothing.
    keys += np.arange(BANDS, dtype=np.uint64) << np.uint64(56)
    rows = np.repeat(pairs["at"].to_numpy()[has_ngrams], BANDS)
    # ``mix`` spreads the keys evenly over u64, because ranges are cut by equal widths.
    return pl.DataFrame({"at": rows, "key": mix(pl.Series(keys.ravel()), _SEED)})


FIRST = "first"  # RANGE.first.parquet: the same couples, sorted by the end that comes first


@dataclass(frozen=True)
class Edges(Step):
    """Names the couples of pairs of one language that share a band, in one range of bands.

    Each pair of a bucket is compared with two others: the pair before it, and the first of its
    block of BLOCK pairs. The first of a block is compared with the first of the block before. So
    the cost is linear in the size of the bucket, and pairs that are all alike still lead to the
    first one. Without blocks, one pair of boilerplate would be in a couple with all others.
    """

    name: ClassVar[str] = "near-edges"

    files: tuple[KeyFile, ...]

    def params(self) -> list[Any]:
        """Only pairs of one language are compared."""
        return [languages_of(self.files), BLOCK]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order``, ``at``, ``first_order``, ``first_at``, distinct."""
        # A bucket is now a run of rows with equal language and key, in the order of precedence.
        rows = read_range(self.files, part, "key").sort("lang", "key", "order", "at")
        position = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
        # u32 per row: how many rows of the bucket come before it.
        above = rank_in_group(rows, ["lang", "key"])
        later = above > 0
        # Every row but the first of its bucket is the later end of two couples.
        later_ends = rows.select("order", "at").filter(later)
        within = above % BLOCK
        behind = within.set(within == 0, BLOCK)  # the first of the block, or of the one before
        # The earlier end is ``behind`` rows before, or one row before. In the second row of a
        # bucket both are the same.
        couples = [
            later_ends.hstack(
                rows.select(first_order="order", first_at="at")[earlier.filter(later)]
            )
            for earlier in (position - behind, position - 1)
        ]
        edges = (
            pl.concat(couples)
            # A pair can be in a bucket twice, if two of its bands have equal keys by chance. It is
            # not its own copy.
            .filter(
                (pl.col("order") != pl.col("first_order")) | (pl.col("at") != pl.col("first_at"))
            )
            # Pairs that are alike share several bands, five on average at a similarity of 0.8, so a
            # couple is found several times.
            .unique()
        )
        # Each part reads the couples of which it has an end. Two sort orders let it skip all other
        # row groups.
        write_sorted(edges.sort(edges.columns), folder / f"{part}.parquet")
        by_first = edges.sort("first_order", "first_at", "order", "at")
        write_sorted(by_first, folder / f"{part}.{FIRST}.parquet")
        return PartRecord(
            part=part, rows_in=rows.height, rows_out=rows.height, facts={"edges": edges.height}
        )


@dataclass(frozen=True)
class Sketches(Step):
    """Writes the sketch of each end that a part has of a couple, sorted by couple."""

    name: ClassVar[str] = "near-sketches"

    # The folder of ``Edges``, the names of its parts, and the place of each part in the order of
    # precedence.
    edges: Path
    ranges: tuple[str, ...]
    orders: dict[str, int]
    cleaned: Path

    def params(self) -> list[Any]:
        """The parts and their precedence, and how the sketches are stored."""
        return [self.orders, GROUP_SKETCHES]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``key`` (u64, the couple's), ``is_first``, ``at`` and ``sketch`` (8 bits of each
        hash, u8 [NUM_HASHES])."""
        # A couple found in several ranges has one key, and so one row here.
        ends = pl.concat(self._ends(part)).unique().sort("at")
        # A pair of many couples is sketched once.
        distinct = ends["at"].unique().sort()
        pairs = read_frame(self.cleaned / f"{part}.parquet", columns=["src", "tgt"])
        # Eight bits of each hash: an estimate by few bits needs a correction (Li and König 2010),
        # which ``Verify`` makes.
        low_bytes = (sketches(pairs[distinct])[0] & 0xFF).astype(np.uint8)
        index = distinct.search_sorted(ends["at"]).to_numpy()
        sketch = pl.Series("sketch", low_bytes[index], pl.Array(pl.UInt8, NUM_HASHES))
        # Sorted by the couple, so that both ends meet in one range, whichever parts they come from.
        rows = ends.with_columns(sketch).sort("key", "is_first")
        write_sorted(rows, folder / f"{part}.parquet", GROUP_SKETCHES)
        height = pairs.height
        return PartRecord(part=part, rows_in=height, rows_out=height, facts={"keys": rows.height})

    def _ends(self, part: str) -> Iterator[pl.DataFrame]:
        order = self.orders[part]
        # The part may have the later ends, in the first files, or the earlier ends, in the second.
        for ending, order_column, row_column in (
            ("", "order", "at"),
            (f".{FIRST}", "first_order", "first_at"),
        ):
            for name in self.ranges:
                path = self.edges / f"{name}{ending}.parquet"
                edges = rows_of(path, pl.col(order_column) == order)
                is_first = pl.lit(bool(ending))
                yield edges.select(key=_couple(edges), is_first=is_first, at=pl.col(row_column))


def _couple(edges: pl.DataFrame) -> pl.Series:
    """A u64 that names a couple: the places of both ends, mixed one after the other."""
    # The four numbers take more than 64 bits, so the name is a hash. Two couples share one with
    # odds of 2^-64.
    key = pl.Series(np.zeros(edges.height, np.uint64))
    for number, name in enumerate(("order", "at", "first_order", "first_at")):
        key = mix(pl.Series(key.to_numpy() ^ edges[name].cast(pl.UInt64).to_numpy()), number)
    return key


@dataclass(frozen=True)
class Verify(Step):
    """Finds, in one range of couples, the later ends of those that are alike."""

    name: ClassVar[str] = "near-dedup"

    files: tuple[KeyFile, ...]
    jaccard: float

    def params(self) -> float:
        """The similarity from which a pair is a near-duplicate."""
        return self.jaccard

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order``, ``at`` of each pair with an earlier near-duplicate.

        The share of equal hashes estimates the similarity, with a standard deviation of at most
        0.045. One in 256 different hashes has equal 8 bits; the estimate corrects for it.
        """
        ends = read_range(self.files, part, "key")
        # Sorted by key, so line i of both frames is the same couple.
        later = ends.filter(~pl.col("is_first")).unique("key").sort("key")
        first = ends.filter(pl.col("is_first")).unique("key").sort("key")
        assert later["key"].equals(first["key"]), f"{part}: couples without a second end"
        # Share of equal bytes among NUM_HASHES, [couples].
        equal = (later["sketch"].to_numpy() == first["sketch"].to_numpy()).mean(axis=1)
        alike = (equal - 1 / 256) / (1 - 1 / 256) >= self.jaccard
        # Only the later end is dropped. An end with several earlier duplicates is listed once.
        drops = later.filter(pl.Series(alike)).select("order", "at").unique().sort("order", "at")
        write_sorted(drops, folder / f"{part}.parquet")
        return PartRecord(
            part=part, rows_in=ends.height, rows_out=ends.height, facts={"alike": drops.height}
        )
