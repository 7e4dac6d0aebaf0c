"""A lexicon learnt from pairs: which units of two languages translate each other, and how often.

IBM model 1 (Brown et al. 1993) in both directions over one sparse matrix. A row is a unit of the
source side, a column one of the target side. A cell is kept only where the two meet more often than
chance. All loops are sequential, so that equal inputs have equal results, byte for byte.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Int, compiled
from sealdata.kernels.units import MAX_UNITS, Hashes, Ints

Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


class Cells(NamedTuple):
    """The matrix, and what its rows and columns say by themselves."""

    table: Ids  # finds a cell, see ``cell_index``
    rows: Ints  # where each row begins, int64 [source units + 1]
    columns: Ids  # of each cell
    there: Singles  # expected count of the target unit given the source unit
    back: Singles  # of the source unit given the target unit
    src_sums: Floats  # of ``there``, by source unit
    tgt_sums: Floats  # of ``back``, by target unit
    src_alone: Floats  # share of pairs that have a unit
    tgt_alone: Floats


class Text(NamedTuple):
    """The units of texts of one side: text i has those from ``begins[i]`` to ``begins[i + 1]``."""

    ids: Ids  # -1 for a unit that is not known
    hashes: Hashes
    begins: Ints


DISCOUNT = 0.5  # taken off every count: what was seen once is weak evidence
NOVEL = 0.1  # the least share of a unit's occurrences that no partner explains
COPIED = 0.5  # probability of a unit that stands on the other side as it is: a name, a number
TINY = 1e-9


@compiled
def rows_of_units(src: Ids, src_begins: Ints, num_src: int) -> tuple[Ints, Ids]:
    """The texts of each unit: where a unit's begin (int64 [num_src + 1]), and the texts (int32)."""
    begins = np.zeros(num_src + 1, np.int64)
    for unit in src:
        begins[unit + 1] += 1
    for unit in range(num_src):
        begins[unit + 1] += begins[unit]
    texts, done = np.empty(len(src), np.int32), begins[:-1].copy()
    for text in range(len(src_begins) - 1):
        for index in range(src_begins[text], src_begins[text + 1]):
            unit = src[index]
            texts[done[unit]] = text
            done[unit] += 1
    return begins, texts


@compiled
def meeting_units(
    src: Ids,
    src_begins: Ints,
    tgt: Ids,
    tgt_begins: Ints,
    num_src: int,
    num_tgt: int,
    min_meetings: int,
) -> tuple[Ints, Ids, Singles]:
    """Cells of units that meet in at least ``least`` pairs, and more often than by chance.

    ``src`` and ``tgt`` are the distinct units of each pair. Returns where each row begins (int64
    [num_src + 1]), the columns in ascending order and the number of pairs (float32).
    """
    num_pairs = len(src_begins) - 1
    begins, texts = rows_of_units(src, src_begins, num_src)
    often = np.zeros(num_tgt, np.int64)
    for unit in tgt:
        often[unit] += 1
    rows = np.zeros(num_src + 1, np.int64)
    columns, counts = np.empty(1 << 16, np.int32), np.empty(1 << 16, np.float32)
    met, seen = np.zeros(num_tgt, np.int32), np.empty(num_tgt, np.int32)
    size = 0
    for unit in range(num_src):
        num_seen = 0
        for index in range(begins[unit], begins[unit + 1]):
            text = texts[index]
            for position in range(tgt_begins[text], tgt_begins[text + 1]):
                other = tgt[position]
                if met[other] == 0:
                    seen[num_seen] = other
                    num_seen += 1
                met[other] += 1
        ordered = np.sort(seen[:num_seen])
        if size + num_seen > len(columns):
            room = 2 * len(columns) + num_seen
            columns = np.concatenate((columns[:size], np.empty(room - size, np.int32)))
            counts = np.concatenate((counts[:size], np.empty(room - size, np.float32)))
        num_texts_of_unit = begins[unit + 1] - begins[unit]
        for other in ordered:
            if (
                met[other] >= min_meetings
                and met[other] * num_pairs > num_texts_of_unit * often[other]
            ):
                columns[size], counts[size] = other, met[other]
                size += 1
            met[other] = 0
        rows[unit + 1] = size
    return rows, columns[:size].copy(), counts[:size].copy()


@compiled
def cell_index(rows: Ints, columns: Ids) -> Ids:
    """A hash table from cells to their numbers (int32, -1: free), at most half full."""
    size = 16
    while size < 2 * len(columns):
        size *= 2
    table = np.full(size, -1, np.int32)
    for row in range(len(rows) - 1):
        for cell in range(rows[row], rows[row + 1]):
            slot = _slot(row, columns[cell], size)
            while table[slot] >= 0:
                slot = (slot + 1) & (size - 1)
            table[slot] = cell
    return table


@compiled
def _slot(row: Int, column: Int, size: Int) -> Int:
    key = (np.uint64(row) << np.uint64(32)) | np.uint64(column)
    return np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)) & (size - 1)


