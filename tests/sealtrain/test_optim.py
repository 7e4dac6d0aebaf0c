"""The learning rate by step, and what decays."""

import pytest
from torch import nn

from sealtrain.config import Optim
from sealtrain.errors import ConfigError
from sealtrain.optim import check_schedule, learning_rate, make_optimizer


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
    assert groups[0]["fused"] is True
