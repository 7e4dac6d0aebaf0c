"""The order of training: golden values, exact shares, and the same order at any world size."""

import hashlib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_shards import LENGTH

from sealtrain.config import Mixture, Train
from sealtrain.data import IGNORED, Manifest, Stream, open_streams
from sealtrain.errors import ConfigError, DataError
from sealtrain.mixture import Order, interleave, make_order, permutation
from sealtrain.parallel import World
from sealtrain.step import Loader

MASK = 2**64 - 1


def splitmix64(seed: int, num: int) -> list[int]:
    """The generator as Steele, Lea and Flood publish it, in Python integers."""
    values = []
    for _ in range(num):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        values.append(z ^ (z >> 31))
    return values


def test_permutation_is_golden() -> None:
    assert permutation(1, "parallel/eng_Latn-tha_Thai", 0, 8).tolist() == [2, 6, 4, 1, 3, 0, 7, 5]
    assert permutation(1, "parallel/eng_Latn-tha_Thai", 1, 8).tolist() == [7, 1, 2, 3, 5, 6, 4, 0]
    assert permutation(2, "parallel/eng_Latn-tha_Thai", 0, 8).tolist() == [3, 6, 1, 7, 5, 0, 4, 2]


def test_permutation_is_the_argsort_of_splitmix64() -> None:
    # the published test vector for seed 1234567
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]
    base = int.from_bytes(hashlib.sha256(b"7|replay/english|3").digest()[:8], "little")
    keys = splitmix64(base, 500)
    expected = sorted(range(500), key=keys.__getitem__)
    assert permutation(7, "replay/english", 3, 500).tolist() == expected


def test_interleave_is_golden() -> None:
    shares = [Fraction(1), Fraction(1), Fraction(2)]
    assert interleave(shares, 12).tolist() == [2, 0, 1, 2, 2, 0, 1, 2, 2, 0, 1, 2]
    assert interleave([Fraction(3, 4), Fraction(1, 4)], 8).tolist() == [0, 0, 1, 0, 0, 0, 1, 0]
    assert interleave([Fraction(0), Fraction(1)], 3).tolist() == [1, 1, 1]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30), st.integers(1, 600))
