"""Attention inside documents by torch's variable-length kernel, for GPUs.

Shapes: B = sequences, H = heads, S = tokens in a sequence, D = head size, N = B x S.
"""

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.modeling_utils import AttentionInterface

from sealtrain.data import Ids

varlen_attn: Any
try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # before torch 2.10
    varlen_attn = None

NAME = "sealtrain_varlen"


def use_varlen(model: Any, dtype: torch.dtype) -> str:
    """Switch a model's attention to the kernel; where it cannot run, say why and change nothing.

    Without it, sdpa computes all scores of a sequence and a mask discards those between documents.
    Returns the reason, or an empty string.
    """
    config = model.config.get_text_config()
    # Some models of transformers set the head size by itself, others by width over heads.
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    # Earlier versions of the kernel have no `window_size`, which `attend` passes.
    if varlen_attn is None or "window_size" not in inspect.signature(varlen_attn).parameters:
        return "torch is too old"
    if dtype != torch.bfloat16:
        return f"precision is {str(dtype).removeprefix('torch.')}"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than Ampere"
    if size % 8 or size > 256:
        return f"the head size is {size}, not a multiple of 8 up to 256"
    if reason := _not_causal_softmax(model, config):
        return reason
    # Through transformers' own interface: the model's code and the names of its weights stay.
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
    return ""


def _not_causal_softmax(model: Any, config: Any) -> str:
    """What the attention of a model does that the kernel would leave out without an error."""
    kinds = set(getattr(config, "layer_types", None) or ())
    if others := kinds - {"full_attention", "sliding_attention"}:
        return f"the model has {min(others)}"
    if getattr(config, "kv_lora_rank", None):  # keys and values have heads of unequal sizes
        return "the model has latent attention"
    if getattr(config, "attn_logit_softcapping", None) is not None:
        return "the model caps its attention scores"
    if any("sink" in name for name, _ in model.named_parameters()):
        return "the model has attention sinks"
    rates = (getattr(config, key, None) for key in ("attention_dropout", "attn_pdrop"))
    return "the model has dropout in its attention" if any(rates) else ""


def document_bounds(positions_BS: Ids, device: torch.device) -> dict[str, Any]:
    """Where documents begin and end among N tokens, in the names of transformers.

    `cu_seq_lens_q` (int32, on the device) are the starts of all documents and N; `max_length_q` is
    the length of the longest document. A position of 0 starts a document. Both are computed on the
    CPU, so that nothing waits for the GPU.
    """
    # Flat indices: sequences lie end to end, and each starts at position 0, so no document crosses
    # from one to the next. Each EOS of padding is a document of one token.
    starts = np.flatnonzero(positions_BS == 0)
    ends = torch.from_numpy(np.append(starts, positions_BS.size).astype(np.int32)).to(device)
    return {"cu_seq_lens_q": ends, "max_length_q": int(positions_BS.max()) + 1}


def attend(
    _module: Any, query_BHSD: Tensor, key_BHSD: Tensor, value_BHSD: Tensor, _mask: None,
    scaling: float | None = None, cu_seq_lens_q: Tensor | None = None, max_length_q: int = 0,
    sliding_window: int | None = None, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """The attention function that transformers calls: [B, S, H, D], causal inside each document.

    With `sliding_window`, a token sees itself and the tokens before it, so many in all.

    Queries and keys are cast to bfloat16: the kernel takes 16-bit inputs only, and rotary
    embeddings may have made them float32.
    """
    assert cu_seq_lens_q is not None, "training_loss passes them"
    # The kernel takes all sequences as one, [N, H, D], and finds documents by their bounds.
    heads = [x.transpose(1, 2).flatten(0, 1).bfloat16() for x in (query_BHSD, key_BHSD, value_BHSD)]
    out_NHD = varlen_attn(
        *heads, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling,
        # All earlier tokens, or those of the window, and no later ones: causal.
        window_size=(sliding_window - 1 if sliding_window else -1, 0),
        enable_gqa=query_BHSD.shape[1] != key_BHSD.shape[1],
    )  # fmt: skip
    # transformers takes [B, S, H, D], and no attention weights, which the kernel does not make.
    return out_NHD.unflatten(0, (len(query_BHSD), -1)).to(value_BHSD.dtype), None
