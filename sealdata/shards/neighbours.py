"""Neighbouring pairs of one page, chapter or film, kept together in one training document."""

from collections import Counter
from collections.abc import Iterable, Iterator

import polars as pl
import polars_hash as plh

from sealdata.shards.shuffle import row_keys
from sealdata.text.hashing import mix

JOINED = "joined"  # why a pair makes no document of its own: it is in that of the pair before it

# Columns of pairs that may name the document of a pair, the first that is not null.
DOCUMENT_NAMES = ("document", "src_url", "tgt_url")


def document_of() -> pl.Expr:
    """What names the document of a pair: the corpus's own name, else the address of the page.

    Null if the corpus says neither. Such a pair is a document of its own.
    """
    return pl.coalesce(*DOCUMENT_NAMES)


def document_keys(pairs: pl.DataFrame, seed: int) -> pl.Series:
    """``row_keys``, but one key (u64) for all pairs of a document of a source.

    ``pairs`` has ``source``, ``row`` and ``document`` (null: the pair is a document of its own).
    Equal keys bring the pairs of a document together in the shuffle, wherever the corpus has them.
    """
    # The first row of a document is not known in a slice, so the hash of its name stands for it.
    names = pairs.select("source", document=pl.col("document").fill_null(""))
    named = names.select("source", row=plh.col("document").nchash.xxh3_64())
    # Mixed once more, or a document would have the key of the row whose number its hash is.
    keys = mix(row_keys(named, seed), seed)
    return keys.zip_with(pairs["document"].is_not_null(), row_keys(pairs, seed)).rename("key")


def joined(
    frames: Iterable[pl.DataFrame], num_pairs: int, tally: Counter[str]
) -> Iterator[pl.DataFrame]:
    """Up to ``num_pairs`` neighbours of a document as one row, in the order of the corpus.

    ``frames`` have ``key``, ``source``, ``row``, ``src``, ``tgt`` and are sorted by the first
    three. In the result ``src`` and ``tgt`` are lists of texts, and ``row`` is that of the first
    pair. Pairs that were added to another are counted in ``tally``.
    """
    held: pl.DataFrame | None = None
    for frame in frames:
        frame = frame if held is None else pl.concat([held, frame])
        begins = _begins(frame, num_pairs)
        # The last document may go on in the next frame.
        last = frame.height - 1 - int(begins.reverse().arg_max() or 0) if frame.height else 0
        held = frame[last:]
        if last:
            yield _rows(frame[:last], begins[:last], tally)
    if held is not None and held.height:
        yield _rows(held, _begins(held, num_pairs), tally)


def _begins(frame: pl.DataFrame, num_pairs: int) -> pl.Series:
    """Which rows begin a document: the first of a key, and each ``num_pairs`` rows behind it."""
    index = pl.int_range(pl.len())
    new_key = (pl.col("key") != pl.col("key").shift(1)).fill_null(True)
    first = pl.when(new_key).then(index).forward_fill()
    return frame.select((index - first) % num_pairs == 0).to_series()


def _rows(frame: pl.DataFrame, begins: pl.Series, tally: Counter[str]) -> pl.DataFrame:
    document = begins.cum_sum().alias("document")
    rows = (
        frame.group_by(document, maintain_order=True)
        .agg(pl.col("key", "source", "row").first(), "src", "tgt")
        .drop("document")
    )
    tally[JOINED] += frame.height - rows.height
    return rows
