"""The order of training: a pure function of (seed, mixture, budget, streams) and the step."""

import hashlib
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealtrain.config import Mixture
from sealtrain.data import KINDS, Ids, Stream
from sealtrain.errors import ConfigError, DataError

PHASES: dict[str, tuple[tuple[str, ...], ...]] = {
    "parallel-only": (("parallel",),),
    "multilingual": (("monolingual",),),
    "mixed": (("parallel", "monolingual"),),
    "parallel-first": (("parallel",), ("monolingual",)),
    "parallel-last": (("monolingual",), ("parallel",)),
}
"""Kinds of streams in each phase of a strategy; replay runs through every phase."""


@dataclass(frozen=True)
class Order:
    """Every place of a run, n places, filled.

    `stream_n` (uint16) is an index into `streams`; `turn_n` (int64) counts that stream's earlier
    places: its quotient by the stream's length is the epoch, its remainder the place in that
    epoch's permutation.
    """

    seed: int
    streams: list[Stream]
    stream_n: npt.NDArray[np.uint16]
    turn_n: Ids

    def __len__(self) -> int:
        return len(self.stream_n)

    def at(self, place: int) -> tuple[Stream, int]:
        """The stream and the number of the sequence at one place."""
        stream = self.streams[self.stream_n[place]]
        epoch, position = divmod(int(self.turn_n[place]), len(stream))
        return stream, int(permutation(self.seed, stream.key, epoch, len(stream))[position])

    def batch(self, start: int, stop: int, target_only: bool = False) -> tuple[Ids, Ids]:
        """Token ids and labels, int64 [stop - start, S] each, of consecutive places."""
        rows = [s.labelled(i, target_only) for s, i in map(self.at, range(start, stop))]
        return np.stack([ids for ids, _ in rows]), np.stack([labels for _, labels in rows])

    def epochs(self) -> dict[str, float]:
        """Times each stream is read, by its key; streams that are not read are left out."""
        counts = np.bincount(self.stream_n, minlength=len(self.streams))
        read = zip(self.streams, counts, strict=True)
        return {stream.key: count / len(stream) for stream, count in read if count}


def make_order(mixture: Mixture, seed: int, streams: list[Stream], batch_sequences: int) -> Order:
    """Lay out a whole run of whole steps within the budget.

    Replay is within one sequence of its share of any prefix, a stream within two of its share of
    any prefix of a phase. Refuses what the shards lack, and more epochs than `max_epochs`.
    """
    replay = Fraction(str(mixture.replay))
    weights, parallel = _weights(mixture, streams)
    budget = Fraction(mixture.total_tokens or 0)
    if mixture.parallel_tokens is not None:
        budget = mixture.parallel_tokens / (1 - replay) / parallel
    step_tokens = batch_sequences * streams[0].manifest.sequence_length
    num = math.floor(budget / step_tokens) * batch_sequences
    if num == 0:
        raise ConfigError(f"mixture: {math.floor(budget)} tokens are below a step ({step_tokens})")

    def fill(kinds: tuple[str, ...], length: int) -> npt.NDArray[np.uint16]:
        """Streams of the given kinds over so many places, by weight."""
        places = zip(weights, streams, strict=True)
        return interleave([w * (s.manifest.kind in kinds) for w, s in places], length)

    is_replay = interleave([1 - replay, replay], num) == 1
    num_rest = int((~is_replay).sum())
    phases = PHASES[mixture.strategy]
    lengths = [num_rest]
    if len(phases) == 2:
        first = parallel if phases[0] == ("parallel",) else 1 - parallel
        lengths = [round(first * num_rest), num_rest - round(first * num_rest)]
    stream_n = np.empty(num, dtype=np.uint16)
    stream_n[is_replay] = fill(("replay",), num - num_rest)
    stream_n[~is_replay] = np.concatenate(list(map(fill, phases, lengths)))
    turns = pl.DataFrame({"stream": stream_n}).select(pl.int_range(pl.len()).over("stream"))
    order = Order(seed, streams, stream_n, turns.to_series().to_numpy())
    for key, epochs in order.epochs().items():
        if mixture.max_epochs is not None and epochs > mixture.max_epochs:
            raise DataError(
                f"{key} would be read {epochs:.2f} times, mixture.max_epochs allows "
                f"{mixture.max_epochs:g}: lower the budget or its weight, or build more shards"
            )
    return order


