"""The order of training: a pure function of seed, mixture, budget and streams.

A run is a list of positions; each step reads the next `batch_sequences` of them. The state of the
data is therefore one integer, the step, at any number of ranks and any micro-batch.

Shapes: N = positions of a run.
"""

import hashlib
import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealtrain.config import Mixture
from sealtrain.data import KINDS, Ids, Stream
from sealtrain.errors import ConfigError, DataError

# Kinds of streams in each phase of a strategy; replay runs through every phase.
PHASES: dict[str, tuple[tuple[str, ...], ...]] = {
    "parallel-only": (("parallel",),),
    "multilingual": (("monolingual",),),
    "mixed": (("parallel", "monolingual"),),
    "parallel-first": (("parallel",), ("monolingual",)),
    "parallel-last": (("monolingual",), ("parallel",)),
}


@dataclass(frozen=True)
class Order:
    """Which sequence each position of a run reads.

    `stream_indices` (uint16 [N]) index `streams`; `visits` (int64 [N]) count the earlier positions
    of the same stream. A visit divided by the stream's length is the epoch, and the remainder is
    the position in that epoch's permutation.
    """

    seed: int  # of the permutations
    streams: list[Stream]  # in the order of `open_streams`
    stream_indices: npt.NDArray[np.uint16]
    visits: Ids

    @cached_property
    def _permutation(self) -> Callable[[int, str, int, int], Ids]:
        # Two for each stream, since loader threads read on both sides of the end of an epoch. With
        # fewer, streams that are read in turn would sort a whole epoch for every sequence.
        return lru_cache(maxsize=2 * len(self.streams))(permutation)

    def __len__(self) -> int:
        return len(self.stream_indices)

    def locate(self, position: int) -> tuple[Stream, int]:
        """The stream that a position reads, and the index of the sequence in it."""
        stream = self.streams[self.stream_indices[position]]
        # Each epoch has a permutation of its own, so a second reading has other neighbours.
        epoch, rank = divmod(int(self.visits[position]), len(stream))
        return stream, int(self._permutation(self.seed, stream.key, epoch, len(stream))[rank])

    def batch(self, start: int, stop: int, target_only: bool = False) -> tuple[Ids, Ids]:
        """Token ids and labels of positions start to stop - 1, int64 [stop - start, S] each."""
        located = map(self.locate, range(start, stop))
        # Row by row, since sequences of a batch lie in different files.
        rows = [stream.labelled(index, target_only) for stream, index in located]
        return np.stack([ids for ids, _ in rows]), np.stack([labels for _, labels in rows])

    def epochs(self) -> dict[str, float]:
        """How often each stream is read, by its key; streams that are not read are left out."""
        counts = np.bincount(self.stream_indices, minlength=len(self.streams))
        pairs = zip(self.streams, counts, strict=True)
        return {stream.key: count / len(stream) for stream, count in pairs if count}


