"""Replaces personal data by its kind: [EMAIL], [ID], [PHONE]."""

from typing import ClassVar

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where
from sealdata.text.pii import KINDS, POSSIBLE

_MASKS = {"emails": "[EMAIL]", "ids": "[ID]", "phones": "[PHONE]"}


class MaskPii(Cleaner):
    """Masks e-mail addresses, national ID numbers and phone numbers, each unless switched off.

    No built-in recipe uses it: it removes text, and hotlines as well as private numbers. The scorer
    ``pii`` defines the kinds. It reads cleaned text, so it finds nothing that is masked.
    """

    personal: ClassVar[bool] = True

    emails: bool = True  # mask e-mail addresses
    ids: bool = True  # mask national ID numbers
    phones: bool = True  # mask phone numbers

    def clean(self, text: pl.Series) -> pl.Series:
        """The masked texts. This is the only cleaner that removes letters."""
        return repair_where(POSSIBLE, text, self._masked)

    def _masked(self, text: pl.Series) -> pl.Series:
        for kind, pattern in KINDS.items():
            if getattr(self, kind):
                text = text.str.replace_all(pattern, _MASKS[kind])
        return text


COMPONENT = MaskPii
