"""Scores of texts against the language that they are declared to be in."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import (
    cached_by_registry,
    find_language,
    script_of,
    unicode_scripts,
    usual_length_factor,
)
from sealdata.lid.function_words import column_of, count_function_words
from sealdata.lid.labels import Labels, Mask
from sealdata.lid.model import TOP_K, Likeliest
from sealdata.lid.odds import TRUSTED_FROM, log_odds
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
    "function_words": pl.Float32,
}
Identify = Callable[[pl.Series], Likeliest]
Probs = npt.NDArray[np.float32]

# Share of capitals among letters above which a text is put into lower case for the model. It takes
# 67 to 100 % of texts in capitals for other languages, of titles up to 54 %. In lower case it
# recognises both as it does sentences. Titles have 0.12 or more, 90 % of sentences less than 0.1.
MAX_CAPITALS = 0.1

# Share of letters that are neither of the declared language nor Latin above which a text is in
# another language by its letters. Otherwise Japanese would have enough letters of Chinese. Latin
# ones do not count, since all languages quote names and terms in them.
MAX_FOREIGN = 0.3


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
        texts = _composed(texts)
        counts = count_characters(texts)
        in_script = counts.select(scripts()).to_numpy()
        # Letters that several scripts share, such as modifiers, say nothing about a language.
        letters = (counts["letters"] - counts["shared_letters"]).to_numpy()
        columns, latin = _columns_of(lang), scripts().index("Latn")
        has_script = letters > 0
        if columns:
            foreign = letters - in_script[:, sorted({*columns, latin})].sum(1)
            has_script = in_script[:, columns].any(1) & (foreign <= MAX_FOREIGN * letters)
        factor = _length_factor(lang)
        is_short = letters * factor < self.short
        likeliest, by_letters = self._likeliest(texts, in_script, letters)
        # Letters are proof, however few they are. The model is not asked about short texts.
        trust = np.where(is_short, 0, np.minimum(letters * factor / TRUSTED_FROM, 1))
        trust[by_letters] = 1
        words = count_function_words(texts)
        column = column_of(lang)
        odds = log_odds(self.labels, lang, likeliest, words, trust, has_script)
        scores = self._margins(lang, likeliest, has_script).with_columns(
            odds=pl.Series(odds, nan_to_null=True),
            function_words=None if column is None else pl.Series(words.distinct[:, column]),
        )
        margin, short = scores["set_margin"], pl.Series(is_short)
        return (
            scores.with_columns(
                set_margin=pl.when(~short).then(margin), short_margin=pl.when(short).then(margin)
            )
            .select(
                pl.when(pl.Series(letters > 0)).then(pl.col(name)).alias(name) for name in SCORES
            )
            .cast(SCORES)  # type: ignore[arg-type]
        )

    def _likeliest(
        self, texts: pl.Series, in_script: npt.NDArray[np.uint32], letters: npt.NDArray[np.uint32]
    ) -> tuple[Likeliest, Mask]:
        """Labels by letters where one label only is written in the script of most letters.

        The probability by letters is the share of letters in that script. For all other texts that
        have letters, the model predicts the labels. The mask (bool [texts]) tells where letters
        decided. Texts in a script of no label have no likely label.
        """
        label_of_script = np.array([self.labels.only_label.get(name, -1) for name in scripts()])
        main_script = in_script.argmax(1)
        count = in_script[np.arange(len(main_script)), main_script]
        by_letters = (label_of_script[main_script] >= 0) & (2 * count > letters)
        labels = np.zeros((len(texts), TOP_K), np.int16)
        probs = np.zeros((len(texts), TOP_K), np.float32)
        # What the model says of letters that it has never seen is chance: probabilities stay 0.
        seen = np.array([name in self.labels.written_in for name in scripts()])
        unseen = ~seen[main_script] & (2 * count > letters)
        labels[by_letters, 0] = label_of_script[main_script][by_letters]
        probs[by_letters, 0] = count[by_letters] / letters[by_letters]
        by_model = ~by_letters & ~unseen & (letters > 0)
        read = _without_capitals(texts, letters)
        predicted = self.identify(read if by_model.all() else read.filter(pl.Series(by_model)))
        labels[by_model], probs[by_model] = predicted.labels, np.minimum(predicted.probs, 1)
        return Likeliest(labels, probs), by_letters

    def _margins(self, lang: str, likeliest: Likeliest, has_script: Mask) -> pl.DataFrame:
        """All scores but ``short_margin``, ``odds`` and ``function_words``.

        ``has_script`` (bool [texts]): by its letters, the text may be in ``lang``. A set
        without any label has probability 0 in ``set_margin``: the surer the model is of another
        language, the lower the margin.
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
            "set_margin": set_prob - outside_prob,
            "within_set_margin": (
                prob - highest(in_rest) if is_lang.any() and in_rest.any() else None
            ),
            "top_prob": probs[:, 0],
        }
        top = self.codes[labels[:, 0]]
        top[is_lang[labels[:, 0]]] = lang  # a label of both kinds of Chinese is the declared kind
        top[probs[:, 0] == 0] = None
        frame = pl.DataFrame({"top": pl.Series(top.tolist(), dtype=pl.String)})
        return frame.with_columns(
            pl.lit(None, pl.Float32).alias(name) if values is None else pl.Series(name, values)
            for name, values in columns.items()
        )


def _composed(texts: pl.Series) -> pl.Series:
    """``texts`` without separate accents and full-width letters: neither the model nor the lists of
    function words know them."""
    for pattern, form in (("[\u0300-\u036f]", "NFC"), ("[\uff21-\uff5a]", "NFKC")):
        rows = texts.str.contains(pattern).fill_null(False).arg_true()
        if rows.len():
            normal = texts.gather(rows).str.normalize(form)  # type: ignore[arg-type]
            texts = texts.clone().scatter(rows, normal)
    return texts


def _without_capitals(texts: pl.Series, letters: npt.NDArray[np.uint32]) -> pl.Series:
    """``texts``, in lower case where more than MAX_CAPITALS of the letters are capitals."""
    capitals = texts.str.count_matches(r"\p{Lu}").fill_null(0).to_numpy()
    rows = np.flatnonzero(capitals > MAX_CAPITALS * letters)
    if not rows.size:
        return texts
    return texts.clone().scatter(rows, texts.gather(rows).str.to_lowercase())


@cached_by_registry
def _columns_of(lang: str) -> list[int]:
    """The places in ``scripts()`` of those that the language of a code is written in."""
    language = find_language(lang)
    written_in = unicode_scripts(language.script if language else script_of(lang))
    # A model may have languages in a script that is not counted: any letters may be of it.
    return [scripts().index(script) for script in written_in if script in scripts()]


@cached_by_registry
def _length_factor(lang: str) -> float:
    language = find_language(lang)
    if language is None:
        return 1.0
    return language.length_factor or usual_length_factor(language.script)
