"""One plain space where there was any run of white space."""

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where

_UNEVEN = r"^\s|\s$|\s\s|[^\S ]"  # at an end, doubled, or no plain space


class Whitespace(Cleaner):
    """Each run of white space of any kind (U+00A0, U+3000, U+2028, …) becomes a space; ends go."""

    def clean(self, text: pl.Series) -> pl.Series:
        """Nothing but white space changes."""
        return repair_where(
            _UNEVEN, text, lambda matches: matches.str.replace_all(r"\s+", " ").str.strip_chars(" ")
        )


COMPONENT = Whitespace
