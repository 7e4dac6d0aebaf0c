"""Language identification by fastText: is each side in the language it is declared to be?"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import polars as pl

from sealdata.errors import ConfigError
from sealdata.fetch.models.catalogue import catalogue
from sealdata.fetch.models.store import digest, find_model
from sealdata.filter_stages import RuleStage
from sealdata.languages import ENGLISH, resolve
from sealdata.lid.labels import labels_of
from sealdata.lid.language_checker import SCORES, LanguageChecker
from sealdata.lid.model import check_model, open_model, read_labels
from sealdata.scorers import ANY_NUMBER, COUNT, SHARE, SIGNED, ModelUse, Range, Scorer

_BUNDLED = "lid176-ftz"
_ROWS = 100_000  # texts whose probabilities are in memory at a time: some 50 MB
_NO_LABEL = (
    "It has no label for {}. There, set_margin and odds drop only text that is surely in another "
    "language, and rules on prob and margin drop nothing."
)
_SIDES = {"src": "the English side", "tgt": "the other side"}
_MEANINGS = {
    "prob": "probability that {} is in its declared language, 0 to 1",
    "top": "likeliest language of {} (FLORES-200, or the model's own label)",
    "top_prob": "probability of the likeliest language of {}, 0 to 1",
    "margin": "of {}: probability of the declared language less that of the likeliest other, "
    "-1 to 1",
    "set_prob": "probability that {} is in a language of the declared one's set, 0 to 1",
    "set_margin": "of {}: probability of the declared set less that of the likeliest language "
    "outside it, -1 to 1; null for short texts",
    "short_margin": "set_margin of {} if it is short, -1 to 1; null for other texts",
    "within_set_margin": "of {}: probability of the declared language less that of the likeliest "
    "other of its set, -1 to 1",
    "odds": "log10 of the odds that {} is in the declared set, against the likeliest other "
    "language or set that the model has a label for. The model (from `short` letters on) and "
    "function words decide. Below 0 the other is likelier; null without any evidence",
    "function_words": "distinct function words of the declared language's set in {}; null for a "
    "language without a list of them",
}

_RANGES: dict[str, Range | None] = {
    **dict.fromkeys(("prob", "top_prob", "set_prob"), SHARE),
    **dict.fromkeys(("margin", "set_margin", "short_margin", "within_set_margin"), SIGNED),
    "top": None,
    "odds": ANY_NUMBER,
    "function_words": COUNT,
}


class Lid(Scorer):
    """Probability of the declared language and of its confusable set, and what is likelier.

    Models confuse related languages (Indonesian and Malay) far more often than others. So there
    are two questions. *Is it in the declared language or one of its set?* ``set_margin`` answers.
    For texts of fewer than ``short`` letters ``short_margin`` takes its place: they are harder and
    need a limit of their own. *Is it the declared language of the set?* ``within_set_margin``
    answers. It is null for a language without a set. Sets are in confusable.toml: ind zsm jav sun
    min bjn; tgl ceb war ilo; mya shn; both kinds of Chinese and their relatives; nob nno; bos hrv
    srp. A language may also be taken for others that are never taken for it, as Bhojpuri is for
    Hindi (``taken_for``). Their labels count as those of its set. The policies are rules:

    - ``within-set``: a rule ``wrong_language`` on ``lid.tgt_set_margin``, and none on
      ``within_set_margin``;
    - ``margin``: also ``confusable_language`` on ``lid.tgt_within_set_margin``, min = -0.9 or so;
    - ``exact``: the same with min = 0: the declared one must be the likeliest of its set.

    ``odds`` combines the model with function words (function_words.toml). Every label of the
    model is a rival; English is one on the English side only. A distinct function word counts as
    half a power of ten for its sets, or as a quarter if other languages write it as well. Each of
    the first 15 words counts as a tenth against every set. So a text without function words of
    the declared set is suspicious. Below 60 letters the model counts in proportion to the
    letters, and below ``short`` not at all.

    A model may have no label for a language, nor for its set. Then ``set_margin`` is the negative
    probability of the likeliest label, and ``odds`` compares that label with what it leaves over.
    Pairs are dropped only where the model is sure of another language, or where function words
    are lacking. Terminal, report and card name such languages.

    A text of which more than a tenth of the letters are capitals is read in lower case.

    Letters come first. The probability is 0 where no letter is in the declared script, or where
    over 30 % are neither in it nor Latin. If only one language of the model is written in the
    script of most letters, the text is in that language. Its probability is the share of those
    letters, and the model is not used. Such scripts are Thai, Lao, Khmer and Tamil, and with
    lid.176 also Burmese, Amharic's and Greek. A language in that script without a label, such as
    Tigrinya, counts as that one. No label is likely where most letters are in a script of no
    label. Labels below 0.005 count as 0, and so do all beyond
    the 8 likeliest.

    ``model`` is a name that ``sealdata models list`` shows, or the path of another fastText
    classifier. Its labels may be ISO 639-1, 639-2 or 639-3 codes, BCP 47 tags or FLORES-200
    codes. ``lid176-ftz`` (176 languages, 0.9 MB) is installed with the package. Take limits from
    references (``sealdata gold``), not from intuition.
    """

    version: ClassVar[int] = 7
    stage: ClassVar[RuleStage] = "lid"

    model: str = _BUNDLED  # name of the catalogue, or path of a fastText classifier
    short: int = 20  # letters below which a text is short, as English counts them (length_factor)
    languages: tuple[str, ...] = ()  # set by the recipe's sources: which labels the model needs

    columns: ClassVar[dict[str, str]] = {
        f"{side}_{score}": _MEANINGS[score].format(name)
        for score in SCORES
        for side, name in _SIDES.items()
    }
    ranges: ClassVar[dict[str, Range | None]] = {
        f"{side}_{score}": allowed for score, allowed in _RANGES.items() for side in _SIDES
    }
    seldom: ClassVar[frozenset[str]] = frozenset(
        f"{side}_{score}" for score in ("short_margin", "within_set_margin") for side in _SIDES
    )
    renamed: ClassVar[dict[str, str]] = {
        f"{side}_kin_margin": f"{side}_within_set_margin" for side in _SIDES
    }

    def for_languages(self, langs: Sequence[str]) -> Self:
        """The same scorer, which says of these languages whether the model has a label."""
        return self.model_copy(update={"languages": tuple(dict.fromkeys(langs))})

    def fingerprint(self) -> dict[str, Any]:
        """The version and the digest of the model file; its path does not matter.

        Raises:
            DataError: the model is not on this machine, or is a file that crashes fastText.
            ConfigError: none of its labels means English or a language of the recipe.
        """
        path = find_model(self.model)
        if self.model not in catalogue():  # files of the catalogue are held to their digest
            check_model(path)
        labels = read_labels(path)
        declared = dict.fromkeys((ENGLISH, *self.languages))  # one source names its language only
        if len(labels_of(labels).missing(list(declared))) == len(declared):
            raise ConfigError(
                f"[score.lid]: no label of {path.name} means a language of the recipe "
                f"({', '.join(declared)}); its labels are {', '.join(labels[:5])}, …. They "
                "must be ISO 639, BCP 47 or FLORES-200 codes"
            )
        model = digest(path)
        return {"version": self.version, "model": model, "short": self.short}

    def models(self) -> list[ModelUse]:
        """The fastText model. Its note names the languages that it has no label for."""
        path, card = find_model(self.model), catalogue().get(self.model)
        licence = card.licence if card else "that of the model given by path"
        missing = labels_of(read_labels(path)).missing(self.languages)
        note = _NO_LABEL.format(", ".join(map(_named, missing))) if missing else ""
        return [ModelUse("language ID", path.name, digest(path), licence, note=note)]

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float32 and String columns; each distinct text is identified once.

        All scores of a side without letters are null. If the model has no label for the declared
        language, ``prob``, ``margin`` and ``within_set_margin`` are null, and so is ``set_prob`` if
        it has none for its set.

        Raises:
            DataError: the model is not on this machine, or is not a fastText classifier.
        """
        model = open_model(find_model(self.model))
        checker = LanguageChecker(labels_of(model.labels), model.likeliest, self.short)
        sides = {side: _identify(checker, pairs, side) for side in _SIDES}
        return pl.DataFrame(
            {f"{side}_{score}": sides[side][score] for score in SCORES for side in sides}
        ).select(*self.columns)


def _named(code: str) -> str:
    return f"{resolve(code).name} ({code})"


def _identify(checker: LanguageChecker, pairs: pl.DataFrame, side: str) -> pl.DataFrame:
    """SCORES of every row; each distinct text with its declared language is scored once."""
    texts = pairs.select(text=pl.col(side), lang=pl.col(f"{side}_lang"))
    distinct = texts.unique(maintain_order=True).drop_nulls()
    empty = distinct.clear().with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in SCORES.items()
    )
    langs = distinct["lang"].unique(maintain_order=True).to_list()
    parts = [empty]
    for lang in langs:
        slices = distinct.filter(lang=lang).iter_slices(_ROWS)
        parts += [rows.hstack(checker.scores(rows["text"], lang)) for rows in slices]
    scored = pl.concat(parts)
    if len(langs) == 1 and scored.height == texts.height:
        return scored  # no text occurs twice or is null, so rows are in order: no join is needed
    return texts.join(scored, on=["text", "lang"], how="left", maintain_order="left")


COMPONENT = Lid
