"""The odds of the declared language against all others, from the model and from function words."""

import numpy as np
import numpy.typing as npt

from sealdata.languages import ENGLISH, relatives
from sealdata.lid.function_words import WEIGHT, WordEvidence, column_of, languages_with_words
from sealdata.lid.labels import Labels, Mask
from sealdata.lid.model import MIN_PROB, Likeliest

# Letters, as English counts them, from which the model is trusted in full. Below, the log of its
# probabilities counts in proportion. At 0.5 % of rejected references in Javanese (TALPCo, UDHR),
# this catches 95 % of foreign lines of seven words and more. With full trust it is 90 %.
TRUSTED_FROM = 60
# Log10 of odds that each word takes from a set. In running text, a third of the words are function
# words, so those of the right language outweigh this. It stops at 15 words, because long sentences
# repeat their function words.
LESS_PER_WORD = 0.1
_MAX_WORDS = 15

Floats = npt.NDArray[np.float64]


def log_odds(
    labels: Labels,
    lang: str,
    likeliest: Likeliest,
    words: WordEvidence,
    trust: Floats,
    has_script: Mask,
) -> Floats:
    """Log10 of the odds of the set of ``lang`` against the likeliest rival, float64 [texts].

    Every label of the model is a rival, and every set of languages with function words. Labels of
    one set count together. ``trust`` (0 to 1, [texts]) is how far to trust the model: 0 is not at
    all. ``has_script`` (bool [texts]): by its letters, the text may be in ``lang``. The model and
    function words are combined as if they were independent (naive Bayes). NaN where neither has
    evidence.

    English does not compete with a language that the model knows, because sentences of other
    languages quote it at length. An English side is known by its lack of other function words.
    A language without a label in its set gets what the likeliest label leaves over, and so does one
    that the model hardly knows.
    """
    groups, num_groups = labels.groups()
    in_set = labels.set_mask(lang)
    rivals = ~in_set
    if lang != ENGLISH and in_set.any():
        rivals &= ~labels.mask(ENGLISH)
    probs = likeliest.probs.astype(np.float64)
    rival_probs = np.where(rivals[likeliest.labels], probs, 0)
    mass = _mass_of_sets(groups[likeliest.labels], rival_probs, num_groups)
    if in_set.any():
        own_mass = np.where(in_set[likeliest.labels], probs, 0).sum(1)
        if labels.is_hardly_known(lang):
            own_mass = np.maximum(own_mass, 1 - rival_probs.max(1))
    else:
        own_mass = 1 - rival_probs.max(1)
    less = LESS_PER_WORD * np.minimum(words.num_words, _MAX_WORDS)
    has_evidence = (trust > 0) | (words.distinct > 0).any(1) | ~has_script
    evidence = trust * _log(np.where(has_script, own_mass, 0))
    own_column = column_of(lang)
    # Function words of relatives are likely in it, too.
    near = {column_of(code) for code in relatives(lang)}
    if own_column is not None:
        evidence += words.weight[:, own_column] - less
    evidence = np.where(has_script, evidence, np.log10(MIN_PROB))
    best = trust * _log(np.where(groups[likeliest.labels] == 0, rival_probs, 0).max(1))
    for number in range(1, num_groups + 1):
        best = np.maximum(best, trust * _log(mass[:, number]))
    for column, word_lang in enumerate(languages_with_words()):
        if column in (own_column, *near) or (
            word_lang == ENGLISH and not rivals[labels.mask(ENGLISH)].any()
        ):
            continue
        word_mass = np.where(labels.set_mask(word_lang)[likeliest.labels], rival_probs, 0).sum(1)
        weight = words.weight[:, column]
        # In a short text, one word that many languages write proves nothing.
        weight = np.where(trust > 0, np.maximum(weight - less, 0), weight * (weight >= WEIGHT))
        best = np.maximum(best, trust * _log(word_mass) + weight)
    return np.where(has_evidence, evidence - best, np.nan)


def _mass_of_sets(groups: npt.NDArray[np.intp], probs: Floats, num_groups: int) -> Floats:
    """Sums of ``probs`` by set, float64 [texts, sets + 1]: one call sums those of all texts."""
    width = num_groups + 1
    cells = np.arange(len(groups))[:, None] * width + groups
    mass = np.bincount(cells.ravel(), probs.ravel(), len(groups) * width)
    return mass.reshape(-1, width).astype(np.float64, copy=False)


def _log(mass: Floats) -> Floats:
    logs: Floats = np.log10(mass.clip(MIN_PROB, 1))
    return logs
