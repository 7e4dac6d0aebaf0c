"""LASER2's network: a bidirectional LSTM over pieces, and the maximum over time of its states."""

from torch import Tensor, nn


class LaserLstm(nn.Module):
    """The states start at zero and the closing </s> takes part in the maximum.

    Parameters are named as in LASER2's released checkpoint.
    Source: Artetxe and Schwenk 2019 (LASER); Heffernan et al. 2022 (LASER2).
    """

    max_pieces: int | None = None  # reads texts of any length

    def __init__(
        self,
        num_embeddings: int,
        padding_idx: int,
        embed_dim: int,
        hidden_size: int,
        num_layers: int,
    ) -> None:
        super().__init__()
        # One half of each vector reads forwards, the other backwards.
        self.dim = 2 * hidden_size
        # The row of <pad> only keeps its place: nothing is padded.
        self.embed_tokens = nn.Embedding(num_embeddings, embed_dim, padding_idx=padding_idx)
        # ``batch_first``: [texts, pieces, embed_dim] goes in, [texts, pieces, dim] comes out.
        self.lstm = nn.LSTM(
            embed_dim, hidden_size, num_layers, bidirectional=True, batch_first=True
        )

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings [texts, dim], of texts of one length: int64 ids [texts, pieces].

        Nothing is padded and ``</s>`` closes each row.
        """
        states, _ = self.lstm(self.embed_tokens(ids))
        # ``states`` is [texts, pieces, dim]. With padding, its states would have to be masked here.
        embeddings: Tensor = states.amax(dim=1)
        return embeddings
