"""Attention inside documents by torch's variable-length kernel; loaded on a GPU under the mask.

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
    """Have a model attend by documents instead of by masks; says why not where it cannot.

    sdpa with a mask computes every score of a sequence and throws away those between documents.
    """
    config = model.config
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if varlen_attn is None or "window_size" not in inspect.signature(varlen_attn).parameters:
        return "torch is too old"
    if dtype != torch.bfloat16:
        return f"precision is {str(dtype).removeprefix('torch.')}"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than Ampere"
    if size % 8 or size > 256:
        return f"heads of {size} are no multiple of 8 up to 256"
    AttentionInterface.register(NAME, attend)
    model.set_attn_implementation(NAME)
    return ""


def bounds(positions_BS: Ids, device: torch.device) -> dict[str, Any]:
    """Where documents (position 0) begin among N tokens and the last ends, int32 on the device, and
    the longest one's length; found on the host, so that nothing waits for the GPU."""
    starts = np.flatnonzero(positions_BS == 0)
    ends = torch.from_numpy(np.append(starts, positions_BS.size).astype(np.int32)).to(device)
    return {"cu_seq_lens_q": ends, "max_length_q": int(positions_BS.max()) + 1}


def attend(
    _module: Any, query_BHSD: Tensor, key_BHSD: Tensor, value_BHSD: Tensor, _mask: None,
    scaling: float | None = None, cu_seq_lens_q: Tensor | None = None, max_length_q: int = 0,
    **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """What transformers asks of an attention: [B, S, H, D], causal inside each document.

    The kernel knows 16 bits alone; rotation may have made queries and keys float32.
    """
    assert cu_seq_lens_q is not None, "training_loss gives them"
    heads = [x.transpose(1, 2).flatten(0, 1).bfloat16() for x in (query_BHSD, key_BHSD, value_BHSD)]
    out_NHD = varlen_attn(
        *heads, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling,
        window_size=(-1, 0), enable_gqa=query_BHSD.shape[1] != key_BHSD.shape[1],
    )  # fmt: skip
    return out_NHD.unflatten(0, (len(query_BHSD), -1)).to(value_BHSD.dtype), None
