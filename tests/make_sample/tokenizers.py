"""Train the two bundled tokenizers on the bundled text, and on nothing else.

    python -m tests.make_sample.tokenizers OUT

The byte-level BPE has the pre-tokenisation and the special tokens of OLMo 2's tokenizer and saw
mostly English, as that one did; the SentencePiece model saw all languages alike.
"""

import argparse
import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from sealdata.files.places import sample_dir

TEXT = sample_dir() / "text"
BPE_SIZE = 4000  # before the added tokens
UNIGRAM_SIZE = 4000
EVERY = 8  # the BPE sees this fraction of the lines of each language but English

# How cl100k, and OLMo 2 after it, cuts text before merging: contractions, words with the character
# before them, up to three digits, punctuation with its line breaks, white space.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
EOS, PAD = "<|endoftext|>", "<|pad|>"
# OLMo 2's added tokens in the order of their ids; those marked False are plain added text.
ADDED = {
    "<|extra_id_0|>": False,
    EOS: True,
    "<|fim_prefix|>": True,
    "<|fim_middle|>": True,
    "<|fim_suffix|>": True,
    "|||PHONE_NUMBER|||": False,
    "|||EMAIL_ADDRESS|||": False,
    "|||IP_ADDRESS|||": False,
    "<|im_start|>": True,
    "<|im_end|>": True,
    **{f"<|extra_id_{number}|>": False for number in range(1, 11)},
    "<|endofprompt|>": True,
    PAD: True,
}


def lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def languages() -> list[Path]:
    """The files of parallel text, one per language, sorted: ``eng_Latn.txt``, …"""
    return sorted(TEXT.glob("[a-z][a-z][a-z]_*.txt"))


def train_bpe(folder: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``, as AutoTokenizer reads them."""
    text = lines(TEXT / "documents.eng.txt")
    for path in languages():
        text += lines(path) if path.stem == "eng_Latn" else lines(path)[::EVERY]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    tokenizer.add_tokens(
        [AddedToken(token, special=special, normalized=False) for token, special in ADDED.items()]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": EOS,
        "eos_token": EOS,
        "unk_token": EOS,
        "pad_token": PAD,
        "add_bos_token": False,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
    }
    text_config = json.dumps(config, indent=1, sort_keys=True) + "\n"
    (folder / "tokenizer_config.json").write_text(text_config, encoding="utf-8")


def train_unigram(folder: Path) -> None:
    """Write ``unigram.model``: text unchanged by normalisation, unseen characters as bytes."""
    text = lines(TEXT / "documents.eng.txt")
    for path in languages():
        text += lines(path)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=model,
        model_type="unigram",
        vocab_size=UNIGRAM_SIZE,
        character_coverage=1.0,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",  # NFKC would take Thai and Lao vowels apart
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "unigram.model").write_bytes(model.getvalue())


def main() -> None:
    """Write ``OUT/bpe`` and ``OUT/unigram``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="folder to write to")
    out = parser.parse_args().out
    train_bpe(out / "bpe")
    train_unigram(out / "unigram")


if __name__ == "__main__":
    main()
