"""Signs of text decoded in a wrong character set, such as ``donâ€™t`` and ``tiáº¿ng``."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, Range, Scorer
from sealdata.text.char_filter import ANY, contains_char_pair
from sealdata.text.mojibake import SPACE_LEAD, hide_closing_marks, restore_no_break_spaces

_LOST = "\ufffd"
_CONTROLS = r"[\x80-\x9f]"  # C1: bytes 80 to 9F read as Latin-1; no text has them
# A lead byte of UTF-8 and the byte after it, both as Windows-1252 or Latin-1 show them. Necessary,
# not sufficient (Vietnamese ends quotations so): it only spares other texts the closer look.
_LEAD = r"[\u00c0-\u00f4]"
_NEXT = rf"[\u0080-\u00bf{bytes(range(0x80, 0xA0)).decode('cp1252', 'ignore')}]"
_SUSPECT = f"{_LEAD}{_NEXT}|{_CONTROLS}|{SPACE_LEAD}(?: |$)"


class Mojibake(Scorer):
    """Counts ftfy's signs of mojibake, U+FFFD and C1 control characters.

    A misread no-break space counts also where it has become a plain one (``50Â km``). A word in
    capitals before its closing mark does not (``“XÃ”``).

    Source: ftfy's "badness", sequences of characters that hardly occur but by wrong decoding
    (Speer 2019, https://ftfy.readthedocs.io/en/latest/heuristic.html).
    """

    version: ClassVar[int] = 2

    columns: ClassVar[dict[str, str]] = {
        "signs": "sequences typical of wrong decoding, U+FFFD and C1 controls on both sides, count"
    }
    ranges: ClassVar[dict[str, Range | None]] = {"signs": COUNT}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A UInt32 column; null never."""
        return pl.DataFrame({"signs": _signs(pairs["src"]) + _signs(pairs["tgt"])})


def _signs(texts: pl.Series) -> pl.Series:
    """Signs in each text; only suspicious texts are looked at one by one."""
    frame = pl.DataFrame({"text": texts})
    lost = pl.col("text").str.count_matches(_LOST, literal=True)
    counts = frame.select(lost).to_series().cast(pl.UInt32)
    couples = (_LEAD, _NEXT), (ANY, _CONTROLS), (ANY, SPACE_LEAD)
    rows = contains_char_pair(texts, *couples).arg_true()
    rows = rows.filter(texts.gather(rows).str.contains(_SUSPECT))
    if rows.is_empty():
        return counts
    few = texts.gather(rows)
    looked_at = pl.Series(map(_badness, few), dtype=pl.UInt32)
    controls = few.str.count_matches(_CONTROLS).cast(pl.UInt32)
    return counts.scatter(rows, counts.gather(rows) + controls + looked_at)


def _badness(text: str) -> int:
    from ftfy.badness import badness

    hidden, _ = hide_closing_marks(restore_no_break_spaces(text))
    return badness(hidden)


COMPONENT = Mojibake
