"""Calibration: a limit between the scores of translations and of wrong pairs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.references import read_references
from sealdata.gold.trial import recipe_languages
from sealdata.lexicon.model import Lexicon
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.scorers import Scorer
from sealdata.scorers.lexicon import Lexicon as LexiconScorer
from sealdata.workflow.progress import counted
from sealdata.workflow.protocols import NO_PROGRESS, Progress
from sealdata.workflow.steps import single

# Both tails and the median: limits are chosen in a tail.
QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
_ENGLISH = "eng_Latn"
_LEARNT = "lexicon.evidence"  # the one score of a corpus that references can teach
_DECIMALS = 4  # of a limit, rounded down so that it never rejects the value it comes from


CALIBRATE = single("calibrate", "score references and wrong pairs")


class Spread(BaseModel):
    """Scores of one kind of pair: ``good``, ``shuffled``, ``next`` or ``other language``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    pairs: int
    missing: int  # pairs without the score
    quantiles: list[float]  # at QUANTILES
    histogram: list[int]  # over the bins of the language
    auc: float | None = None  # probability that a good pair has a higher score; ties count half
    accepted: float | None = None  # share at or above the limit


class Calibration(BaseModel):
    """One score and language; higher is better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: str
    lang: str
    limit: float  # at most the allowed share of good pairs is below
    rejected: float  # the share of good pairs below the limit
    bins: list[float]  # edges of the histograms
    good: Spread
    negatives: list[Spread]


def calibrate(
    plan: Plan,
    folder: Path,
    scores: Sequence[str],
    false_reject: float,
    tell: Callable[[str], None] = lambda said: None,
    progress: Progress = NO_PROGRESS,
) -> list[Calibration]:
    """Calibrate each score for each language of the recipe with references in ``folder``.

    The default of ``scores`` are the scores with a ``min`` in a rule on language ID or similarity.
    The texts are cleaned as in the recipe. Negatives of a similarity pair a line with the English
    of another line: ``shuffled`` is a random line; ``next`` is harder in running text. Negatives
    of language ID are lines in another language, declared to be in this one. For a score of the
    English side, the negatives are lines of this language in place of English.

    If no reference of a language has a score (a margin among related languages for a language
    without relatives), the result lacks it, and ``tell`` receives a message. A lexicon
    of the references computes ``lexicon.evidence``, if there are enough of them.

    Raises:
        ConfigError: the recipe has no such score, or no reference has it.
        DataError: see ``read_references``.
    """
    references = read_references(folder)
    langs = [lang for lang in recipe_languages(plan.recipe) if lang in set(references["lang"])]
    if not langs:
        raise ConfigError(f"{folder} has no references in a language of {plan.recipe.name!r}")
    # A build scores cleaned text, so the limits must come from cleaned text too.
    for cleaner in plan.cleaners.values():
        references = references.with_columns(
            cleaner.clean(references[side]).alias(side) for side in ("src", "tgt")
        )
    calibrations = []
    scorers = {name: _scorer(plan, name) for name in scores or _default_scores(plan)}
    measured = [(name, *scorer, lang) for name, scorer in scorers.items() for lang in langs]
    for name, scorer, column, lang in counted(progress, CALIBRATE.name, measured):
        sets = _pairs(references, lang, scorer.stage, column)
        values = (_learnt if name == _LEARNT else _scored)(scorer, column, sets)
        # One language without a score is reported, not an error: the others still have limits.
        if np.isnan(values["good"]).all():
            tell(f"left out: {name} of {lang}, because no reference has it")
        else:
            calibrations.append(_calibration(name, lang, values, false_reject))
    if not calibrations:
        raise ConfigError(f"no reference in {folder} has the score, so that there is no limit")
    return calibrations


def _scored(scorer: Scorer, column: str, sets: dict[str, pl.DataFrame]) -> dict[str, np.ndarray]:
    """Scores by kind of pair, to 6 decimals: further ones differ between machines and would move
    a limit."""
    return {
        kind: scorer.score(pairs)[column].cast(pl.Float64).round(6).to_numpy()
        for kind, pairs in sets.items()
    }


def _learnt(scorer: Scorer, column: str, sets: dict[str, pl.DataFrame]) -> dict[str, np.ndarray]:
    """Evidence by kind of pair, by a lexicon of the good ones; NaN where these are too few."""
    assert isinstance(scorer, LexiconScorer)
    good = sets["good"]
    if good.height < scorer.min_pairs:
        return {kind: np.full(pairs.height, np.nan) for kind, pairs in sets.items()}
    lexicon = Lexicon.learnt(good["src"], good["tgt"])
    values = {}
    for kind, pairs in sets.items():
        row = np.arange(pairs.height)
        is_own = np.full(pairs.height, kind == "good")
        rows = np.stack([row, row], axis=1)
        sums = lexicon.evidence(pairs["src"], pairs["tgt"], rows, is_own)
        values[kind] = lexicon.scaled(sums).round(6)
    return values


def _default_scores(plan: Plan) -> list[str]:
    rules = [*plan.rules("lid"), *plan.rules("similarity")]
    names = [
        rule.score
        for rule in rules
        # Only lower limits can be calibrated here, because higher is better for these scores.
        if rule.min is not None and rule.score not in plan.corpus_scores()
    ]
    if not names:
        raise ConfigError(
            f"{plan.recipe.name!r} has no rule with a min on language ID or similarity; name a "
            "score: --score laser.cosine"
        )
    return list(dict.fromkeys(names))


def _scorer(plan: Plan, name: str) -> tuple[Scorer, str]:
    scorer, _, column = name.partition(".")
    if name == _LEARNT and scorer in plan.scorers:
        return plan.scorers[scorer], column
    if name in plan.corpus_scores():
        raise ConfigError(
            f"--score {name}: the score needs neighbours in a corpus, or all of its pairs, which "
            "references lack; take its limit from the report of a build"
        )
    if scorer not in plan.scorers or column not in plan.scorers[scorer].columns:
        names = [f"{s}.{c}" for s, other in plan.scorers.items() for c in other.columns]
        raise ConfigError(
            f"--score {name}: the recipe has no such score; it has {', '.join(names)}"
        )
    return plan.scorers[scorer], column


def _pairs(references: pl.DataFrame, lang: str, stage: str, column: str) -> dict[str, pl.DataFrame]:
    """Pair frames by kind, ``good`` first."""
    lang_refs = references.filter(pl.col("lang") == lang)
    good = make_pairs(list(zip(lang_refs["src"], lang_refs["tgt"], strict=True)), tgt_lang=lang)
    # The English side is wrong where it is not English. The language of the pair is the likeliest
    # mix-up.
    if stage == "lid" and column.startswith("src_"):
        rows = list(zip(lang_refs["tgt"], lang_refs["tgt"], strict=True))
        return {"good": good, "other language": make_pairs(rows, tgt_lang=lang)}
    if stage == "lid":
        # At most as many lines of each other language, so that no language dominates the negatives.
        others = references.filter(pl.col("lang") != lang)
        few = others.filter(pl.int_range(pl.len()).over("lang") < lang_refs.height)
        rows = list(zip(few["src"], few["tgt"], strict=True))
        return {"good": good, "other language": make_pairs(rows, tgt_lang=lang)}
    # With fewer lines, a shift by one and a shuffle may be the same pairs.
    if lang_refs.height < 4:
        raise ConfigError(
            f"{lang_refs.height} references of {lang} are too few; at least 4 are needed"
        )
    # ``RandomState`` is frozen by NumPy: its numbers stay equal in every version.
    order = np.random.RandomState(1).permutation(lang_refs.height)
    partner = np.empty(lang_refs.height, dtype=np.int64)
    partner[order] = np.roll(
        order, 1
    )  # a cycle through all lines, so that no line keeps its partner
    # In running text the next line has the same subject, so an encoder finds it closer.
    partners = {"shuffled": partner, "next": np.roll(np.arange(lang_refs.height), -1)}
    kinds = {"good": good}
    for kind, indices in partners.items():
        src = lang_refs["src"].gather(indices)
        wrong = (
            src != lang_refs["src"]
        ).to_list()  # the same sentence on another line is a good pair
        rows = [
            pair
            for pair, keep in zip(zip(src, lang_refs["tgt"], strict=True), wrong, strict=True)
            if keep
        ]
        kinds[kind] = make_pairs(rows, tgt_lang=lang)
    return kinds


def _calibration(
    score: str, lang: str, values: dict[str, np.ndarray], false_reject: float
) -> Calibration:
    # float64 arrays without NaN; the number of missing scores is reported by kind.
    scores_of_kind = {kind: scores[~np.isnan(scores)] for kind, scores in values.items()}
    good = np.sort(scores_of_kind["good"])
    # The value at this rank: at most ``false_reject`` of the good pairs lie below it.
    limit = float(good[int(false_reject * len(good))])
    # The inner rounding removes binary noise such as 7999.999999, which ``floor`` would lower by
    # one step.
    limit = float(np.floor(round(limit * 10**_DECIMALS, 3)) / 10**_DECIMALS)
    # All kinds share the bins, so that their histograms can be laid over each other.
    all_scores = np.concatenate(list(scores_of_kind.values()))
    # 40 bins. The small width keeps edges distinct where all scores are equal.
    bins = np.linspace(all_scores.min(), max(all_scores.max(), all_scores.min() + 1e-6), 41)
    spreads = [
        Spread(
            kind=kind,
            pairs=len(values[kind]),
            missing=len(values[kind]) - len(scores),
            quantiles=np.quantile(scores, QUANTILES).round(4).tolist() if len(scores) else [],
            histogram=np.histogram(scores, bins)[0].tolist(),
            auc=None if kind == "good" or not len(scores) else area_under_curve(good, scores),
            accepted=None if kind == "good" or not len(scores) else float((scores >= limit).mean()),
        )
        for kind, scores in scores_of_kind.items()
    ]
    return Calibration(
        score=score,
        lang=lang,
        limit=limit,
        rejected=float((good < limit).mean()),
        bins=bins.tolist(),
        good=spreads[0],
        negatives=spreads[1:],
    )


def area_under_curve(good: np.ndarray, bad: np.ndarray) -> float:
    """Probability that a random ``good`` value is above a random ``bad`` one; ties count half."""
    # The area under the ROC curve equals this probability (Mann and Whitney 1947), in n log n
    # steps.
    ordered = np.sort(bad)
    # "left" counts values strictly below, "right" also equal ones. Half of their sum counts ties
    # half.
    below = np.searchsorted(ordered, good, "left") + np.searchsorted(ordered, good, "right")
    return float(below.sum() / 2 / len(good) / len(bad))


def recipe_lines(calibrations: Sequence[Calibration], plan: Plan) -> str:
    """Rules with a limit per language, as TOML for the recipe.

    They replace the rules on the same scores and keep their reasons.
    """
    # Reversed, so that the first rule on a score wins.
    reasons = {rule.score: rule.reason for rule in reversed(plan.recipe.rule)}
    lines = []
    for score in dict.fromkeys(result.score for result in calibrations):
        rows = [result for result in calibrations if result.score == score]
        other = "low_similarity" if score.startswith("laser.") else "wrong_language"
        lines += [
            "[[rule]]",
            f'reason = "{reasons.get(score, other)}"',
            f'score = "{score}"',
            # A language without references gets the loosest limit that was found.
            f"min = {min(row.limit for row in rows):g} # for languages that are not listed",
            "",
            "[rule.languages]",
            *(f"{row.lang} = {{ min = {row.limit:g} }}" for row in rows),
            "",
        ]
    return "\n".join(lines)
