"""The bundled tokenizers: OLMo 2's layout, made again byte for byte, loaded by transformers."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from sealdata.files.places import sample_dir
from sealdata.tokenizers import open_tokenizer

FOLDER = sample_dir() / "tokenizers"

# OLMo 2's added tokens by their distance from <|endoftext|> (there 100257); True: special.
LAYOUT = {
    -1: ("<|extra_id_0|>", False),
    0: ("<|endoftext|>", True),
    1: ("<|fim_prefix|>", True),
    2: ("<|fim_middle|>", True),
    3: ("<|fim_suffix|>", True),
    4: ("|||PHONE_NUMBER|||", False),
    5: ("|||EMAIL_ADDRESS|||", False),
    6: ("|||IP_ADDRESS|||", False),
    7: ("<|im_start|>", True),
    8: ("<|im_end|>", True),
    9: ("<|extra_id_1|>", False),
    18: ("<|extra_id_10|>", False),
    19: ("<|endofprompt|>", True),
    20: ("<|pad|>", True),
}


def test_layout_of_the_added_tokens() -> None:
    declared = json.loads((FOLDER / "bpe" / "tokenizer.json").read_text("utf-8"))
    tokenizer = open_tokenizer(FOLDER / "bpe")
    added = {row["id"] - tokenizer.eos_id: row for row in declared["added_tokens"]}
    assert sorted(added) == list(range(-1, 21))
    for place, (content, special) in LAYOUT.items():
        assert (added[place]["content"], added[place]["special"]) == (content, special)
    assert tokenizer.vocab_size == tokenizer.eos_id + 21 == 4022
    assert len(declared["model"]["vocab"]) == tokenizer.eos_id - 1


def test_numbers_and_words_are_cut_as_cl100k_cuts_them() -> None:
    split = Tokenizer.from_file(str(FOLDER / "bpe" / "tokenizer.json")).pre_tokenizer
    text = "12345 We'LL go.\n\n  (now)"
    pieces = [text[start:stop] for _, (start, stop) in split.pre_tokenize_str(text)]
    assert pieces == ["123", "45", " We", "'LL", " go", ".\n\n", " ", " (", "now", ")"]


def test_trained_again_gives_the_same_bytes(tmp_path: Path) -> None:
    from tests.make_sample.tokenizers import train_bpe, train_unigram

    train_bpe(tmp_path / "bpe")
    train_unigram(tmp_path / "unigram")
    names = ["bpe/tokenizer.json", "bpe/tokenizer_config.json", "unigram/unigram.model"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


@pytest.mark.slow
def test_transformers_loads_it() -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(FOLDER / "bpe")
    ours = open_tokenizer(FOLDER / "bpe")
    assert (theirs.eos_token_id, theirs.bos_token_id) == (ours.eos_id, ours.eos_id)
    assert theirs.pad_token == "<|pad|>"
    text = "Thai: สวัสดีตอนเช้า 2024"
    assert theirs(text)["input_ids"] == ours.encode([text]).ids.tolist()