def test_every_prefix_is_within_one_of_its_share(weights: list[int], num: int) -> None:
    filled = interleave([Fraction(w) for w in weights], num)
    counts = np.cumsum(filled[:, None] == np.arange(len(weights)), axis=0)
    shares = np.arange(1, num + 1)[:, None] * np.array(weights) / sum(weights)
    assert np.abs(counts - shares).max() < 1
    assert (
        interleave([Fraction(w) for w in weights], num // 2).tolist() == filled[: num // 2].tolist()
    )


def make_streams(**sizes: int) -> list[Stream]:
    """Streams without files, which are enough for an order."""
    streams = []
    for name, size in sizes.items():
        kind = {"p": "parallel", "m": "monolingual", "r": "replay"}[name[0]]
        manifest = Manifest.model_construct(
            kind=kind, name=name, num_sequences=size, sequence_length=LENGTH
        )
        streams.append(Stream(Path(), manifest, "digest"))
    return streams


def kinds_of(order: Order) -> str:
    """One letter per position: p, m or r."""
    return "".join(order.streams[i].manifest.kind[0] for i in order.stream_indices)


def mixture(strategy: str, sequences: int, **changes: object) -> Mixture:
    values = {"strategy": strategy, "total_tokens": sequences * LENGTH, **changes}
    return Mixture.model_validate(values)


STREAMS = make_streams(p1=30, p2=50, m1=60, m2=20, r1=25, r2=15)


@pytest.mark.parametrize("replay", [0.0, 0.1, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("strategy", ["parallel-only", "multilingual", "mixed"])
def test_shares_of_every_prefix(strategy: str, replay: float) -> None:
    order = make_order(mixture(strategy, 400, replay=replay), 1, STREAMS, 4)
    read_kinds = {"parallel-only": "p", "multilingual": "m", "mixed": "pm"}[strategy]
    kinds = np.array(list(kinds_of(order)))
    positions = np.arange(1, 401)
    assert np.abs(np.cumsum(kinds == "r") - positions * replay).max() < 1
    total = sum(len(s) for s in STREAMS if s.manifest.kind[0] in read_kinds)
    for index, stream in enumerate(STREAMS):
        if stream.manifest.kind[0] in read_kinds:
            share = (1 - replay) * len(stream) / total
            counts = np.cumsum(order.stream_indices == index)
            assert np.abs(counts - positions * share).max() < 2


@pytest.mark.parametrize(
    ("strategy", "phases"), [("parallel-first", "pm"), ("parallel-last", "mp")]
)
def test_phases_follow_each_other_and_replay_runs_through_both(strategy: str, phases: str) -> None:
    order = make_order(mixture(strategy, 400, parallel_share=0.3), 1, STREAMS, 4)
    kinds = kinds_of(order)
    without_replay = kinds.replace("r", "")
    lengths = {"p": 90, "m": 210}
    assert without_replay == phases[0] * lengths[phases[0]] + phases[1] * lengths[phases[1]]
    counts = np.cumsum(np.array(list(kinds)) == "r")
    assert np.abs(counts - np.arange(1, 401) * 0.25).max() < 1


def test_weights_multiply_sizes() -> None:
    order = make_order(mixture("parallel-only", 320, weights={"parallel/p1": 5}), 1, STREAMS, 4)
    assert Counter(kinds_of(order)) == {"p": 240, "r": 80}
    epochs = order.epochs()
    assert epochs["parallel/p1"] == pytest.approx(5 * epochs["parallel/p2"], rel=0.05)
    with pytest.raises(ConfigError, match=r"no stream 'parallel/p9'; there are parallel/p1"):
        make_order(mixture("parallel-only", 320, weights={"parallel/p9": 5}), 1, STREAMS, 4)


def test_budgets_with_and_without_replay() -> None:
    total = make_order(mixture("parallel-only", 403), 1, STREAMS, 4)
    assert Counter(kinds_of(total)) == {"p": 300, "r": 100}  # whole steps only
    budget = {"total_tokens": None, "parallel_tokens": 300 * LENGTH}
    top = make_order(mixture("parallel-only", 0, **budget), 1, STREAMS, 4)
    assert top.stream_indices.tolist() == total.stream_indices.tolist()
    mixed = make_order(mixture("mixed", 0, **budget, parallel_share=0.5), 1, STREAMS, 4)
    assert Counter(kinds_of(mixed)) == {"p": 300, "m": 300, "r": 200}
    with pytest.raises(ConfigError, match="mixture: 96 tokens are below a step"):
        make_order(mixture("parallel-only", 3), 1, STREAMS, 4)


def test_epochs_roll_over_with_their_own_permutation() -> None:
    order = make_order(mixture("parallel-only", 160, replay=0.0), 5, make_streams(p1=40), 4)
    read = [order.locate(place)[1] for place in range(160)]
    epochs = [read[start : start + 40] for start in range(0, 160, 40)]
    for epoch, numbers in enumerate(epochs):
        assert numbers == permutation(5, "parallel/p1", epoch, 40).tolist()
        assert sorted(numbers) == list(range(40))
    assert len({tuple(numbers) for numbers in epochs}) == 4


def test_an_epoch_is_sorted_once_however_many_streams_there_are(monkeypatch) -> None:
    sizes = {f"p{number}": 20 for number in range(70)}
    order = make_order(mixture("parallel-only", 2800, replay=0.0), 5, make_streams(**sizes), 4)
    sorted_epochs: list[tuple[str, int]] = []

    def counted(seed: int, stream: str, epoch: int, num: int) -> np.ndarray:
        sorted_epochs.append((stream, epoch))
        return permutation(seed, stream, epoch, num)

    monkeypatch.setattr("sealtrain.mixture.permutation", counted)
    for place in range(2800):
        order.locate(place)
    assert len(sorted_epochs) == len(set(sorted_epochs)) == 140


def test_more_epochs_than_allowed_are_refused() -> None:
    make_order(mixture("parallel-only", 104, max_epochs=1), 1, STREAMS, 4)
    with pytest.raises(DataError, match=r"parallel/p1 would be read 1\.\d+ times"):
        make_order(mixture("parallel-only", 120, max_epochs=1), 1, STREAMS, 4)


@pytest.mark.parametrize(
    ("strategy", "missing"),
    [("parallel-only", "replay"), ("mixed", "monolingual"), ("parallel-last", "monolingual")],
)
def test_shards_without_a_needed_kind_are_refused(strategy: str, missing: str) -> None:
    with pytest.raises(DataError, match=f"needs {missing} streams"):
        make_order(mixture(strategy, 40), 1, make_streams(p1=10), 4)


@pytest.mark.parametrize("strategy", ["parallel-only", "mixed", "parallel-last"])
@pytest.mark.parametrize("loss_on", ["all", "target"])
def test_a_step_reads_the_same_at_any_world_size(shards: Path, strategy: str, loss_on: str) -> None:
    """By brute force, with any number of threads; a resumed run begins in the middle."""
    streams, config = open_streams(shards, "train"), mixture(strategy, 48)
    train = Train.model_validate(
        {"batch_sequences": 8, "micro_batch_sequences": 3, "loss_on": loss_on}
    )
    whole_ids, whole_labels = make_order(config, 3, streams, 8).batch(0, 48, loss_on == "target")
    for size in (1, 2, 4, 8):
        for threads in (1, 2, 5):
            loaders = []
            for rank in range(size):
                order = make_order(config, 3, streams, 8)  # each rank makes its own
                world = World(rank, size, torch.device("cpu"))
                loaders.append(Loader(order, train, world, threads))
            for step in range(2 if threads == 5 else 0, 6):
                parts = [loader.take(step) for loader in loaders]
                rows = slice(8 * step, 8 * step + 8)
                assert np.concatenate([ids for ids, _, _ in parts]).tolist() == (
                    whole_ids[rows].tolist()
                )
                labels = np.concatenate([labels for _, labels, _ in parts])
                assert labels.tolist() == whole_labels[rows].tolist()
                assert sum(num for _, _, num in parts) == (labels != IGNORED).sum()


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ConfigError, match="8 sequences do not divide over 3 ranks"):
        World(0, 3, torch.device("cpu")).share(8)
