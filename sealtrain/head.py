"""The output head of a causal model: a matrix, and what some architectures do with its product.

V = vocabulary, D = hidden size.
"""

from typing import Any, NamedTuple

from torch import Tensor

# Keys of a config by what they do to the logits. An architecture with a key of another name is
# found by `self_check`, which compares the loss with that of the model's own logits.
FACTORS = ("logit_scale", "lm_head_multiplier")  # Cohere; Falcon-H1
DIVISORS = ("logits_scaling", "logits_mup_width_multiplier")  # Granite, MiniCPM 3; Inkling
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")  # Gemma; xLSTM
MULTIPLIES_BY_SCALING = ("hyperclovax",)  # where `logits_scaling` is a factor


class Head(NamedTuple):
    """Logits are cap * tanh(x / cap) with x = scale * (hidden @ weight.T + bias)."""

    weight: Tensor  # [V, D]
    bias: Tensor | None = None  # [V]
    scale: float = 1.0
    cap: float | None = None


def head_of(model: Any) -> Head:
    """The head of a causal model of transformers; its tensors are the model's own."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
    scale = 1.0
    for key in FACTORS + DIVISORS:
        number = getattr(config, key, None)
        if number is not None:
            is_factor = key in FACTORS or config.model_type in MULTIPLIES_BY_SCALING
            scale *= number if is_factor else 1 / number
    caps = [getattr(config, key, None) for key in CAPS]
    cap = next((number for number in caps if number is not None), None)
    return Head(layer.weight, getattr(layer, "bias", None), scale, cap)
