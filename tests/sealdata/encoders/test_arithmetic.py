"""Named precisions: close to float32, and refused where the device has no such numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sealdata.encoders.arithmetic import convert_network
from sealdata.encoders.encoder import load_encoder
from sealdata.errors import ConfigError

GOLDEN = Path(__file__).parents[2] / "golden"
SPM = GOLDEN / "laser2_small" / "laser2_small.spm"
LASER2 = (GOLDEN / "laser2_small" / "laser2_small.pt", SPM)
LASER3 = (GOLDEN / "laser3" / "max_post.pt", SPM, GOLDEN / "laser3" / "laser2.cvocab")
TEXTS = ["the water is clean", "saya minum air", "ผมดื่มน้ำทุกวัน", "tôi uống nước", "Food 5."]


@pytest.mark.parametrize("files", [LASER2, LASER3], ids=["laser2", "laser3"])
@pytest.mark.parametrize(("precision", "most"), [("bf16", 0.03), ("int8", 0.06)])
def test_fewer_bits_change_little_but_something(files, precision, most):
    exact, rough = load_encoder(*files), load_encoder(*files, precision=precision)
    a, b = exact.encode(TEXTS), rough.encode(TEXTS)
    assert b.dtype == np.float32
    assert rough.dim == exact.dim
    error = np.linalg.norm(a - b, axis=1) / np.linalg.norm(a, axis=1)
    assert 0 < error.max() < most
    assert rough.encode(TEXTS).tobytes() == b.tobytes()


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [("cpu", "fp16", "runs on a GPU only"), ("cuda", "int8", "runs on the CPU only")],
)
def test_numbers_that_a_device_lacks(device, precision, message):
    with pytest.raises(ConfigError, match=message):
        convert_network(torch.nn.Linear(2, 2), torch.device(device), precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu():
    with pytest.raises(ConfigError, match="torch sees no GPU here"):
        load_encoder(*LASER2, device="cuda")


def test_lists_one_after_another_are_what_each_is_alone():
    encoder = load_encoder(*LASER2)
    lists = [TEXTS[:2], [], TEXTS]
    found = [encoded.vectors for encoded in encoder.encode_lists(iter(lists))]
    assert [v.tobytes() for v in found] == [encoder.encode(texts).tobytes() for texts in lists]
