"""Nearest neighbours across two languages, and the margin of a pair over them.

Source: Artetxe and Schwenk 2019, "Margin-based Parallel Corpus Mining with Multilingual Sentence
Embeddings". The neighbours of a sentence are distinct sentences of the other language. Its own
translation is one of them if it is near enough, as in ``mine_bitexts.py`` of LASER (``--mode score
--unify``).
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from sealdata.kernels.top_k import keep_best

Kind = Literal["ratio", "distance"]
Vectors = npt.NDArray[np.float32]

_TILE = 2048  # vectors a side of one product: 16 MiB of float32, in the processor's cache


def unit(vectors: Vectors) -> Vectors:
    """The same directions, of length 1; zero stays zero."""
    # A zero vector has cosine 0 with all others.
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    normalised: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return normalised


def best_cosines(
    queries: Vectors, num_pool: int, rows: Callable[[int, int], Vectors], k: int
) -> tuple[Vectors, Vectors]:
    """The ``k`` highest cosines of each query in the pool, and of each of the pool's vectors among
    the queries: float32 [queries, k] and [num_pool, k], each line rising, -inf where there are
    fewer than k.

    ``rows(start, stop)`` returns vectors of the pool. All vectors have length 1. Never more than
    ``_TILE`` x ``_TILE`` cosines are in memory. The number of threads does not change a bit.
    """
    import torch

    from sealdata.encoders.threads import one_thread_per_operation

    highest = np.full((len(queries), k), -np.inf, np.float32)
    found_back = np.full((num_pool, k), -np.inf, np.float32)
    # One buffer for all tiles: each product overwrites the last.
    product = np.empty(_TILE * _TILE, np.float32)
    with torch.inference_mode(), one_thread_per_operation():
        # The pool is the outer loop: its vectors are read from disk, once. Queries are in memory.
        for start, stop in spans(num_pool, _TILE):
            columns = torch.from_numpy(rows(start, stop)).T
            for top, bottom in spans(len(queries), _TILE):
                height, width = bottom - top, stop - start
                # The front of the buffer, so that a smaller tile is contiguous too.
                cosines = product[: height * width].reshape(height, width)
                left = torch.from_numpy(queries[top:bottom])
                torch.mm(left, columns, out=torch.from_numpy(cosines))
                # Only k numbers a row survive a tile, so memory does not grow with the pool.
                keep_best(cosines, highest[top:bottom], found_back[start:stop])
    return highest, found_back


def spans(total: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of consecutive blocks of ``size``, the last one shorter."""
    for start in range(0, total, size):
        yield start, min(start + size, total)


def margins(
    kind: Kind, cosines: npt.NDArray[np.float64], around: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The margin of pairs, from their cosine and the mean cosine ``around`` them: that of the
    nearest neighbours of both sides. NaN where a ratio has no positive mean to stand on."""
    # A difference has a meaning for every mean, a ratio only for a positive one.
    if kind == "distance":
        return cosines - around
    return np.divide(cosines, around, out=np.full_like(cosines, np.nan), where=around > 0)
