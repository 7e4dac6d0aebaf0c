"""Personal data on either side: e-mail addresses, phone numbers, national ID numbers."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, Range, Scorer
from sealdata.text.pii import KINDS, POSSIBLE


class Pii(Scorer):
    """Counts what looks like personal data, in the digits of any script.

    Only the form counts: a hotline is a phone number too, and names are not found. ID numbers are
    those of Thailand, Indonesia, Malaysia, Singapore, Myanmar, China and Vietnam. Use it for
    inspection or for your own rule. The cleaner ``mask_pii`` replaces what this counts.
    """

    personal: ClassVar[bool] = True
    columns: ClassVar[dict[str, str]] = {
        "emails": "e-mail addresses on both sides, count",
        "phones": "phone numbers on both sides, count",
        "ids": "national ID numbers on both sides, count",
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(("emails", "phones", "ids"), COUNT)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32 columns; null never."""
        counts = [_counts(pairs[side].fill_null("")) for side in ("src", "tgt")]
        return pl.DataFrame({name: counts[0][name] + counts[1][name] for name in self.columns})


def _counts(text: pl.Series) -> dict[str, pl.Series]:
    counts = dict.fromkeys(KINDS, pl.zeros(text.len(), pl.UInt32, eager=True))
    rows = text.str.contains(POSSIBLE).arg_true()
    rest = text.gather(rows)
    for kind, pattern in KINDS.items():
        counts_of_kind = rest.str.count_matches(pattern)
        counts[kind] = counts[kind].clone().scatter(rows, counts_of_kind)
        rest = rest.str.replace_all(pattern, " ")  # a digit belongs to one number
    return counts


COMPONENT = Pii
