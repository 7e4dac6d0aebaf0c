"""Operations, memory and peaks for the published shapes of OLMo 2."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_shards import make_config
from transformers import AutoModelForCausalLM

from sealcli.show_plan import memory
from sealtrain.config import Model
from sealtrain.cost import Shape, peak_flops, utilisation
from sealtrain.data import Manifest
from sealtrain.model import olmo2_config

GIB = 2**30


def meta(layers: int, hidden: int, intermediate: int, heads: int) -> Any:
    """A model on `meta`, without memory for its weights."""
    config = Model(
        hidden_size=hidden, intermediate_size=intermediate, num_layers=layers, num_heads=heads
    )
    shards = Manifest.model_construct(vocab_size=100_278, eos_id=100_257, sequence_length=4096)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(olmo2_config(config, shards))


OLMO2_1B = Shape.of(meta(16, 2048, 8192, 16))
OLMO2_7B = Shape.of(meta(32, 4096, 11008, 32))


@pytest.mark.parametrize(
    ("model", "parameters", "gflops"),
    [(OLMO2_1B, 1_484_916_736, 9.29), (OLMO2_7B, 7_298_617_344, 47.77)],
)
def test_olmo2(model: Shape, parameters: int, gflops: float) -> None:
    assert model.num_parameters == parameters
    assert model.flops_per_token(4096) / 1e9 == pytest.approx(gflops, abs=0.005)


def test_a_tied_output_head_counts_and_an_embedding_does_not() -> None:
    config = Model(hidden_size=64, intermediate_size=128, num_layers=1, num_heads=2)
    shards = Manifest.model_construct(vocab_size=256, eos_id=0, sequence_length=32)
    shapes = []
    for tied in (False, True):
        changed = config.model_copy(update={"tie_embeddings": tied})
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(olmo2_config(changed, shards))
        shapes.append(Shape.of(model))
    assert [shape.num_embeddings for shape in shapes] == [256 * 64, 0]
    assert shapes[0].flops_per_token(32) == shapes[1].flops_per_token(32)


def test_memory_of_the_paper_s_run() -> None:
    """16 bytes a parameter over 8 GPUs: 13.6 GiB each for the 7B, without activations."""
    config = make_config(Path("shards"), Path("run"), train={"micro_batch_sequences": 1})
    need = memory(config, OLMO2_7B, 4096, 8)
    assert (need.parameters + need.gradients + need.optimizer) / GIB == pytest.approx(
        13.6, abs=0.05
    )
    one_gpu = memory(config, OLMO2_7B, 4096, 1)
    assert (one_gpu.parameters + one_gpu.gradients + one_gpu.optimizer) / GIB == pytest.approx(
        108.8, abs=0.1
    )
    assert one_gpu.gathered == 0


@pytest.mark.parametrize(
    ("name", "peak"),
    [("NVIDIA H200", 989e12), ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12),
     ("NVIDIA A100-SXM4-80GB", 312e12), ("NVIDIA GH200 480GB", 989e12), ("Tesla T4", None),
     ("NVIDIA H200 NVL", 835e12), ("NVIDIA GB200", 2500e12), ("NVIDIA B200", 2250e12)],
)  # fmt: skip
def test_peaks_by_the_name_of_the_device(name: str, peak: float | None) -> None:
    assert peak_flops(name) == peak


def test_memory_with_bfloat16_moments_and_with_replicas() -> None:
    sizes = {}
    for moments in ("float32", "bfloat16"):
        config = make_config(Path("shards"), Path("run"), optim={"moments": moments})
        sizes[moments] = memory(config, OLMO2_7B, 4096, 8)
    assert sizes["bfloat16"].optimizer == sizes["float32"].optimizer / 2
    assert sizes["float32"].host_for_saving / GIB == pytest.approx(10.2, abs=0.05)
    hybrid = make_config(Path("shards"), Path("run"), train={"replicas": 2})
    assert memory(hybrid, OLMO2_7B, 4096, 8).parameters == sizes["float32"].parameters * 2


def test_utilisation_by_both_conventions() -> None:
    """OLMo-core reports 44,000 tokens per second for the 1B on an H100: 41 % of its peak."""
    config = make_config(Path("shards"), Path("run"), train={"document_mask": False}).train
    stream = SimpleNamespace(manifest=SimpleNamespace(sequence_length=4096))
    order: Any = SimpleNamespace(streams=[stream])
    shares = utilisation(meta(16, 2048, 8192, 16), order, config, "NVIDIA H100 80GB HBM3", 2)
    used = shares(88_000.0)
    assert used["mfu"] == pytest.approx(0.4132, abs=1e-4)
    # causal attention looks at half of a sequence: 12 x 16 layers x 2,048 x 2,048 less
    assert used["executed"] == pytest.approx(0.4132 * (9.29 - 0.805) / 9.29, abs=1e-3)
    recomputing = config.model_copy(update={"activation_checkpointing": True})
    twice = utilisation(meta(16, 2048, 8192, 16), order, recomputing, "NVIDIA H200", 2)(88_000.0)
    assert twice["mfu"] == used["mfu"]
    assert 1.2 < twice["executed"] / used["executed"] < 4 / 3
    unknown = utilisation(meta(16, 2048, 8192, 16), order, config, "Tesla T4", 1)
    assert unknown(1000.0) == {}


def test_executed_operations_inside_documents() -> None:
    """Tokens of documents of 2 and 2 attend to 1, 2, 1 and 2 tokens: 1.5 on average."""

    class FakeOrder:
        streams = [SimpleNamespace(manifest=SimpleNamespace(sequence_length=4, eos_id=0))]

        def __len__(self) -> int:
            return 1

        def batch(self, start: int, stop: int) -> Any:
            assert (start, stop) == (0, 1)
            return np.array([[5, 0, 6, 7]]), None

    order: Any = FakeOrder()
    config = make_config(Path("shards"), Path("run")).train
    shares = utilisation(meta(16, 2048, 8192, 16), order, config, "NVIDIA H200", 1)(1000.0)
    assert shares["mfu"] == pytest.approx(1000 * OLMO2_1B.flops_per_token(4) / 989e12)
    assert shares["executed"] == pytest.approx(1000 * OLMO2_1B.flops_per_token(1.5) / 989e12)
