"""Tiny shards in the format of sealdata, written without it, and a config that trains on them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from sealtrain.config import Config

EOS = "<|endoftext|>"
LENGTH = 32  # S: tokens in a sequence
NAMES = {"eng_Latn": "English", "tha_Thai": "Thai", "ind_Latn": "Indonesian"}
TEMPLATE = "{first_name}: {first}\n{second_name}: {second}"
SENTENCES = {
    "eng_Latn": [
        "The bus leaves at seven.",
        "Please wash your hands.",
        "My sister studies law in Bangkok.",
        "It rained all night.",
        "Where is the nearest hospital?",
        "The price rose by 12 percent.",
    ],
    "tha_Thai": [
        "รถบัสออกตอนเจ็ดโมง",
        "กรุณาล้างมือ",
        "น้องสาวของฉันเรียนกฎหมายที่กรุงเทพฯ",
        "ฝนตกทั้งคืน",
        "โรงพยาบาลที่ใกล้ที่สุดอยู่ที่ไหน",
        "ราคาเพิ่มขึ้น 12 เปอร์เซ็นต์",
    ],
    "ind_Latn": [
        "Bus berangkat pukul tujuh.",
        "Tolong cuci tangan Anda.",
        "Adik perempuan saya belajar hukum di Bangkok.",
        "Hujan turun sepanjang malam.",
        "Di mana rumah sakit terdekat?",
        "Harganya naik 12 persen.",
    ],
}


def make_tokenizer(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([t for texts in SENTENCES.values() for t in texts], trainer)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def pair_documents(first: str, second: str) -> list[str]:
    return [
        TEMPLATE.format(
            first_name=NAMES[first], first=first_text, second_name=NAMES[second], second=second_text
        )
        for first_text, second_text in zip(SENTENCES[first], SENTENCES[second], strict=True)
    ]


def write_stream(
    shards: Path, split: str, kind: str, languages: list[str], documents: list[str], name: str = ""
) -> Path:
    """Write documents, each closed by EOS, as sequences; the last one is padded with EOS.

    The prompt of a pair in the sidecar is its first line. Returns the stream's folder.
    """
    path = shards / "tokenizer" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    eos = tokenizer.token_to_id(EOS)
    encoded = [[*tokenizer.encode(d).ids, eos] for d in documents]
    ids = [i for document in encoded for i in document]
    padding = -len(ids) % LENGTH
    payload = np.array([*ids, *[eos] * padding], dtype="<u2")
    name = name or "-".join(languages)
    folder = shards / split / kind / name
    folder.mkdir(parents=True)
    payload.tofile(folder / "part-00000.npy")
    num = len(payload) // LENGTH
    starts = np.cumsum([0, *map(len, encoded[:-1])])
    prompts = [len(tokenizer.encode(d.split("\n")[0]).ids) for d in documents]
    sidecar = {
        "sequence": (starts // LENGTH).astype(np.uint32),
        "offset": (starts % LENGTH).astype(np.uint32),
        "prompt": np.array(prompts if kind == "parallel" else [0] * len(starts), np.uint32),
    }
    pl.DataFrame(sidecar).write_parquet(folder / "part-00000.docs.parquet")
    manifest = {
        "format": "sealdata-stream",
        "version": 1,
        "split": split,
        "kind": kind,
        "name": name,
        "languages": languages,
        "language_names": {code: NAMES[code] for code in languages},
        "templates": [TEMPLATE] if kind == "parallel" else [],
        "tokenizer": {
            "name": "test-bpe",
            "path": "../../../tokenizer",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
        "eos_id": eos,
        "vocab_size": tokenizer.get_vocab_size(),
        "dtype": "uint16",
        "sequence_length": LENGTH,
        "block_length": LENGTH * 4,
        "num_documents": len(documents),
        "num_tokens": len(ids),
        "num_padding": padding,
        "num_sequences": num,
        "segments": [
            {
                "path": "part-00000.npy",
                "dtype": "uint16",
                "byte_start": 0,
                "num_sequences": num,
                "file_size": payload.nbytes,
                "sha256": hashlib.sha256(payload.tobytes()).hexdigest(),
            }
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def write_shards(shards: Path, declared: Any = None) -> Path:
    """By the tokenizer of `make_tokenizer`, or the `tokenizer.json` that is given."""
    if declared is None:
        make_tokenizer(shards / "tokenizer")
    else:
        (shards / "tokenizer").mkdir(parents=True)
        text = json.dumps(declared, ensure_ascii=False)
        (shards / "tokenizer/tokenizer.json").write_text(text, "utf-8")
    for split in ("train", "validation"):
        for first, second in (
            ("eng_Latn", "tha_Thai"),
            ("tha_Thai", "eng_Latn"),
            ("eng_Latn", "ind_Latn"),
        ):
            write_stream(shards, split, "parallel", [first, second], pair_documents(first, second))
        write_stream(shards, split, "monolingual", ["tha_Thai"], SENTENCES["tha_Thai"])
        write_stream(shards, split, "replay", ["eng_Latn"], SENTENCES["eng_Latn"], name="english")
    return shards


def make_config(shards: Path, out: Path, **sections: dict[str, object]) -> Config:
    """A run of 12 steps on a model of two small layers, with changes by section."""
    base: dict[str, dict[str, object]] = {
        "mixture": {"strategy": "parallel-only", "total_tokens": 12 * 4 * LENGTH},
        "model": {"hidden_size": 16, "intermediate_size": 32, "num_layers": 2, "num_heads": 2},
        "train": {"batch_sequences": 4, "micro_batch_sequences": 4},
        "optim": {"lr": 1e-2, "warmup_steps": 2, "decay_steps": 4},
        "checkpoint": {"every_steps": 5},
        "eval": {"batch_sentences": 4, "max_new_tokens": 8},
    }
    for section, changes in sections.items():
        base[section] = {**base[section], **changes}
    return Config.model_validate({"seed": 1, "shards": shards, "out": out, **base})
