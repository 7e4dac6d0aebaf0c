"""The scorers that ask a model."""

from collections.abc import Iterator

import polars as pl

from sealdata.encoders.encoder import load_encoder
from sealdata.files.places import sample_dir

from .race import Race, race


def similarity(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """The demonstration encoder, which is far smaller than LASER2 and no measure of it."""
    texts = pl.concat([pairs["src"], pairs["tgt"].alias("src")]).unique(maintain_order=True)
    folder = sample_dir() / "encoder"
    encoder = load_encoder(folder / "encoder.pt", folder / "encoder.spm")
    ways = {"one thread": lambda: encoder.encode(texts.to_list())}
    yield race("LASER, demonstration encoder", len(texts), "sentences", ways, repeats)
