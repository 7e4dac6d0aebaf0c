"""The lexicon: EM as the paper writes it, and wrong pairs told from right ones in every script."""

import itertools

import numpy as np
import polars as pl
import pytest

from sealdata.kernels.lexicon import (
    Cells,
    Text,
    _best_partners,
    cell_index,
    learn,
    meeting_units,
)
from sealdata.lexicon import model
from sealdata.lexicon.model import Lexicon
from tests.sealdata.lexicon.made_up import made_up

BEGINS = np.array([0, 2, 4, 6])
SRC = np.array([0, 1, 0, 2, 2, 3], np.int32)  # the house, the book, book a
TGT = np.array([0, 1, 0, 2, 2, 3], np.int32)  # das Haus, das Buch, Buch ein


def test_units_that_meet_by_chance_alone_have_no_cell():
    rows, columns, counts = meeting_units(SRC, BEGINS, TGT, BEGINS, 4, 4, 1)
    table = {0: {0: 2, 1: 1}, 1: {0: 1, 1: 1}, 2: {2: 2, 3: 1}, 3: {2: 1, 3: 1}}
    cells = {
        row: dict(zip(columns[a:b].tolist(), counts[a:b].tolist(), strict=True))
        for row, (a, b) in enumerate(itertools.pairwise(rows))
    }
    # "the" and "Buch" meet once: 1 x 3 pairs is less than 2 x 2
    assert cells == table
    assert meeting_units(SRC, BEGINS, TGT, BEGINS, 4, 4, 2)[1].tolist() == [0, 2]


def test_learning_is_ibm_model_1():
    rows, columns, counts = meeting_units(SRC, BEGINS, TGT, BEGINS, 4, 4, 1)
    often = np.array([2.0, 1, 2, 1])
    table = cell_index(rows, columns)
    there, back, src_sums, tgt_sums = learn(
        SRC, BEGINS, TGT, BEGINS, table, rows, columns, counts, often, often, 3
    )
    cells = [(row, int(columns[k])) for row in range(4) for k in range(rows[row], rows[row + 1])]
    chance = {cell: count / often[cell[0]] for cell, count in zip(cells, counts, strict=True)}
    for _ in range(3):
        expected = dict.fromkeys(cells, 0.0)
        for first, last in itertools.pairwise(BEGINS):
            for f in TGT[first:last]:
                total = often[f] / often.sum()
                total += sum(chance.get((e, f), 0) for e in SRC[first:last])
                for e in SRC[first:last]:
                    if (e, f) in expected:
                        expected[e, f] += chance[e, f] / total
        sums = [sum(v for (e, _), v in expected.items() if e == row) for row in range(4)]
        chance = {(e, f): v / sums[e] for (e, f), v in expected.items()}
    assert there.tolist() == pytest.approx([expected[cell] for cell in cells], rel=1e-6)
    assert src_sums.tolist() == pytest.approx(sums, rel=1e-6)
    # The corpus is the same in both directions, so the matrix is symmetric.
    assert back.tolist() == pytest.approx([expected[f, e] for e, f in cells], rel=1e-6)
    assert tgt_sums.tolist() == pytest.approx(sums, rel=1e-6)


@pytest.mark.parametrize("without_itself", [True, False])
def test_a_pair_is_judged_by_the_counts_of_the_others(without_itself):
    """The best partner of each unit, with what the pair itself has added to each count."""
    rows, columns, counts = meeting_units(SRC, BEGINS, TGT, BEGINS, 4, 4, 1)
    often = np.array([2.0, 1, 2, 1])
    table = cell_index(rows, columns)
    learnt = learn(SRC, BEGINS, TGT, BEGINS, table, rows, columns, counts, often, often, 3)
    cells = Cells(table, rows, columns, *learnt, often / 3, often / 3)
    hashes = np.arange(6, dtype=np.uint64)
    src, tgt = Text(SRC, hashes, BEGINS), Text(TGT, hashes + np.uint64(9), BEGINS)
    best = np.empty(192), np.empty(192)
    there, back, src_sums, tgt_sums = learnt
    number = {
        (row, int(columns[cell])): cell
        for row in range(4)
        for cell in range(rows[row], rows[row + 1])
    }
    for pair in range(3):
        _best_partners(src, pair, tgt, pair, cells, without_itself, *best)
        units = SRC[2 * pair : 2 * pair + 2]  # the same numbers on both sides
        shares = {(e, f): there[k] / src_sums[e] for (e, f), k in number.items()}
        other = {(e, f): back[k] / tgt_sums[f] for (e, f), k in number.items()}
        for index, unit in enumerate(units):
            own = often[unit] / 3 + sum(shares.get((e, unit), 0) for e in units)
            found = [
                (there[number[e, unit]] - 0.5 - without_itself * shares[e, unit] / own)
                / (src_sums[e] + 1)
                for e in units
                if (e, unit) in number
            ]
            assert best[1][index] == pytest.approx(max(0, *found, 0), abs=1e-6)
            own = often[unit] / 3 + sum(other.get((unit, f), 0) for f in units)
            found = [
                (back[number[unit, f]] - 0.5 - without_itself * other[unit, f] / own)
                / (tgt_sums[f] + 1)
                for f in units
                if (unit, f) in number
            ]
            assert best[0][index] == pytest.approx(max(0, *found, 0), abs=1e-6)


