"""Sample pairs for the page: drawn by hash from strata, because files are often sorted."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl
import polars_hash as plh

from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import LanguageSamples, Sample, ScoreFacts
from sealdata.stages.withheld import TEXT_HASH

MAX_TEXT = 400  # characters of a text
STRATA = 8  # score ranges that kept pairs are drawn from
MAX_KEPT, MAX_DROPPED = 40, 60  # per language
MAX_ROWS = 960  # over all languages, so that the page stays small
MAX_BYTES = 1_100_000  # of all rows on the page, which must stay under 3 MB
_ROW_BYTES, _SCORE_BYTES = 330, 55  # on the page, by row without its texts and by score

LEAK = "eval_leak"
WITHHELD = "(text of an evaluation set)"
REMOVED = "(text withheld: takedown or personal data)"
_TEXTS = ("src", "tgt", "raw")


@dataclass(frozen=True)
class Sampler:
    """Draws sample rows; how the rows are divided into files does not matter."""

    audit_rows: AuditRows
    # Names of all score columns; a row shows those that it has.
    score_names: list[str]
    ranking: ScoreFacts | None  # kept pairs are spread over the range of this score

    def draw(self, lang: str, share: float = 1.0) -> LanguageSamples:
        """Rows of one language; ``share`` scales the caps."""
        # Kept and dropped pairs have caps of their own, so neither hides the other.
        sides = {
            "kept": (self._kept_strata, MAX_KEPT, pl.col("stage").is_null()),
            "dropped": (_dropped_strata, MAX_DROPPED, pl.col("stage").is_not_null()),
        }
        drawn = {}
        for name, (stratify, max_rows, which) in sides.items():
            # A generator: one batch is in memory at a time.
            frames = (frame.filter(which) for frame in self.audit_rows.frames(lang))
            # One row at least, however many languages share the page.
            drawn[name] = _draw(frames, stratify, max(1, int(max_rows * share)))
        return LanguageSamples(
            kept=[show(row, self.score_names) for row in drawn["kept"][0]],
            dropped=[show(row, self.score_names) for row in drawn["dropped"][0]],
            num_kept=drawn["kept"][1],
            num_dropped=drawn["dropped"][1],
        )

    def _kept_strata(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``stratum`` names the score range; ``order`` sorts the ranges from low to high."""
        # Without a ranking score all kept pairs are one stratum, and the draw is a plain one by
        # hash.
        if self.ranking is None or self.ranking.name not in frame.columns:
            return frame.with_columns(stratum=pl.lit("all"), order=pl.lit(0))
        marks = coarse(self.ranking.bars)
        score = pl.col(self.ranking.name)
        # NaN has no place in a range. As null it goes into the stratum "no score".
        range_number = pl.lit(pl.Series(marks)).search_sorted(score.fill_nan(None), side="right")
        names = pl.Series([f"{self.ranking.name} {text}" for text in _ranges(marks)])
        return frame.with_columns(
            order=pl.when(score.is_null()).then(-1).otherwise(range_number.cast(pl.Int32)),
        ).with_columns(
            stratum=pl.when(pl.col("order") < 0)
            .then(pl.lit(f"no {self.ranking.name}"))
            .otherwise(pl.lit(names).gather(pl.col("order").clip(0)))
        )


def show(row: dict[str, Any], score_names: Sequence[str], stratum: str = "") -> Sample:
    """A row for the page: long texts are cut, scores have four significant digits.

    Text that matched an evaluation set is withheld, because the page is published and some sets
    must not be.
    """
    # All reasons are looked at: a pair may have another first reason and still match.
    leaked = LEAK in (row.get("reasons") or [])
    texts = {name: _cut(WITHHELD if leaked and row.get(name) else row.get(name)) for name in _TEXTS}
    if row.get(TEXT_HASH):
        texts["src"] = texts["tgt"] = REMOVED
    return Sample(
        source=row["source"],
        row=row["row"],
        stratum=row.get("stratum") or stratum,
        outcome=row["stage"] or row.get("split") or "kept",
        reasons=row.get("reasons") or [],
        **texts,
        # Missing scores are left out, which saves bytes on the page.
        scores={name: _short(row[name]) for name in score_names if row.get(name) is not None},
    )


def fitting(samples: dict[str, LanguageSamples]) -> dict[str, LanguageSamples]:
    """The samples, reduced to MAX_BYTES by the same share of each list, from its end.

    A list takes its rows from the strata in turn, so that the rest is spread over them as before.
    """
    rows = [row for drawn in samples.values() for row in (*drawn.kept, *drawn.dropped)]
    # At most 1: samples that fit are not changed.
    share = MAX_BYTES / max(MAX_BYTES, sum(map(_bytes, rows)))
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
    """The approximate size of a row on the page."""
    texts = [text for text in (row.src, row.tgt, row.raw) if text]
    # UTF-8 bytes, because a Thai or Burmese character takes three of them.
    return _ROW_BYTES + _SCORE_BYTES * len(row.scores) + sum(len(text.encode()) for text in texts)


def coarse(edges: list[float]) -> list[float]:
    """About STRATA + 1 evenly spaced edges of a histogram."""
    # A histogram has some 40 bins, too many for strata of 40 rows.
    step = max(1, len(edges) // STRATA)
    return edges[::step]


def _ranges(marks: list[float]) -> list[str]:
    # One name more than marks: the ranges at both ends are open.
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(marks)]
    return [f"below {marks[0]:g}", *inner, f"from {marks[-1]:g}"]


def _dropped_strata(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(stratum=pl.format("{}: {}", "stage", "reason"), order=pl.lit(0))


def _draw(
    frames: Iterable[pl.DataFrame], stratify: Callable[[pl.DataFrame], pl.DataFrame], max_rows: int
) -> tuple[list[dict[str, Any]], int]:
    """At most ``max_rows`` rows, from the strata in turn by hash; and the number of all rows."""
    best: list[pl.DataFrame] = []
    total = 0
    for frame in frames:
        # All rows are counted, so that the page can say "40 of 1,234,567".
        total += frame.height
        # The hash depends on source and row, so equal pairs are drawn from equal builds, in any
        # file layout.
        name = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        ranked = stratify(frame).with_columns(hash=name.nchash.xxh3_64())
        # Each batch is reduced first, so at most two sets of ``max_rows`` per stratum are held.
        best = [
            _lowest(pl.concat([*best, _lowest(ranked, max_rows)], how="diagonal_relaxed"), max_rows)
        ]
    if not best:
        return [], 0
    # A turn takes one row of each stratum. Rare reasons are shown next to frequent ones.
    turn = pl.col("hash").rank("ordinal").over("stratum")
    drawn = best[0].with_columns(turn=turn).sort("turn", "order", "stratum").head(max_rows)
    return drawn.to_dicts(), total


def _lowest(frame: pl.DataFrame, max_rows: int) -> pl.DataFrame:
    return frame.filter(pl.col("hash").rank("ordinal").over("stratum") <= max_rows)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _short(value: Any) -> Any:
    """A score with four significant digits; infinity and NaN, which JSON lacks, as text."""
    if not isinstance(value, float):
        return value
    short = float(f"{value:.4g}")
    # NaN fails this comparison, so it becomes text too.
    return short if abs(short) < float("inf") else str(value)
