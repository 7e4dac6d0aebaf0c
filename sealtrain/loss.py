"""Cross-entropy over a large vocabulary without ever holding all logits.

Shapes: B = sequences, S = tokens in a sequence, N = B x S, C = tokens in a chunk, D = hidden
size, V = vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from sealtrain.config import Train
from sealtrain.data import IGNORED, Ids, positions_of

ATTENTION = "sdpa"  # keeps documents apart by their positions on every device


class ChunkedCrossEntropy(torch.autograd.Function):
    """Summed cross-entropy with z-loss; each chunk's gradient is taken while its logits exist."""

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, labels_N: Tensor, z_loss: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        """The summed loss with z-loss (scalar float64) and the loss of each token (float32 [N])."""
        wanted = any(ctx.needs_input_grad[:2])
        grad_hidden_ND = torch.empty_like(hidden_ND) if wanted else None
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=torch.float32) if wanted else None
        total = torch.zeros((), dtype=torch.float64, device=hidden_ND.device)
        losses_N = torch.empty(len(labels_N), dtype=torch.float32, device=hidden_ND.device)
        for start in range(0, len(labels_N), chunk):
            part = slice(start, start + chunk)
            logits_CV = (hidden_ND[part] @ weight_VD.T).float()
            kept_C = (labels_N[part] != IGNORED).float()
            index_C1 = labels_N[part].clamp(min=0).unsqueeze(1)
            logsum_C = torch.logsumexp(logits_CV, dim=1)
            losses_N[part] = (logsum_C - logits_CV.gather(1, index_C1).squeeze(1)) * kept_C
            total += (losses_N[part] + z_loss * logsum_C.square() * kept_C).sum(dtype=torch.float64)
            if grad_hidden_ND is None or grad_weight_VD is None:
                continue
            grad_CV = logits_CV.sub_(logsum_C.unsqueeze(1)).exp_()  # softmax, in place
            grad_CV.mul_((kept_C * (1 + 2 * z_loss * logsum_C)).unsqueeze(1))
            grad_CV.scatter_add_(1, index_C1, -kept_C.unsqueeze(1))
            grad_CV = grad_CV.to(weight_VD.dtype)
            grad_hidden_ND[part] = grad_CV @ weight_VD
            grad_weight_VD += grad_CV.T @ hidden_ND[part]
        ctx.save_for_backward(grad_hidden_ND, grad_weight_VD)
        ctx.weight_dtype = weight_VD.dtype
        ctx.mark_non_differentiable(losses_N)
        return total, losses_N

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _grad_losses: Tensor) -> tuple[Tensor | None, ...]:
        """Both gradients scaled by what the loss was multiplied with."""
        grad_hidden_ND, grad_weight_VD = ctx.saved_tensors
        grad_hidden_ND = grad_hidden_ND * grad_total.to(grad_hidden_ND.dtype)
        grad_weight_VD = (grad_weight_VD * grad_total.float()).to(ctx.weight_dtype)
        return grad_hidden_ND, grad_weight_VD, None, None, None


def training_loss(
    model: Any, ids_BS: Ids, labels_BS: Ids, eos_id: int, config: Train
) -> tuple[Tensor, Tensor]:
    """Summed loss with z-loss (scalar float64) and cross-entropy per token (float32 [B, S], nats).

    Under the document mask, positions restart at each document. transformers reads documents off
    them only when there is neither an attention mask nor a cache, and attends across documents
    without a word otherwise.
    """
    device = model.device
    # what the loader pinned is copied while the GPU still computes
    ids, labels = (torch.from_numpy(a).to(device, non_blocking=True) for a in (ids_BS, labels_BS))
    documents: dict[str, Any] = {}
    if config.document_mask:
        positions_BS = positions_of(ids_BS, eos_id)
        documents["position_ids"] = torch.from_numpy(positions_BS).to(device)
        if model.config._attn_implementation != ATTENTION:
            from sealtrain.attention import bounds

            documents |= bounds(positions_BS, device)
    low = compute_dtype(device, config.precision)
    with torch.autocast(device.type, low, enabled=low != torch.float32):
        output = model.base_model(input_ids=ids, use_cache=False, **documents)
    hidden_ND = output.last_hidden_state.flatten(0, 1).to(low)
    weight_VD = model.get_output_embeddings().weight.to(low)
    cross_entropy: Any = ChunkedCrossEntropy.apply
    chunk = config.loss_chunk_tokens
    total, losses_N = cross_entropy(hidden_ND, weight_VD, labels.flatten(), config.z_loss, chunk)
    return total, losses_N.view_as(labels)


def compute_dtype(device: torch.device, precision: str) -> torch.dtype:
    """What matrices are multiplied in; weights and moments are float32 all the same."""
    low = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.bfloat16 if low else torch.float32
