"""Damaged files of a tokenizer: one line that names the file, or the same ids."""

import json
from pathlib import Path
from typing import Any

import pytest

from sealdata.errors import ConfigError
from sealdata.tokenizers._json import load_json

SAMPLE = Path("sealdata/sample/tokenizers/bpe")
EOS = "<|endoftext|>"


def damaged(folder: Path, name: str, path: tuple[str, ...], value: Any) -> Path:
    """A copy of the sample with one value replaced, or removed for ``...``."""
    for file in SAMPLE.glob("*.json"):
        (folder / file.name).write_bytes(file.read_bytes())
    content: Any = json.loads((folder / name).read_text("utf-8"))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    if not path:
        content = value
    elif value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    (folder / name).write_text(json.dumps(content), "utf-8")
    return folder / "tokenizer.json"


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        ("tokenizer.json", (), [], r"is not a tokenizer\.json"),
        ("tokenizer.json", ("model",), 1, r"is not a tokenizer\.json"),
        ("tokenizer.json", ("model", "dropout"), [1], r"is not a tokenizer\.json"),
        ("tokenizer.json", ("model", "continuing_subword_prefix"), "x" * 9, r"is not a tokenizer"),
        ("tokenizer_config.json", (), [], r"no eos_token in tokenizer_config\.json"),
        ("tokenizer_config.json", (), True, r"no eos_token in tokenizer_config\.json"),
        ("tokenizer_config.json", ("eos_token",), [], r"no eos_token in tokenizer_config\.json"),
        ("tokenizer_config.json", ("eos_token",), "nothing", "is not in the vocabulary"),
        ("tokenizer_config.json", ("eos_token",), "e", "a piece that words are made of"),
    ],
)
def test_damage_is_one_line(
    tmp_path: Path, name: str, path: tuple[str, ...], value: Any, message: str
) -> None:
    file = damaged(tmp_path, name, path, value)
    with pytest.raises(ConfigError, match=message) as caught:
        load_json(file, None)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("key", ["normalizer", "post_processor"])
def test_what_the_library_does_without_changes_no_id(tmp_path: Path, key: str) -> None:
    text = "Hello there, สวัสดี 12"
    expected = load_json((SAMPLE / "tokenizer.json").absolute(), EOS).encoder.encode(text).ids
    file = damaged(tmp_path, "tokenizer.json", (key,), ...)
    assert load_json(file, EOS).encoder.encode(text).ids == expected
