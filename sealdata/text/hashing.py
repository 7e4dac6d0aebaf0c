"""Normal forms and hashes by which two texts count as the same."""

import polars as pl
import polars_hash as plh

from sealdata.text.normal_form import folded


def text_key(column: str) -> pl.Expr:
    """The normal form of a text column: NFKC, lower case, only letters, marks and digits.

    A text with none of those is its own key, so that "?!" and "..." stay two texts.
    """
    # Elementwise, so that a lazy query may run it on parts of a column.
    return pl.col(column).map_batches(normal_form, return_dtype=pl.String, is_elementwise=True)


def normal_form(text: pl.Series) -> pl.Series:
    """The keys of texts, as ``text_key`` computes them."""
    return folded(text)


def key_hashes(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """XXH3-64 (u64) of the normal form of each text column; the same on every machine.

    Two sides together make 128 bits: at 400M pairs any false match has odds below 1e-20.
    """
    # XXH3 is defined byte for byte; polars' own hash may change with its version.
    keys = pl.DataFrame([normal_form(frame[column]) for column in columns])
    return keys.select(plh.col(column).nchash.xxh3_64() for column in columns)


def mix(column: pl.Series, seed: int) -> pl.Series:
    """A u64 permutation of u64 values (splitmix64's finaliser over value + seed), for ordering
    and sampling.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    import numpy as np

    # Sums and products wrap modulo 2^64, as the method requires.
    with np.errstate(over="ignore"):
        z = column.to_numpy().astype(np.uint64, copy=True)
        # Times the golden ratio, so that the orders of seeds 1 and 2 are not shifts of each other.
        z += np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return pl.Series(column.name, z ^ (z >> np.uint64(31)))
