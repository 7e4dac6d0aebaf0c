"""Cross-entropy over a large vocabulary, computed in chunks: all logits never exist at one time.

Shapes: B = sequences, S = tokens in a sequence, N = B x S, C = tokens in a chunk, D = hidden
size, V = vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from sealtrain.config import Train
from sealtrain.data import IGNORED, Ids, positions_of
from sealtrain.head import head_of

ATTENTION = "sdpa"  # of transformers' implementations, the one that masks documents on any device


class ChunkedCrossEntropy(torch.autograd.Function):
    """Summed cross-entropy with z-loss; each chunk's gradient is taken while its logits exist."""

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, labels_N: Tensor, z_loss: float, chunk: int,
        bias_V: Tensor | None = None, scale: float = 1.0, cap: float | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The summed loss with z-loss (scalar float64) and each token's loss (float32 [N], nats).

        Tokens whose label is IGNORED have a loss of 0. The z-loss is `z_loss` times the square of
        the log-normaliser. `Head` says what bias, scale and cap do.
        """
        # Validation needs no gradients, and saves two of three matrix products.
        needs_grad = any(ctx.needs_input_grad[:2])
        grad_bias_V = None if bias_V is None else torch.zeros_like(bias_V, dtype=torch.float32)
        grad_hidden_ND = torch.empty_like(hidden_ND) if needs_grad else None
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if needs_grad else None
        # A float32 sum over a million labels would lose the last digits of a step's loss.
        total = torch.zeros((), dtype=torch.float64, device=hidden_ND.device)
        losses_N = torch.empty(len(labels_N), dtype=torch.float32, device=hidden_ND.device)
        for start in range(0, len(labels_N), chunk):
            rows = slice(start, start + chunk)
            # The largest tensor: 784 MiB for 2,048 tokens and OLMo 2's vocabulary of 100,352.
            # Float32, because a sum over V terms needs more digits than bfloat16 has.
            logits_CV = (hidden_ND[rows] @ weight_VD.T).float()
            if bias_V is not None:
                logits_CV += bias_V.float()
            if scale != 1.0:
                logits_CV *= scale
            if cap is not None:
                logits_CV.div_(cap).tanh_().mul_(cap)
            kept_C = (labels_N[rows] != IGNORED).float()
            index_C1 = labels_N[rows].clamp(min=0).unsqueeze(1)  # IGNORED is not an index
            logsum_C = torch.logsumexp(logits_CV, dim=1)
            # -log softmax(x)[label] = logsumexp(x) - x[label]; 0 where the label is ignored.
            losses_N[rows] = (logsum_C - logits_CV.gather(1, index_C1).squeeze(1)) * kept_C
            total += (losses_N[rows] + z_loss * logsum_C.square() * kept_C).sum(dtype=torch.float64)
            if grad_hidden_ND is None or grad_weight_VD is None:
                continue
            # The derivative of the cap is 1 - tanh^2; the softmax below replaces the logits.
            slope_CV = None if cap is None else 1 - (logits_CV / cap).square()
            # d loss / d logits = softmax * (1 + 2 * z_loss * logsum) - one_hot(label)
            grad_CV = logits_CV.sub_(logsum_C.unsqueeze(1)).exp_()  # softmax, in place
            grad_CV.mul_((kept_C * (1 + 2 * z_loss * logsum_C)).unsqueeze(1))
            grad_CV.scatter_add_(1, index_C1, -kept_C.unsqueeze(1))
            if slope_CV is not None:
                grad_CV *= slope_CV
            if scale != 1.0:
                grad_CV *= scale
            if grad_bias_V is not None:
                grad_bias_V += grad_CV.sum(0)
            # The products run in the dtype of the weights, as they would without chunks.
            grad_CV = grad_CV.to(weight_VD.dtype)
            grad_hidden_ND[rows] = grad_CV @ weight_VD
            # Every chunk adds to the same matrix, so the sum is kept in float32.
            grad_weight_VD += grad_CV.T @ hidden_ND[rows]
        # Only the gradients are kept: no logits, and nothing is computed a second time.
        ctx.save_for_backward(grad_hidden_ND, grad_weight_VD, grad_bias_V)
        ctx.weight_dtype = weight_VD.dtype
        ctx.bias_dtype = None if bias_V is None else bias_V.dtype
        ctx.mark_non_differentiable(losses_N)
        return total, losses_N

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _grad_losses: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients, scaled by the gradient of the summed loss."""
        grad_hidden_ND, grad_weight_VD, grad_bias_V = ctx.saved_tensors
        # The incoming gradient is one number, so the finished gradients only have to be scaled.
        grad_hidden_ND = grad_hidden_ND * grad_total.to(grad_hidden_ND.dtype)
        grad_weight_VD = (grad_weight_VD * grad_total.float()).to(ctx.weight_dtype)
        if grad_bias_V is not None:
            grad_bias_V = (grad_bias_V * grad_total.float()).to(ctx.bias_dtype)
        return grad_hidden_ND, grad_weight_VD, None, None, None, grad_bias_V, None, None


def training_loss(
    model: Any, ids_BS: Ids, labels_BS: Ids, eos_id: int, config: Train
) -> tuple[Tensor, Tensor]:
    """Summed loss with z-loss (scalar float64) and cross-entropy per token (float32 [B, S], nats).

    With the document mask, positions restart at each document. transformers derives documents from
    positions only when there is neither an attention mask nor a cache; otherwise it attends across
    documents, without a warning.
    """
    device = model.device
    # The loader pinned these arrays, so the copies run while the GPU still computes.
    ids, labels = (torch.from_numpy(a).to(device, non_blocking=True) for a in (ids_BS, labels_BS))
    documents: dict[str, Any] = {}
    if config.document_mask:
        # On the CPU, from the ids that are still there: no copy back from the GPU.
        positions_BS = positions_of(ids_BS, eos_id)
        documents["position_ids"] = torch.from_numpy(positions_BS).to(device)
        if model.config._attn_implementation != ATTENTION:
            from sealtrain.attention import document_bounds  # imports modules that only a GPU needs

            documents |= document_bounds(positions_BS, device)
    dtype = compute_dtype(device, config.precision)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        # The base model ends before the head, so transformers never makes the logits of all tokens.
        output = model.base_model(input_ids=ids, use_cache=False, **documents)
    # Rows of all sequences in one list: chunks need not end where sequences end.
    hidden_ND = output.last_hidden_state.flatten(0, 1).to(dtype)
    # Autograd passes through this cast, back to the weights that the optimizer updates.
    head = head_of(model)
    cross_entropy: Any = ChunkedCrossEntropy.apply
    total, losses_N = cross_entropy(
        hidden_ND, head.weight.to(dtype), labels.flatten(), config.z_loss,
        config.loss_chunk_tokens, head.bias, head.scale, head.cap,
    )  # fmt: skip
    return total, losses_N.view_as(labels)


def compute_dtype(device: torch.device, precision: str) -> torch.dtype:
    """The dtype of matrix products; master weights are always float32."""
    # bfloat16 has the range of float32, so no loss scaling is needed. CPUs default to float32,
    # where tests compare bits.
    use_bf16 = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.bfloat16 if use_bf16 else torch.float32
