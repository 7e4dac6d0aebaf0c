"""Kernels against what they do in plain Python, slowly."""

import re
import unicodedata
from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.kernels import text_column, texts_of
from sealdata.kernels.char_counts import count_classes
from sealdata.kernels.repeats import repeated_chars
from sealdata.pairs import make_pairs
from sealdata.text.characters import class_table, members_of

from .odd_texts import TEXTS

LISTS = st.lists(TEXTS | st.none(), max_size=12)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=8)
SPACES = "".join(map(chr, members_of(r"\p{White_Space}")))


def column(texts):
    return pl.Series("text", texts, dtype=pl.String)


@settings(deadline=None)
@given(texts=LISTS, start=st.integers(0, 12))
def test_texts_go_to_buffers_and_back(texts, start):
    plain = [text or "" for text in texts]
    for series in (column(texts), pl.concat([column(texts), column(texts)])):
        assert text_column(texts_of(series)).to_list() == plain * (
            len(series) // max(1, len(texts))
        )
    part = column(texts)[start:]
    assert text_column(texts_of(part), "name").to_list() == plain[start:]


@settings(deadline=None)
@given(texts=LISTS)
def test_classes(texts):
    table = class_table()
    counts = count_classes(*texts_of(column(texts)), table, int(table.max()) + 1)
    for place, text in enumerate(texts):
        expected = Counter(int(table[ord(char)]) for char in text or "")
        assert {index: n for index, n in enumerate(counts[:, place]) if n} == expected


@settings(deadline=None)
@given(rows=PAIRS)
def test_copy(rows):
    overlaps = load("scorers", "copy", {"min_words": 2}).score(make_pairs(rows))["overlap"]
    for (src, tgt), overlap in zip(rows, overlaps, strict=True):
        one, other = (
            {w for w in re.split(f"[{SPACES}]+", lower(text)) if w} for text in (src, tgt)
        )
        longer = max(len(one), len(other))
        assert overlap == (len(one & other) / longer if longer >= 2 else None)


def lower(text):
    """As polars does it: Python may follow another version of Unicode."""
    return pl.Series([text]).str.to_lowercase().item()


def numbers(text, *, spaces_join):
    """The numbers of a text, by the words of the scorer's description."""
    text = "".join(str(unicodedata.decimal(c, c)) if c.isdecimal() else c for c in text)
    found = []
    for writing in re.findall(r"[0-9]+(?:[.,':\u2019\xa0\u2009\u202f ][0-9]+)*", text):
        for piece in [writing] if spaces_join else writing.split(" "):
            grouped = re.search(r"^[0-9]{1,3}([^0-9:][0-9]{2,3})*[^0-9:][0-9]{3}\Z", piece)
            runs = re.findall("[0-9]+", piece)
            found += ["".join(runs)] if grouped else runs
    return Counter(number.lstrip("0") or "0" for number in found), " " in "".join(
        re.findall(r"[0-9]+(?:[.,':\u2019\xa0\u2009\u202f ][0-9]+)*", text)
    )


NUMERIC = st.text(st.sampled_from("0012379๓៣.,:  ' a"), max_size=25)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(NUMERIC | TEXTS, NUMERIC | TEXTS), max_size=8))
def test_numerals(rows):
    scores = load("scorers", "numerals").score(make_pairs(rows))
    for (src, tgt), agreement, conflict in zip(rows, *scores.get_columns(), strict=True):
        agreements, conflicts = [], []
        for spaces_join in (False, True):
            (one, spaced), (other, also) = (
                numbers(text, spaces_join=spaces_join) for text in (src, tgt)
            )
            shared, sizes = (one & other).total(), (one.total(), other.total())
            if max(sizes) and (spaced or also or not spaces_join):
                agreements.append(shared / max(sizes))
                conflicts += [1 - shared / min(sizes)] if min(sizes) else []
        assert agreement == max(agreements, default=None)
        assert conflict == min(conflicts, default=None)


def test_digits_of_every_script_have_their_values():
    references = [chr(c) for c in range(0x110000) if chr(c).isdecimal()]
    rows = [(f"7{char}", f"7{unicodedata.decimal(char)}") for char in references]
    assert load("scorers", "numerals").score(make_pairs(rows))["agreement"].to_list() == [
        1.0
    ] * len(rows)


REPEATED = st.builds(
    lambda head, unit, times, tail: head + unit * times + tail,
    TEXTS,
    st.text(st.sampled_from("abน้😀"), max_size=9),
    st.integers(0, 9),
    TEXTS,
)


@settings(deadline=None)
@given(
    texts=st.lists(REPEATED, max_size=6), ngram=st.integers(2, 9), most=st.sampled_from([20, 999])
)
def test_repetition(texts, ngram, most):
    found = repeated_chars(*texts_of(column(texts)), ngram, 0.6, most)
    for text, repeated, looked_at in zip(texts, *found, strict=True):
        text = text[:most]
        support, last = Counter(), {}
        for place in range(len(text) - ngram + 1):
            piece = text[place : place + ngram]
            if piece in last:
                support[place - last[piece]] += 1
            last[piece] = place
        covered = ((unit, times + ngram - 1) for unit, times in support.items())
        assert repeated == sum(chars for unit, chars in covered if chars >= 0.6 * unit)
        assert looked_at == len(text)


def test_a_unit_repeats_from_exactly_the_share_asked_for():
    # "abc" returns after 5 characters, 0.6 of the unit, and after 6, which is less
    found = repeated_chars(*texts_of(column(["abcxyabc", "abcxyzabc"])), 3, 0.6, 100)
    assert [numbers.tolist() for numbers in found] == [[3, 0], [8, 9]]


def distance(one, other):
    """Edits, by the table of Wagner and Fischer."""
    row = list(range(len(other) + 1))
    for place, char in enumerate(one, 1):
        diagonal, row[0] = row[0], place
        for column, second in enumerate(other, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (char != second)),
            )
    return row[-1]


@st.composite
def near_copies(draw):
    """A text, sometimes of many machine words, and the same with a few edits."""
    text = draw(TEXTS | st.text("ab", max_size=300))
    copied = list(text)
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, len(copied)))
        copied[place : place + draw(st.integers(0, 3))] = draw(st.text("aZ", max_size=3))
    return text, "".join(copied)


@settings(deadline=None)
@given(rows=st.lists(near_copies() | st.tuples(TEXTS, TEXTS), max_size=4))
def test_near_copies(rows):
    found = load("scorers", "near_copy").score(make_pairs(rows))["similarity"]
    for (src, tgt), similarity in zip(rows, found, strict=True):
        one, other = (re.sub(f"[{SPACES}]", "", folded(text)) for text in (src, tgt))
        longer = max(len(one), len(other))
        expected = 1 - distance(one, other) / longer if longer else 0
        assert similarity == (expected if expected >= 0.5 else 0)


def folded(text):
    """Lower case, letter by letter but where a text has one of two letters."""
    return lower(text) if set(text) & set("İΣ\u212a") else "".join(lower(char) for char in text)
