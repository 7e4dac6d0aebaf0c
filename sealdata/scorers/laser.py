"""Similarity of the two sides by LASER sentence embeddings."""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl

from sealdata.errors import DataError
from sealdata.manifest import file_sha256
from sealdata.scorers import ModelUse, Phase, Scorer

if TYPE_CHECKING:
    from sealdata.laser.encoder import Encoder

_SAMPLE = "sample"
_CHUNK = 16_384  # pairs encoded at a time: 128 MiB of LASER2's vectors
_DECIMALS = 4  # of a score: batches and machines differ in the seventh digit, results must not


class Laser(Scorer):
    """Cosine of the embeddings of the two sides.

    ``encoder`` is a folder that holds one checkpoint (``*.pt``) and one SentencePiece model
    (``*.spm``) of LASER2's kind, or ``sample``: the bundled encoder, which is for demonstration
    only. A cosine is no margin: a threshold for one means nothing for the other.

    Source: Artetxe & Schwenk 2019; Heffernan et al. 2022.
    """

    phase: ClassVar[Phase] = "similarity"

    encoder: str  # no default: what judges the pairs is named in the recipe

    columns: ClassVar[dict[str, str]] = {
        "cosine": "cosine of the sentence embeddings, -1 to 1, to 4 decimals; higher is more alike",
    }

    def fingerprint(self) -> dict[str, Any]:
        """The version and the digests of the encoder's files: where they lie does not matter."""
        checkpoint, spm = _files(self.encoder)
        return {"version": self.version, "checkpoint": _digest(checkpoint), "spm": _digest(spm)}

    def models(self) -> list[ModelUse]:
        """The encoder."""
        sample = self.encoder == _SAMPLE
        return [
            ModelUse(
                use="similarity",
                name="sealdata demonstration encoder" if sample else Path(self.encoder).name,
                sha256=_digest(_files(self.encoder)[0]),
                licence="CC BY 4.0" if sample else "that of the encoder given by path",
                demonstration=sample,
                note="It was trained on TICO-19 and TALPCo alone." if sample else "",
            )
        ]

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float32 column; null where a side has no text, or more of it than the encoder reads.

        Raises:
            DataError: the encoder's files are missing, damaged or something else.
        """
        text = pairs.select("src", "tgt").with_row_index("pair")
        text = text.filter(pl.all_horizontal(pl.col("src", "tgt").str.contains(r"\S")))
        empty = text.clear().select("pair", cosine=pl.lit(None, pl.Float32))
        scored = pl.concat([empty, *map(self._cosines, text.iter_slices(_CHUNK))])
        pair = pl.int_range(pairs.height, dtype=pl.UInt32, eager=True).alias("pair").to_frame()
        return pair.join(scored, on="pair", how="left", maintain_order="left").select("cosine")

    def _cosines(self, text: pl.DataFrame) -> pl.DataFrame:
        """``pair`` and ``cosine`` of the rows of which both sides were read to their end."""
        if not text.height:
            return text.select("pair", cosine=pl.lit(None, pl.Float32))
        from sealdata.laser.similarity import cosine

        found = _load(self.encoder).encode_counted([*text["src"], *text["tgt"]])
        (src, tgt), cut = np.split(found.vectors, 2), np.split(found.cut, 2)
        values = pl.Series(cosine(src, tgt)).round(_DECIMALS)
        return text.select("pair", cosine=values).filter(~(cut[0] | cut[1]))


def _files(encoder: str) -> tuple[Path, Path]:
    """Checkpoint and SentencePiece model of an encoder."""
    with as_file(files("sealdata") / "sample" / "encoder") as bundled:
        folder = bundled if encoder == _SAMPLE else Path(encoder)
    found = [sorted(folder.glob(pattern)) for pattern in ("*.pt", "*.spm")]
    if any(len(paths) != 1 for paths in found):
        raise DataError(f"{folder} must hold one *.pt and one *.spm: the files of a LASER encoder")
    return found[0][0], found[1][0]


@cache
def _load(encoder: str) -> "Encoder":
    from sealdata.laser.encoder import load_encoder

    return load_encoder(*_files(encoder))


@cache
def _digest(path: Path) -> str:
    return file_sha256(path)


COMPONENT = Laser
