"""Attention inside documents by torch's variable-length kernel; loaded on a GPU under the mask.

Shapes: B = sequences, H = heads, S = tokens in a sequence, D = head size, N = B x S.
"""

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import AttentionInterface

varlen_attn: Any
try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # before torch 2.10
    varlen_attn = None

NAME = "sealtrain_varlen"


def use_varlen(model: Any) -> None:
    """Have a model attend by documents instead of by masks, where torch and the GPU can.

    sdpa with a mask computes every score of a sequence and throws away those between documents.
    """
    known = varlen_attn is not None and "window_size" in inspect.signature(varlen_attn).parameters
    if known and torch.cuda.get_device_capability() >= (8, 0):
        AttentionInterface.register(NAME, attend)
        model.set_attn_implementation(NAME)
        model.base_model.register_forward_pre_hook(add_bounds, with_kwargs=True)


def add_bounds(_model: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Give every layer the places where documents begin: a position of 0 begins one."""
    positions_BS = kwargs["position_ids"]
    starts = (positions_BS.flatten() == 0).nonzero().flatten()  # waits for the GPU, once a forward
    end = torch.full_like(starts[:1], positions_BS.numel())
    bounds = torch.cat([starts, end]).to(torch.int32)
    return args, {**kwargs, "cu_seq_lens_q": bounds, "max_length_q": positions_BS.shape[1]}


def attend(
    _module: Any, query_BHSD: Tensor, key_BHSD: Tensor, value_BHSD: Tensor, _mask: None,
    scaling: float | None = None, cu_seq_lens_q: Tensor | None = None, max_length_q: int = 0,
    **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """What transformers asks of an attention: [B, S, H, D], causal inside each document.

    The kernel computes in bfloat16; rotation may have made queries and keys float32.
    """
    assert cu_seq_lens_q is not None, "add_bounds gives them"
    heads = [x.transpose(1, 2).flatten(0, 1).bfloat16() for x in (query_BHSD, key_BHSD, value_BHSD)]
    out_NHD = varlen_attn(
        *heads, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling,
        window_size=(-1, 0), enable_gqa=query_BHSD.shape[1] != key_BHSD.shape[1],
    )  # fmt: skip
    return out_NHD.unflatten(0, (len(query_BHSD), -1)).to(value_BHSD.dtype), None
