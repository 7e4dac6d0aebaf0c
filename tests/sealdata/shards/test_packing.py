"""Packing: every document once, whole where it must be, little padding, always the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.shards.packing import Packing, pack

LENGTHS = st.lists(st.integers(2, 70), max_size=80)


def whole(lengths: list[int], capacity: int, hold: int = 0) -> Packing:
    return pack("whole", np.array(lengths, np.int64), capacity, hold)


def test_a_table() -> None:
    # bins: 5 + 3 (the longest that fits), 4 + 4, then 6 with two tokens of padding
    order, padding, left = whole([5, 4, 4, 3, 6], 8)
    assert order.tolist() == [0, 3, 1, 2, 4]
    assert padding.tolist() == [0, 0, 0, 0, 2]
    assert left.tolist() == []


def test_the_oldest_goes_first_while_an_eighth_of_the_sequence_stays_free() -> None:
    # 6 + 8 leaves 2 of 16 free: the oldest is taken, although 10 fits better; 6 + 9 would leave 1
    assert whole([6, 8, 10, 2], 16)[0].tolist() == [0, 1, 3, 2]
    assert whole([6, 9, 10, 2], 16)[0].tolist() == [0, 2, 1, 3]


def test_a_document_longer_than_a_sequence_opens_its_bin() -> None:
    # 19 = 2 sequences of 8 and 3 tokens; 5 fits behind it, 7 does not
    order, padding, _ = whole([7, 19, 5], 8)
    assert order.tolist() == [0, 1, 2]
    assert padding.tolist() == [1, 0, 0]


def test_a_document_of_whole_sequences_needs_no_padding() -> None:
    order, padding, _ = whole([16, 2], 8)
    assert order.tolist() == [0, 1]
    assert padding.tolist() == [0, 6]


def test_concat_keeps_the_order_and_pads_nothing() -> None:
    order, padding, left = pack("concat", np.array([5, 9, 2]), 4, hold=100)
    assert (order.tolist(), padding.tolist(), left.tolist()) == ([0, 1, 2], [0, 0, 0], [])


def test_nothing_to_pack() -> None:
    for mode in ("whole", "concat"):
        packed = pack(mode, np.array([], np.int64), 8, 0)  # type: ignore[arg-type]
        assert all(len(part) == 0 for part in packed)


@settings(deadline=None)
@given(LENGTHS, st.integers(4, 40), st.integers(0, 20))
def test_invariants(lengths: list[int], capacity: int, hold: int) -> None:
    order, padding, left = whole(lengths, capacity, hold)
    assert sorted([*order, *left]) == list(range(len(lengths)))
    assert left.tolist() == sorted(left)
    assert len(left) < hold or not len(left)
    position = 0
    for place, pad in zip(order.tolist(), padding.tolist(), strict=True):
        start, position = position, position + lengths[place]
        if lengths[place] <= capacity:
            assert start // capacity == (position - 1) // capacity, "straddles two sequences"
        else:
            assert start % capacity == 0, "a long document begins its sequence"
        if pad:
            position += pad
            assert position % capacity == 0, "padding reaches the end of its sequence"
            assert pad < capacity
    assert position % capacity == 0


@settings(deadline=None)
@given(LENGTHS, st.integers(4, 40))
def test_padding_only_where_nothing_fitted(lengths: list[int], capacity: int) -> None:
    order, padding, _ = whole(lengths, capacity)
    for index in np.flatnonzero(padding):
        waiting = [lengths[place] for place in order[index + 1 :]]
        assert all(length > padding[index] for length in waiting)


def test_sequences_of_short_documents_are_full() -> None:
    rng = np.random.default_rng(1)
    lengths = np.clip(rng.lognormal(np.log(36), 0.6, 40_000), 6, 600).astype(np.int64)
    order, padding, left = pack("whole", lengths, 4096, hold=2000)
    real = lengths[order].sum()
    assert real / (real + padding.sum()) > 0.9995
    assert len(left) < 2000
    # the oldest open each sequence: nobody waits for ever
    assert left.min() > len(lengths) // 2


@pytest.mark.parametrize("hold", [0, 5])
def test_deterministic(hold: int) -> None:
    lengths = [3, 17, 5, 5, 5, 9, 2, 8, 11, 4, 4]
    first, second = whole(lengths, 16, hold), whole(lengths, 16, hold)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _slowly(lengths: list[int], capacity: int, hold: int) -> tuple[list[int], list[int], list[int]]:
    """Best fit as its definition reads, searching all documents at every step."""
    left, order, padding = list(range(len(lengths))), [], []
    while left and len(left) >= hold:
        place, space = left[0], 0
        while place is not None:
            left.remove(place)
            order.append(place)
            padding.append(0)
            space = (space or -(-lengths[place] // capacity) * capacity) - lengths[place]
            fitting = [p for p in left if lengths[p] <= space]
            if not fitting:
                place = None
            elif lengths[left[0]] + capacity // 8 <= space:
                place = left[0]
            else:
                place = max(fitting, key=lambda p: (lengths[p], -p))
        padding[-1] = space
    return order, padding, left


@given(
    lengths=st.lists(st.integers(1, 90), max_size=60),
    capacity=st.integers(16, 80),
    hold=st.integers(0, 20),
)
def test_the_compiled_packer_is_the_slow_one(lengths: list[int], capacity: int, hold: int) -> None:
    found = pack("whole", np.array(lengths, np.int64), capacity, hold)
    assert tuple(part.tolist() for part in found) == _slowly(lengths, capacity, hold)
