"""The learning rate by step, the parameters with weight decay, and bfloat16 moments."""

import pytest
import torch
from torch import nn

from sealtrain.config import Optim
from sealtrain.errors import ConfigError
from sealtrain.optim import Bf16StateAdamW, check_schedule, learning_rate, make_optimizer


def config(**changes: object) -> Optim:
    values = {"lr": 1.0, "warmup_steps": 4, "decay_steps": 4, **changes}
    return Optim.model_validate(values)


def test_linear_is_golden() -> None:
    rates = [learning_rate(config(), step, 10) for step in range(10)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]


def test_one_minus_sqrt_is_golden() -> None:
    rates = [learning_rate(config(decay="1-sqrt"), step, 10) for step in range(6, 10)]
    assert rates == pytest.approx([1.0, 0.5, 1 - 0.5**0.5, 1 - 0.75**0.5], abs=1e-15)


def test_no_warm_up_and_no_decay() -> None:
    flat = config(warmup_steps=0, decay_steps=0)
    assert [learning_rate(flat, step, 3) for step in range(3)] == [1.0, 1.0, 1.0]


def test_the_rate_is_never_zero() -> None:
    for decay in ("linear", "1-sqrt"):
        assert learning_rate(config(decay=decay), 9_999, 10_000) > 0


def test_an_overfull_schedule_is_refused() -> None:
    check_schedule(config(), 8)
    with pytest.raises(
        ConfigError, match=r"optim: 4 warm-up \+ 4 decay steps do not fit into 7 steps"
    ):
        check_schedule(config(), 7)


@pytest.mark.parametrize("tied", [False, True])
def test_embeddings_and_norms_do_not_decay(tied: bool) -> None:
    model = nn.ModuleDict(
        {"embed": nn.Embedding(5, 3), "linear": nn.Linear(3, 3), "norm": nn.LayerNorm(3),
         "head": nn.Linear(3, 5, bias=False)}
    )  # fmt: skip
    if tied:
        model["head"].weight = model["embed"].weight
    groups = make_optimizer(model, config()).param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    decayed = {names[id(p)] for p in groups[0]["params"]}
    assert decayed == ({"linear.weight"} if tied else {"linear.weight", "head.weight"})
    assert (groups[0]["weight_decay"], groups[1]["weight_decay"]) == (0.1, 0.0)
    for group in groups:
        assert (group["lr"], group["betas"], group["eps"]) == (1.0, (0.9, 0.95), 1e-8)
        assert group["fused"] is True


def test_moments_in_bfloat16_stay_so_when_they_are_loaded() -> None:
    """One step equals AdamW's with moments rounded to bfloat16 afterwards, and so after a load."""
    weights = torch.linspace(-1, 1, 12).reshape(3, 4)
    half, plain = nn.Parameter(weights.clone()), nn.Parameter(weights.clone())
    optimizer = make_optimizer(nn.ParameterList([half]), config(moments="bfloat16", lr=0.1))
    reference = make_optimizer(nn.ParameterList([plain]), config(lr=0.1))
    for parameter in (half, plain):
        parameter.grad = torch.linspace(0.1, 3, 12).reshape(3, 4)
    optimizer.step()
    reference.step()
    assert torch.equal(half, plain)  # the first update is computed in float32
    loaded = make_optimizer(nn.ParameterList([half]), config(moments="bfloat16", lr=0.1))
    loaded.load_state_dict(optimizer.state_dict())
    for state in (optimizer.state[half], loaded.state[half]):
        for key in ("exp_avg", "exp_avg_sq"):
            assert state[key].dtype == torch.bfloat16
            assert torch.equal(state[key], reference.state[plain][key].bfloat16())
    assert isinstance(optimizer, Bf16StateAdamW)
