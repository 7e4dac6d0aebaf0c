"""How much of a file of pairs a new version uploads after 1 % of its pairs are removed.

    python -m tests.benchmarks.reupload builds/mine/pairs/eng_Latn-vie_Latn/train-00000.parquet

A store such as the Hugging Face Hub cuts files into chunks by their content, of 64 KiB on average,
and takes only chunks that it does not have. Here a gear hash cuts, as in FastCDC (Xia et al. 2016).
"""

import argparse
import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.files.frames import write_frame, write_published

_SMALLEST, _LARGEST = 8 << 10, 128 << 10  # bytes of a chunk, as Xet has them
_GEAR = np.random.default_rng(1).integers(0, 2**64, 256, dtype=np.uint64)


@numba.njit
def _ends(data: npt.NDArray[np.uint8], gear: npt.NDArray[np.uint64]) -> list[int]:
    ends, value, start = [0], np.uint64(0), 0
    for index in range(len(data)):
        value = (value << np.uint64(1)) + gear[data[index]]
        size = index + 1 - start
        # 16 bits of zeros: once in 64 KiB.
        if (size >= _SMALLEST and value >> np.uint64(48) == 0) or size == _LARGEST:
            ends.append(index + 1)
            value, start = np.uint64(0), index + 1
    ends.append(len(data))
    return ends


def chunks(path: Path) -> dict[bytes, int]:
    """The bytes of each different chunk of a file, by its digest."""
    data = path.read_bytes()
    ends = _ends(np.frombuffer(data, np.uint8), _GEAR)
    pieces = (data[start:end] for start, end in pairwise(ends))
    return {hashlib.sha256(piece).digest(): len(piece) for piece in pieces}


def main() -> None:
    """Print a line for each way to write, and to remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    frame = pl.read_parquet(parser.parse_args().pairs, glob=False)
    rows, gone = np.arange(frame.height), frame.height // 100
    scattered = np.random.default_rng(2).choice(frame.height, gone, replace=False)
    removed = {"one block": rows[rows.size // 3 :][:gone], "scattered": scattered}
    writers: dict[str, Callable[[pl.DataFrame, Path], None]] = {
        "row groups by number": write_frame,
        "pages by content": write_published,
    }
    print(f"{frame.height:,} pairs, {frame.width} columns; {gone:,} pairs removed")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.parquet"
        for name, write in writers.items():
            write(frame, path)
            old = chunks(path)
            for where, indices in removed.items():
                write(frame.filter(~pl.Series(np.isin(rows, indices))), path)
                new = sum(size for digest, size in chunks(path).items() if digest not in old)
                size = path.stat().st_size
                print(f"{name:<21} {where:<10} {new:>12,} of {size:>12,} bytes: {new / size:.3f}")


if __name__ == "__main__":
    main()
