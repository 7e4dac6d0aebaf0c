"""Sentence marks of the two sides: a translation that stops early, or sentences too many."""

from functools import cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.sentence_marks import CLOSER, MARK, POINT, SPACE, sentence_ends
from sealdata.languages import languages
from sealdata.scorers import Scorer
from sealdata.scorers.balance import deviation
from sealdata.text.characters import CLASSES, NUM_CODE_POINTS, class_table, members_of

# Unicode's Sentence_Terminal with the ellipsis and Thai's and Lao's signs of an end, and without
# the comma of Burmese (U+104A), which it counts in.
_MARKS = r"[\p{Sentence_Terminal}\u{2026}\u{22ef}\u{e5a}\u{e5b}--\u{104a}]"
_CLOSERS = r"[\p{Pe}\p{Pf}\p{Pi}\p{Quotation_Mark}]"
_UNMARKED = ("Thai", "Laoo")  # scripts that end sentences with a space or nothing


class Ending(Scorer):
    """Whether both sides end as a sentence does, and how many sentences one has more.

    Catches text cut off in the middle (``differ``) and sides of which one says much more than the
    other (``apart``). Marks of all scripts count (``. ។ ။ 。 । ؟ …``), with any closing quotes and
    brackets after them. Several in a row are one. A point within a number or an address does not
    count. Thai and Lao write no such marks: no rule can drop their pairs for what the script lacks,
    and only an English side without its mark counts (``cut``).

    A rule: ``apart`` at most 3, which drops under 0.1 % of the pairs of TICO-19 in any of seven
    languages. ``differ`` as a rule would drop up to 2.6 % (Burmese), where a translator ended a
    heading or a list in another way: it is for looking at.

    What was cut off lacks the last mark *and* is too short. Where both witnesses agree each may be
    less sure: ``cut`` at most 2.5 drops 0.1 % of TICO-19's Burmese and less of the others;
    ``balance.deviation`` up to 2.5 would drop 4 % of everyday sentences (TALPCo).

    Source: the TerminalPunctuationFilter of OpusFilter (Vázquez et al. 2019), which knows only
    ``.``, ``?``, ``!`` and ``…``.
    """

    version: ClassVar[int] = 2

    columns: ClassVar[dict[str, str]] = {
        "differ": "1 if only one of the two sides ends with a sentence mark, else 0",
        "apart": "sentences ended by marks that one side has more than the other, 0 or more",
        "cut": "where only one side ends with a mark: how much too short the other is, as "
        "balance.deviation measures it (below 0: too long); else 0. Thai and Lao never lack one",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Int8, UInt32 and Float64 columns; ``differ`` and ``apart`` are null where a language
        writes no marks."""
        unmarked = [code for code, language in languages().items() if language.script in _UNMARKED]
        silent = [pairs[f"{side}_lang"].is_in(unmarked) for side in ("src", "tgt")]
        src, tgt = map(_ends, (pairs["src"], pairs["tgt"]), silent)
        ended = [
            is_silent.to_numpy() | has_mark.astype(bool)
            for is_silent, (_, has_mark) in zip(silent, (src, tgt), strict=True)
        ]
        lacking = ended[0].astype(np.int8) - ended[1]
        scores = pl.DataFrame(
            [
                pl.Series("differ", (src[1] != tgt[1]).astype(np.int8)),
                pl.Series("apart", np.maximum(src[0], tgt[0]) - np.minimum(src[0], tgt[0])),
                pairs.select(cut=deviation(pairs)).to_series() * lacking,
            ]
        )
        has_marks = pl.lit(~(silent[0] | silent[1]))
        return scores.with_columns(pl.when(has_marks).then(pl.col("differ", "apart")))


def _ends(text: pl.Series, silent: pl.Series) -> npt.NDArray[np.uint32]:
    """``sentence_ends``, uint32 [2, texts]; zeros if all texts are in languages without marks."""
    if silent.all():
        return np.zeros((2, text.len()), np.uint32)
    return sentence_ends(*texts_of(text), _kinds())


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """What every code point is to the end of a sentence, uint8 [0x110000]."""
    kinds = np.zeros(NUM_CODE_POINTS, np.uint8)
    kinds[members_of(_CLOSERS)] = CLOSER
    kinds[class_table() == CLASSES.index("spaces")] = SPACE
    kinds[members_of(_MARKS)] = MARK
    kinds[[ord(point) for point in ".!?"]] = POINT
    return frozen(kinds)


COMPONENT = Ending
