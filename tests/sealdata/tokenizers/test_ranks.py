"""Files of ranks: the ids of the tokenizer.json that they were taken from, and what is refused."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken_ext.openai_public as published
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe

from sealdata.errors import ConfigError
from sealdata.files.places import sample_dir
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokenizers._bpe import BytePairs
from sealdata.tokenizers._json import load_json
from sealdata.tokenizers.ranks import KNOWN
from sealdata.tokenizers.tiktoken import _pattern, _ranks

BPE = open_tokenizer(sample_dir() / "tokenizers" / "bpe")
DECLARED = load_json(BPE.path, None).declared
RANKS = _ranks(DECLARED)
SPECIAL = {"<|endoftext|>": BPE.eos_id, "<|pad|>": BPE.eos_id + 1}
WORDS = {"pattern": _pattern(DECLARED), "special_tokens": SPECIAL}


def save(folder: Path, words: object = WORDS, name: str = "small") -> Path:
    lines = (f"{b64encode(piece).decode()} {rank}\n" for piece, rank in RANKS.items())
    path = folder / f"{name}.tiktoken"
    path.write_text("".join(lines))
    if words is not None:
        path.with_suffix(".json").write_text(json.dumps(words))
    return path


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return open_tokenizer(save(tmp_path_factory.mktemp("ranks")))


TEXTS = st.lists(
    st.text(max_size=20)
    | st.text("abtT's 1\n\r\u0e01\u0e33\u00a0./", max_size=12)
    | st.sampled_from(["<|endoftext|>", "It's 6.45 a.m.,  DON'T", "เรือข้ามฟาก ๖.๔๕ น.", "\uffff"]),
    max_size=6,
)


@settings(deadline=None)
@given(texts=TEXTS)
def test_same_ids_and_spans_as_the_json(ranks: Tokenizer, texts: list[str]) -> None:
    ours, theirs = ranks.encode(texts), BPE.encode(texts)
    assert (ours.ids.tolist(), ours.ends.tolist()) == (theirs.ids.tolist(), theirs.ends.tolist())
    for mine, its in zip(ranks.spans(texts), BPE.spans(texts), strict=True):
        assert mine.tolist() == its.tolist()
    assert ranks.decode(ours.ids.tolist()) == "".join(texts)


def test_the_vocabulary(ranks: Tokenizer) -> None:
    mine = ranks.vocabulary
    assert (mine.eos_id, mine.size, mine.lossless) == (BPE.eos_id, BPE.eos_id + 2, True)
    assert mine.piece_bytes[[BPE.eos_id, BPE.eos_id + 1]].tolist() == [0, 0]
    assert mine.piece_bytes[mine.piece_bytes > 0].sum() == sum(map(len, RANKS))
    assert ranks.decode([BPE.eos_id]) == "<|endoftext|>"
    assert load_tiktoken_bpe(str(ranks.path)) == RANKS, "what tiktoken itself reads"
    assert ranks.name == "small"


def test_it_travels_with_the_file_beside_it(ranks: Tokenizer, tmp_path: Path) -> None:
    for file in ranks.files():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    moved = open_tokenizer(tmp_path)
    assert moved.fingerprint() == ranks.fingerprint()
    cut = {**WORDS, "pattern": r"\S+|\s+"}
    (tmp_path / "small.json").write_text(json.dumps(cut))
    assert open_tokenizer(save(tmp_path, cut)).fingerprint() != ranks.fingerprint()


def with_ranks(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(published, "load_tiktoken_bpe", lambda *_, **__: RANKS)
    made: Callable[[], dict[str, Any]] = getattr(published, name)
    return made()


@pytest.mark.parametrize("name", KNOWN)
def test_known_encodings_are_those_that_tiktoken_knows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its patterns are written otherwise, for speed, so what they make of texts is compared."""
    theirs = with_ranks(name, monkeypatch)
    assert KNOWN[name].special_tokens == theirs["special_tokens"]
    mine, its = (
        BytePairs("mine", KNOWN[name].pattern, RANKS),
        BytePairs("its", theirs["pat_str"], RANKS),
    )

    @settings(deadline=None)
    @given(texts=TEXTS)
    def compare(texts: list[str]) -> None:
        for text in texts:
            assert mine.encode_alone(text).tolist() == its.encode_alone(text).tolist()

    compare()


def test_a_known_name_needs_no_file_beside_it(tmp_path: Path) -> None:
    tokenizer = open_tokenizer(save(tmp_path, None, "o200k_base"))
    assert (tokenizer.eos_id, tokenizer.vocab_size) == (199_999, 200_019)
    assert tokenizer.files() == [tokenizer.path]
    assert tokenizer.decode([199_998]) == "\ufffd", "no piece has this id"
    assert np.isin(tokenizer.encode(["<|endoftext|>"]).ids, [199_999]).sum() == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (None, r'is not one of r50k_base, .*; say it in small\.json of its folder: \{"pattern"'),
        ({"pattern": "x"}, r"does not say how small\.tiktoken cuts text \(special_tokens: Field"),
        ({**WORDS, "eos_token": "</s>"}, r"its EOS token '</s>' is not one of its special tokens"),
        ({**WORDS, "pattern": "("}, "tiktoken cannot use its pattern"),
        ({**WORDS, "special_tokens": {"<|endoftext|>": 7}}, "id 7 is a piece and a special token"),
    ],
)
def test_words_that_are_refused(words: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=complaint):
        open_tokenizer(save(tmp_path, words))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text + "no Base64! 9\n", r"line \d+ is not a piece in Base64 and its rank"),
        (lambda text: text + "aGVsbG8=\n", r"line \d+ is not a piece in Base64 and its rank"),
        (lambda text: text.partition("\n")[2], "it has no piece for the byte 0x21"),
        (lambda text: text + "aGVsbG8gaGVsbG8= 300\n", "two of its pieces have one rank"),
    ],
)
def test_ranks_that_are_refused(
    change: Callable[[str], str], complaint: str, tmp_path: Path
) -> None:
    path = save(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(ConfigError, match=complaint):
        open_tokenizer(path)
