"""Operations, memory and peaks, against the published shapes of OLMo 2."""

from pathlib import Path

import pytest
import torch
from tiny_shards import make_config
from transformers import AutoModelForCausalLM

from sealtrain.config import Model
from sealtrain.cost import Shape, memory, peak_flops
from sealtrain.data import Manifest
from sealtrain.scratch import olmo2_config

GIB = 2**30


def shape(layers: int, hidden: int, intermediate: int, heads: int) -> Shape:
    config = Model(
        hidden_size=hidden, intermediate_size=intermediate, num_layers=layers, num_heads=heads
    )
    shards = Manifest.model_construct(vocab_size=100_278, eos_id=100_257, sequence_length=4096)
    with torch.device("meta"):
        return Shape.of(AutoModelForCausalLM.from_config(olmo2_config(config, shards)))


OLMO2_1B = shape(16, 2048, 8192, 16)
OLMO2_7B = shape(32, 4096, 11008, 32)


@pytest.mark.parametrize(
    ("model", "parameters", "gflops"),
    [(OLMO2_1B, 1_484_916_736, 9.29), (OLMO2_7B, 7_298_617_344, 47.77)],
)
def test_olmo2(model: Shape, parameters: int, gflops: float) -> None:
    assert model.num_parameters == parameters
    assert model.flops_per_token(4096) / 1e9 == pytest.approx(gflops, abs=0.005)


def test_memory_of_the_paper_s_run() -> None:
    """16 bytes a parameter over 8 GPUs: 13.6 GiB each for the 7B, without activations."""
    config = make_config(Path("shards"), Path("run"), train={"micro_batch_sequences": 1})
    need = memory(config, OLMO2_7B, 4096, 8)
    assert (need.parameters + need.gradients + need.optimizer) / GIB == pytest.approx(
        13.6, abs=0.05
    )
    alone = memory(config, OLMO2_7B, 4096, 1)
    assert (alone.parameters + alone.gradients + alone.optimizer) / GIB == pytest.approx(
        108.8, abs=0.1
    )
    assert alone.gathered == 0


@pytest.mark.parametrize(
    ("name", "peak"),
    [("NVIDIA H200", 989e12), ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12),
     ("NVIDIA A100-SXM4-80GB", 312e12), ("NVIDIA GH200 480GB", 989e12), ("Tesla T4", None)],
)  # fmt: skip
def test_an_h200_is_no_a100_and_an_unknown_gpu_has_no_peak(name: str, peak: float | None) -> None:
    assert peak_flops(name) == peak
