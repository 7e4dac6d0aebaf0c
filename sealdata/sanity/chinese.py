"""Is Chinese text in simplified or in traditional characters?

Language identification cannot tell them apart where the model has one label for both. Two old
encodings can: GB 2312 has the simplified characters, Big5 the traditional ones. What only one of
them has tells the kind.
"""

from collections import Counter

import polars as pl

from sealdata.languages import script_of

MIN_CHARACTERS = 50  # that tell the kind; with fewer, nothing is judged
MIN_SHARE = 0.8  # of one kind from which the text is of that kind
_KINDS = {"Hans": "simplified", "Hant": "traditional"}


def other_characters(texts: pl.Series, lang: str) -> str:
    """What to say of texts in the other kind than that of ``lang`` (a FLORES-200 code). It is
    empty where they are in its kind, or ``lang`` is not Chinese."""
    script = script_of(lang)
    if script not in _KINDS:
        return ""
    counts: Counter[str] = Counter()
    for text in texts.drop_nulls():
        counts.update(text)
    kinds = dict.fromkeys(_KINDS.values(), 0)
    for character, count in counts.items():
        if kind := kind_of(character):
            kinds[kind] += count
    telling = sum(kinds.values())
    [other] = set(kinds) - {_KINDS[script]}
    share = kinds[other] / telling if telling else 0.0
    if telling < MIN_CHARACTERS or share < MIN_SHARE:
        return ""
    return f"{share:.0%} of its characters that are not shared by both kinds are {other}"


def kind_of(character: str) -> str:
    """``simplified``, ``traditional``, or empty where both kinds or neither have the character."""
    simplified, traditional = _in(character, "gb2312"), _in(character, "big5")
    if simplified == traditional:
        return ""
    return "simplified" if simplified else "traditional"


def _in(character: str, encoding: str) -> bool:
    # Signs and letters of other scripts are in both encodings or tell nothing.
    if not "\u4e00" <= character <= "\u9fff":
        return False
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
