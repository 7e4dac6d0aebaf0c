"""LASER at LASER2's true size, with random weights: what is measured is arithmetic, not quality."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import torch

from sealdata.encoders.arithmetic import Precision
from sealdata.encoders.encoder import Encoder, load_encoder
from sealdata.files.places import sample_dir

from .race import Race, race

GOLDEN = Path(__file__).parents[1] / "golden"
NUM_TEXTS = 320  # the library takes 17 seconds for them
SPM = sample_dir() / "encoder" / "encoder.spm"
PRECISIONS: tuple[Precision, ...] = ("int8", "bf16", "fp32")

# Run by the library's own Python: CPU seconds of each run, its start not counted.
LIBRARY = """\
import json, sys, time, torch
from pathlib import Path
from laser_encoders.laser_tokenizer import LaserTokenizer
from laser_encoders.models import SentenceEncoder
torch.set_num_threads(1)
checkpoint, spm, texts, repeats = sys.argv[1:]
texts = json.loads(Path(texts).read_text("utf-8"))
tokenizer, encoder = LaserTokenizer(spm_model=Path(spm)), SentenceEncoder(checkpoint, cpu=True)
def pipeline():
    encoder.encode_sentences([tokenizer.tokenize(text) for text in texts])
def pieces():
    for _ in range(10):
        [tokenizer.tokenize(text) for text in texts]
def seconds(work):
    before = time.process_time()
    work()
    return time.process_time() - before
pipeline()
found = {"pipeline": [seconds(pipeline) for _ in range(int(repeats))]}
found["pieces"] = [seconds(pieces) / 10 for _ in range(int(repeats))]
print("\\n" + json.dumps(found))
"""


def encoding(pairs: pl.DataFrame, repeats: int, library: Path | None) -> Iterator[Race]:
    """Batches of one length in each precision, against one sentence at a time.

    ``library`` is a Python that has laser-encoders; its pipeline is then the last way.
    """
    texts = _sentences(pairs)
    with TemporaryDirectory() as temporary:
        checkpoint = Path(temporary) / "laser2.pt"
        torch.save(_full_size(), checkpoint)
        encoders = {p: load_encoder(checkpoint, SPM, precision=p) for p in PRECISIONS}
        few = texts[::8]
        alone = race("", len(few), "", {"": lambda: _one_by_one(encoders["fp32"], few)}, repeats)
        ways = {p: lambda e=encoder: e.encode(texts) for p, encoder in encoders.items()}
        many = race("LASER at LASER2's size", len(texts), "sentences", ways, repeats)
        scale = len(texts) / len(few)
        many.seconds["ours, one sentence a batch"] = [s * scale for s in alone.seconds[""]]
        encoder = encoders["fp32"]
        cut = {"cut into ids": lambda: [encoder.vocabulary.ids(texts) for _ in range(10)]}
        pieces = race("LASER's preprocessing", 10 * len(texts), "sentences", cut, repeats)
        if library is not None:
            found = _library(library, checkpoint, texts, repeats)
            many.seconds["laser_encoders, its pipeline"] = found["pipeline"]
            pieces.seconds["`LaserTokenizer`"] = [10 * s for s in found["pieces"]]
    yield many
    yield pieces


def _sentences(pairs: pl.DataFrame) -> list[str]:
    """Half of each text, so that they are as long as sentences: 22 pieces on average."""
    texts = [text[: len(text) // 2] for text in (*pairs["src"], *pairs["tgt"])]
    distinct = list(dict.fromkeys(texts))
    return distinct[:: max(1, len(distinct) // NUM_TEXTS)][:NUM_TEXTS]


def _one_by_one(encoder: Encoder, texts: list[str]) -> None:
    for text in texts:
        encoder.encode([text])


def _full_size() -> dict[str, Any]:
    from sentencepiece import SentencePieceProcessor

    spec = importlib.util.spec_from_file_location("make_laser", GOLDEN / "make_laser.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    model = SentencePieceProcessor(model_file=str(SPM))
    pieces = [model.id_to_piece(i) for i in range(3, model.get_piece_size())]
    state: dict[str, Any] = script.laser2_full_state(torch.from_numpy, pieces)
    return state


def _library(
    python: Path, checkpoint: Path, texts: list[str], repeats: int
) -> dict[str, list[float]]:
    listed = checkpoint.with_name("texts.json")
    listed.write_text(json.dumps(texts), "utf-8")
    arguments = [str(python), "-c", LIBRARY, str(checkpoint), str(SPM), str(listed), str(repeats)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=sys.stderr, check=True)
    seconds: dict[str, list[float]] = json.loads(done.stdout.decode().splitlines()[-1])
    return seconds
