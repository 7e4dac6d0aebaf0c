"""The odds of the declared language, by hand: probabilities and words in, powers of ten out."""

import numpy as np
import pytest

from sealdata.lid.function_words import WordEvidence, column_of, languages_with_words
from sealdata.lid.labels import Labels
from sealdata.lid.model import TOP_K, Likeliest
from sealdata.lid.odds import log_odds

LABELS = Labels(("de", "en", "id", "ms", "tl", "vi"))


def odds(
    lang: str,
    probs: dict[str, float],
    weights: dict[str, float] | None = None,
    num_words: int = 0,
    trust: float = 1,
    has_script: bool = True,
) -> float:
    labels, values = np.zeros((1, TOP_K), np.int16), np.zeros((1, TOP_K), np.float32)
    for column, (label, prob) in enumerate(probs.items()):
        labels[0, column], values[0, column] = LABELS.labels.index(label), prob
    weight = np.zeros((1, len(languages_with_words())), np.float32)
    for code, value in (weights or {}).items():
        weight[0, column_of(code)] = value
    words = WordEvidence((weight > 0).astype(np.uint16), weight, np.array([num_words], np.uint32))
    scores = log_odds(
        LABELS, lang, Likeliest(labels, values), words, np.array([trust]), np.array([has_script])
    )
    return float(scores[0])


@pytest.mark.parametrize(
    ("lang", "given", "expected"),
    [
        ("vie_Latn", {"probs": {"vi": 0.5, "de": 0.05}}, 1),
        ("vie_Latn", {"probs": {"de": 0.5, "vi": 0.05}}, -1),  # outside the tool's table
        ("ind_Latn", {"probs": {"id": 0.3, "ms": 0.2, "vi": 0.05}}, 1),  # a set counts together
        ("vie_Latn", {"probs": {"id": 0.3, "ms": 0.2, "vi": 0.05}}, -1),
        ("vie_Latn", {"probs": {"en": 0.9, "vi": 0.05}}, 1),  # English is no rival here
        ("eng_Latn", {"probs": {"de": 0.5, "en": 0.05}}, -1),
        ("ace_Latn", {"probs": {"de": 0.8, "id": 0.1}}, -0.602),  # 0.2 is left over
        ("ace_Latn", {"probs": {"en": 0.8, "id": 0.1}}, -0.602),  # English is one here
        ("vie_Latn", {"probs": {"de": 0.5, "vi": 0.05}, "trust": 0.5}, -0.5),
        ("vie_Latn", {"probs": {}, "num_words": 10}, -1),
        ("vie_Latn", {"probs": {}, "num_words": 40}, -1.5),
        ("tha_Thai", {"probs": {}, "num_words": 10}, 2.301),  # no label, no function words
        ("vie_Latn", {"probs": {}, "num_words": 10, "weights": {"vie_Latn": 2.0}}, 1),
        ("vie_Latn", {"probs": {}, "num_words": 10, "weights": {"ind_Latn": 2.0}}, -2),
        ("vie_Latn", {"probs": {}, "num_words": 10, "weights": {"ind_Latn": 0.5}}, -1),
        ("vie_Latn", {"probs": {}, "num_words": 10, "weights": {"eng_Latn": 2.0}}, -1),
        ("vie_Latn", {"probs": {}, "num_words": 10, "weights": {"pag_Latn": 2.0}}, -2),
        # not trusted: words only, and no word that is common elsewhere
        ("vie_Latn", {"probs": {"de": 0.9}, "trust": 0}, np.nan),
        ("vie_Latn", {"probs": {}, "trust": 0, "num_words": 2, "weights": {"ind_Latn": 0.5}}, -0.7),
        (
            "vie_Latn",
            {"probs": {}, "trust": 0, "num_words": 2, "weights": {"ind_Latn": 0.25}},
            -0.2,
        ),
        ("vie_Latn", {"probs": {"vi": 0.9}, "has_script": False}, -2.301 + 2.301),
        ("vie_Latn", {"probs": {"de": 0.5}, "has_script": False}, -2),
        ("vie_Latn", {"probs": {}, "trust": 0, "has_script": False}, -2.301),
    ],
)
def test_odds(lang: str, given: dict[str, object], expected: float) -> None:
    assert odds(lang, **given) == pytest.approx(expected, abs=1e-3, nan_ok=True)
