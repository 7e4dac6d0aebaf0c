"""Ways to spoil a sentence pair, each with the reason a build must drop the result for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sealdata.gold.noise import REMAINS, curly, misread, other_number, repeated

Pair = tuple[str, str]  # English, the other language


@dataclass(frozen=True)
class Kind:
    """One way to spoil a pair.

    ``spoil`` gets the pair and, for kinds that need one, the same sentence in a third language. Its
    result may hold lone surrogates: they stand for bytes that are no UTF-8.
    """

    reason: str
    fits: Callable[[Pair], bool]
    spoil: Callable[[Pair, str], Pair]
    pairs: Literal["text", "eval"] = "text"


# --- which pairs a defect fits ----------------------------------------------------------------


def _any(pair: Pair) -> bool:
    return True


def _medium(pair: Pair) -> bool:
    return 45 <= len(pair[0]) <= 120


def _long(pair: Pair) -> bool:
    return len(pair[0]) >= 75


def _short(pair: Pair) -> bool:
    return 14 <= len(pair[0]) <= 32 and re.search(r"[\d\"?]", pair[0]) is None


def _numbered(pair: Pair) -> bool:
    return re.search(r" \d+ ", pair[0]) is not None


def _two_digits(pair: Pair) -> bool:
    """One number on either side, of two digits that differ."""
    english, other = (re.findall(r"\d+", side) for side in pair)
    return (
        len(english) == len(other) == 1 and re.fullmatch(r"([1-9])(?!\1)\d", english[0]) is not None
    )


def _quoted(pair: Pair) -> bool:
    return re.search("['\"]", pair[0]) is not None


def _foreign(pair: Pair) -> bool:
    return _medium(pair) and sum(not c.isascii() for c in pair[1]) >= 2


# --- how it changes the text ------------------------------------------------------------------


def _turned_number(text: str) -> str:
    return re.sub(r"\d+", lambda number: number[0][::-1], text)


def _cut(text: str) -> str:
    return text[: len(text) // 7].rstrip()


def _insert(text: str, inserted: str) -> str:
    half = len(text) // 2
    return text[:half] + inserted + text[half:]


def _spaced(text: str) -> str:
    """Two spaces for one, or one in the middle where there is none."""
    return text.replace(" ", "  ") if " " in text else _insert(text, " ")


KINDS: dict[str, Kind] = {
    # records that no reader can take for a pair
    "columns missing": Kind("wrong_column_count", _medium, lambda p, _: p),  # the writer cuts
    "column too many": Kind("wrong_column_count", _medium, lambda p, _: p),  # the writer adds
    "score is no number": Kind("bad_number", _medium, lambda p, _: p),  # the writer spoils it
    "tab in the text": Kind(
        "wrong_column_count", _medium, lambda p, _: (_insert(p[0], "\t"), p[1])
    ),
    "byte that is no UTF-8": Kind(
        "invalid_utf8", _medium, lambda p, _: (p[0], _insert(p[1], "\udce0"))
    ),
    "NUL byte": Kind("nul_byte", _medium, lambda p, _: (_insert(p[0], "\0"), p[1])),
    "empty side": Kind("empty_side", _medium, lambda p, _: (p[0], "")),
    "blank English": Kind("empty_side", _medium, lambda p, _: ("  ", p[1])),
    "line break in a field": Kind(
        "embedded_newline", _medium, lambda p, _: (p[0], _insert(p[1], "\n"))
    ),
    # a length no sentence has
    "one character": Kind("too_short", _medium, lambda p, _: (p[0][:1], p[1][:1])),
    "said sixty times": Kind("too_long", _medium, lambda p, _: (" ".join([p[0]] * 60), p[1] * 60)),
    # what a web page leaves behind, too broken to repair: whole tags would be taken out
    "link": Kind("markup", _medium, lambda p, _: (p[0], REMAINS["link"](p[1]))),
    "closing tag": Kind("markup", _medium, lambda p, _: (p[0], REMAINS["closing tag"](p[1]))),
    "attribute": Kind("markup", _medium, lambda p, _: (p[0], REMAINS["attribute"](p[1]))),
    "cut tag": Kind("markup", _medium, lambda p, _: (REMAINS["cut tag"](p[0]), p[1])),
    "escaped tag": Kind("markup", _medium, lambda p, _: (p[0], REMAINS["escaped tag"](p[1]))),
    "script": Kind("markup", _medium, lambda p, _: (p[0], REMAINS["script"](p[1]))),
    # a wrong character set
    "mojibake": Kind("mojibake", _foreign, lambda p, _: (p[0], misread(p[1]))),
    "mojibake of quotes": Kind("mojibake", _quoted, lambda p, _: (misread(curly(p[0])), p[1])),
    # no translation, or a part of one
    "untranslated": Kind("copy", _medium, lambda p, _: (p[0], p[0])),
    "untranslated in capitals": Kind("copy", _medium, lambda p, _: (p[0], p[0].upper())),
    "translation on both sides": Kind("copy", _medium, lambda p, _: (p[1], p[1])),
    "other script": Kind("wrong_script", _medium, lambda p, third: (p[0], third)),
    "other script for English": Kind("wrong_script", _medium, lambda p, third: (third, p[1])),
    "truncated": Kind("length_ratio", _long, lambda p, _: (p[0], _cut(p[1]))),
    "truncated English": Kind("length_ratio", _long, lambda p, _: (_cut(p[0]), p[1])),
    "repeated phrase": Kind(
        "repetition", _short, lambda p, _: (repeated(p[0], 6), repeated(p[1], 6))
    ),
    "other number": Kind("number_mismatch", _numbered, lambda p, _: (p[0], other_number(p[1]))),
    "digits turned round": Kind(
        "number_mismatch", _two_digits, lambda p, _: (_turned_number(p[0]), p[1])
    ),
    # the same again
    "exact duplicate": Kind("duplicate", _medium, lambda p, _: p),
    "duplicate by case": Kind("duplicate", _medium, lambda p, _: (p[0].upper(), p[1].upper())),
    "duplicate by spacing": Kind("duplicate", _medium, lambda p, _: (_spaced(p[0]), _spaced(p[1]))),
    # sentences of the evaluation set
    "evaluation pair": Kind("eval_leak", _any, lambda p, _: p, "eval"),
    "evaluation pair in capitals": Kind(
        "eval_leak", _any, lambda p, _: (p[0].upper(), p[1].upper()), "eval"
    ),
    "evaluation pair with CR": Kind(
        "eval_leak", _any, lambda p, _: (p[0] + "\r", p[1] + "\r"), "eval"
    ),
    # another language in the same script, which only language ID can tell
    "other language": Kind("wrong_language", _medium, lambda p, third: (p[0], third)),
    "other language for English": Kind("wrong_language", _medium, lambda p, third: (third, p[1])),
}
