"""Pairs to look at: drawn by hash from strata, never from the head of a file."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl
import polars_hash as plh

from sealdata.report.audit_rows import Evidence
from sealdata.report.schema import LanguageSamples, Sample, ScoreFacts

MAX_TEXT = 400  # characters shown of a text
STRATA = 8  # score ranges that kept pairs are drawn from
MOST_KEPT, MOST_DROPPED = 40, 60  # per language
MOST_ROWS = 960  # in all, so that the page stays small
ALL_BYTES = 1_100_000  # of all rows together on the page, which holds under 3 MB
_ROW_BYTES, _SCORE_BYTES = 330, 55  # of the page: of a row beside its texts, of a score

LEAK = "eval_leak"
WITHHELD = "(text of an evaluation set)"
_TEXTS = ("src", "tgt", "raw")


@dataclass(frozen=True)
class Sampler:
    """Draws the same rows from the same evidence, whatever its files are cut into."""

    evidence: Evidence
    score_names: list[str]
    ranking: ScoreFacts | None  # kept pairs are spread over the range of this score

    def draw(self, lang: str, share: float = 1.0) -> LanguageSamples:
        """Rows of one language; ``share`` scales the caps."""
        sides = {
            "kept": (self._kept_strata, MOST_KEPT, pl.col("stage").is_null()),
            "dropped": (_dropped_strata, MOST_DROPPED, pl.col("stage").is_not_null()),
        }
        found = {}
        for name, (stratify, most, which) in sides.items():
            frames = (frame.filter(which) for frame in self.evidence.frames(lang))
            found[name] = _draw(frames, stratify, max(1, int(most * share)))
        return LanguageSamples(
            kept=[show(row, self.score_names) for row in found["kept"][0]],
            dropped=[show(row, self.score_names) for row in found["dropped"][0]],
            num_kept=found["kept"][1],
            num_dropped=found["dropped"][1],
        )

    def _kept_strata(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``stratum`` names the score range; ``order`` sorts the ranges from low to high."""
        if self.ranking is None or self.ranking.name not in frame.columns:
            return frame.with_columns(stratum=pl.lit("all"), order=pl.lit(0))
        marks = coarse(self.ranking.bars)
        score = pl.col(self.ranking.name)
        at = pl.lit(pl.Series(marks)).search_sorted(score.fill_nan(None), side="right")
        names = pl.Series([f"{self.ranking.name} {text}" for text in _ranges(marks)])
        return frame.with_columns(
            order=pl.when(score.is_null()).then(-1).otherwise(at.cast(pl.Int32)),
        ).with_columns(
            stratum=pl.when(pl.col("order") < 0)
            .then(pl.lit(f"no {self.ranking.name}"))
            .otherwise(pl.lit(names).gather(pl.col("order").clip(0)))
        )


def show(row: dict[str, Any], score_names: Sequence[str], stratum: str = "") -> Sample:
    """A row as it is shown: long texts cut, scores with four significant digits.

    What matched an evaluation set is not repeated: the page is published, and not all sets may be.
    """
    leaked = LEAK in (row.get("reasons") or [])
    return Sample(
        source=row["source"],
        row=row["row"],
        stratum=row.get("stratum") or stratum,
        outcome=row["stage"] or row.get("split") or "kept",
        reasons=row.get("reasons") or [],
        **{name: _cut(WITHHELD if leaked and row.get(name) else row.get(name)) for name in _TEXTS},
        scores={name: _short(row[name]) for name in score_names if row.get(name) is not None},
    )


def fitting(samples: dict[str, LanguageSamples]) -> dict[str, LanguageSamples]:
    """The samples cut to ALL_BYTES: of each list the same share, from its end.

    Rows come from the strata in turn, so what is left is spread over them as before.
    """
    rows = [row for drawn in samples.values() for row in (*drawn.kept, *drawn.dropped)]
    share = ALL_BYTES / max(ALL_BYTES, sum(map(_bytes, rows)))
    return {
        lang: drawn.model_copy(
            update={
                side: rows[: math.ceil(len(rows) * share)]
                for side, rows in (("kept", drawn.kept), ("dropped", drawn.dropped))
            }
        )
        for lang, drawn in samples.items()
    }


def _bytes(row: Sample) -> int:
    """About what a row takes on the page."""
    texts = [text for text in (row.src, row.tgt, row.raw) if text]
    return _ROW_BYTES + _SCORE_BYTES * len(row.scores) + sum(len(text.encode()) for text in texts)


def coarse(edges: list[float]) -> list[float]:
    """About STRATA + 1 of the histogram's edges, evenly spaced."""
    step = max(1, len(edges) // STRATA)
    return edges[::step]


def _ranges(marks: list[float]) -> list[str]:
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(marks)]
    return [f"below {marks[0]:g}", *inner, f"from {marks[-1]:g}"]


def _dropped_strata(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(stratum=pl.format("{}: {}", "stage", "reason"), order=pl.lit(0))


def _draw(
    frames: Iterable[pl.DataFrame], stratify: Callable[[pl.DataFrame], pl.DataFrame], most: int
) -> tuple[list[dict[str, Any]], int]:
    """At most ``most`` rows, taken from the strata in turn by hash; and the number of all rows."""
    best: list[pl.DataFrame] = []
    total = 0
    for frame in frames:
        total += frame.height
        name = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        ranked = stratify(frame).with_columns(hash=name.nchash.xxh3_64())
        best = [_lowest(pl.concat([*best, _lowest(ranked, most)], how="diagonal_relaxed"), most)]
    if not best:
        return [], 0
    turn = pl.col("hash").rank("ordinal").over("stratum")
    drawn = best[0].with_columns(turn=turn).sort("turn", "order", "stratum").head(most)
    return drawn.to_dicts(), total


def _lowest(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    return frame.filter(pl.col("hash").rank("ordinal").over("stratum") <= most)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _short(value: Any) -> Any:
    """A score with four significant digits; infinity and NaN, which JSON lacks, as text."""
    if not isinstance(value, float):
        return value
    short = float(f"{value:.4g}")
    return short if abs(short) < float("inf") else str(value)
