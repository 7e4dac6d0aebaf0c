"""Ids of published tokenizers, where ``SEALDATA_TOKENIZERS`` names a folder that has them.

docs/explanation/tokens.md says which packages hold them. Each has a folder of its own.
"""

import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Reference

from sealdata.files.places import sample_dir
from sealdata.tokenizers import open_tokenizer
from sealdata.tokenizers.tiktoken import _ODD_TEXTS

FOLDER = os.environ.get("SEALDATA_TOKENIZERS", "")
FILES = sorted(Path(FOLDER).glob("*/tokenizer.json")) if FOLDER else []
pytestmark = pytest.mark.skipif(not FILES, reason="SEALDATA_TOKENIZERS names no folder of them")
MARKS = ("", " ", "\n\n ", "\u200b", "<|endoftext|>", "\uffff", "e\u0301", "1234567")


def texts() -> list[str]:
    """Every line of the bundled texts, and hostile ones: odd texts, and lines cut and glued."""
    files = sorted((sample_dir() / "text").glob("*.txt"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    hostile = [mark + line[: 7 + n % 40] + mark for n, line in enumerate(lines) for mark in MARKS]
    return [*_ODD_TEXTS, *lines, *hostile[:: max(1, len(hostile) // 2000)]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_ids_are_those_of_the_library(path: Path) -> None:
    reference = Reference.from_file(str(path))
    # As text: no special tokens, nothing cut or filled up.
    reference.encode_special_tokens = True
    reference.no_truncation()
    reference.no_padding()
    # Some files leave the EOS to other files of the model.
    added = [token.content for token in reference.get_added_tokens_decoder().values()]
    tokenizer = open_tokenizer(path, options={"eos": added[0]})
    all_texts = texts()
    if tokenizer.component_name() == "hf":
        # Taken for U+FFFD by design, see tokenizers/_json.py: no text is meant to hold it.
        all_texts = [text.replace("\uffff", "\ufffd") for text in all_texts]
    ours = tokenizer.encode(all_texts)
    theirs = reference.encode_batch(all_texts, add_special_tokens=False)
    starts = [0, *ours.ends[:-1].tolist()]
    for text, start, end, expected in zip(all_texts, starts, ours.ends, theirs, strict=True):
        assert ours.ids[start:end].tolist() == expected.ids, text
