"""Documents as ids: EOS, prompt lengths by bytes and by common prefix, ids that are refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.errors import DataError
from sealdata.files.places import sample_dir
from sealdata.shards.tokens import TokenDocuments, tokenize
from sealdata.tokenizers import Encoded, Tokenizer, Vocabulary, flatten, open_tokenizer

SAMPLE = sample_dir() / "tokenizers"
BPE, UNIGRAM = open_tokenizer(SAMPLE / "bpe"), open_tokenizer(SAMPLE / "unigram")


class Faulty(Tokenizer):
    """Gives the ids it is told to."""

    given: tuple[int, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(10, 3, np.ones(10, np.int64), lossless=False)

    def encode(self, texts: Sequence[str]) -> Encoded:
        return flatten([list(self.given) if text == "bad" else [1] for text in texts])


def documents(rows: list[tuple[str, str]]) -> pl.DataFrame:
    """Documents of (prompt, rest)."""
    return pl.DataFrame(
        {
            "source": ["s"] * len(rows),
            "row": range(len(rows)),
            "template": [0] * len(rows),
            "text": [prompt + rest for prompt, rest in rows],
            "prompt_chars": [len(prompt) for prompt, _ in rows],
        },
        schema_overrides={"row": pl.UInt64, "text": pl.String, "prompt_chars": pl.UInt32},
    )


def test_each_document_ends_with_eos() -> None:
    made = tokenize(BPE, documents([("", "Hello."), ("", ""), ("", "สวัสดี")]))
    assert made.origin["row"].to_list() == [0, 2], "a document without tokens is left out"
    assert (made.ids == BPE.eos_id).nonzero()[0].tolist() == (made.ends - 1).tolist()
    assert BPE.decode(made.ids.tolist()) == "Hello.<|endoftext|>สวัสดี<|endoftext|>"


def test_no_documents() -> None:
    made = tokenize(BPE, documents([]))
    assert (len(made.ids), len(made.ends), made.origin.height) == (0, 0, 0)
    assert made.origin.schema == TokenDocuments.empty().origin.schema


@pytest.mark.parametrize("tokenizer", [BPE, UNIGRAM], ids=["bpe", "unigram"])
def test_prompt_is_what_lies_wholly_before_the_target(tokenizer: Tokenizer) -> None:
    rows = [
        ("English: Good morning.\nThai: ", "สวัสดีตอนเช้า"),
        ("English: Good morning.\nEnglish: ", "Good evening."),
        ("", "no prompt"),
        ("only a prompt", ""),
    ]
    made = tokenize(tokenizer, documents(rows))
    starts = (made.ends - made.lengths).tolist()
    for (prompt, rest), start, end, length in zip(
        rows, starts, made.ends.tolist(), made.origin["prompt"], strict=True
    ):
        ids = made.ids[start : end - 1].tolist()
        said = tokenizer.decode(ids[:length])
        assert prompt.startswith(said)
        assert (prompt + rest).startswith(tokenizer.decode(ids))
        if tokenizer is BPE and length < len(ids):  # one token more reaches into the target
            assert len(tokenizer.decode(ids[: length + 1])) > len(prompt)
    # the space before "Good" belongs to the word, and so to the target
    assert tokenizer.decode(made.ids[starts[1] :][: made.origin["prompt"][1]].tolist()).endswith(
        ":"
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=6))
def test_prompt_bytes_bound_the_prompt(rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if row[0] + row[1]]
    made = tokenize(BPE, documents(rows))
    starts = (made.ends - made.lengths).tolist()
    sizes = BPE.vocabulary.piece_bytes
    for (prompt, _), start, length in zip(rows, starts, made.origin["prompt"], strict=True):
        held = sizes[made.ids[start : start + length]].sum()
        assert held <= len(prompt.encode())
        assert held + sizes[made.ids[start + length]] > len(prompt.encode()) or (
            made.ids[start + length] == BPE.eos_id
        )


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8), st.randoms())
def test_take_and_followed_by(texts: list[str], random: object) -> None:
    made = tokenize(BPE, documents([("", text) for text in texts]))
    places = list(range(len(texts)))
    random.shuffle(places)  # type: ignore[attr-defined]
    taken = made.take(np.array(places))
    expected = "".join(texts[place] + "<|endoftext|>" for place in places)
    assert BPE.decode(taken.ids.tolist()) == expected
    assert taken.lengths.tolist() == made.lengths[places].tolist()
    assert taken.origin["row"].to_list() == places
    half = len(places) // 2
    joined = taken.take(np.arange(half)).followed_by(taken.take(np.arange(half, len(places))))
    assert joined.ids.tolist() == taken.ids.tolist()
    assert joined.ends.tolist() == taken.ends.tolist()
    assert joined.origin.equals(taken.origin)


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [((1, 3, 1), r"its EOS inside the text \(3\)"), ((1, 10), r"an id of no vocabulary \(10\)")],
)
def test_ids_that_are_refused(ids: tuple[int, ...], complaint: str) -> None:
    faulty = Faulty(path=Path("faulty.json"), given=ids)
    with pytest.raises(DataError, match=complaint + " for row 1 of 's'"):
        tokenize(faulty, documents([("", "good"), ("", "bad"), ("", "good")]))
