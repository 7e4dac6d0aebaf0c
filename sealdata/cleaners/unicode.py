"""Canonical composition, and removal of characters that cannot be seen."""

from typing import ClassVar

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where
from sealdata.text.char_filter import ANY

# Control characters but tab and line breaks.
_CONTROL = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
# Soft hyphen, zero-width space, direction marks, embeddings and isolates, word joiner and invisible
# operators, byte-order mark.
_FORMAT = (
    r"\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}"
    r"\u{2060}-\u{2064}\u{2066}-\u{206f}\u{feff}"
)
_JOINER = r"\u{200c}\u{200d}"
_INVISIBLE = f"[{_CONTROL}{_FORMAT}{_JOINER}]"
# Scripts that spell with joiners, by what the Unicode Standard says of each (chapters 9, 12 to 17).
_JOINING = (
    "Arab Syrc Nkoo Mong Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Mymr Khmr Java Bali"
)
_SHARED = r"\u{300}-\u{36f}"  # accents of Latin text, which some of these scripts borrow
_LETTER = "".join(rf"\p{{scx={script}}}" for script in _JOINING.split())
_EMOJI = r"\p{Extended_Pictographic}[\u{fe0f}\u{1f3fb}-\u{1f3ff}]?"
# What matches as a group stays: the joiners that mean something, with what is before them.
_MEANT = (
    rf"([[{_LETTER}]&&[\p{{L}}\p{{M}}]--[{_SHARED}]][{_JOINER}]|{_EMOJI}(?:\u{{200d}}{_EMOJI})+)"
)
_BREAK = r"[\t-\r\u{85}]"
_MAY_COMPOSE = r"[^\x00-\u{2ff}]"  # below U+0300 nothing composes or changes its order


class Unicode(Cleaner):
    """Unicode NFC; control and invisible characters go, but for joiners that spell something.

    - A tab or line break becomes a space.
    - Soft hyphen, word joiner, byte-order mark and direction marks go: they lay text out.
    - The zero-width space goes in every script, with nothing in its place. Khmer, Lao, Burmese and
      Thai may part words by it, but only some authors and tools do, unseen: with it, one sentence
      would have two spellings, and a model would learn to write either.
    - A zero-width joiner or non-joiner stays right after a letter or mark of a script that spells
      with it (Arabic, Khmer, Burmese, Tamil and other scripts of India, …), and inside an emoji.
      Anywhere else, as in Latin, Thai, Lao and Chinese, and where it is doubled, it goes.
    """

    version: ClassVar[int] = 2

    def clean(self, text: pl.Series) -> pl.Series:
        """No letter and no mark is lost; NFC may reorder marks and swap letters for equal ones."""
        text = repair_where(_INVISIBLE, text, _without_invisible, ((ANY, _INVISIBLE),))
        text = repair_where(_BREAK, text, lambda matches: matches.str.replace_all(_BREAK, " "))
        may = ((ANY, _MAY_COMPOSE),)
        return repair_where(_MAY_COMPOSE, text, lambda matches: matches.str.normalize("NFC"), may)


def _without_invisible(text: pl.Series) -> pl.Series:
    """Nothing but what is meant stays; to do it again changes nothing, for a joiner stays only
    where a visible character stands before it already."""
    return text.str.replace_all(f"{_MEANT}|{_INVISIBLE}", "${1}")


COMPONENT = Unicode
