"""Sentence marks of the two sides: a translation that stops early, or sentences too many."""

from functools import cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.sentence_marks import CLOSER, MARK, PAUSE, POINT, SPACE, sentence_ends
from sealdata.languages import ENGLISH, resolve
from sealdata.scorers import ANY_NUMBER, COUNT, SHARE, Range, Scorer
from sealdata.scorers.balance import deviation
from sealdata.scorers.ratio import expected_length
from sealdata.text.characters import CLASSES, NUM_CODE_POINTS, class_table, members_of

# Unicode's Sentence_Terminal with the ellipsis and Thai's and Lao's signs of an end, and without
# the comma of Burmese (U+104A), which it counts in.
_MARKS = r"[\p{Sentence_Terminal}\u{2026}\u{22ef}\u{e5a}\u{e5b}--\u{104a}]"
_CLOSERS = r"[\p{Pe}\p{Pf}\p{Pi}\p{Quotation_Mark}]"
_PAUSES = ";:\uff1b\uff1a\u061b"  # of Latin, Chinese and Arabic script
_UNMARKED = ("Thai", "Laoo")  # scripts that end sentences with a space or nothing
# A side that ends with another mark (，；、：) goes on in the next line, as verses do: no cut.
_OPEN = r"[^\p{P}\p{S}\s]\s*$"
# English without a mark may be a headline or a label. Where it ends with a word that leads to
# another, or with one or two small letters, it is cut more surely: 45 % of shortened sentences do,
# and 3 % of the headlines and labels of our references. Titles In Capitals are not cut.
_LEADING = (
    r"(?i:\b(?:the|an|of|from|for|with|without|into|onto|upon|and|but|nor|while|because|than|that|"
    r"which|who|whom|whose|are|was|were|been|being|has|have|had|does|did|will|would|shall|should|"
    r"can|could|may|might|must|your|his|her|its|our|their|these|those|not|very|they|she|you|there|"
    r"about|between|among|through|during|under|after|before|such|some|any|every|each))$|"
    r"\b[a-z]{1,2}$"
)
_TITLE_WORD = r"(?:\p{Lu}[\p{L}\p{M}'’]*|\p{L}{1,3})"
_TITLE = rf"^[^\p{{L}}]*{_TITLE_WORD}(?:[^\p{{L}}]+{_TITLE_WORD})*$"
_LONG_WORDS = r"\p{L}{4}[\p{L}'’]*[^\p{L}]+(?:.*[^\p{L}])?\p{L}{4}"
_SURER, _LESS_SURE = 1.0, 0.75  # added and taken away, in standard deviations
_MIN_CHARS = 15  # expected of the whole side: a shorter one may be a word and its explanation