def make_order(mixture: Mixture, seed: int, streams: list[Stream], batch_sequences: int) -> Order:
    """The order of a run with as many whole steps as the budget allows.

    In any prefix of the run, replay is within one sequence of its share. In any prefix of a phase,
    a stream is within two: one for the phase against replay, one for the stream in its phase.

    Raises:
        ConfigError: the budget is below one step, or a weight names no stream.
        DataError: the shards lack a kind that the strategy reads, or a stream would be read more
            often than `max_epochs`.
    """
    # Shares are exact fractions of the decimals in the config: 0.1 is 1/10, on any machine.
    replay = Fraction(str(mixture.replay))
    weights, parallel_share = _weights(mixture, streams)
    budget = Fraction(mixture.total_tokens or 0)
    # This budget is of parallel text only: dividing by both shares leads to all tokens.
    if mixture.parallel_tokens is not None:
        budget = mixture.parallel_tokens / (1 - replay) / parallel_share
    step_tokens = batch_sequences * streams[0].manifest.sequence_length
    # A last step of fewer sequences would weigh them more, so the rest of the budget is not read.
    num = math.floor(budget / step_tokens) * batch_sequences
    if num == 0:
        raise ConfigError(f"mixture: {math.floor(budget)} tokens are below a step ({step_tokens})")

    def fill(kinds: tuple[str, ...], length: int) -> npt.NDArray[np.uint16]:
        """Stream indices for `length` positions, from the streams of some kinds by weight."""
        # A weight of 0 takes a stream out; all indices remain those of `streams`.
        weighted = zip(weights, streams, strict=True)
        return interleave([w * (s.manifest.kind in kinds) for w, s in weighted], length)

    # Replay is spread over the whole run first, so that its positions do not depend on phases.
    is_replay_N = interleave([1 - replay, replay], num) == 1
    # Counted, not computed as a share: the phases must fill exactly what replay left free.
    num_rest = int((~is_replay_N).sum())
    phases = PHASES[mixture.strategy]
    # A strategy of one phase has this length; one of two divides it by the share of parallel text.
    lengths = [num_rest]
    if len(phases) == 2:
        first_share = parallel_share if phases[0] == ("parallel",) else 1 - parallel_share
        # The second length is the remainder, so that the two sum to `num_rest` whatever is rounded.
        num_first = round(first_share * num_rest)
        lengths = [num_first, num_rest - num_first]
    # 2 bytes a position here and 8 for its visits: a run of 35 billion tokens in sequences of 4,096
    # has 8.5 million positions.
    stream_N = np.empty(num, dtype=np.uint16)
    stream_N[is_replay_N] = fill(("replay",), num - num_rest)
    stream_N[~is_replay_N] = np.concatenate(list(map(fill, phases, lengths)))
    # How often a stream occurs before each position, for all streams in one pass.
    visits = pl.DataFrame({"stream": stream_N}).select(pl.int_range(pl.len()).over("stream"))
    order = Order(seed, streams, stream_N, visits.to_series().to_numpy())
    # Checked on the finished order: the true counts, with all rounding.
    for key, epochs in order.epochs().items():
        if mixture.max_epochs is not None and epochs > mixture.max_epochs:
            raise DataError(
                f"{key} would be read {epochs:.2f} times, mixture.max_epochs allows "
                f"{mixture.max_epochs:g}: lower the budget or its weight, or build more shards"
            )
    return order


