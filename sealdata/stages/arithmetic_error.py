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
    # Flips are counted on rules on this score only. Rules on other scores see the same number in
    # both precisions.
    rules = tuple(rule for rule in rules if rule.score == score)
    stages = []
    # One task per language, because the encoders differ by language and so may their errors.
    for lang in dict.fromkeys(lang for lang, _, _ in sources):
        scored = [(pairs_of, output) for code, pairs_of, output in sources if code == lang]
        # The fingerprint of the reference then covers only the models of this language.
        reference = check.reference.for_languages([lang])
        step = MeasureError(
            tuple((pairs_of, part) for pairs_of, output in scored for part in output.parts),
            score,
            check._replace(reference=reference),
            rules,
        )
        # The scores of every source of the language are read, so a new score of any of them
        # measures the error again.
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
    # The reference computes the same column in full precision.
    check: PrecisionCheck
    rules: tuple[Rule, ...]

    def params(self) -> list[Any]:
        """The score, the reference and the rules."""
        # Rules change no score here, but they decide the number of flips.
        rules = [asdict(rule) for rule in self.rules]
        return [self.score, self.check.reference.identity(), rules]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """``part`` is the language. Facts: fields of the manifest's ``PrecisionErrorRow``."""
        drawn = self._drawn()
        # The reduced score is dropped first, because the reference makes a column of the same
        # meaning.
        rescored = self.check.reference.score(drawn.drop(self.score))
        # A worker may go on to other stages. It must not hold two models of a language meanwhile.
        self.check.reference.release()
        # The column takes the name of the score, so that a rule can be applied to it unchanged.
        exact = rescored.select(pl.col(self.check.column).alias(self.score))
        facts = {
            "lang": part,
            "score": self.score,
            "precision": self.check.precision,
            "device": self.check.device,
            **errors(drawn[self.score], exact[self.score]),
            "flips": self._flips(drawn, exact.with_columns(drawn["source"]), part),
        }
        return PartRecord(part=part, rows_in=drawn.height, rows_out=drawn.height, facts=facts)

    def _drawn(self) -> pl.DataFrame:
        """Pairs drawn by hash from parts drawn by hash, because corpora come sorted."""
        # The name of a part is not unique over sources; equal hashes keep the order of the recipe.
        order = sorted(self.parts, key=lambda entry: hashlib.sha256(entry[1].encode()).digest())
        # Rounded up, so that the last part fills what the others lacked.
        share = -(-PAIRS // min(len(order), _PARTS))
        drawn: list[pl.DataFrame] = []
        for pairs_of, part in order:
            # Parts are read only until there are enough pairs: a part that has enough spares the
            # rest.
            missing = PAIRS - sum(frame.height for frame in drawn)
            if not missing:
                break
            frame = pairs_of(part).select(*_TEXT, self.score)
            # Null means that the pair was dropped earlier, or that the encoder had nothing to read.
            frame = frame.filter(pl.col(self.score).is_not_null())
            # Repeated pairs have equal errors. Counted twice, they would make the mean look more
            # certain.
            frame = frame.unique(["src", "tgt"], keep="first", maintain_order=True)
            # A fixed seed: the measurement must not change with the seed of the recipe.
            keys = row_keys(frame, seed=0)
            drawn.append(frame[keys.arg_sort().head(min(share, missing))])
        # Two sources may share a pair, which only shows here. There may then be slightly fewer than
        # PAIRS.
        return pl.concat(drawn).unique(["src", "tgt"], keep="first", maintain_order=True)

    def _flips(self, reduced: pl.DataFrame, exact: pl.DataFrame, lang: str) -> int | None:
        """Pairs that a rule drops by one of the two scores and keeps by the other."""
        # None differs from 0: without a rule on the score no pair could change sides.
        if not self.rules:
            return None
        # A pair is dropped if any of the rules drops it, as in a build.
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
    # A score that is missing in either precision has no error.
    both = pl.DataFrame({"reduced": reduced, "exact": exact}).cast(pl.Float64).drop_nulls()
    error = (pl.col("reduced") - pl.col("exact")).abs()
    stats = both.select(
        mean=error.mean(),
        # "higher" takes a value that occurs: of 256 errors the third largest.
        p99=error.quantile(0.99, "higher"),
        largest=error.max(),
        spread=pl.col("exact").std(),
        # Further digits vary between machines and say nothing about the error.
    ).select(pl.all().round(6))
    return {"pairs": both.height, **stats.row(0, named=True)}


def surviving_pairs(evaluator: RuleEvaluator, part: str) -> pl.DataFrame:
    """The pairs of a build's part with their scores, null where they were dropped earlier."""
    pairs = read_frame(evaluator.cleaned.folder / f"{part}.parquet", _TEXT)
    return pairs.hstack(evaluator.evaluate(part).scores)


def sampled_pairs(folder: Path, stage: RuleStage, part: str) -> pl.DataFrame:
    """The pairs of an audit's part that a build would have scored in ``stage``."""
    frame = read_frame(folder / f"{part}.parquet")
    # An audit scores all pairs of the sample. A pair that an earlier stage drops would have no
    # score in a build.
    return frame.filter(pl.col("stage").is_null() | (pl.col("stage") == stage))
