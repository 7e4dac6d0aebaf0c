"""Spotting equals the regular expression that it stands in for."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.text.char_filter import ANY, contains_char_pair

from ..kernels.odd_texts import TEXTS


@settings(deadline=None)
@given(texts=st.lists(TEXTS | st.none(), max_size=12))
def test_neighbours(texts):
    column = pl.Series("text", texts, dtype=pl.String)
    found = contains_char_pair(column, (r"\p{M}", r"\p{M}"), (ANY, r"\p{Nd}"))
    pattern = r"\p{M}\p{M}|\p{Nd}|^\p{M}"  # the start of a text is any character
    assert found.to_list() == column.str.contains(pattern).fill_null(False).to_list()