@compiled
def _cell(table: Ids, rows: Ints, columns: Ids, row: Int, column: Int) -> Int:
    """The number of a cell, -1 for one that is not kept."""
    size = len(table)
    slot = _slot(row, column, size)
    while table[np.uint64(slot)] >= 0:
        cell = table[np.uint64(slot)]
        if columns[np.uint64(cell)] == column and rows[row] <= cell < rows[row + 1]:
            return np.int64(cell)
        slot = (slot + 1) & (size - 1)
    return np.int64(-1)


@compiled
def learn(
    src: Ids,
    src_begins: Ints,
    tgt: Ids,
    tgt_begins: Ints,
    table: Ids,
    rows: Ints,
    columns: Ids,
    counts: Singles,
    src_often: Floats,
    tgt_often: Floats,
    iterations: int,
) -> tuple[Singles, Singles, Floats, Floats]:
    """Expected counts of each cell by IBM model 1: of the target given the source, of the source
    given the target (float32 [cells]), and their sums by source and target unit (float64).

    ``src_often`` and ``tgt_often`` are the pairs that have each unit. Their shares among all units
    are what a side says without a partner.
    """
    src_alone, tgt_alone = src_often / src_often.sum(), tgt_often / tgt_often.sum()
    there, back = np.empty(len(columns)), np.empty(len(columns))
    for row in range(len(rows) - 1):
        for cell in range(rows[row], rows[row + 1]):
            there[cell] = counts[cell] / src_often[row]
            back[cell] = counts[cell] / tgt_often[columns[cell]]
    new_there, new_back = np.zeros_like(there), np.zeros_like(back)
    src_sums, tgt_sums = np.zeros(len(src_often)), np.zeros(len(tgt_often))
    cells = np.empty((MAX_UNITS, MAX_UNITS), np.int32)
    for _ in range(iterations):
        new_there[:], new_back[:], src_sums[:], tgt_sums[:] = 0, 0, 0, 0
        for pair in range(len(src_begins) - 1):
            src_first, tgt_first = src_begins[pair], tgt_begins[pair]
            num_src = src_begins[pair + 1] - src_first
            num_tgt = tgt_begins[pair + 1] - tgt_first
            src_totals, tgt_totals = np.empty(num_src), np.empty(num_tgt)
            for x in range(num_src):
                src_totals[x] = src_alone[src[src_first + x]]
            for y in range(num_tgt):
                tgt_totals[y] = tgt_alone[tgt[tgt_first + y]]
            for x in range(num_src):
                for y in range(num_tgt):
                    cells[x, y] = _cell(
                        table, rows, columns, src[src_first + x], tgt[tgt_first + y]
                    )
                    cell = cells[x, y]
                    if cell >= 0:
                        tgt_totals[y] += there[cell]
                        src_totals[x] += back[cell]
            for x in range(num_src):
                for y in range(num_tgt):
                    cell = cells[x, y]
                    if cell >= 0:
                        share = there[cell] / tgt_totals[y]
                        new_there[cell] += share
                        src_sums[src[src_first + x]] += share
                        share = back[cell] / src_totals[x]
                        new_back[cell] += share
                        tgt_sums[tgt[tgt_first + y]] += share
        for row in range(len(rows) - 1):
            for cell in range(rows[row], rows[row + 1]):
                there[cell] = new_there[cell] / (src_sums[row] + TINY)
                back[cell] = new_back[cell] / (tgt_sums[columns[cell]] + TINY)
    return new_there.astype(np.float32), new_back.astype(np.float32), src_sums, tgt_sums


@compiled
def _best_partners(
    src_side: Text,
    src_text: Int,
    tgt_side: Text,
    tgt_text: Int,
    cells: Cells,
    without_itself: bool,
    src_best: Floats,
    tgt_best: Floats,
) -> None:
    """For each unit of one pair, its probability given the partner that explains it best.

    ``without_itself``: the lexicon was learnt from this pair among others, so what the pair itself
    has given to each count is taken out first. Writes ``src_best`` and ``tgt_best``.
    """
    first, last = src_side.begins[src_text], src_side.begins[src_text + 1]
    src, src_hashes = src_side.ids[first:last], src_side.hashes[first:last]
    first, last = tgt_side.begins[tgt_text], tgt_side.begins[tgt_text + 1]
    tgt, tgt_hashes = tgt_side.ids[first:last], tgt_side.hashes[first:last]
    table, rows, columns = cells.table, cells.rows, cells.columns
    there, back = cells.there, cells.back
    src_sums, tgt_sums = cells.src_sums, cells.tgt_sums
    src_alone, tgt_alone = cells.src_alone, cells.tgt_alone
    num_src, num_tgt = len(src), len(tgt)
    src_totals, tgt_totals = np.empty(num_src), np.empty(num_tgt)
    src_best[:num_src], tgt_best[:num_tgt] = 0, 0
    if without_itself:
        for x in range(num_src):
            src_totals[x] = src_alone[src[x]] if src[x] >= 0 else 1.0
        for y in range(num_tgt):
            tgt_totals[y] = tgt_alone[tgt[y]] if tgt[y] >= 0 else 1.0
        for x in range(num_src):
            for y in range(num_tgt):
                if src[x] >= 0 and tgt[y] >= 0:
                    cell = _cell(table, rows, columns, src[x], tgt[y])
                    if cell >= 0:
                        tgt_totals[y] += there[cell] / (src_sums[src[x]] + TINY)
                        src_totals[x] += back[cell] / (tgt_sums[tgt[y]] + TINY)
    for x in range(num_src):
        for y in range(num_tgt):
            if src_hashes[x] == tgt_hashes[y]:
                src_best[x] = max(src_best[x], COPIED)
                tgt_best[y] = max(tgt_best[y], COPIED)
            if src[x] < 0 or tgt[y] < 0:
                continue
            cell = _cell(table, rows, columns, src[x], tgt[y])
            if cell < 0:
                continue
            src_sum, tgt_sum = src_sums[src[x]], tgt_sums[tgt[y]]
            count, other = there[cell] - DISCOUNT, back[cell] - DISCOUNT
            if without_itself:
                count -= there[cell] / (src_sum + TINY) / tgt_totals[y]
                other -= back[cell] / (tgt_sum + TINY) / src_totals[x]
            if count > 0:
                tgt_best[y] = max(tgt_best[y], count / (src_sum + 1))
            if other > 0:
                src_best[x] = max(src_best[x], other / (tgt_sum + 1))


