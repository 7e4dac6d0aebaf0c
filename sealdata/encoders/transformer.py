"""LASER3's network: a transformer encoder over pieces, and one vector out of its states."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Pooling = Literal["max", "cls"]
_FIRST_POSITION = 2  # fairseq counts from the row after that of <pad>
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    # fairseq has two names for the approximation by tanh.
    "gelu_accurate": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu_fast": lambda x: functional.gelu(x, approximate="tanh"),
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class Shape:
    """What fairseq's configuration says about an encoder."""

    # Rows of the embedding: pieces of the vocabulary, special ones included.
    num_embeddings: int
    # Numbers of a state, and of the embedding of a text. A multiple of ``num_heads``.
    embed_dim: int
    # Numbers between the two linear maps of a layer.
    ffn_dim: int
    num_layers: int
    num_heads: int
    norm_first: bool  # pre-norm: normalise what goes into a block, not the sum that comes out
    # After the last layer.
    final_norm: bool
    # Between the embeddings and the first layer.
    embedding_norm: bool
    # Multiplied by the root of ``embed_dim``, as in Vaswani et al. 2017.
    scaled_embeddings: bool
    # A key of ACTIVATIONS.
    activation: str
    # ``max``: over the states of all pieces. ``cls``: the state of the first.
    pooling: Pooling
    num_learned_positions: int | None  # None: sinusoidal; a row fewer than two are of use


class LaserTransformer(nn.Module):
    """Parameters are named as in fairseq's ``TransformerEncoder``, whose eval mode this equals.

    Source: Heffernan et al. 2022 (LASER3); Vaswani et al. 2017; fairseq 0.12.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.dim = shape.embed_dim
        self.shape = shape
        positions = shape.num_learned_positions
        # None: sinusoids are computed for any length.
        self.max_pieces = None if positions is None else positions - _FIRST_POSITION
        # ``padding_idx`` is fairseq's <pad>. Nothing is padded here; the row only has its place.
        self.embed_tokens = nn.Embedding(shape.num_embeddings, shape.embed_dim, padding_idx=1)
        self.embed_positions = (
            nn.Embedding(shape.num_learned_positions, shape.embed_dim, padding_idx=1)
            if shape.num_learned_positions is not None
            else None
        )
        self.layernorm_embedding = nn.LayerNorm(shape.embed_dim) if shape.embedding_norm else None
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.num_layers))
        self.layer_norm = nn.LayerNorm(shape.embed_dim) if shape.final_norm else None

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings [texts, dim] of texts of one length: int64 ids [texts, pieces], no padding.

        ``</s>`` closes each row and takes part in the maximum; with ``cls`` the embedding is the
        state at the ``<s>`` that opens each row.
        """
        # All states are [texts, pieces, dim].
        states = self.embed_tokens(ids)
        if self.shape.scaled_embeddings:
            states = states * math.sqrt(self.dim)
        # ``.to(states)`` adopts the device and the precision of the weights.
        states = states + self._positions(ids.shape[1]).to(states)
        if self.layernorm_embedding is not None:
            states = self.layernorm_embedding(states)
        for layer in self.layers:
            states = layer(states)
        if self.layer_norm is not None:
            states = self.layer_norm(states)
        # [texts, dim]. No mask: all texts of a batch have one length.
        embeddings: Tensor = states[:, 0] if self.shape.pooling == "cls" else states.amax(dim=1)
        return embeddings

    def _positions(self, length: int) -> Tensor:
        """[pieces, dim]. Without padding they do not depend on the side that would be padded."""
        positions = torch.arange(_FIRST_POSITION, _FIRST_POSITION + length)
        if self.embed_positions is not None:
            table: Tensor = self.embed_positions.weight
            return table[positions.to(table.device)]
        # In float32 at each call: cheap next to the layers, and no table bounds the length.
        half = self.dim // 2
        steps = torch.arange(half, dtype=torch.float) * -(math.log(10_000) / (half - 1))
        angles = positions.float().unsqueeze(1) * torch.exp(steps)
        # fairseq puts all sines before all cosines; the paper interleaves them.
        waves = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
        # An odd dimension ends in a zero.
        return functional.pad(waves, (0, self.dim - 2 * half))


class _Layer(nn.Module):
    """Self-attention, then two linear maps, each added to what went in: [texts, pieces, dim]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm_first = shape.norm_first
        self.activation = ACTIVATIONS[shape.activation]
        self.self_attn = _Attention(shape.embed_dim, shape.num_heads)
        self.self_attn_layer_norm = nn.LayerNorm(shape.embed_dim)
        self.fc1 = nn.Linear(shape.embed_dim, shape.ffn_dim)
        self.fc2 = nn.Linear(shape.ffn_dim, shape.embed_dim)
        # fairseq's name for the second norm of a layer, not for the one after the last layer.
        self.final_layer_norm = nn.LayerNorm(shape.embed_dim)

    def forward(self, states: Tensor) -> Tensor:
        if self.norm_first:
            states = states + self.self_attn(self.self_attn_layer_norm(states))
            return states + self._feed_forward(self.final_layer_norm(states))
        # Post-norm: the sum is normalised, as in the original paper.
        states = self.self_attn_layer_norm(states + self.self_attn(states))
        result: Tensor = self.final_layer_norm(states + self._feed_forward(states))
        return result

    def _feed_forward(self, states: Tensor) -> Tensor:
        result: Tensor = self.fc2(self.activation(self.fc1(states)))
        return result


class _Attention(nn.Module):
    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)
        self.v_proj = nn.Linear(dim, dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, states: Tensor) -> Tensor:
        # [texts, heads, pieces, dim / heads], so that heads are a batch dimension.
        q, k, v = (
            proj(states).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        # Scaled by the root of dim / heads. Without padding there is nothing to mask.
        mixed = functional.scaled_dot_product_attention(q, k, v)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(-2))
        return result
