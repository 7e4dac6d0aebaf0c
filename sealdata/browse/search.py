"""Search: which rows of a file hold a text, remembered for the last search."""

from collections import OrderedDict

import polars as pl

from sealdata.browse.request import Query
from sealdata.browse.rows import AT, RowFile

_SEARCHES = 4  # whose hits are remembered: a bit a row


class Search:
    """Finds texts file by file; a search whose other filters change is not run again.

    Texts stream through memory. What is kept are the hits, one bit a row.
    """

    def __init__(self) -> None:
        self._hits: OrderedDict[tuple[str, str], dict[RowFile, pl.Series]] = OrderedDict()

    def hits(self, file: RowFile, query: Query) -> pl.Series | None:
        """Bool per row of the file: it holds the searched text; None without a search.

        Raises:
            ConfigError: not a regular expression.
        """
        pattern = query.pattern()
        if not pattern:
            return None
        flags_of = self._hits.setdefault((pattern, query.side), {})
        self._hits.move_to_end((pattern, query.side))
        while len(self._hits) > _SEARCHES:
            self._hits.popitem(last=False)
        if file not in flags_of:
            sides: list[str] = ["src", "tgt"] if query.side == "both" else [query.side]
            if "raw" in file.schema and query.side == "both":
                sides.append("raw")  # a record that could not be read has no other text
            holds = pl.any_horizontal(
                pl.col(side).str.contains(pattern).fill_null(False) for side in sides
            )
            # Row numbers, not flags: a streamed column need not come in order.
            matches = file.scan().filter(holds).select(AT).collect(engine="streaming")[AT]
            flags_of[file] = _flags(matches, file)
        return flags_of[file]


def _flags(matches: pl.Series, file: RowFile) -> pl.Series:
    height = file.scan().select(pl.len()).collect().item()
    flags = pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    return flags.scatter(matches.sort(), True) if matches.len() else flags
