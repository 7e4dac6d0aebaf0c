"""Scores of texts against the language that they are declared to be in."""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import ENGLISH, languages, unicode_script
from sealdata.lid.function_words import WEIGHT, count_function_words, languages_with_words
from sealdata.lid.labels import Labels, Mask
from sealdata.lid.model import MIN_PROB, TOP_K, Likeliest
from sealdata.text.characters import count_characters, scripts

SCORES = {
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

# With fewer letters, the model cannot even tell a set of related languages from other languages.
MIN_LETTERS = 10


class LanguageChecker:
    """Scores texts by the labels that ``identify`` predicts, and first by their letters."""

    def __init__(self, labels: Labels, identify: Identify, short: int) -> None:
        self.labels = labels
        self.codes = np.array(labels.codes(), object)
        self.identify = identify
        self.short = short

    def scores(self, texts: pl.Series, lang: str) -> pl.DataFrame:
        """A row of SCORES for each text, in order; ``lang`` is the declared language of all.

        All scores of a text without letters are null. See ``Lid`` for the columns.
        """
        counts = count_characters(texts)
        in_script = counts.select(scripts()).to_numpy()
        # Letters that several scripts share, such as modifiers, say nothing about a language.
        letters = (counts["letters"] - counts["shared_letters"]).to_numpy()
        likeliest = self._likeliest(texts, in_script, letters)
        script = _script_of(lang)
        has_script = (in_script[:, scripts().index(script)] if script else letters) > 0
        scores = self._margins(lang, likeliest, has_script)
        scores = scores.with_columns(odds=self._odds(lang, likeliest, texts, has_script, letters))
        factor = languages()[lang].length_factor if lang in languages() else 1.0
        is_short = pl.Series(letters * factor < self.short)
        margin = scores["set_margin"]
        return (
            scores.with_columns(
                set_margin=pl.when(~is_short).then(margin),
                short_margin=pl.when(is_short).then(margin),
            )
            .select(
                pl.when(pl.Series(letters > 0)).then(pl.col(name)).alias(name) for name in SCORES
            )
            .cast(SCORES)  # type: ignore[arg-type]
        )

    def _likeliest(
        self, texts: pl.Series, in_script: npt.NDArray[np.uint32], letters: npt.NDArray[np.uint32]
    ) -> Likeliest:
        """Labels by letters where one label only is written in the script of most letters.

        The probability by letters is the share of letters in that script. For all other texts that
        have letters, the model predicts the labels.
        """
        label_of_script = np.array([self.labels.only_label.get(name, -1) for name in scripts()])
        main_script = in_script.argmax(1)
        count = in_script[np.arange(len(main_script)), main_script]
        by_letters = (label_of_script[main_script] >= 0) & (2 * count > letters)
        labels = np.zeros((len(texts), TOP_K), np.int16)
        probs = np.zeros((len(texts), TOP_K), np.float32)
        labels[by_letters, 0] = label_of_script[main_script][by_letters]
        probs[by_letters, 0] = count[by_letters] / letters[by_letters]
        by_model = ~by_letters & (letters > 0)
        predicted = self.identify(texts if by_model.all() else texts.filter(pl.Series(by_model)))
        labels[by_model], probs[by_model] = predicted.labels, np.minimum(predicted.probs, 1)
        return Likeliest(labels, probs)

    def _margins(self, lang: str, likeliest: Likeliest, has_script: Mask) -> pl.DataFrame:
        """All scores but ``short_margin`` and ``odds``.

        ``has_script`` (bool [texts]): the text has a letter in the script of ``lang``. A text
        without such a letter is not in that language.
        """
        labels, probs = likeliest
        is_lang, in_set = self.labels.mask(lang), self.labels.set_mask(lang)
        in_rest = in_set & ~is_lang  # of the set

        def mass(mask: Mask) -> Probs:
            total: Probs = np.where(mask[labels] & has_script[:, None], probs, 0).sum(1)
            return np.minimum(total, 1)

        def highest(mask: Mask) -> Probs:
            highest_prob: Probs = np.where(mask[labels], probs, 0).max(1)
            return highest_prob

        prob, set_prob = mass(is_lang), mass(in_set)
        # By its letters such a text is certainly in another language, whatever the model predicts.
        other_prob = np.where(has_script, highest(~is_lang), 1)
        outside_prob = np.where(has_script, highest(~in_set), 1)
        columns = {
            "prob": prob if is_lang.any() else None,
            "margin": prob - other_prob if is_lang.any() else None,
            "set_prob": set_prob if in_set.any() else None,
            "set_margin": set_prob - outside_prob if in_set.any() else None,
            "within_set_margin": (
                prob - highest(in_rest) if is_lang.any() and in_rest.any() else None
            ),
            "top_prob": probs[:, 0],
        }
        top = self.codes[labels[:, 0]]
        top[is_lang[labels[:, 0]]] = lang  # a label of both kinds of Chinese is the declared kind
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
        has_script: Mask,
        letters: npt.NDArray[np.uint32],
    ) -> pl.Series | None:
        """Log10 of the odds of the set of ``lang`` against the likeliest other known set.

        The model (from MIN_LETTERS letters on) and function words are combined as if they were
        independent (naive Bayes). Null where neither has evidence; None if the model has no label
        of the set.

        English does not compete because sentences of other languages quote it at length. A side
        that is English is a copy, which other scorers find without a model.
        """
        groups, num_groups = self.labels.groups()
        in_set = self.labels.set_mask(lang)
        if not in_set.any():
            return None
        num_texts = len(likeliest.labels)
        # One bin per text and group, so that one call sums the probabilities of all.
        cells = np.arange(num_texts)[:, None] * (num_groups + 1) + groups[likeliest.labels]
        probs = np.where((letters >= MIN_LETTERS)[:, None], likeliest.probs, 0)
        mass = np.bincount(cells.ravel(), probs.ravel(), num_texts * (num_groups + 1))
        mass = mass.reshape(num_texts, num_groups + 1).clip(MIN_PROB, 1)
        words = np.zeros_like(mass)
        counts = count_function_words(texts)
        for column, word_lang in enumerate(languages_with_words()):
            if (mask := self.labels.set_mask(word_lang)).any():
                words[:, groups[mask][0]] = counts[:, column]
        group = groups[in_set][0]
        mass[~has_script, group] = MIN_PROB
        words[~has_script, group] = 0
        evidence = np.log10(mass) + WEIGHT * words
        set_evidence = evidence[:, group]
        competes = np.ones(num_groups + 1, bool)
        competes[[0, *groups[in_set | self.labels.set_mask(ENGLISH)]]] = False
        no_evidence = np.log10(MIN_PROB)
        has_evidence = (evidence[:, competes] > no_evidence).any(1) | (set_evidence > no_evidence)
        odds = pl.Series(set_evidence - evidence[:, competes].max(1), dtype=pl.Float32)
        return pl.select(pl.when(pl.Series(has_evidence)).then(odds)).to_series()


@cache
def _script_of(lang: str) -> str | None:
    """The Unicode script of a code such as ``tha_Thai``; None if its letters are not counted."""
    script = unicode_script(lang.rpartition("_")[2])
    return script if script in scripts() else None