@compiled
def unexplained(
    src: Text, tgt: Text, cells: Cells, src_rate: Floats, tgt_rate: Floats
) -> tuple[Floats, Floats]:
    """The share of each unit's occurrences that no partner explains, by source and by target unit.

    One step of EM from the shares before, over the pairs that the lexicon was learnt from. A unit
    without a fixed translation has a high share: its absence says little.
    """
    src_best, tgt_best = np.empty(MAX_UNITS), np.empty(MAX_UNITS)
    src_novel, tgt_novel = np.full(len(src_rate), 2.0), np.full(len(tgt_rate), 2.0)
    src_all, tgt_all = np.full(len(src_rate), 4.0), np.full(len(tgt_rate), 4.0)
    for pair in range(len(src.begins) - 1):
        _best_partners(src, pair, tgt, pair, cells, True, src_best, tgt_best)
        first = src.begins[pair]
        for position in range(src.begins[pair + 1] - first):
            unit = src.ids[first + position]
            alone = src_rate[unit] * cells.src_alone[unit]
            src_novel[unit] += alone / (alone + (1 - src_rate[unit]) * src_best[position])
            src_all[unit] += 1
        first = tgt.begins[pair]
        for position in range(tgt.begins[pair + 1] - first):
            unit = tgt.ids[first + position]
            alone = tgt_rate[unit] * cells.tgt_alone[unit]
            tgt_novel[unit] += alone / (alone + (1 - tgt_rate[unit]) * tgt_best[position])
            tgt_all[unit] += 1
    return src_novel / src_all, tgt_novel / tgt_all


@compiled
def evidence(
    src: Text,
    tgt: Text,
    pairs: Ints,
    cells: Cells,
    src_rate: Floats,
    tgt_rate: Floats,
    learnt_from: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """How much likelier each pair's units are by their partners than by themselves.

    ``pairs`` (int64 [pairs, 2]) are the texts of each pair by number. Returns float64
    [2, 3, pairs], for the source and the target: the sum of log likelihood ratios, the number of
    judged units, and the largest sum against the pair in a stretch of neighbouring units.
    """
    out = np.zeros((2, 3, len(pairs)))
    src_best, tgt_best = np.empty(MAX_UNITS), np.empty(MAX_UNITS)
    for pair in range(len(pairs)):
        x, y = pairs[pair, 0], pairs[pair, 1]
        src_ids = src.ids[src.begins[x] : src.begins[x + 1]]
        tgt_ids = tgt.ids[tgt.begins[y] : tgt.begins[y + 1]]
        if len(src_ids) and len(tgt_ids):
            _best_partners(src, x, tgt, y, cells, learnt_from[pair], src_best, tgt_best)
            out[0, :, pair] = _ratios(src_ids, src_best, cells.src_alone, src_rate)
            out[1, :, pair] = _ratios(tgt_ids, tgt_best, cells.tgt_alone, tgt_rate)
    return out


@compiled
def _ratios(units: Ids, best: Floats, alone: Floats, rate: Floats) -> Floats:
    """Sum of log likelihood ratios, units that could be judged, largest sum in a stretch."""
    total, num_judged, gap, stretch = 0.0, 0.0, 0.0, 0.0
    for position in range(len(units)):
        unit = units[position]
        if unit < 0:
            if best[position] == 0:
                continue  # an unknown unit says nothing, unless it is copied
            ratio = np.log(COPIED * 100)  # as a unit that one pair in a hundred has
        else:
            novel = NOVEL + (1 - NOVEL) * rate[unit]
            ratio = np.log(novel + (1 - novel) * best[position] / alone[unit])
        total += ratio
        num_judged += 1
        stretch = max(0.0, stretch - ratio)
        gap = max(gap, stretch)
    return np.array([total, num_judged, gap])