class Ending(Scorer):
    """Whether both sides end as a sentence does, and how many sentences one has more.

    Catches text cut off in the middle (``differ``) and sides of which one says much more than the
    other (``apart``). Marks of all scripts count (``. ។ ။ 。 । ؟ …``), with any closing quotes and
    brackets after them. Several in a row are one. A point within a number or an address does not
    count. A semicolon or colon on the side with fewer sentences may stand for an end that the other
    side has. Thai and Lao write no such marks: no rule can drop their pairs for what the script
    lacks, and only an English side without its mark counts (``cut``).

    A rule: ``apart`` at most 3, which drops under 0.1 % of the pairs of TICO-19 in any of seven
    languages. ``differ`` as a rule would drop up to 2.6 % (Burmese), where a translator ended a
    heading or a list in another way: it is for looking at.

    What was cut off lacks the last mark *and* is too short. Where both witnesses agree each may be
    less sure: ``cut`` at most 2.5 drops 0.1 % of TICO-19 in any language; ``balance.deviation`` up
    to 2.5 would drop 4 % of everyday sentences (TALPCo). A side that ends with another mark, as a
    line of verse does, is not cut. English without a mark may be a headline. It has to be
    shorter by 0.75 standard deviations, unless it ends in the middle of a phrase.

    Source: the TerminalPunctuationFilter of OpusFilter (Vázquez et al. 2019), which knows only
    ``.``, ``?``, ``!`` and ``…``.
    """

    version: ClassVar[int] = 4

    columns: ClassVar[dict[str, str]] = {
        "differ": "1 if only one of the two sides ends with a sentence mark, else 0",
        "apart": "sentences ended by marks that one side has more than the other has ends and, in "
        "place of them, pauses, 0 or more",
        "cut": "where only one side ends with a mark and the other with a letter or digit: how "
        "much too short that is, as balance.deviation measures it (below 0: too long), with what "
        "its last word adds; else 0. Thai and Lao never lack a mark",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"differ": SHARE, "apart": COUNT, "cut": ANY_NUMBER}
    seldom: ClassVar[frozenset[str]] = frozenset({"apart"})  # null in scripts without marks

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Int8, UInt32 and Float64 columns; ``differ`` and ``apart`` are null where a language
        writes no marks."""
        silent = [_is_unmarked(pairs[f"{side}_lang"]) for side in ("src", "tgt")]
        src, tgt = map(_ends, (pairs["src"], pairs["tgt"]), silent)
        ended = [
            is_silent.to_numpy() | has_mark.astype(bool)
            for is_silent, (_, has_mark, _) in zip(silent, (src, tgt), strict=True)
        ]
        lacking = pl.Series("lacking", ended[0].astype(np.int8) - ended[1])
        scores = pl.DataFrame(
            [
                pl.Series("differ", (src[1] != tgt[1]).astype(np.int8)),
                pl.Series("apart", _apart(src, tgt)),
                _cut(pairs, lacking),
            ]
        )
        has_marks = pl.lit(~(silent[0] | silent[1]))
        return scores.with_columns(pl.when(has_marks).then(pl.col("differ", "apart")))


def _is_unmarked(langs: pl.Series) -> pl.Series:
    codes = langs.unique().drop_nulls().to_list()
    return langs.is_in([code for code in codes if resolve(code).script in _UNMARKED])


def _apart(src: npt.NDArray[np.uint32], tgt: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Sentences of one side that the other has neither ended nor joined by a pause, uint32."""
    sentences, pauses = (np.array([side[row] for side in (src, tgt)], np.int64) for row in (0, 2))
    fewer = np.minimum(*sentences)
    joined = np.where(sentences[0] == fewer, *pauses)
    apart: npt.NDArray[np.uint32] = np.maximum(np.maximum(*sentences) - fewer - joined, 0).astype(
        np.uint32
    )
    return apart


def _cut(pairs: pl.DataFrame, lacking: pl.Series) -> pl.Series:
    """Float64 per pair: how much too short a side is for one that was not cut off. ``lacking`` is
    1 where the other side lacks a mark, -1 where the English does, 0 where none does."""
    cut = pl.repeat(0.0, pairs.height, eager=True).alias("cut")
    rows = (lacking != 0).arg_true()
    if rows.is_empty():
        return cut
    # The lengths of all pairs, not of a few: the scorers share the counts of a frame.
    src, tgt = (expected_length(pairs, side).gather(rows) for side in ("src", "tgt"))
    few = pairs[rows].with_columns(
        lacking=lacking.gather(rows),
        deviation=deviation(pairs).gather(rows),
        whole_src=src,
        whole_tgt=tgt,
    )
    is_src = pl.col("lacking") < 0
    text = pl.when(is_src).then("src").otherwise("tgt")
    is_long = pl.when(is_src).then("whole_tgt").otherwise("whole_src") >= _MIN_CHARS
    is_cut = is_long & text.str.contains(_OPEN)
    is_title = text.str.contains(_TITLE) & text.str.contains(_LONG_WORDS)
    more = pl.when(text.str.contains(_LEADING)).then(_SURER).otherwise(-_LESS_SURE)
    by = pl.col("deviation") * pl.col("lacking")
    english = pl.when(is_title).then(0.0).otherwise(by + more)
    by = pl.when(is_src & (pl.col("src_lang") == ENGLISH)).then(english).otherwise(by)
    return cut.scatter(rows, few.select(pl.when(is_cut).then(by).otherwise(0.0)).to_series())


def _ends(text: pl.Series, silent: pl.Series) -> npt.NDArray[np.uint32]:
    """``sentence_ends``, uint32 [3, texts]; zeros if all texts are in languages without marks."""
    if silent.all():
        return np.zeros((3, text.len()), np.uint32)
    return sentence_ends(*texts_of(text), _kinds())


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """What every code point is to the end of a sentence, uint8 [0x110000]."""
    kinds = np.zeros(NUM_CODE_POINTS, np.uint8)
    kinds[members_of(_CLOSERS)] = CLOSER
    kinds[class_table() == CLASSES.index("spaces")] = SPACE
    kinds[members_of(_MARKS)] = MARK
    kinds[[ord(point) for point in ".!?"]] = POINT
    kinds[[ord(pause) for pause in _PAUSES]] = PAUSE
    return frozen(kinds)


COMPONENT = Ending
