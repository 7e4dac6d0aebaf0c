"""LASER3 and LASER2 at its true size, against LASER's own library; and files that are neither."""

import importlib.util
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sealdata.encoders.checkpoint import read_checkpoint
from sealdata.encoders.encoder import load_encoder
from sealdata.encoders.laser3 import read_cvocab
from sealdata.errors import DataError

GOLDEN = Path(__file__).parents[2] / "golden"
LASER3 = GOLDEN / "laser3"  # by make_laser.py: laser-encoders 0.0.2, fairseq 0.12.2, torch 1.12.1
SPM = GOLDEN / "laser2_small" / "laser2_small.spm"
SHARED, OWN = LASER3 / "laser2.cvocab", LASER3 / "own.cvocab"
VARIANTS = {"max_post": SHARED, "max_pre_learned": SHARED, "cls_pre": OWN, "cls_post_whole": OWN}
LINES = (GOLDEN / "laser2_small" / "texts.jsonl").read_text("utf-8").split("\n")[:-1]
TEXTS = [json.loads(line)["text"] for line in LINES]


@pytest.fixture(scope="module")
def library() -> Any:
    return np.load(LASER3 / "embeddings.npz")


@pytest.mark.parametrize(("name", "cvocab"), VARIANTS.items())
def test_ids_and_embeddings_equal_the_library(name: str, cvocab: Path, library: Any) -> None:
    encoder = load_encoder(LASER3 / f"{name}.pt", SPM, cvocab)
    ids = np.concatenate(encoder.vocabulary.ids(TEXTS))
    assert ids.tolist() == library[f"{name}_ids"].tolist()
    assert (ids == 0).sum() == (len(TEXTS) if name.startswith("cls") else 0)
    np.testing.assert_allclose(encoder.encode(TEXTS), library[name], rtol=0, atol=1e-5)
    one_by_one = load_encoder(LASER3 / f"{name}.pt", SPM, cvocab, max_tokens=400, batch_tokens=400)
    np.testing.assert_allclose(one_by_one.encode(TEXTS), library[name], rtol=0, atol=1e-5)


def test_the_variants_differ(library: Any) -> None:
    assert len({library[name].tobytes() for name in VARIANTS}) == len(VARIANTS)


def test_laser2_at_its_true_size(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_laser", GOLDEN / "make_laser.py")
    assert spec is not None
    assert spec.loader is not None
    make_laser = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_laser)
    path = tmp_path / "laser2.pt"
    torch.save(make_laser.laser2_full_state(torch.from_numpy, make_laser.spm_pieces()), path)
    encoder = load_encoder(path, SPM)
    assert encoder.dim == 1024
    expected = np.load(GOLDEN / "laser2_full" / "embeddings.npy")
    np.testing.assert_allclose(encoder.encode(TEXTS[::2]), expected, rtol=0, atol=1e-5)


def test_longer_than_the_learned_positions_is_cut_and_marked() -> None:
    encoder = load_encoder(LASER3 / "max_pre_learned.pt", SPM, SHARED)
    found = encoder.encode_counted(["water " * 600, "water"])
    assert found.truncated.tolist() == [True, False]
    assert np.isfinite(found.vectors).all()


def test_a_vocabulary_is_numbered_as_fairseq_does(tmp_path: Path) -> None:
    path = tmp_path / "x.cvocab"
    path.write_text("▁the 9\r\n▁ 3\nก 2\n▁the 1 #fairseq:overwrite\n", "utf-8", newline="")
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    expected = {**special, "▁the": 7, "▁": 5, "ก": 6}
    assert read_cvocab(path) == expected
    assert read_cvocab(path, masked=True) == {**expected, "<mask>": 8}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", "line 2 is not a piece with its count"),
        (b"a 1\na 2\n", "line 2 has a piece that an earlier line has: 'a'"),
        (b"a 1\n\xff 2\n", "byte 4 is not UTF-8"),
        (b"<s> 1\n", "line 1 has a piece that an earlier line has: '<s>'"),
    ],
)
def test_damaged_vocabulary(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "torn.cvocab"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"torn\.cvocab: {message}"):
        read_cvocab(path)


def test_missing_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs its vocabulary: put laser2\.cvocab"):
        load_encoder(LASER3 / "max_post.pt", SPM)
    with pytest.raises(DataError, match=r"no\.cvocab: no such file"):
        load_encoder(LASER3 / "max_post.pt", SPM, tmp_path / "no.cvocab")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_layers": 3}, "do not make 3 layers"),
        ({"encoder_layers": 1}, "do not have the sizes"),
        ({"encoder_attention_heads": 5}, "32 dimensions for 5 heads"),
        ({"encoder_ffn_embed_dim": "48"}, "its encoder_ffn_embed_dim is '48'"),
        ({"encoder_embed_dim": 64}, "do not have the sizes"),
        ({"activation_fn": "sin"}, "its activation_fn is 'sin'"),
        ({"sentemb_criterion": "cls"}, "puts no <s> before a text"),
        ({"encoder_normalize_before": True}, "has no final layer_norm"),
        ({"no_token_positional_embeddings": True}, "of a kind that no LASER3 encoder has"),
    ],
)
def test_not_laser3(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with torch.serialization.safe_globals([Namespace]):
        state = torch.load(LASER3 / "max_post.pt", weights_only=True)
    config = Namespace(**{**vars(state["cfg"]["model"]), **changes})
    path = tmp_path / "other.pt"
    torch.save({"cfg": {"model": config}, "model": state["model"]}, path)
    with pytest.raises(DataError, match=f"not a LASER3 checkpoint: .*{message}"):
        read_checkpoint(path, SHARED)


@pytest.mark.parametrize("model", [{}, {"a": 1}, None])
def test_no_tensors(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "other.pt"
    torch.save({"cfg": {"model": Namespace()}, "model": model}, path)
    with pytest.raises(DataError, match="not a LASER3 checkpoint"):
        read_checkpoint(path, SHARED)
    torch.save({"cfg": {}, "model": {}}, path)
    with pytest.raises(DataError, match="it has no configuration"):
        read_checkpoint(path, SHARED)


def test_a_vocabulary_of_another_encoder() -> None:
    with pytest.raises(DataError, match=r"embeddings for the .* pieces of .*own\.cvocab"):
        read_checkpoint(LASER3 / "max_post.pt", OWN)
