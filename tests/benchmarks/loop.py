"""What training costs a host: ``python -m tests.benchmarks.loop``.

1. Time of a step outside forward, backward and optimizer: the spans that ``train_step`` records, by
   torch's profiler, on a model so small that nothing hides behind it, and the processor time of its
   thread, which other processes touch less. Medians; the goal is 2 ms.
2. Tokens a second of the loader alone, against what one H200 needs for the 1B at 50 % MFU; the goal
   is 20 times as many.

Sequences are the paper's, 4,096 tokens of documents of 43; the files lie in the page cache.
"""

import hashlib
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch

from sealtrain import step, train
from sealtrain.config import Config, Mixture, Train
from sealtrain.cost import PEAKS
from sealtrain.data import open_streams
from sealtrain.mixture import make_order
from sealtrain.parallel import World
from sealtrain.step import Loader

sys.path.insert(0, str(Path(__file__).parents[1] / "sealtrain"))

from tiny_shards import EOS, make_config, make_tokenizer

LENGTH, DOCUMENT = 4096, 43
BATCH = 64  # sequences of one rank in a step: the paper's 512 over 8 GPUs
FLOPS_A_TOKEN = 9.29e9  # of OLMo 2 1B by the full-attention convention
NEEDED = 0.5 * PEAKS["H200"] / FLOPS_A_TOKEN
SPANS = ("sealtrain.forward", "sealtrain.backward", "sealtrain.optimizer")


def write_shards(shards: Path, num_sequences: int) -> Path:
    """Random ids in documents of one length, a third of each a prompt."""
    tokenizer = make_tokenizer(shards / "tokenizer")
    eos = tokenizer.token_to_id(EOS)
    digest = hashlib.sha256((shards / "tokenizer/tokenizer.json").read_bytes()).hexdigest()
    generator = np.random.default_rng(1)
    for split, kind, name in (
        ("train", "parallel", "eng_Latn-tha_Thai"),
        ("train", "replay", "english"),
        ("validation", "replay", "english"),
    ):
        num = num_sequences if split == "train" else 1
        ids = generator.integers(1, 300, num * LENGTH).astype("<u4")
        ids[DOCUMENT - 1 :: DOCUMENT] = eos
        folder = shards / split / kind / name
        folder.mkdir(parents=True)
        ids.tofile(folder / "part-00000.npy")
        starts = np.arange(0, len(ids), DOCUMENT)
        columns = {"sequence": starts // LENGTH, "offset": starts % LENGTH}
        prompt = np.full(len(starts), DOCUMENT // 3 if kind == "parallel" else 0)
        frame = pl.DataFrame({**columns, "prompt": prompt}).cast(pl.UInt32)
        frame.write_parquet(folder / "part-00000.docs.parquet")
        languages = name.split("-") if kind == "parallel" else ["eng_Latn"]
        manifest = {
            "format": "sealdata-stream", "version": 1, "kind": kind, "name": name,
            "languages": languages, "language_names": {code: code for code in languages},
            "templates": ["{first_name}: {first}\n{second_name}: {second}"],
            "tokenizer": {"path": "../../../tokenizer", "sha256": digest}, "eos_id": eos,
            "vocab_size": tokenizer.get_vocab_size(), "sequence_length": LENGTH,
            "num_sequences": num,
            "segments": [{"path": "part-00000.npy", "dtype": "uint32", "byte_start": 0,
                          "num_sequences": num, "file_size": ids.nbytes}],
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return shards


class Span(torch.profiler.record_function):
    """A span that also notes the processor time of its thread when it begins and ends."""

    clock: list[tuple[str, float, float]] = []  # name, beginning and end in seconds

    def __enter__(self) -> "Span":
        super().__enter__()
        self.began = time.thread_time()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.clock.append((self.name, self.began, time.thread_time()))
        super().__exit__(*raised)


def host_milliseconds(config: Config) -> tuple[list[float], list[float]]:
    """Of each step, on the clock and on the processor: see `outside`."""
    step.record_function = Span  # type: ignore[misc, attr-defined]
    Span.clock.clear()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        train.train(config)
    events = [e for e in profiler.events() if e.name in SPANS]
    wall = [(e.name, e.time_range.start / 1e6, e.time_range.end / 1e6) for e in events]
    return outside(wall), outside(Span.clock)


def outside(spans: list[tuple[str, float, float]]) -> list[float]:
    """Milliseconds from the beginning of a step's first forward to that of the next, less the spans
    of all its micro-batches."""
    spans = sorted(spans, key=lambda span: span[1])
    before = [SPANS[-1], *(name for name, _, _ in spans)]
    begins = [
        start for last, (_, start, _) in zip(before, spans, strict=False) if last == SPANS[-1]
    ]
    return [
        1000 * (stop - start - sum(e - b for _, b, e in spans if start <= b < stop))
        for start, stop in itertools.pairwise(begins)
    ]


def loader_rate(shards: Path, loss_on: str, num_steps: int) -> float:
    """Tokens a second of one rank that does nothing else."""
    streams = open_streams(shards, "train")
    mixture = Mixture(strategy="parallel-only", total_tokens=num_steps * BATCH * LENGTH)
    order = make_order(mixture, 1, streams, BATCH)
    config = Train.model_validate(
        {"batch_sequences": BATCH, "micro_batch_sequences": 1, "loss_on": loss_on}
    )
    loader = Loader(order, config, World(0, 1, torch.device("cpu")))
    loader.take(0)  # opens files, sorts the epochs
    began = time.perf_counter()
    for number in range(1, num_steps):
        loader.take(number)
    return (num_steps - 1) * BATCH * LENGTH / (time.perf_counter() - began)


def main() -> None:
    """Print both."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        shards = write_shards(Path(temporary) / "shards", 4096)
        for num_parts, num_steps in ((1, 60), (8, 15)):
            config = make_config(
                shards,
                Path(temporary) / f"run-{num_parts}",
                mixture={"total_tokens": num_steps * 2 * num_parts * LENGTH},
                train={
                    "batch_sequences": 2 * num_parts,
                    "micro_batch_sequences": 2,
                    "document_mask": False,
                },
                optim={"warmup_steps": 1, "decay_steps": 1},
                checkpoint={"every_steps": 1000},
                eval={"validation_sequences": 1},
            )
            wall, processor = host_milliseconds(config)
            medians = [f"{statistics.median(times):.2f} ms" for times in (wall, processor)]
            print(
                f"host time of a step of {num_parts} micro-batches outside forward, backward and "
                f"optimizer: median {medians[0]}, {medians[1]} of processor time, of {len(wall)} "
                "steps (goal: under 2)"
            )
        for loss_on in ("all", "target"):
            rate = statistics.median(loader_rate(shards, loss_on, 40) for _ in range(3))
            print(
                f"loader alone, loss_on {loss_on}: {rate:,.0f} tokens/s, {rate / NEEDED:.0f} times "
                f"the {NEEDED:,.0f} of a 1B on one H200 at 50 % MFU (goal: 20)"
            )


if __name__ == "__main__":
    main()
