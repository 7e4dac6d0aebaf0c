"""Nearest neighbours among millions of vectors: cells and codes of faiss, then exact cosines.

An index holds a code of one byte per eight numbers of a vector in one of many cells (inverted file
with product quantisation, Jegou et al. 2011). A query looks at its nearest cells, takes the best
codes, and their cosines are computed from the vectors themselves: a neighbour may be missed, but
none has a wrong cosine, so a mean over neighbours is never too high.
docs/explanation/laser.md has the recall.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from sealdata.encoders.neighbours import Vectors, spans
from sealdata.errors import SealError

BLOCK = 65_536  # vectors added at a time: 256 MiB of LASER's
_PER_CELL = 40  # vectors of the sample that cells are learnt from, per cell; faiss wants 39
_SAMPLE = 262_144  # vectors that cells are learnt from, at most: 1 GiB of LASER's
_ROUNDS = 10  # of k-means
_PROBES = 32  # cells that a query searches
_CANDIDATES = 16  # codes per neighbour wanted whose cosines are computed
_QUERIES = 512  # whose candidates are in memory at a time: 128 MiB of LASER's vectors
_CODE = 8  # numbers of a vector per byte of its code


def faiss() -> ModuleType:
    """The library, set to one thread: the number of threads would change the last bits.

    Raises:
        SealError: it is not installed.
    """
    try:
        import faiss as library
    except ImportError:
        raise SealError(
            "laser.margin of so many pairs needs faiss: pip install 'sealdata[margin]', or raise "
            "exact_up_to in [score.laser], which compares every sentence with every other"
        ) from None
    library.omp_set_num_threads(1)
    typed: ModuleType = library
    return typed


def num_cells(num_vectors: int) -> int:
    """A power of two of at most four times the root: 2,048 for 500,000 vectors, 16,384 for 42M."""
    return 1 << int(np.log2(max(1.0, 4 * num_vectors**0.5)))


def write_index(
    num: int, rows: Callable[[int, int], Vectors], gather: Callable[..., Vectors], path: Path
) -> None:
    """Index ``num`` vectors of length 1, learnt from a sample spread evenly over all of them.

    ``rows(start, stop)`` and ``gather(rows)`` return vectors, float32 [n, dim]. In memory are the
    sample (40 vectors a cell, at most 1 GiB of LASER's) and the index (dim / 8 + 8 bytes a vector:
    5.7 GB for 42M).

    Raises:
        SealError: faiss is not installed.
    """
    library = faiss()
    cells = num_cells(num)
    # At even distances, because corpora come sorted. Rows rise, as ``gather`` requires.
    sample_rows = np.linspace(0, num - 1, min(num, _PER_CELL * cells, _SAMPLE)).astype(np.int64)
    sample = gather(sample_rows)
    dim = sample.shape[1]
    codes = max(1, dim // _CODE)
    metric = library.METRIC_INNER_PRODUCT
    # 8 bits a code: one of 256 centroids for each group of eight numbers. The size is that of 1/32
    # of the vectors in float32.
    index = library.IndexIVFPQ(library.IndexFlatIP(dim), dim, cells, codes, 8, metric)
    index.cp.niter = _ROUNDS
    # Vectors have length 1, so centroids are made directions too.
    index.cp.spherical = True
    index.cp.min_points_per_centroid = (
        1  # the sample size was chosen above; without this, faiss warns
    )
    index.train(sample)
    # Up to 1 GiB, which the index needs while it grows.
    del sample
    for start, stop in spans(num, BLOCK):
        index.add(rows(start, stop))
    library.write_index(index, str(path))


def near_cosines(
    queries: Vectors, path: Path, gather: Callable[[npt.NDArray[np.int64]], Vectors], k: int
) -> Vectors:
    """The ``k`` highest cosines found for each query, float32 [queries, k], each line rising, -inf
    where fewer were found. The index is mapped, so processes of one machine share its memory."""
    library = faiss()
    index = library.read_index(str(path), library.IO_FLAG_MMAP)
    # More cells mean fewer missed neighbours and more time. A small index has fewer cells than
    # that.
    index.nprobe = min(_PROBES, index.nlist)
    highest = np.full((len(queries), k), -np.inf, np.float32)
    for start, stop in spans(len(queries), _QUERIES):
        block = queries[start:stop]
        _, candidates = index.search(block, min(_CANDIDATES * k, index.ntotal))
        # Queries share candidates: each vector is read once, in the rising order that ``gather``
        # needs.
        named, columns = np.unique(candidates, return_inverse=True)
        first = int(named[0] == -1)  # no candidate
        # faiss fills up with -1, which sorts first, where the visited cells hold too few codes.
        vectors = gather(named[first:])
        # Codes only choose candidates. What counts is computed from the vectors.
        cosines = np.full((len(block), candidates.shape[1]), -np.inf, np.float32)
        columns = columns.reshape(candidates.shape) - first
        for row, row_columns in enumerate(columns):
            is_candidate = row_columns >= 0
            cosines[row, is_candidate] = vectors[row_columns[is_candidate]] @ block[row]
        # With fewer candidates than ``k``, the front of each line stays -inf.
        best = min(k, cosines.shape[1])
        highest[start:stop, k - best :] = np.sort(cosines, axis=1)[:, -best:]
    return highest