@pytest.mark.parametrize("script", ["Latn", "Thai", "Hans", "Mymr"])
def test_wrong_pairs_are_told_from_right_ones(script):
    src, tgt = (pl.Series(side) for side in made_up(script, 1500))
    lexicon = Lexicon.learnt(src, tgt)
    assert lexicon.tells_apart
    row = np.arange(len(src))

    def scores(partner: np.ndarray, learnt_from: bool) -> np.ndarray:
        pairs = np.stack([partner, row], axis=1)
        found = lexicon.evidence(src, tgt, pairs, np.full(len(row), learnt_from))
        return lexicon.scaled(found)

    right, wrong = scores(row, True), scores(np.roll(row, 700), False)
    assert np.nanmedian(right) == pytest.approx(1, abs=0.02)
    assert np.nanmedian(wrong) == pytest.approx(0, abs=0.05)
    assert np.mean(right < 0.4) <= 0.01
    assert np.mean(wrong < 0.4) >= 0.97
    # A pair is not judged by what it has taught itself: the words of a wrong pair that was among
    # those learnt from are no likelier for it.
    apart = np.stack([row[:20], row[:20]], axis=1)
    strange = Lexicon.learnt(pl.concat([src, src[:20]]), pl.concat([tgt, tgt[700:720]]))
    found = strange.evidence(src[:20], tgt[700:720], apart, np.ones(20, bool))
    assert np.mean(strange.scaled(found) < 0.4) >= 0.9


def test_a_gap_is_a_stretch_without_a_translation():
    src, tgt = (pl.Series(side) for side in made_up("Latn", 1500))
    lexicon = Lexicon.learnt(src, tgt)
    long = np.flatnonzero(src.str.count_matches(" ").to_numpy() >= 9)[:200]
    src, tgt = src.gather(long), tgt.gather(long)
    row = np.stack([np.arange(200)] * 2, axis=1)
    whole = lexicon.gaps(lexicon.evidence(src, tgt, row, np.ones(200, bool)))
    behind = src + " " + src.gather(np.roll(np.arange(200), 1))
    longer = lexicon.gaps(lexicon.evidence(behind, tgt, row, np.zeros(200, bool)))
    assert np.mean(whole > 0.3) <= 0.02
    assert np.mean(longer > 0.3) >= 0.85


def test_names_and_numbers_that_are_on_both_sides_are_evidence():
    src, tgt = (pl.Series(side) for side in made_up("Thai", 1500))
    lexicon = Lexicon.learnt(src, tgt)
    texts = pl.Series(["Zyxwvu 98765 Qwertz 43210 Plokij 5555"])
    other = pl.Series(["Zyxwvu ๙๘๗๖๕ Qwertz 43210 Plokij 5555"])
    pair, no = np.zeros((1, 2), np.int64), np.zeros(1, bool)
    sums = lexicon.evidence(texts, other, pair, no)
    assert lexicon.scaled(sums)[0] > 1
    assert sums[:, 1, 0].tolist() == [6, 6]  # all units of both sides are judged
    unknown = lexicon.evidence(texts, pl.Series(["Ein Satz ohne alle Bekannten"]), pair, no)
    assert np.isnan(lexicon.scaled(unknown)[0])
    assert np.isnan(lexicon.gaps(unknown)[0])


def test_sides_that_have_nothing_to_do_with_each_other_teach_nothing():
    src, _ = made_up("Latn", 1000)
    _, tgt = made_up("Thai", 1000, seed=2)
    assert not Lexicon.learnt(pl.Series(src), pl.Series(tgt)).tells_apart
    empty = Lexicon.learnt(pl.Series([""] * 1000), pl.Series(tgt))
    assert not empty.tells_apart


def test_limits_bound_memory(monkeypatch):
    src, tgt = (pl.Series(side) for side in made_up("Latn", 1000))
    monkeypatch.setattr(model, "MAX_UNITS", 50)
    monkeypatch.setattr(model, "MAX_CELLS", 300)
    lexicon = Lexicon.learnt(src, tgt)
    assert len(lexicon.src_units) == len(lexicon.tgt_units) == 50
    assert 0 < len(lexicon.cells.columns) <= 300
    again = Lexicon.of(lexicon.arrays().__getitem__)
    for name, array in lexicon.arrays().items():
        assert np.array_equal(again.arrays()[name], array)