def interleave(weights: Sequence[Fraction], num: int) -> npt.NDArray[np.uint16]:
    """Fill `num` places with indices into `weights`, each everywhere near its share.

    In any prefix of n places, the count of i differs from n * weights[i] / sum(weights) by less
    than one; the first n places do not depend on `num`. Integers only, so equal everywhere.

    Source: R. Tijdeman, The chairman assignment problem (1980). With k weights, a count may run
    ahead or behind by 1 - 1/(2k - 2): that gives each turn a first and a last place, and the
    turn whose last place comes first always fits.
    """
    live = [i for i, weight in enumerate(weights) if weight > 0]
    if len(live) < 2 or num == 0:
        return np.full(num, live[0] if num else 0, dtype=np.uint16)
    slack = 2 * len(live) - 2
    spans = {i: sum(weights) / weights[i] / slack for i in live}  # places between turns / slack
    over = {i: span.numerator for i, span in spans.items()}
    under = {i: span.denominator for i, span in spans.items()}
    ready: list[tuple[int, int, int]] = []  # last place, index, turn from 1
    waiting = sorted((math.ceil(spans[i]), i, 1) for i in live)  # first place, index, turn
    filled = np.empty(num, dtype=np.uint16)
    for place in range(1, num + 1):
        while waiting and waiting[0][0] <= place:
            _, i, turn = heapq.heappop(waiting)
            heapq.heappush(ready, ((slack * turn - 1) * over[i] // under[i], i, turn))
        _, i, turn = heapq.heappop(ready)
        filled[place - 1] = i
        heapq.heappush(waiting, (-(-(slack * turn + 1) * over[i] // under[i]), i, turn + 1))
    return filled


@lru_cache(maxsize=64)  # streams in their present epochs
def permutation(seed: int, stream: str, epoch: int, num: int) -> Ids:
    """The order in which one epoch reads a stream's `num` sequences, int64 [num].

    Stable argsort of the 64-bit splitmix64 stream (Steele, Lea and Flood 2014) whose seed is the
    first 8 bytes, little-endian, of sha256 of "seed|stream|epoch".
    """
    digest = hashlib.sha256(f"{seed}|{stream}|{epoch}".encode()).digest()
    base = np.frombuffer(digest[:8], dtype="<u8")
    z = base + np.arange(1, num + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(z ^ (z >> np.uint64(31)), kind="stable")


def _weights(mixture: Mixture, streams: list[Stream]) -> tuple[list[Fraction], Fraction]:
    """Each stream's share of its phase, up to a factor, and parallel text's of all but replay."""
    keys = [stream.key for stream in streams]
    for key in mixture.weights:
        if key not in keys:
            raise ConfigError(f"mixture.weights: no stream {key!r}; there are {', '.join(keys)}")
    sizes = [Fraction(str(mixture.weights.get(s.key, 1))) * len(s) for s in streams]
    pairs = [(stream.manifest.kind, size) for stream, size in zip(streams, sizes, strict=True)]
    totals: dict[str, Fraction] = {
        k: sum((size for kind, size in pairs if kind == k), Fraction(0)) for k in KINDS
    }
    kinds = {kind for phase in PHASES[mixture.strategy] for kind in phase}
    for kind in sorted(kinds | ({"replay"} if mixture.replay else set())):
        if not totals[kind]:
            asker = f"{mixture.strategy} with replay {mixture.replay:g}"
            raise DataError(f"{asker} needs {kind} streams, and the shards hold none")
    whole = sum((totals[kind] for kind in kinds), Fraction(0))
    shares = {kind: totals[kind] / whole for kind in kinds}
    if mixture.parallel_share is not None:
        parallel = Fraction(str(mixture.parallel_share))
        shares = {"parallel": parallel, "monolingual": 1 - parallel}
    weights = [size / totals[kind] * shares.get(kind, Fraction(1)) for kind, size in pairs]
    return weights, shares.get("parallel", Fraction(0))
