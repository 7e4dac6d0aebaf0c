"""Arithmetic error: how far scores of reduced precision are from exact ones, on some pairs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.files.frames import read_frame
from sealdata.files.records import PartRecord
from sealdata.filter_stages import RuleStage
from sealdata.scorers import PrecisionCheck
from sealdata.shards.shuffle import row_keys
from sealdata.stages.rules import Rule, RuleEvaluator
from sealdata.workflow.stage import Stage, StageOutput, Step

PAIRS = 256  # per language: the mean error is known to a few percent, and encoding takes seconds
_PARTS = 8  # to draw from, if they have enough pairs: 256 pairs do not justify reading a corpus
_TEXT = ["source", "row", "src_lang", "tgt_lang", "src", "tgt"]

PairsOf = Callable[[str], pl.DataFrame]  # part -> pairs with their scores; picklable


def comparisons(
    scorer: str,
    check: PrecisionCheck,
    rules: Sequence[Rule],
    sources: Sequence[tuple[str, PairsOf, StageOutput]],
) -> list[Stage]:
    """A stage per language. ``sources`` are (language, pairs with scores, output of the stage that
    scored them)."""
    score = f"{scorer}.{check.column}"
    rules = tuple(rule for rule in rules if rule.score == score)
    stages = []
    for lang in dict.fromkeys(lang for lang, _, _ in sources):
        scored = [(pairs_of, output) for code, pairs_of, output in sources if code == lang]
        reference = check.reference.for_languages([lang])
        step = MeasureError(
            tuple((pairs_of, part) for pairs_of, output in scored for part in output.parts),
            score,
            check._replace(reference=reference),
            rules,
        )
        inputs = tuple(output.key for _, output in scored)
        stages.append(Stage.of(step, inputs, (lang,), num_gpus=reference.num_gpus()))
    return stages


@dataclass(frozen=True)
class MeasureError(Step):
    """Scores PAIRS distinct pairs of one language again in full precision, and compares.

    The scores compared are those that the rules saw, rounding included. ``rules`` are the rules on
    the score: pairs that full precision would have decided otherwise are counted.
    """

    name: ClassVar[str] = "precision"
    version: ClassVar[int] = 2

    parts: tuple[tuple[PairsOf, str], ...]  # of all sources of the language
    score: str  # "laser.cosine"
    check: PrecisionCheck
    rules: tuple[Rule, ...]

    def params(self) -> list[Any]:
        """The score, the reference and the rules."""
        rules = [asdict(rule) for rule in self.rules]
        return [self.score, self.check.reference.fingerprint(), rules]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """``part`` is the language. Facts: fields of the manifest's ``PrecisionErrorRow``."""
        drawn = self._drawn()
        rescored = self.check.reference.score(drawn.drop(self.score))
        self.check.reference.release()
        exact = rescored.select(pl.col(self.check.column).alias(self.score))
        facts = {
            "lang": part,
            "score": self.score,
            "precision": self.check.precision,
            "device": self.check.device,
            **errors(drawn[self.score], exact[self.score]),
            "flips": self._flips(drawn.select(self.score), exact, part),
        }
        return PartRecord(part=part, rows_in=drawn.height, rows_out=drawn.height, facts=facts)

    def _drawn(self) -> pl.DataFrame:
        """Pairs drawn by hash from parts drawn by hash, because corpora come sorted."""
        order = sorted(self.parts, key=lambda entry: hashlib.sha256(entry[1].encode()).digest())
        # Rounded up, so that the last part fills what the others lacked.
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

    def _flips(self, reduced: pl.DataFrame, exact: pl.DataFrame, lang: str) -> int | None:
        """Pairs that a rule drops by one of the two scores and keeps by the other."""
        if not self.rules:
            return None
        dropped = [
            pl.DataFrame({str(n): rule.failed(scores, lang) for n, rule in enumerate(self.rules)})
            .select(pl.any_horizontal(pl.all()))
            .to_series()
            for scores in (reduced, exact)
        ]
        return int((dropped[0] != dropped[1]).sum())


def errors(reduced: pl.Series, exact: pl.Series) -> dict[str, Any]:
    """``pairs``; ``mean``, ``p99`` and ``largest`` of the absolute errors; ``spread``,
    the standard deviation of the exact scores, as a scale for the errors. None where there are too
    few pairs."""
    both = pl.DataFrame({"reduced": reduced, "exact": exact}).cast(pl.Float64).drop_nulls()
    error = (pl.col("reduced") - pl.col("exact")).abs()
    stats = both.select(
        mean=error.mean(),
        p99=error.quantile(0.99, "higher"),
        largest=error.max(),
        spread=pl.col("exact").std(),
    ).select(pl.all().round(6))
    return {"pairs": both.height, **stats.row(0, named=True)}


def surviving_pairs(evaluator: RuleEvaluator, part: str) -> pl.DataFrame:
    """The pairs of a build's part with their scores, null where they were dropped earlier."""
    pairs = read_frame(evaluator.cleaned.folder / f"{part}.parquet", _TEXT)
    return pairs.hstack(evaluator.evaluate(part).scores)


def sampled_pairs(folder: Path, stage: RuleStage, part: str) -> pl.DataFrame:
    """The pairs of an audit's part that a build would have scored in ``stage``."""
    frame = read_frame(folder / f"{part}.parquet")
    return frame.filter(pl.col("stage").is_null() | (pl.col("stage") == stage))
