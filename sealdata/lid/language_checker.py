"""Texts held against the language they are declared to be in."""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import ENGLISH, languages
from sealdata.lid.function_words import WEIGHT, count_function_words, languages_with_words
from sealdata.lid.labels import Labels, Mask
from sealdata.lid.model import MIN_PROB, TOP_K, Likeliest
from sealdata.text.characters import count_characters, scripts, unicode_script

VERDICT = {
    "prob": pl.Float32,
    "top": pl.String,
    "top_prob": pl.Float32,
    "margin": pl.Float32,
    "set_prob": pl.Float32,
    "set_margin": pl.Float32,
    "short_margin": pl.Float32,
    "within_set_margin": pl.Float32,
    "odds": pl.Float32,
}
Identify = Callable[[pl.Series], Likeliest]
Probs = npt.NDArray[np.float32]

_FEW = 10  # letters below which a text does not tell even a set of relatives from strangers


class LanguageChecker:
    """Judges texts by the labels that ``identify`` tells of them, and by their letters first."""

    def __init__(self, labels: Labels, identify: Identify, short: int) -> None:
        self.labels = labels
        self.codes = np.array(labels.codes(), object)
        self.identify = identify
        self.short = short

    def verdicts(self, texts: pl.Series, lang: str) -> pl.DataFrame:
        """A row of VERDICT for each text, all of which are declared to be in ``lang``.

        Null throughout where a text has no letters of any script; see ``Lid`` for the columns.
        """
        counts = count_characters(texts)
        in_script = counts.select(scripts()).to_numpy()
        letters = (counts["letters"] - counts["shared_letters"]).to_numpy()
        likeliest = self._likeliest(texts, in_script, letters)
        own = in_script[:, scripts().index(_script_of(lang))] if _script_of(lang) else letters
        verdict = self._judged(lang, likeliest, own > 0)
        verdict = verdict.with_columns(odds=self._odds(lang, likeliest, texts, own > 0, letters))
        factor = languages()[lang].length_factor if lang in languages() else 1.0
        is_short = pl.Series(letters * factor < self.short)
        margin = verdict["set_margin"]
        return (
            verdict.with_columns(
                set_margin=pl.when(~is_short).then(margin),
                short_margin=pl.when(is_short).then(margin),
            )
            .select(
                pl.when(pl.Series(letters > 0)).then(pl.col(name)).alias(name) for name in VERDICT
            )
            .cast(VERDICT)  # type: ignore[arg-type]
        )

    def _likeliest(
        self, texts: pl.Series, in_script: npt.NDArray[np.uint32], letters: npt.NDArray[np.uint32]
    ) -> Likeliest:
        """What the letters say where one label alone is written with most of them, else the model.

        The probability by letters is the share of letters in that script.
        """
        label_of_script = np.array([self.labels.alone.get(script, -1) for script in scripts()])
        most = in_script.argmax(1)
        count = in_script[np.arange(len(most)), most]
        by_letters = (label_of_script[most] >= 0) & (2 * count > letters)
        labels = np.zeros((len(texts), TOP_K), np.int16)
        probs = np.zeros((len(texts), TOP_K), np.float32)
        labels[by_letters, 0] = label_of_script[most][by_letters]
        probs[by_letters, 0] = count[by_letters] / letters[by_letters]
        asked = ~by_letters & (letters > 0)
        told = self.identify(texts if asked.all() else texts.filter(pl.Series(asked)))
        labels[asked], probs[asked] = told.labels, np.minimum(told.probs, 1)
        return Likeliest(labels, probs)

    def _judged(self, lang: str, likeliest: Likeliest, written: Mask) -> pl.DataFrame:
        """``written``: texts with any letter in the script of ``lang``; others are not in it."""
        labels, probs = likeliest
        one, kin = self.labels.mask(lang), self.labels.set_mask(lang)

        def mass(mask: Mask) -> Probs:
            total: Probs = np.where(mask[labels] & written[:, None], probs, 0).sum(1)
            return np.minimum(total, 1)

        def highest(mask: Mask) -> Probs:
            most: Probs = np.where(mask[labels], probs, 0).max(1)
            return most

        prob, set_prob = mass(one), mass(kin)
        off = ~written  # the likeliest is another language then, whatever the model says
        other = np.where(off, 1, highest(~one))
        columns = {
            "prob": prob if one.any() else None,
            "margin": prob - other if one.any() else None,
            "set_prob": set_prob if kin.any() else None,
            "set_margin": set_prob - np.where(off, 1, highest(~kin)) if kin.any() else None,
            "within_set_margin": prob - highest(kin & ~one)
            if one.any() and (kin & ~one).any()
            else None,
            "top_prob": probs[:, 0],
        }
        top = self.codes[labels[:, 0]]
        top[one[labels[:, 0]]] = lang
        frame = pl.DataFrame({"top": pl.Series(top, dtype=pl.String)})
        return frame.with_columns(
            pl.lit(None, pl.Float32).alias(name) if values is None else pl.Series(name, values)
            for name, values in columns.items()
        )

    def _odds(
        self,
        lang: str,
        likeliest: Likeliest,
        texts: pl.Series,
        written: Mask,
        letters: npt.NDArray[np.uint32],
    ) -> pl.Series | None:
        """Log10 of the odds of the set of ``lang`` against the likeliest other set of known
        languages, by the model (from _FEW letters on) and by function words, as if the two were
        independent (naive Bayes); null where neither tells anything.

        English is no rival because sentences of other languages quote it at length; a side that
        is English is a copy, which needs no model.
        """
        groups, num_groups = self.labels.groups()
        kin = self.labels.set_mask(lang)
        if not kin.any():
            return None
        rows = len(likeliest.labels)
        cells = np.arange(rows)[:, None] * (num_groups + 1) + groups[likeliest.labels]
        probs = np.where((letters >= _FEW)[:, None], likeliest.probs, 0)
        mass = np.bincount(cells.ravel(), probs.ravel(), rows * (num_groups + 1))
        mass = mass.reshape(rows, num_groups + 1).clip(MIN_PROB, 1)
        words = np.zeros_like(mass)
        counts = count_function_words(texts)
        for number, known in enumerate(languages_with_words()):
            if (mask := self.labels.set_mask(known)).any():
                words[:, groups[mask][0]] = counts[:, number]
        mass[~written, groups[kin][0]] = MIN_PROB
        words[~written, groups[kin][0]] = 0
        evidence = np.log10(mass) + WEIGHT * words
        own = evidence[:, groups[kin][0]].copy()
        others = np.ones(num_groups + 1, bool)
        others[[0, *groups[kin | self.labels.set_mask(ENGLISH)]]] = False
        told = (evidence[:, others] > np.log10(MIN_PROB)).any(1) | (own > np.log10(MIN_PROB))
        odds = pl.Series(own - evidence[:, others].max(1), dtype=pl.Float32)
        return pl.select(pl.when(pl.Series(told)).then(odds)).to_series()


@cache
def _script_of(lang: str) -> str | None:
    """The Unicode script of a code such as ``tha_Thai``, where it is one that is counted."""
    script = unicode_script(lang.rpartition("_")[2])
    return script if script in scripts() else None
