"""Mistral's tekken.json: ids behind the special tokens, by a file made of the bundled pieces."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from sealdata.errors import ConfigError
from sealdata.files.places import sample_dir
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokenizers._json import load_json
from sealdata.tokenizers.tiktoken import _pattern, _ranks

BPE = open_tokenizer(sample_dir() / "tokenizers" / "bpe")
DECLARED = load_json(BPE.path, None).declared
IDS = _ranks(DECLARED)
RANK = {piece: rank for rank, piece in enumerate(sorted(IDS, key=IDS.__getitem__))}
NUM_SPECIAL, UNUSED = 20, 7
TEXTS = ["Good morning, 12345!", "", "  a\n\nb", "เรือข้ามฟาก ๖.๔๕ น.", "</s> [INST]", "\uffff x"]


def declared(**config: Any) -> dict[str, Any]:
    """The contents of a file; its last pieces have no room in the vocabulary."""
    vocab = [
        {"rank": rank, "token_bytes": b64encode(piece).decode(), "token_str": None}
        for piece, rank in RANK.items()
    ]
    size = NUM_SPECIAL + len(RANK) - UNUSED
    facts = {"default_vocab_size": size, "default_num_special_tokens": NUM_SPECIAL}
    return {
        "config": {"pattern": _pattern(DECLARED), "version": "v3", **facts, **config},
        "vocab": vocab,
    }


def save(folder: Path, contents: object, name: str = "tekken.json") -> Path:
    path = folder / "mistral" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(contents))
    return path


@pytest.fixture(scope="module")
def tekken(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return open_tokenizer(save(tmp_path_factory.mktemp("tekken"), declared()).parent)


def test_ids_follow_the_ranks_behind_the_special_tokens(tekken: Tokenizer) -> None:
    ours, theirs = tekken.encode(TEXTS), BPE.encode(TEXTS)
    of_id = {index: NUM_SPECIAL + RANK[piece] for piece, index in IDS.items()}
    assert ours.ids.tolist() == [of_id[index] for index in theirs.ids.tolist()]
    assert ours.ends.tolist() == theirs.ends.tolist()
    assert tekken.decode(ours.ids.tolist()) == "".join(TEXTS)
    assert (tekken.name, tekken.eos_id) == ("mistral", 2)
    assert tekken.vocab_size == NUM_SPECIAL + len(RANK) - UNUSED
    assert tekken.decode([1, 2]) == "<s></s>"


def test_pieces_without_room_are_not_used(tekken: Tokenizer) -> None:
    assert tekken.vocabulary.piece_bytes[-1] > 0
    last = max(IDS, key=IDS.__getitem__).decode()
    assert len(BPE.encode([last]).ids) == 1
    assert len(tekken.encode([last]).ids) > 1


def test_newer_files_list_their_special_tokens(tmp_path: Path) -> None:
    listed = [{"rank": 5, "token_str": "</s>", "is_control": True}]
    path = save(tmp_path, declared() | {"special_tokens": listed}, "tekken_240911.json")
    assert open_tokenizer(path).eos_id == 5
    assert open_tokenizer(path).name == "tekken_240911"


CASES = [
    ([], "is not a tekken file .the whole"),
    ({"config": {}, "vocab": []}, "is not a tekken file .config.pattern"),
    (declared(default_num_special_tokens=0), "special token '<unk>' has the id of a piece"),
    (declared(default_vocab_size=100), "it has no piece for the byte 0x"),
    (declared(pattern="("), "tiktoken cannot use its pattern"),
    (declared() | {"special_tokens": [{"rank": 0, "token_str": "<s>"}]}, "its EOS token '</s>'"),
    (declared() | {"special_tokens": [{"rank": 10**12, "token_str": "</s>"}]}, "the id of a piece"),
    (declared() | {"vocab": [{"rank": -1, "token_bytes": "YQ=="}]}, "vocab.0.rank"),
    (declared() | {"vocab": [{"rank": 0, "token_bytes": "!"}]}, "is not Base64"),
    (declared() | {"vocab": [{"rank": 0, "token_bytes": "YQ=="}] * 2}, "one rank, or the same"),
]


@pytest.mark.parametrize(("contents", "message"), CASES)
def test_refused(tmp_path: Path, contents: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_tokenizer(save(tmp_path, contents))


def test_not_json(tmp_path: Path) -> None:
    path = save(tmp_path, {})
    path.write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        open_tokenizer(path)
