"""Checkpoint and SentencePiece files that are missing, damaged, hostile or of another kind."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from sealcli.sealdata import main
from sealdata.encoders.checkpoint import convert, read_checkpoint
from sealdata.encoders.encoder import load_encoder
from sealdata.errors import ConfigError, DataError
from sealdata.scorers._encoders import encoder_files

GOLDEN = Path(__file__).parents[2] / "golden" / "laser2_small"
CHECKPOINT, SPM = GOLDEN / "laser2_small.pt", GOLDEN / "laser2_small.spm"


class Touch:
    """Unpickled the ordinary way, this creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("error")  # a message is one line
@pytest.mark.parametrize(
    "save",
    [
        torch.save,
        lambda state, path: path.write_bytes(pickle.dumps(state, protocol=2)),
        lambda state, path: path.write_bytes(pickle.dumps(state, protocol=4)),
    ],
)
def test_hidden_code_is_not_run(tmp_path: Path, save: Callable[[Any, Path], object]) -> None:
    trace, path = tmp_path / "trace", tmp_path / "evil.pt"
    state = torch.load(CHECKPOINT, weights_only=True)
    save({**state, "params": Touch(trace)}, path)
    for read in (read_checkpoint, convert):
        with pytest.raises(DataError, match=r"evil\.pt: not a checkpoint .* was not run"):
            read(path)
    assert not path.with_suffix(".safetensors").exists()
    assert not trace.exists()
    torch.load(path, weights_only=False) if save is torch.save else pickle.loads(path.read_bytes())
    assert trace.exists(), "the file did hold code"


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"PK\x03\x04 torn", b"\x80\x02}q\x00."]
)
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "torn.pt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"torn\.pt: ") as raised:
        read_checkpoint(path)
    assert "\n" not in str(raised.value)


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "half.pt"
    path.write_bytes(CHECKPOINT.read_bytes()[:200_000])
    with pytest.raises(DataError, match=r"half\.pt: not a checkpoint"):
        read_checkpoint(path)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.pt: no such file"):
        load_encoder(tmp_path / "no.pt", SPM)
    with pytest.raises(DataError, match=r"no\.spm: no such file"):
        load_encoder(CHECKPOINT, tmp_path / "no.spm")


def test_not_a_sentencepiece_model() -> None:
    with pytest.raises(DataError, match=r"laser2_small\.pt: not a SentencePiece model"):
        load_encoder(CHECKPOINT, CHECKPOINT)


def changed(part: str, **values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda state: {**state, part: {**state[part], **values}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: [state], "it holds a list"),
        (lambda state: {"params": {}, "model": {}}, "it has no 'dictionary'"),
        (changed("params", embed_dim=None), "its embed_dim is None"),
        (changed("params", hidden_size=-1), "its hidden_size is -1"),
        (changed("params", bidirectional=False), "not bidirectional"),
        (changed("params", num_layers=10**9), "do not make 1000000000 layers"),
        (changed("params", num_embeddings=10**12), "tensors do not have the sizes"),
        (changed("params", padding_idx=10**6), "tensors do not have the sizes"),
        (changed("model", **{"lstm.bias_ih_l0": "x"}), "not all tensors"),
        (changed("model", **{"lstm.bias_ih_l0": torch.zeros(3)}), "tensors do not have the sizes"),
        (changed("dictionary", water=10**6), "maps 'water' to 1000000"),
        (changed("dictionary", water="4"), "maps 'water' to '4'"),
    ],
)
def test_not_laser2(tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    path = tmp_path / "other.pt"
    torch.save(change(torch.load(CHECKPOINT, weights_only=True)), path)
    with pytest.raises(DataError, match=message) as raised:
        read_checkpoint(path)
    assert str(raised.value).startswith(f"{path}: not a LASER2 checkpoint: ")


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "half.pt"
    state = torch.load(CHECKPOINT, weights_only=True)
    torch.save({**state, "model": {k: v.half() for k, v in state["model"].items()}}, path)
    dtypes = {p.dtype for p in read_checkpoint(path).network.parameters()}
    assert dtypes == {torch.float32}


def test_older_checkpoint_format(tmp_path: Path) -> None:
    path = tmp_path / "legacy.pt"
    state = torch.load(CHECKPOINT, weights_only=True)
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert read_checkpoint(path).dictionary == state["dictionary"]


def test_foreign_sentencepiece_model(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    state = torch.load(CHECKPOINT, weights_only=True)
    torch.save({**state, "dictionary": {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}}, path)
    with pytest.raises(ConfigError, match=r"laser2_small\.spm: only 0 of its 900 pieces"):
        load_encoder(path, SPM)


LASER3 = GOLDEN.parent / "laser3"
TEXTS = ["Good morning.", "", "Selamat pagi, semua!", "สวัสดี", "再见 " * 30]


@pytest.mark.parametrize(
    ("checkpoint", "cvocab"),
    [
        (CHECKPOINT, None),
        (LASER3 / "max_post.pt", LASER3 / "laser2.cvocab"),
        (LASER3 / "cls_pre.pt", LASER3 / "own.cvocab"),  # float16, with <mask>
        (LASER3 / "cls_post_whole.pt", LASER3 / "own.cvocab"),  # a whole translation model
    ],
)
def test_a_converted_checkpoint_is_the_same_encoder(
    checkpoint: Path, cvocab: Path | None, tmp_path: Path
) -> None:
    path = tmp_path / "encoder.pt"
    path.write_bytes(checkpoint.read_bytes())
    command = [*("models", "convert", str(path))]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    safe = path.with_suffix(".safetensors")
    assert done.output == f"{safe}\n"
    path.unlink()
    before, after = (load_encoder(p, SPM, cvocab).encode(TEXTS) for p in (checkpoint, safe))
    assert before.tobytes() == after.tobytes()
    (tmp_path / "pieces.spm").write_bytes(SPM.read_bytes())
    assert encoder_files(str(tmp_path)).checkpoint == safe


def test_what_is_no_converted_checkpoint(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, other)
    with pytest.raises(DataError, match="does not say what encoder it is"):
        read_checkpoint(other)
    other.write_bytes(b"torn")
    with pytest.raises(DataError, match=r"is damaged .*convert the checkpoint again"):
        read_checkpoint(other)
    with pytest.raises(DataError, match="is safetensors already"):
        convert(other)
    torch.save({"weight": torch.zeros(2)}, tmp_path / "model.pt")
    with pytest.raises(DataError, match=r"it has neither 'params' nor 'cfg'"):
        convert(tmp_path / "model.pt")
