"""Documents as token ids, each closed by EOS, with what is remembered of their origin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError
from sealdata.kernels.copy_runs import copy_runs, whole_within
from sealdata.tokenizers import Tokenizer

Ids = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]

# Enough to find the pair again (`trace`) and to leave the prompt out of the loss.
ORIGIN_SCHEMA = {
    "source": pl.String(),  # name of the recipe's source or stream
    "row": pl.UInt64(),  # 0-based record in its file
    "template": pl.UInt8(),  # index into the templates of the stream
    "prompt": pl.UInt32(),  # tokens before the part to be learnt: they lie wholly in the prompt
}


@dataclass(frozen=True)
class TokenDocuments:
    """Documents end to end: document i is ``ids[ends[i - 1] : ends[i]]``, its last id EOS."""

    ids: Ids  # [tokens]
    ends: Numbers  # [documents]
    origin: pl.DataFrame  # [documents], ORIGIN_SCHEMA

    @classmethod
    def empty(cls) -> "TokenDocuments":
        """No documents."""
        origin = pl.DataFrame(schema=ORIGIN_SCHEMA)
        return cls(np.empty(0, np.uint32), np.empty(0, np.int64), origin)

    @property
    def lengths(self) -> Numbers:
        """Tokens of each document, EOS included."""
        return np.diff(self.ends, prepend=0)

    def take(self, index: Numbers) -> "TokenDocuments":
        """The documents at ``index``, in that order."""
        # A compiled copy: indexing by numpy would make an index of 8 bytes for each id of 4.
        lengths = self.lengths[index]
        ids = copy_runs(self.ids, self.ends[index], lengths, 0, np.zeros_like(lengths))
        return TokenDocuments(ids, np.cumsum(lengths), self.origin[index])

    def followed_by(self, other: "TokenDocuments") -> "TokenDocuments":
        """These documents, then the others."""
        return TokenDocuments(
            np.concatenate([self.ids, other.ids]),
            # Ends count from the first id, so those of the others move by the ids before.
            np.concatenate([self.ends, other.ends + len(self.ids)]),
            pl.concat([self.origin, other.origin]),
        )


def tokenize(tokenizer: Tokenizer, documents: pl.DataFrame) -> TokenDocuments:
    """Encode ``text``; documents without a token are left out.

    ``documents`` has ``source``, ``row``, ``template``, ``text`` and ``prompt_chars``.

    Raises:
        DataError: an id outside the vocabulary, or an EOS inside a document.
    """
    # Ids of all texts end to end, int64 ends; no special token is added.
    ids, ends = tokenizer.encode(documents["text"])
    _check_ids(ids, tokenizer, documents, ends)
    # Counted before EOS is added, as the offsets of `ids` change by it.
    prompts = prompt_tokens(tokenizer, documents, ids, ends)
    origin = documents.select("source", "row", "template", prompt=pl.Series(prompts)).cast(
        ORIGIN_SCHEMA  # type: ignore[arg-type]
    )
    # One EOS after each document: its end moves by the number of EOS up to it.
    lengths = np.diff(ends, prepend=0)
    closed = copy_runs(ids, ends, lengths, tokenizer.eos_id, np.ones_like(lengths))
    whole = TokenDocuments(closed, ends + np.arange(1, len(ends) + 1), origin)
    # Only EOS is left of a text without tokens. As EOS after EOS, it would count as padding.
    empty = whole.lengths == 1
    return whole.take(np.flatnonzero(~empty)) if empty.any() else whole


def _check_ids(ids: Ids, tokenizer: Tokenizer, documents: pl.DataFrame, ends: Numbers) -> None:
    # EOS is checked too: inside a text it would end the document for every reader of the ids.
    wrong = np.flatnonzero((ids >= tokenizer.vocab_size) | (ids == tokenizer.eos_id))
    if not len(wrong):
        return
    # "right": empty documents end where the next begins, and the token belongs to the next.
    source, row = documents.row(int(np.searchsorted(ends, wrong[0], side="right")))[:2]
    index = int(ids[wrong[0]])
    kind = "its EOS inside the text" if index == tokenizer.eos_id else "an id of no vocabulary"
    raise DataError(
        f"the tokenizer {tokenizer.path} gave {kind} ({index}) for row {row} of {source!r}; "
        "use another kind of tokenizer for this file"
    )


def prompt_tokens(
    tokenizer: Tokenizer, documents: pl.DataFrame, ids: Ids, ends: Numbers
) -> Numbers:
    """How many tokens of each document are wholly in its first ``prompt_chars`` characters.

    A token across the border does not count as prompt: it is learnt. If pieces are not the bytes of
    the text, the prompt is encoded by itself, and the ids that both begin with are counted.
    """
    # Monolingual text and replay have no prompt, so nothing is encoded twice.
    if not (documents["prompt_chars"] > 0).any():
        return np.zeros_like(ends)
    # A prefix by characters; the border may lie inside a token.
    prompts = documents.select(pl.col("text").str.head(pl.col("prompt_chars"))).to_series()
    # Pieces of such a vocabulary do not add up to the bytes of the text. The prompt by itself may
    # be cut otherwise at its end, so only what both begin with counts.
    if not tokenizer.vocabulary.lossless:
        encoded = tokenizer.encode(prompts)
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        return _common_prefix(ids, starts, ends, encoded.ids, encoded.ends)
    # Bytes, because tokens of byte-level vocabularies may end inside a character.
    limits = prompts.str.len_bytes().cast(pl.Int64).to_numpy()
    whole, totals = whole_within(ids, ends, tokenizer.vocabulary.piece_bytes, limits)
    # If pieces did not add up to the text, prompts would end at a wrong token without a sign.
    text_bytes = documents["text"].str.len_bytes().to_numpy()
    assert (totals == text_bytes).all(), f"{tokenizer.path} is not lossless"
    return whole


def _common_prefix(
    ids: Ids, starts: Numbers, ends: Numbers, other: Ids, other_ends: Numbers
) -> Numbers:
    """Length of the longest common prefix of text i of ``ids`` and text i of ``other``."""
    other_starts = np.concatenate([[0], other_ends[:-1]]).astype(np.int64)
    # Compared position by position in flat arrays: no loop over documents.
    lengths = np.minimum(ends - starts, other_ends - other_starts)
    # For each compared position: its text, and its place in that text from 0.
    text = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    differs = np.flatnonzero(ids[starts[text] + step] != other[other_starts[text] + step])
    # Positions ascend within a text, so the first index of a text is its first difference.
    differing, first = np.unique(text[differs], return_index=True)
    # Texts without a difference keep the whole of the shorter one.
    common: Numbers = lengths.copy()
    common[differing] = step[differs[first]]
    return common
