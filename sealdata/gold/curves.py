"""Curves of language ID: what each limit catches of related languages and loses of references."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.gold.lid_eval import MAX_SWAPPED, lid_scorer_and_rules, reference_texts
from sealdata.gold.references import ENGLISH, read_references
from sealdata.languages import confusable_set
from sealdata.pairs import make_pairs
from sealdata.recipe.tables import Recipe
from sealdata.scorers.lid import Lid

LOSSES = (0.5, 1.0, 2.0, 5.0, 10.0, 25.0)  # percent of references that a limit may drop


class Point(BaseModel):
    """One limit on ``lid.tgt_within_set_margin``, and the percentages that it drops."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: float
    lost: float  # percent of references in the declared language
    caught: float  # percent of texts in related languages, declared to be in this one


class Curve(BaseModel):
    """All limits for one model and declared language, from the loosest to the tightest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    lang: str
    texts: int  # references in the language
    relatives: dict[str, int]  # texts by related language, declared to be in this one
    points: list[Point]

    def tightest(self, lost: float) -> Point | None:
        """The tightest limit that loses at most ``lost`` percent of the references.

        None if even the loosest limit loses more, as for a model that cannot distinguish the
        language from its relatives.
        """
        return next((point for point in reversed(self.points) if point.lost <= lost), None)


def measure_curves(recipe: Recipe, base: Path, refs: Path, models: Sequence[str]) -> list[Curve]:
    """A curve for each model and each language of ``refs`` with related languages in ``refs``.

    Related languages are in the same confusable set and script. Without ``models``, the model is
    that of the recipe.

    Raises:
        ConfigError: no two references of one confusable set and script.
        DataError: a model is not on this machine or is not a fastText classifier.
    """
    texts = reference_texts(read_references(refs))
    curves = []
    # None stands for the model that the recipe names.
    for model in models or (None,):
        scorer, _ = lid_scorer_and_rules(recipe, base, model)
        [use] = scorer.models()
        for lang, lang_texts in texts.items():
            relatives = {
                # Evenly spaced lines instead of the first ones: references are often ordered by
                # subject.
                other: text.gather_every(max(1, -(-len(text) // MAX_SWAPPED)))
                for other, text in texts.items()
                # Codes end with the script. A language in another script is caught without this
                # score.
                if other != lang and other in confusable_set(lang) and other[3:] == lang[3:]
            }
            # The score compares within a set. Without relatives there is nothing to catch.
            if lang == ENGLISH or not relatives:
                continue
            # Relatives are pooled, each with at most MAX_SWAPPED texts.
            bad = np.concatenate(
                [_margins(scorer, lang, text.to_list()) for text in relatives.values()]
            )
            counts = {other: len(text) for other, text in relatives.items()}
            points = _points(_margins(scorer, lang, lang_texts.to_list()), bad)
            curves.append(
                Curve(
                    model=use.name,
                    lang=lang,
                    texts=len(lang_texts),
                    relatives=counts,
                    points=points,
                )
            )
    if not curves:
        raise ConfigError(f"{refs} has no two languages of one confusable set and script")
    return curves


def _margins(scorer: Lid, lang: str, texts: list[str]) -> npt.NDArray[np.float64]:
    """``tgt_within_set_margin`` of texts declared to be in ``lang``; 1 instead of null: kept."""
    # The English side is empty: only the score of the target side is used.
    scores = scorer.score(make_pairs([("", text) for text in texts], tgt_lang=lang))
    return scores["tgt_within_set_margin"].fill_null(1).to_numpy().astype(np.float64)


def _points(good: npt.NDArray[np.float64], bad: npt.NDArray[np.float64]) -> list[Point]:
    """A point for each hundredth; a limit drops what is below it."""
    # 201 limits from -1 to 1, rounded so that they print as they are.
    limits = np.round(np.arange(-1, 1.005, 0.01), 2)
    # ``searchsorted`` on sorted scores counts those below each limit, all limits at once.
    lost = 100 * np.searchsorted(np.sort(good), limits) / len(good)
    caught = 100 * np.searchsorted(np.sort(bad), limits) / len(bad)
    rows = zip(limits.tolist(), lost.tolist(), caught.tolist(), strict=True)
    return [Point(limit=limit, lost=share, caught=recall) for limit, share, recall in rows]
