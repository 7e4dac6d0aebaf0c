"""Sentence encoders: texts of many languages become vectors that can be compared."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from sealdata.encoders.encoded import Encoded

# Here, so that a recipe is read without loading torch.
Precision = Literal["fp32", "bf16", "fp16", "int8"]
Device = Literal["cpu", "cuda"]
Pooling = Literal["cls", "mean", "max", "last"]  # how the states of tokens become one vector


class TextEncoder(Protocol):
    """What scorers, margins and caches need of an encoder, whatever computes it."""

    dim: int  # numbers in a vector

    def encode_lists(self, lists: Iterable[Sequence[str]]) -> Iterator["Encoded"]:
        """The embeddings of one list of texts after another, in input order."""

    def is_steady(self) -> bool:
        """Whether a text has the same embedding, whatever is encoded with it."""
