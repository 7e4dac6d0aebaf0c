"""The search: which side of a pair is, or contains, a sentence of an evaluation set."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.contamination.hashes import NGRAM
from sealdata.files.frames import read_frame
from sealdata.kernels import texts_of
from sealdata.kernels.ngrams import (
    Hashes,
    Ints,
    most_contained,
    num_letters,
    scaled_ngram_hashes,
)

_BATCH = 50_000  # texts whose n-grams are in memory at once


@dataclass(frozen=True)
class Index:
    """Known sentences by their key and by their n-grams."""

    keys: pl.DataFrame  # ``key``, ``ref``: the first sentence that has it
    ref_hashes: Hashes  # distinct, ascending
    buckets: Ints
    shift: int
    owner_starts: Ints
    owners: Ints
    sizes: Ints
    whole: npt.NDArray[np.bool_]  # sentences of which a text must contain all

    @classmethod
    def of(cls, refs: pl.DataFrame) -> Self:
        """The index of ``refs`` (``key``, ``ngrams``, ``whole``); sentences go by their row."""
        rows = refs.select("key", "ngrams", ref=pl.int_range(pl.len(), dtype=pl.Int64))
        pairs = rows.select("ref", "ngrams").explode("ngrams").drop_nulls().sort("ngrams", "ref")
        distinct = pairs.group_by("ngrams", maintain_order=True).len()
        ref_hashes = distinct["ngrams"].to_numpy()
        shift = 64 - max(1, (2 * len(ref_hashes)).bit_length())  # two buckets or more a hash
        ends = np.arange((1 << (64 - shift)) + 1, dtype=np.uint64)
        return cls(
            keys=rows.group_by("key", maintain_order=True).agg(pl.col("ref").first()),
            ref_hashes=ref_hashes,
            buckets=np.searchsorted(ref_hashes >> np.uint64(shift), ends).astype(np.int64),
            shift=shift,
            owner_starts=np.concatenate([[0], distinct["len"].to_numpy().cumsum()]).astype(
                np.int64
            ),
            owners=pairs["ref"].to_numpy(),
            sizes=refs["ngrams"].list.len().to_numpy().astype(np.int64),
            whole=refs["whole"].to_numpy(),
        )

    def search(
        self, keys: pl.Series, normal: pl.Series, containment: float, min_chars: int = 1
    ) -> pl.DataFrame:
        """``at`` (index of the text), ``ref``, ``score`` (f32) and ``kind`` of matches, by ``at``.

        ``keys`` are the texts' keys and ``normal`` their normal forms. A text with the key of a
        sentence is an ``exact`` match with score 1, if its normal form has ``min_chars`` letters.
        A Han character counts as three, a kana or Korean syllable as two. A text that contains at
        least the share ``containment`` of a sentence's distinct n-grams is a match by
        ``containment``. It must contain all of a short one.
        """
        row = pl.int_range(keys.len(), dtype=pl.UInt32, eager=True).alias("at")
        letters = pl.Series(num_letters(*texts_of(normal)), dtype=pl.Int64)
        exact = (
            pl.DataFrame({"at": row, "key": keys})
            .filter(letters >= min_chars)
            .join(self.keys, on="key", maintain_order="left")
            .select("at", "ref", score=pl.lit(1, pl.Float32), kind=pl.lit("exact"))
        )
        refs, shares = self._contained(normal, containment)
        contained = pl.DataFrame({"at": row, "ref": refs, "score": shares})
        contained = contained.filter(pl.col("ref") >= 0)
        near = contained.join(exact, on="at", how="anti", maintain_order="left")
        return pl.concat([exact, near.with_columns(kind=pl.lit("containment"))]).sort("at")

    def _contained(self, normal: pl.Series, containment: float) -> tuple[pl.Series, pl.Series]:
        needed = np.where(self.whole, 1, containment).astype(np.float32)
        refs, shares = [pl.Series(dtype=pl.Int64)], [pl.Series(dtype=pl.Float32)]
        for batch in normal.to_frame().iter_slices(_BATCH):
            hashes, _, begins = scaled_ngram_hashes(*texts_of(batch.to_series()), NGRAM)
            best, share = most_contained(
                hashes,
                begins,
                self.ref_hashes,
                self.buckets,
                self.shift,
                self.owner_starts,
                self.owners,
                self.sizes,
                needed,
            )
            refs.append(pl.Series(best))
            shares.append(pl.Series(share))
        return pl.concat(refs), pl.concat(shares)


@lru_cache(maxsize=1)
def open_index(path: Path) -> tuple[Index, pl.DataFrame]:
    """The index of a file of references, kept by the process, and what is known of each."""
    refs = read_frame(path)
    return Index.of(refs), refs.drop("key", "ngrams", "whole", "format")
