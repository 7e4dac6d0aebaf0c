"""Canonical composition, and removal of characters that cannot be seen."""

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where

# Control characters but tab and line breaks, soft hyphen, zero-width space, byte-order mark.
# Zero-width (non-)joiners stay: Khmer, Burmese, Tamil and Sinhala spell with them.
_INVISIBLE = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u{ad}\u{200b}\u{feff}]"
_BREAK = r"[\t-\r\u{85}]"
_MAY_COMPOSE = r"[^\x00-\u{2ff}]"  # below U+0300 nothing composes or changes its order


class Unicode(Cleaner):
    """Unicode NFC; control characters, soft hyphens, zero-width spaces and byte-order marks go.

    A tab or line break becomes a space. Zero-width joiners and non-joiners stay.
    """

    def clean(self, text: pl.Series) -> pl.Series:
        """No letter and no mark is lost; NFC may reorder marks and swap letters for equal ones."""
        text = repair_where(_INVISIBLE, text, lambda found: found.str.replace_all(_INVISIBLE, ""))
        text = repair_where(_BREAK, text, lambda found: found.str.replace_all(_BREAK, " "))
        return repair_where(_MAY_COMPOSE, text, lambda found: found.str.normalize("NFC"))


COMPONENT = Unicode
