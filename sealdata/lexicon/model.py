"""The lexicon of one language and English: how it is learnt, kept on disk, and asked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import lexicon as kernels
from sealdata.kernels.lexicon import Cells, Floats, Text
from sealdata.kernels.units import Hashes, Ints, distinct, unit_ids
from sealdata.lexicon.units import units_of

MIN_PAIRS_OF_UNIT = 3  # pairs that a unit must occur in: rarer ones have no known partner
_LONG = 20  # units of a side; a stretch of a shorter side counts as one of so many
_LEAST_SPAN = 0.2  # between the two medians of the scale, see ``tells_apart``
MAX_UNITS = 1 << 16  # of a side, the most frequent
MIN_JUDGED = 6  # units of both sides that a pair needs for a score
MAX_CELLS = 8_000_000  # 100 MB with the table that finds them
ITERATIONS = 5  # of EM; the fourth and fifth change little
_SCALED_BY = 4000  # pairs of which the scale is made
_RATE_STEPS = 3  # in which the unexplained shares are estimated

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lexicon:
    """All arrays of a lexicon; each is a file on disk."""

    src_units: Hashes  # known units, ascending
    tgt_units: Hashes
    cells: Cells
    src_rate: Floats  # share of a unit's occurrences that no partner explains
    tgt_rate: Floats
    scale: Floats  # evidence a unit: median of random pairings, and of the pairs learnt from

    @classmethod
    def learnt(cls, src: pl.Series, tgt: pl.Series) -> Self:
        """The lexicon of pairs of texts. Equal pairs in equal order have equal lexicons."""
        src_units, src_often, src_text = _known(*distinct(*units_of(src)))
        tgt_units, tgt_often, tgt_text = _known(*distinct(*units_of(tgt)))
        sides = (src_text.ids, src_text.begins, tgt_text.ids, tgt_text.begins)
        min_meetings = 1
        while True:  # once or twice for the samples that builds take
            min_meetings += 1
            rows, columns, counts = kernels.meeting_units(
                *sides, len(src_units), len(tgt_units), min_meetings
            )
            if len(columns) <= MAX_CELLS:
                break
        table = kernels.cell_index(rows, columns)
        learnt = kernels.learn(
            *sides, table, rows, columns, counts, src_often, tgt_often, ITERATIONS
        )
        num_pairs = max(1, len(src))
        cells = Cells(table, rows, columns, *learnt, src_often / num_pairs, tgt_often / num_pairs)
        rates = np.full(len(src_units), 0.3), np.full(len(tgt_units), 0.3)
        for _ in range(_RATE_STEPS):
            rates = kernels.unexplained(src_text, tgt_text, cells, *rates)
        raw = cls(src_units, tgt_units, cells, *rates, np.array([0.0, 1.0]))
        return replace(raw, scale=raw._scale_of(src, tgt))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Every array by its name."""
        arrays = {name: getattr(self, name) for name in _OWN}
        return arrays | self.cells._asdict()

    @classmethod
    def of(cls, arrays: Callable[[str], npt.NDArray[Any]]) -> Self:
        """The lexicon of which ``arrays`` returns each array by its name."""
        cells = Cells(*map(arrays, Cells._fields))
        return cls(cells=cells, **{name: arrays(name) for name in _OWN})

    def _scale_of(self, src: pl.Series, tgt: pl.Series) -> Floats:
        """The medians of ``scale``, of the first pairs: these are in the order of their hashes."""
        src, tgt = src.head(_SCALED_BY), tgt.head(_SCALED_BY)
        row = np.arange(len(src))
        apart = np.roll(row, 1)  # each target with the source of the pair before
        medians = []
        for partner, is_own in ((apart, False), (row, True)):
            pairs = np.stack([partner, row], axis=1)
            sums = self.evidence(src, tgt, pairs, np.full(len(row), is_own))
            scores = self.scaled(sums)
            medians.append(np.nanmedian(scores) if np.isfinite(scores).any() else np.nan)
        return np.array(medians)

    @property
    def tells_apart(self) -> bool:
        """Whether pairs have more evidence than random pairings: with less than
        ``_LEAST_SPAN`` a unit the sides have nothing to do with each other."""
        return bool(self.scale[1] - self.scale[0] >= _LEAST_SPAN)

    def scaled(self, sums: Floats) -> Floats:
        """Evidence a unit, 0 for a typical random pairing and 1 for a typical pair; NaN where fewer
        than MIN_JUDGED units are known. ``found`` is what ``evidence`` returns."""
        total, num_judged = sums[:, 0].sum(axis=0), sums[:, 1].sum(axis=0)
        low, high = self.scale
        scores = (total / np.maximum(num_judged, 1) - low) / (high - low)
        return np.where(num_judged >= MIN_JUDGED, scores, np.nan)

    def gaps(self, sums: Floats) -> Floats:
        """The largest share of a side that one stretch without a translation takes, of both sides.

        1 where a whole side is as unlikely as in a random pairing; NaN as for ``scaled``.
        """
        num_judged, stretch = sums[:, 1], sums[:, 2]
        shares = stretch / (np.maximum(num_judged, _LONG) * max(-self.scale[0], 0.1))
        return np.where(num_judged.sum(axis=0) >= MIN_JUDGED, shares.max(axis=0), np.nan)

    def evidence(
        self, src: pl.Series, tgt: pl.Series, pairs: Ints, learnt_from: Bools
    ) -> npt.NDArray[np.float64]:
        """What ``sealdata.kernels.lexicon.evidence`` says of ``pairs``, rows of the two columns.

        ``learnt_from`` (bool [pairs]) says which of them the lexicon was learnt from.
        """
        return kernels.evidence(
            _text(src, self.src_units),
            _text(tgt, self.tgt_units),
            pairs,
            self.cells,
            self.src_rate,
            self.tgt_rate,
            learnt_from,
        )


_OWN = ("src_units", "tgt_units", "src_rate", "tgt_rate", "scale")


def _text(texts: pl.Series, units: Hashes) -> Text:
    hashes, begins = units_of(texts)
    return Text(unit_ids(hashes, units), hashes, begins)


def _known(hashes: Hashes, begins: Ints) -> tuple[Hashes, Floats, Text]:
    """The frequent units, the pairs that have each, and the texts without other units."""
    units, often = _frequent(hashes)
    ids = unit_ids(hashes, units)
    is_known = ids >= 0
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_known)])
    return units, often, Text(ids[is_known], hashes[is_known], before[begins])


def _frequent(hashes: Hashes) -> tuple[Hashes, Floats]:
    """The units that are frequent enough, ascending, and the pairs that have each."""
    units, counts = np.unique(hashes, return_counts=True)
    enough = counts >= MIN_PAIRS_OF_UNIT
    units, counts = units[enough], counts[enough]
    if len(units) > MAX_UNITS:
        frequent = np.sort(np.argsort(-counts, kind="stable")[:MAX_UNITS])
        units, counts = units[frequent], counts[frequent]
    return units, counts.astype(np.float64)