def interleave(weights: Sequence[Fraction], num: int) -> npt.NDArray[np.uint16]:
    """Indices into `weights` for `num` positions, each index near its share everywhere.

    In any prefix of n positions, the count of i differs from n * weights[i] / sum(weights) by less
    than one. The first n positions do not depend on `num`. Only integers are compared, so the
    result is the same on every machine.

    Source: R. Tijdeman, The chairman assignment problem (1980). With k weights, a count may run
    ahead or behind by 1 - 1/(2k - 2): so each turn has a first and a last position, and the
    turn whose last position comes first always fits.
    """
    # A single weight would make the slack 0, by which the spans are divided.
    positive = [i for i, weight in enumerate(weights) if weight > 0]
    if len(positive) < 2 or num == 0:
        return np.full(num, positive[0] if num else 0, dtype=np.uint16)
    slack = 2 * len(positive) - 2
    # The distance between turns is sum / weight positions; here in units of `slack`.
    # Turn j of i is due from position ceil((slack (j - 1) + 1) span) to floor((slack j - 1) span).
    spans = {i: sum(weights) / weights[i] / slack for i in positive}
    # Whole numbers, because arithmetic on Fractions in the loop would reduce each result.
    numerator = {i: span.numerator for i, span in spans.items()}
    denominator = {i: span.denominator for i, span in spans.items()}
    # Turns whose first position has come wait in `ready`, the others in `waiting`. Each position
    # costs a few operations on heaps of at most one entry a stream.
    ready: list[tuple[int, int, int]] = []  # heap of (last position, index, turn from 1)
    waiting = sorted((math.ceil(spans[i]), i, 1) for i in positive)  # (first position, index, turn)
    filled = np.empty(num, dtype=np.uint16)
    for position in range(1, num + 1):
        # A sorted list is a heap, so `waiting` needs no preparation.
        while waiting and waiting[0][0] <= position:
            _, i, turn = heapq.heappop(waiting)
            last = (slack * turn - 1) * numerator[i] // denominator[i]
            heapq.heappush(ready, (last, i, turn))
        # The theorem says that `ready` is never empty here. The tie of equal last positions goes to
        # the lower index, which is the same on every machine.
        _, i, turn = heapq.heappop(ready)
        filled[position - 1] = i
        next_first = -(-(slack * turn + 1) * numerator[i] // denominator[i])  # rounded up
        heapq.heappush(waiting, (next_first, i, turn + 1))
    return filled


def permutation(seed: int, stream: str, epoch: int, num: int) -> Ids:
    """The order in which one epoch reads a stream's `num` sequences, int64 [num].

    Stable argsort of the 64-bit splitmix64 stream (Steele, Lea and Flood 2014) whose seed is the
    first 8 bytes, little-endian, of sha256 of "seed|stream|epoch". A library's generator could
    change with its version, and with it the order of a run that is resumed.
    """
    # A digest of the three parts: seeds 1 and 2, or neighbouring epochs, have unrelated streams.
    digest = hashlib.sha256(f"{seed}|{stream}|{epoch}".encode()).digest()
    base = np.frombuffer(digest[:8], dtype="<u8")
    # The state of splitmix64 after i draws is seed + i times the constant (modulo 2^64), so all
    # draws are computed at one time.
    z = base + np.arange(1, num + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    # Stable, because equal hashes would otherwise have an order that the sorting algorithm decides.
    return np.argsort(z ^ (z >> np.uint64(31)), kind="stable")


def _weights(mixture: Mixture, streams: list[Stream]) -> tuple[list[Fraction], Fraction]:
    """Each stream's weight in its phase, and parallel text's share of everything but replay."""
    keys = [stream.key for stream in streams]
    # Without this check, a misspelt key would change nothing.
    for key in mixture.weights:
        if key not in keys:
            raise ConfigError(f"mixture.weights: no stream {key!r}; there are {', '.join(keys)}")
    # A stream's weight is its number of sequences, times the factor of the config.
    sizes = [Fraction(str(mixture.weights.get(s.key, 1))) * len(s) for s in streams]
    kind_sizes = [(s.manifest.kind, size) for s, size in zip(streams, sizes, strict=True)]
    totals: dict[str, Fraction] = {
        k: sum((size for kind, size in kind_sizes if kind == k), Fraction(0)) for k in KINDS
    }
    # Kinds that no phase reads may be in the shards; they take no part in the shares.
    kinds = {kind for phase in PHASES[mixture.strategy] for kind in phase}
    # Sorted: of two missing kinds, the message names the same one in every run.
    for kind in sorted(kinds | ({"replay"} if mixture.replay else set())):
        if not totals[kind]:
            raise DataError(
                f"mixture.strategy {mixture.strategy} with replay {mixture.replay:g} needs {kind} "
                "streams, and the shards hold none"
            )
    total = sum((totals[kind] for kind in kinds), Fraction(0))
    shares = {kind: totals[kind] / total for kind in kinds}
    if mixture.parallel_share is not None:
        parallel_share = Fraction(str(mixture.parallel_share))
        shares = {"parallel": parallel_share, "monolingual": 1 - parallel_share}
    # Streams of a kind sum to its share. Replay has a share of 1: `fill` reads it by itself.
    weights = [size / totals[kind] * shares.get(kind, Fraction(1)) for kind, size in kind_sizes]
    return weights, shares.get("parallel", Fraction(0))
