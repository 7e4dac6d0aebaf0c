"""Precision: how far scores in rough arithmetic lie from exact ones, on some pairs of a build."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.files.frames import read_frame
from sealdata.files.records import PartRecord
from sealdata.scorers import Phase, Rough
from sealdata.shards.shuffle import row_keys
from sealdata.stages.rules import STAGE_OF_PHASE, Judge, Rule
from sealdata.workflow.stage import Done, Stage

PAIRS = 256  # of a language: the mean error is known to a few percent, and encoding takes seconds
_PARTS = 8  # that they come from, if so many have enough: reading a corpus for 256 pairs is waste
_TEXT = ["source", "row", "src_lang", "tgt_lang", "src", "tgt"]

PairsOf = Callable[[str], pl.DataFrame]  # part -> pairs with their scores; must be picklable


def comparisons(
    scorer: str, rough: Rough, rules: Sequence[Rule], sources: Sequence[tuple[str, PairsOf, Done]]
) -> list[Stage]:
    """A stage per language. ``sources`` are (language, pairs with scores, the stage that scored
    them)."""
    score = f"{scorer}.{rough.column}"
    own_rules = tuple(rule for rule in rules if rule.score == score)
    stages = []
    for lang in dict.fromkeys(lang for lang, _, _ in sources):
        own = [(pairs_of, done) for of, pairs_of, done in sources if of == lang]
        exact = rough.exact.for_languages([lang])
        job = Precision(
            tuple((pairs_of, part) for pairs_of, done in own for part in done.parts),
            score,
            rough._replace(exact=exact),
            own_rules,
        )
        params = [score, exact.fingerprint(), [asdict(rule) for rule in own_rules]]
        inputs = tuple(done.key for _, done in own)
        gpus = exact.num_gpus()
        stages.append(Stage("precision", params, inputs, (lang,), job, num_gpus=gpus))
    return stages


@dataclass(frozen=True)
class Precision:
    """Scores PAIRS distinct pairs of one language again by ``rough.exact``, and compares.

    What is compared are the scores that the pairs were judged by, rounding included. ``rules`` are
    those on the score: a verdict that exact arithmetic would turn is counted.
    """

    places: tuple[tuple[PairsOf, str], ...]  # parts of all sources of the language
    score: str  # "laser.cosine"
    rough: Rough
    rules: tuple[Rule, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """``part`` is the language. Facts: fields of the manifest's ``PrecisionErrorRow``."""
        drawn = self._drawn()
        again = self.rough.exact.score(drawn.drop(self.score))
        self.rough.exact.release()
        exact = again.select(pl.col(self.rough.column).alias(self.score))
        facts = {
            "lang": part,
            "score": self.score,
            "precision": self.rough.precision,
            "device": self.rough.device,
            **errors(drawn[self.score], exact[self.score]),
            "flips": self._flips(drawn.select(self.score), exact, part),
        }
        return PartRecord(part=part, rows_in=drawn.height, rows_out=drawn.height, facts=facts)

    def _drawn(self) -> pl.DataFrame:
        """Pairs by hash out of parts by hash: corpora come sorted."""
        order = sorted(self.places, key=lambda place: hashlib.sha256(place[1].encode()).digest())
        share = -(-PAIRS // min(len(order), _PARTS))
        drawn: list[pl.DataFrame] = []
        for pairs_of, part in order:
            missing = PAIRS - sum(frame.height for frame in drawn)
            if not missing:
                break
            frame = pairs_of(part).select(*_TEXT, self.score)
            frame = frame.filter(pl.col(self.score).is_not_null())
            frame = frame.unique(["src", "tgt"], keep="first", maintain_order=True)
            keys = row_keys(frame, seed=0)
            drawn.append(frame[keys.arg_sort().head(min(share, missing))])
        return pl.concat(drawn).unique(["src", "tgt"], keep="first", maintain_order=True)

    def _flips(self, rough: pl.DataFrame, exact: pl.DataFrame, lang: str) -> int | None:
        """Pairs that a rule drops by one of the two scores and keeps by the other."""
        if not self.rules:
            return None
        dropped = [
            pl.DataFrame({str(n): rule.failed(scores, lang) for n, rule in enumerate(self.rules)})
            .select(pl.any_horizontal(pl.all()))
            .to_series()
            for scores in (rough, exact)
        ]
        return int((dropped[0] != dropped[1]).sum())


def errors(rough: pl.Series, exact: pl.Series) -> dict[str, Any]:
    """``pairs``; ``mean``, ``p99`` and ``most`` of the absolute errors; ``spread``, the standard
    deviation of the exact scores, to hold the errors against. None where there are too few."""
    both = pl.DataFrame({"rough": rough, "exact": exact}).cast(pl.Float64).drop_nulls()
    error = (pl.col("rough") - pl.col("exact")).abs()
    found = both.select(
        mean=error.mean(),
        p99=error.quantile(0.99, "higher"),
        most=error.max(),
        spread=pl.col("exact").std(),
    ).select(pl.all().round(6))
    return {"pairs": both.height, **found.row(0, named=True)}


def living(judge: Judge, part: str) -> pl.DataFrame:
    """The pairs of a build's part with their scores, null where the gate before dropped them."""
    pairs = read_frame(judge.cleaned / f"{part}.parquet", _TEXT)
    return pairs.hstack(judge.judge(part).scores)


def sampled(folder: Path, phase: Phase, part: str) -> pl.DataFrame:
    """The pairs of an audit's part that a build would have scored in ``phase``."""
    frame = read_frame(folder / f"{part}.parquet")
    return frame.filter(pl.col("stage").is_null() | (pl.col("stage") == STAGE_OF_PHASE[phase]))
