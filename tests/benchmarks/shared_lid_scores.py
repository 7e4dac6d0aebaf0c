"""What a table of language scores that all parts share would save: look-up against identification.

``python -m tests.benchmarks.shared_lid_scores [MODEL]``. The table is the cheapest possible: a
mapped file with slots of 64 bytes (a second hash and nine numbers). All its pages are in memory
beforehand, and a slot holds one text. There is no checksum, so a slot that another process is
writing would be read as complete.
"""

import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

NUM_TEXTS, SLOTS = 60_000, 1 << 20


def main(model: str) -> None:
    """Print microseconds a text of each way, and the share of repeats from which a table pays."""
    from sealdata.fetch.models.store import find_model
    from sealdata.lid.labels import Labels
    from sealdata.lid.language_checker import LanguageChecker
    from sealdata.lid.model import open_model

    from .corpus import pairs_of

    loaded = open_model(find_model(model))
    checker = LanguageChecker(Labels(loaded.labels), loaded.likeliest, 20)
    texts = pairs_of("ind_Latn", NUM_TEXTS)["src"].unique(maintain_order=True)
    slot = np.dtype([("check", "u8"), ("scores", "f4", 9), ("label", "i2"), ("rest", "u1", 18)])
    with tempfile.NamedTemporaryFile() as file:
        table = np.memmap(file.name, slot, "w+", shape=(SLOTS,))
        table[:] = np.zeros((), slot)
        values = np.zeros((len(texts), 9), np.float32)

        def look_up() -> npt.NDArray[np.bool_]:
            rows = table[_hash(texts) >> np.uint64(44)]
            is_stored: npt.NDArray[np.bool_] = rows["check"] == _hash(texts + "\0")
            values[is_stored] = rows["scores"][is_stored]
            return is_stored

        def store() -> None:
            rows = np.zeros(len(texts), slot)
            rows["check"], rows["scores"] = _hash(texts + "\0"), values
            table[_hash(texts) >> np.uint64(44)] = rows

        checker.scores(texts.head(9), "eng_Latn")  # compiles kernels
        times = {
            "identify": _microseconds(lambda: checker.scores(texts, "eng_Latn"), len(texts)),
            "store": _microseconds(store, len(texts)),
            "look up": _microseconds(look_up, len(texts)),
        }
        assert look_up().mean() > 0.9, "one text a slot"
    for way, microseconds in times.items():
        print(f"{way:<10}{microseconds:>8.2f} us a text")
    identify, store_, look = times.values()
    print(f"pays from {100 * (store_ + look) / (identify + store_):.0f} % of texts that come again")


def _hash(texts: pl.Series) -> npt.NDArray[np.uint64]:
    frame = texts.alias("text").to_frame()
    return frame.select(plh.col("text").nchash.xxh3_64()).to_series().to_numpy()


def _microseconds(work: Callable[[], object], count: int) -> float:
    runs = []
    for _ in range(5):
        began = time.process_time()
        work()
        runs.append(time.process_time() - began)
    return 1e6 * sorted(runs)[2] / count


if __name__ == "__main__":
    from .__main__ import single_threaded

    single_threaded()
    main(*(sys.argv[1:] or ["lid176-ftz"]))
