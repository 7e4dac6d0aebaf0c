"""Cleaners: one file per step that repairs text; none drops a row or touches anything but text."""

from typing import ClassVar

import polars as pl

from sealdata.component import Component


class Cleaner(Component):
    """Repairs text, the same way on either side."""

    personal: ClassVar[bool] = False  # it removes personal data, which no report may show

    def clean(self, text: pl.Series) -> pl.Series:
        """The repaired texts, in order, never null; cleaning them again changes nothing."""
        raise NotImplementedError
