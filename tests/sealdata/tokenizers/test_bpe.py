"""Byte pairs: many texts a call, with and without looking ahead, give what one text alone gives."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.tokenizers._bpe import BytePairs

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
OLMO2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WORDS = r"\S+|\s"
SPACES = "\t\n\v\f\r \x85\u00a0\u1680\u2000\u2007\u200a\u2028\u2029\u202f\u205f\u3000"

BYTES = {bytes([value]): value for value in range(256)}
MERGES = [b" t", b" th", b"\n\n", b"  ", b" \n", b".\n", b"\r\n", "\u0e2d".encode(), b"12"]


def made(pattern: str) -> BytePairs:
    return BytePairs("test", pattern, BYTES | {piece: 256 + n for n, piece in enumerate(MERGES)})


TEXTS = st.lists(
    st.text(max_size=12)
    | st.text("ab1.' \u0e2d" + SPACES, max_size=12)
    | st.lists(
        st.sampled_from(["the", "12", "\u0e2d\u0e2d", ".", "it's", "t1"]), max_size=5
    ).flatmap(lambda words: st.sampled_from(SPACES).map(lambda space: space.join(words)))
    | st.sampled_from(["\uffff", " a\uffff", "a \n", "", " ", "the  12"]),
    max_size=8,
)


@pytest.mark.parametrize("pattern", [GPT2, OLMO2, WORDS])
@settings(deadline=None)
@given(texts=TEXTS)
def test_each_text_is_encoded_by_itself(pattern: str, texts: list[str]) -> None:
    pairs = made(pattern)
    ids, ends = pairs.encode(pl.Series(texts, dtype=pl.String))
    start = 0
    for text, end in zip(texts, ends.tolist(), strict=True):
        assert ids[start:end].tolist() == pairs.encode_alone(text).tolist()
        assert ids[start:end].tolist() == pairs._exact.encode_ordinary(text)
        start = end
    assert start == len(ids)


@pytest.mark.parametrize("space", SPACES)
def test_one_character_of_white_space_needs_no_look_ahead(space: str) -> None:
    texts = [f"{space}a", f"a{space}", f"a{space}b", f"a{space}1.{space}th", space, f".{space}."]
    for pattern in (GPT2, OLMO2):
        pairs = made(pattern)
        assert pairs._quick is not None
        assert not pl.Series(texts).str.contains(r"\s\s").any()
        quick = [pairs._quick.encode_ordinary(text) for text in texts]
        assert quick == [pairs.encode_alone(text).tolist() for text in texts]


def test_two_characters_of_white_space_need_it() -> None:
    pairs = made(GPT2)
    assert pairs._quick is not None
    assert pairs._quick.encode_ordinary("a  the") != pairs.encode_alone("a  the").tolist()
    assert pairs.encode(pl.Series(["a  the"])).ids.tolist() == pairs.encode_alone("a  the").tolist()


def test_any_two_characters_of_white_space_are_encoded_as_by_one_text() -> None:
    """20 of the 289 have other ids without looking ahead, above all where the second is a space."""
    texts = [f"a{first}{second}the" for first in SPACES for second in SPACES]
    pairs = made(GPT2)
    ids, ends = pairs.encode(pl.Series(texts))
    alone = [pairs.encode_alone(text).tolist() for text in texts]
    assert [part.tolist() for part in np.split(ids, ends[:-1])] == alone
    assert pairs._quick is not None
    differs = [
        pairs._quick.encode_ordinary(text) != ids for text, ids in zip(texts, alone, strict=True)
    ]
    assert sum(differs) == 20


def test_more_texts_than_go_into_one_call() -> None:
    texts = [f"the {number}" if number % 3 else f"the  {number}" for number in range(9000)]
    pairs = made(OLMO2)
    ids, ends = pairs.encode(pl.Series(texts))
    alone = [pairs.encode_alone(text).tolist() for text in texts]
    assert ids.tolist() == [index for one in alone for index in one]
    assert ends.tolist() == pl.Series(map(len, alone)).cum_sum().to_list()


@pytest.mark.parametrize("pattern", [GPT2, OLMO2])
@pytest.mark.parametrize("space", [" ", " \u2028"])
def test_a_million_blanks_are_encoded(pattern: str, space: str) -> None:
    """tiktoken's matcher gives up on them; a run that it can match shows what is right."""
    pairs = made(pattern)

    def ends(num_spaces: int) -> list[list[int]]:
        texts = ["the", f"the{space * num_spaces}\uffffth", f"the{space * num_spaces}the 12", "."]
        ids, stops = pairs.encode(pl.Series(texts))
        parts = np.split(ids, stops[:-1])
        assert sum(map(len, parts)) == len(ids)
        return [[*part[:6].tolist(), *part[-6:].tolist()] for part in parts]

    with pytest.raises(ValueError, match="stack"):
        pairs._exact._core_bpe.encode_to_tiktoken_buffer(space * 1_000_000, set())
    assert ends(1_000_000 // len(space)) == ends(2_000)
