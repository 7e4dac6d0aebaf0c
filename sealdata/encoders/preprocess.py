"""Text as LASER's encoders were trained to see it: plain punctuation, lower case."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

# One string of many texts is normalised at once: no step below reads across a line
# feed. No text has a line feed by then, because it is a control character.
_TEXTS_AT_ONCE = 4096

_NBSP = "\u00a0"

# The steps of Moses' normalize-punctuation.perl for English, in its order, as (needle, pattern,
# replacement). Without a pattern the needle itself is replaced; with one, the pattern runs only
# where the needle occurs. LASER maps two quotes differently from Moses: marked below.
# Source: https://github.com/moses-smt/mosesdecoder, scripts/tokenizer/normalize-punctuation.perl
_STEPS: tuple[tuple[str, re.Pattern[str] | None, str], ...] = (
    ("(", None, " ("),
    (")", None, ") "),
    ("  ", re.compile("  +"), " "),
    (") ", re.compile(r"\) ([.!:?;,])"), r")\1"),
    ("( ", None, "("),
    (" )", None, ")"),
    (" %", re.compile(r"(\d) %"), r"\1%"),
    (" :", None, ":"),
    (" ;", None, ";"),
    ("`", None, "'"),
    ("''", None, ' " '),
    ("„", None, '"'),
    ("“", None, '"'),
    ("”", None, '"'),
    ("–", None, "-"),
    ("—", None, " - "),
    ("  ", re.compile("  +"), " "),
    ("´", None, "'"),
    ("‘", re.compile("([a-zA-Z])‘([a-zA-Z])"), r"\1'\2"),
    ("’", re.compile("([a-zA-Z])’([a-zA-Z])"), r"\1'\2"),
    ("‘", None, '"'),  # Moses: '
    ("‚", None, '"'),  # Moses: '
    ("’", None, '"'),
    ("''", None, '"'),
    ("…", None, "..."),
    (f"{_NBSP}«{_NBSP}", None, ' "'),
    (f"«{_NBSP}", None, '"'),
    ("«", None, '"'),
    (f"{_NBSP}»{_NBSP}", None, '" '),
    (f"{_NBSP}»", None, '"'),
    ("»", None, '"'),
    (f"{_NBSP}%", None, "%"),
    (f"nº{_NBSP}", None, "nº "),
    (f"{_NBSP}:", None, ":"),
    (f"{_NBSP}ºC", None, " ºC"),
    (f"{_NBSP}cm", None, " cm"),
    (f"{_NBSP}?", None, "?"),
    (f"{_NBSP}!", None, "!"),
    (f"{_NBSP};", None, ";"),
    (f",{_NBSP}", None, ", "),
    ("  ", re.compile("  +"), " "),
    ('"', re.compile(r'"([,.]+)'), r'\1"'),
    (_NBSP, re.compile(rf"(\d){_NBSP}(\d)"), r"\1.\2"),
)


_CODEC = "utf-32-le", "surrogatepass"  # a number per character, lone surrogates too
_CODE_POINTS = 0x110000


def normalise(texts: Sequence[str]) -> list[str]:
    """Texts as the SentencePiece model expects them, in the same order.

    Characters of the Unicode categories C* (control, format, surrogate, private, unassigned)
    become spaces, punctuation is normalised as Moses does for English, case is lowered, ends are
    stripped. Unassigned means: in Unicode 12.1, the version of the Python that LASER's own library
    runs on. A newer Python does not change that; it may lower letters that 12.1 does not have.
    """
    normalised: list[str] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        normalised += _normalise_block(texts[start : start + _TEXTS_AT_ONCE])
    return normalised


def _normalise_block(texts: Sequence[str]) -> list[str]:
    # Every step runs once over all texts in C, not once per text.
    block = "\n".join(texts)
    # A text with a line feed of its own would be cut into two.
    if block.count("\n") != len(texts) - 1:
        block = "\n".join([text.replace("\n", " ") for text in texts])
    # ``chars`` never loses a character, so a step may be tried in vain but is never left out.
    block, chars = _blank_control_characters(block)
    for needle, pattern, replacement in _STEPS:
        if not chars.issuperset(needle):
            continue  # most marks are not there at all, and looking costs more than the rest
        if pattern is None:
            block = block.replace(needle, replacement)
        elif needle in block:
            # The fixed needle is found much faster than the pattern, which most blocks do not need.
            block = pattern.sub(replacement, block)
        chars.update(replacement)
    # Lowering the block equals lowering each text: the one rule that looks around, final sigma,
    # takes a line feed for the end of a word.
    return [text.strip() for text in block.lower().split("\n")]


def _blank_control_characters(block: str) -> tuple[str, set[str]]:
    """The block with spaces for control characters but line feeds, and the characters in it."""
    # A bytearray, because numpy cannot write to bytes. The numbers are in the machine's order.
    codes = np.frombuffer(bytearray(block.encode(*_CODEC)), dtype=np.uint32)
    # A table of flags costs one pass; a Python set of the characters would visit each of them.
    seen = np.zeros(_CODE_POINTS, dtype=bool)
    seen[codes] = True
    controls = _controls()
    if (seen & controls).any():
        codes[controls[codes]] = ord(" ")
        block = codes.tobytes().decode(*_CODEC)
        # What was replaced is gone from the block.
        seen[controls] = False
        seen[ord(" ")] = True
    return block, {chr(code) for code in np.flatnonzero(seen)}


@cache
def _controls() -> np.ndarray:
    """Bool per code point: true for categories C*, but not for the line feed."""
    table = np.zeros(_CODE_POINTS, dtype=bool)
    # A file and not ``unicodedata``, whose version changes with Python.
    lines = (files("sealdata") / "encoders" / "category_c.txt").read_text("ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            first, last = (int(code, 16) for code in line.split())
            table[first : last + 1] = True
    table[ord("\n")] = False
    return table
