"""The tokenizer of a run: plain text as the shards have it, and the same as the base model's."""

import json
from pathlib import Path
from typing import Any

import pytest

from sealdata.tokenizers._json import load_json
from sealtrain.errors import ConfigError, DataError
from sealtrain.tokenizer import check_base, open_tokenizer

EOS = "<|endoftext|>"
TEXTS = [
    "The bus leaves at seven.",
    "รถบัสออกตอนเจ็ดโมง",
    f"a {EOS} in text{EOS}",
    "",
    "  two  spaces\n\n",
    "word " * 600,
]
TRUNCATION = {"max_length": 8, "stride": 0, "strategy": "LongestFirst", "direction": "Right"}
PADDING = {
    "strategy": {"Fixed": 32}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
    "pad_type_id": 0, "pad_token": EOS,
}  # fmt: skip


@pytest.fixture
def folder(shards: Path, tmp_path: Path) -> Path:
    """A copy of the shards' tokenizer."""
    copy = tmp_path / "tokenizer"
    copy.mkdir()
    (copy / "tokenizer.json").write_bytes((shards / "tokenizer/tokenizer.json").read_bytes())
    return copy


def change(folder: Path, **changes: Any) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return path


@pytest.mark.parametrize(
    "changes", [{}, {"truncation": TRUNCATION}, {"padding": PADDING}], ids=["-", "cut", "padded"]
)
def test_ids_are_those_of_the_shards(folder: Path, changes: dict[str, Any]) -> None:
    """Of sealdata, whatever the file says for other uses, and special tokens in text are text."""
    expected = load_json(folder / "tokenizer.json", EOS).encoder
    ids = [e.ids for e in expected.encode_batch(TEXTS, add_special_tokens=False)]
    tokenizer = open_tokenizer(change(folder, **changes), 0)
    assert tokenizer.encode(TEXTS) == ids
    assert len(ids[-1]) > 500
    assert 0 not in [index for row in ids for index in row]
    assert [tokenizer.decode(row) for row in ids] == TEXTS
    assert tokenizer.decode([0, *ids[0], 0]) == TEXTS[0]


def test_what_is_no_tokenizer_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(DataError, match=r"tokenizer\.json: No such file"):
        open_tokenizer(path, 0)
    for text in ("[]", "{}", "\x00"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"is not a tokenizer\.json"):
            open_tokenizer(path, 0)


def test_an_end_of_documents_that_the_file_lacks_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="has no token of id 9999, which ends documents"):
        open_tokenizer(folder / "tokenizer.json", 9999)


def swapped(folder: Path) -> None:
    """Two pieces of the vocabulary exchange their ids."""
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    by_id = {index: piece for piece, index in model["vocab"].items()}
    model["vocab"] |= {by_id[300]: 301, by_id[301]: 300}
    change(folder, model=model)


def cut(folder: Path) -> None:
    change(folder, pre_tokenizer={"type": "Whitespace"})


@pytest.mark.parametrize(
    ("spoil", "eos", "message"),
    [
        (lambda folder: None, 0, ""),
        (lambda folder: None, [7, 0], ""),
        (lambda folder: None, None, ""),
        (lambda folder: None, 7, "end with id 7, and documents of the shards with 0"),
        (swapped, 0, "2 ids are other tokens than in the shards: id 300 is "),
        (cut, 0, r"cuts text in another way \(pre_tokenizer differ\)"),
    ],
)
def test_a_base_of_another_tokenizer_is_refused(
    folder: Path, shards: Path, spoil: Any, eos: Any, message: str
) -> None:
    spoil(folder)
    change(folder, truncation=TRUNCATION)  # which changes no ids of training
    if not message:
        assert check_base(str(folder), eos, shards / "tokenizer", 0) == ""
        return
    with pytest.raises(ConfigError, match=message) as caught:
        check_base(str(folder), eos, shards / "tokenizer", 0)
    assert "model.other_tokenizer = true" in str(caught.value)


def test_a_base_without_a_tokenizer_is_said(tmp_path: Path, shards: Path) -> None:
    note = check_base(str(tmp_path), 0, shards / "tokenizer", 0)
    assert note.endswith(
        "has no tokenizer.json: that the shards have its tokenizer was not checked"
    )
