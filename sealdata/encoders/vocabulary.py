"""From texts to a LASER encoder's ids: SentencePiece cuts, the dictionary numbers."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from sentencepiece import SentencePieceProcessor

from sealdata.encoders.preprocess import normalise
from sealdata.errors import ConfigError, DataError

Ids = np.ndarray  # int32 [T], the closing </s> and an opening <s> included

# Rows that every LASER dictionary has at these places (fairseq's convention).
SPECIAL_IDS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
_BOS = SPECIAL_IDS["<s>"]
_EOS = SPECIAL_IDS["</s>"]
_UNK = SPECIAL_IDS["<unk>"]

# Below every id, so that ``> _UNK`` leaves it out.
_LOOK_UP_BY_TEXT = -1
# Bounds the memory of SentencePiece's lists of Python integers.
_TEXTS_AT_ONCE = 4096


class Vocabulary:
    """Numbers pieces by their text: SentencePiece's own ids mean nothing to LASER."""

    def __init__(
        self, spm: Path, dictionary: Mapping[str, int], *, prepend_bos: bool = False
    ) -> None:
        """Read the SentencePiece model at ``spm``; with ``prepend_bos``, ``<s>`` opens every text.

        Raises:
            DataError: the file is missing or no SentencePiece model.
            ConfigError: most of its pieces are not in the dictionary.
        """
        # The special ids win over a dictionary that numbers them otherwise.
        self._pieces = _read_pieces(spm)
        self._dictionary = {**dictionary, **SPECIAL_IDS}
        self._begin = [_BOS] if prepend_bos else []
        # int32 [pieces]: SentencePiece's id to LASER's. One look-up in numpy replaces one dict
        # access for each piece of a corpus.
        self._id_of_piece = np.array(
            [self._id_of(i) for i in range(self._pieces.get_piece_size())], dtype=np.int32
        )
        num_known = int((self._id_of_piece > _UNK).sum())
        # Any two models share some pieces. Below half, the files do not belong together.
        if 2 * num_known < len(self._id_of_piece):
            raise ConfigError(
                f"{spm}: only {num_known} of its {len(self._id_of_piece)} pieces are in the "
                "checkpoint's dictionary; use the SentencePiece model that belongs to it"
            )

    def _id_of(self, piece_id: int) -> int:
        piece = self._pieces.id_to_piece(piece_id)
        # The text behind an unknown piece may be in the dictionary anyway, and LASER splits
        # pieces again at white space: both need the text.
        if self._pieces.is_unknown(piece_id) or piece.split() != [piece]:
            return _LOOK_UP_BY_TEXT
        return self._dictionary.get(piece, _UNK)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """The pieces of each text, after LASER's preprocessing and without ``</s>``."""
        return self._split(normalise(texts))

    def _split(self, normalised: Sequence[str]) -> list[list[str]]:
        # One thread: workers already occupy the cores.
        encoded = self._pieces.encode(list(normalised), out_type=str, num_threads=1)
        # As LASER's library does, which passes pieces on as text. A piece with a space becomes two.
        return [" ".join(pieces).split() for pieces in encoded]

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Ids of each text, closed by ``</s>``, so that an empty text has one id at least."""
        ids: list[Ids] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            ids += self._block_ids(normalise(texts[start : start + _TEXTS_AT_ONCE]))
        return ids

    def _block_ids(self, normalised: list[str]) -> list[Ids]:
        # Two rows after the table stand for </s> and <s>, so that one array holds all ids of a
        # block.
        eos_piece = len(self._id_of_piece)
        encoded = self._pieces.encode(normalised, out_type=int, num_threads=1)
        for piece_ids in encoded:
            piece_ids.append(eos_piece)
        if self._begin:
            encoded = [[eos_piece + 1, *piece_ids] for piece_ids in encoded]
        # ``ends[i]`` is one past the last id of text i.
        ends = np.cumsum([len(piece_ids) for piece_ids in encoded])
        flat = np.fromiter(chain.from_iterable(encoded), dtype=np.int32, count=int(ends[-1]))
        ids = np.append(self._id_of_piece, np.array([_EOS, _BOS], dtype=np.int32))[flat]
        # Views of one array: nothing is copied.
        rows = np.split(ids, ends[:-1])
        # Texts with an unknown piece, each once. They are rare and go the slow way, piece by piece.
        by_text = np.unique(np.searchsorted(ends, np.flatnonzero(ids == _LOOK_UP_BY_TEXT), "right"))
        pieces_by_text = self._split([normalised[i] for i in by_text])
        for i, pieces in zip(by_text.tolist(), pieces_by_text, strict=True):
            looked_up = [self._dictionary.get(piece, _UNK) for piece in pieces]
            rows[i] = np.array([*self._begin, *looked_up, _EOS], dtype=np.int32)
        return rows


def _read_pieces(spm: Path) -> SentencePieceProcessor:
    if not spm.is_file():
        raise DataError(f"{spm}: no such file; a LASER encoder needs its SentencePiece model")
    try:
        return SentencePieceProcessor(model_file=str(spm))
    except (OSError, RuntimeError) as error:
        raise DataError(f"{spm}: not a SentencePiece model; fetch it again") from error
