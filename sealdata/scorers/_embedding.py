"""Similarity of the two sides by sentence embeddings, whatever encoder makes them."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
import polars_hash as plh
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from sealdata.encoders import Device, Precision
from sealdata.errors import ConfigError, DataError
from sealdata.extras import require
from sealdata.files.records import stage_key
from sealdata.filter_stages import RuleStage
from sealdata.languages import ENGLISH
from sealdata.scorers import (
    ANY_NUMBER,
    SIGNED,
    Embedded,
    MarginParams,
    PrecisionCheck,
    Range,
    Scorer,
    Thresholds,
)

if TYPE_CHECKING:
    from sealdata.encoders import TextEncoder
    from sealdata.encoders.cache import EmbeddingCache
    from sealdata.encoders.encoded import Encoded

_CHUNK = 16_384  # pairs encoded at a time: 128 MiB of LASER2's vectors
_REMEMBERED = 256 << 20  # bytes of vectors of texts that come again in a later chunk
GPU_BATCH_TOKENS = 65_536  # at once: a GPU needs eight times the CPU's to be busy
_DECIMALS = 4  # of a score: batches and machines differ in the seventh digit, results must not


class CacheTable(BaseModel):
    """Where embeddings of English sides stay for other languages and builds, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str  # from the folder of the recipe
    gib: float = Field(gt=0)  # size limit


class SentenceEmbedding(Scorer):
    """Cosine of the embeddings of the two sides, and their margin over neighbours.

    A subclass says which encoder reads a language, and opens it.
    """

    stage: ClassVar[RuleStage] = "similarity"

    precision: Precision = "fp32"  # arithmetic of the encoder
    device: Device = Field("cpu", validate_default=True)  # where the encoder runs
    margin: Literal["ratio", "distance"] | None = None  # which margin to compute; absent: none
    neighbours: int = Field(4, ge=1, le=64)  # nearest neighbours of each side in a margin
    exact_up_to: int = Field(500_000, ge=0)  # pairs of a source; more are searched by an index
    cache: CacheTable | None = None  # embeddings of English sides on disk
    languages: tuple[str, ...] = ()  # set by the recipe's sources: whose encoders are used

    columns: ClassVar[dict[str, str]] = {
        "cosine": "cosine of the sentence embeddings, -1 to 1, to 4 decimals; higher is more alike",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"cosine": SIGNED, "margin": ANY_NUMBER}
    corpus_columns: ClassVar[dict[str, str]] = {
        "margin": "margin of the cosine over the mean of both sides' nearest neighbours in the "
        "source, to 4 decimals: a ratio, about 1 where a pair is no closer than they are, or a "
        "distance, about 0 there; higher is more alike",
    }
    thresholds: ClassVar[dict[str, Thresholds]] = {
        "cosine": Thresholds(
            "a cosine",
            -1,
            1,
            "no cosine is above 1; 1.06 and its like are thresholds of a margin (stored.margin)",
        )
    }

    @field_validator("device")
    @classmethod
    def _computes_so(cls, device: Device, info: ValidationInfo) -> Device:
        """Said here, and not when the corpus has been read (``sealdata.encoders.arithmetic``)."""
        if (info.data.get("precision"), device) == ("fp16", "cpu"):
            raise ValueError('precision = "fp16" needs device = "cuda"; on the CPU use "bf16"')
        if (info.data.get("precision"), device) == ("int8", "cuda"):
            raise ValueError('precision = "int8" needs device = "cpu"; on a GPU use "bf16"')
        return device

    def for_languages(self, langs: Sequence[str]) -> Self:
        """The same scorer; its identity covers the encoders of these languages and English only."""
        return self.model_copy(update={"languages": tuple(dict.fromkeys(langs))})

    def limits(self, column: str) -> Thresholds | None:
        """A margin's depend on its kind."""
        return (
            _MARGINS[self.margin] if column == "margin" and self.margin else super().limits(column)
        )

    def num_gpus(self) -> int:
        """One, if it is to compute there."""
        return int(self.device == "cuda")

    def reference_precision(self) -> PrecisionCheck | None:
        """Full precision on the same device, without the cache."""
        if self.precision == "fp32":
            return None
        reference = self.pairwise_only().model_copy(update={"precision": "fp32", "cache": None})
        return PrecisionCheck(self.precision, self.device, "cosine", reference)

    def encoder_of(self, lang: str) -> str:
        """The name of the encoder that reads a language (FLORES-200).

        Raises:
            ConfigError: none does.
        """
        raise NotImplementedError

    def open_encoder(self, name: str) -> "TextEncoder":
        """The encoder of that name, loaded once per process.

        Raises:
            DataError: its files are missing, damaged or something else.
            ConfigError: the device or the precision is not there.
        """
        raise NotImplementedError

    def vectors_depend_on(self, name: str) -> list[Any]:
        """All that decides the vectors of an encoder besides the text: digests and settings."""
        raise NotImplementedError

    def open_cache(self, name: str) -> "EmbeddingCache | None":
        """Where embeddings of English sides lie, a file for each encoder; None: nowhere.

        Raises:
            ConfigError: a cache would change scores on this machine.
        """
        if self.cache is None:
            return None
        encoder = self.open_encoder(name)
        if self.precision == "int8" or not encoder.is_steady():
            raise ConfigError(
                f"[score.{self.component_name()}.cache]: in {self.precision} on this machine an "
                "embedding depends on what is encoded with it, so a cache would change scores; "
                "leave it out"
            )
        key = stage_key("embeddings", 1, self.vectors_depend_on(name), [])
        path = Path(self.cache.folder) / f"{key}.vectors"
        return _cache_file(path, encoder.dim, int(self.cache.gib * 2**30))

    def as_read(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts as the encoder cuts them into pieces. Default: as they are."""
        return texts

    def encoder_names(self) -> dict[str, str]:
        """The encoder of each language of the recipe, and of English."""
        langs = dict.fromkeys([ENGLISH, *self.languages])
        return {lang: self.encoder_of(lang) for lang in langs}

    def how(self) -> dict[str, Any]:
        """What else changes the scores: precision, device, and the margin's parameters."""
        how: dict[str, Any] = {"precision": self.precision, "device": self.device}
        if around := self.margin_params():
            how["margin"] = list(around)
        return how

    def margin_params(self) -> MarginParams | None:
        """What ``margin`` asks for."""
        if self.margin is None:
            return None
        return MarginParams(self.margin, self.neighbours, self.exact_up_to)

    def pairwise_only(self) -> Self:
        """The cosine only."""
        fields = type(self).model_fields
        plain = {name: fields[name].default for name in ("margin", "neighbours", "exact_up_to")}
        return self.model_copy(update=plain)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float32 column; null where a side has no text, or more of it than the encoder reads.

        Raises:
            DataError: the encoder's files are missing, damaged or something else.
            ConfigError: there is no encoder for a language, or the device is not there.
            MissingExtraError: a library is not installed.
        """
        return self.score_embedded(pairs, lambda _: None)

    def score_embedded(self, pairs: pl.DataFrame, keep: Callable[[Embedded], None]) -> pl.DataFrame:
        """As ``score``."""
        # For callers that run no plan.
        require(f"[score.{self.component_name()}]", *self.needed_modules())
        from sealdata.encoders.similarity import cosine

        text = pairs.select("src", "tgt", "src_lang", "tgt_lang").with_row_index("pair")
        text = text.filter(pl.all_horizontal(_has_text("src"), _has_text("tgt")))
        scores = [text.clear().select("pair", cosine=pl.lit(None, pl.Float32))]
        for langs, group in text.group_by("src_lang", "tgt_lang", maintain_order=True):
            for chunk in self._embedded(group, *(self.encoder_of(str(lang)) for lang in langs)):
                values = pl.Series(cosine(chunk.src, chunk.tgt)).round(_DECIMALS)
                scored = pl.DataFrame({"pair": chunk.rows, "cosine": values})
                scores.append(
                    scored.cast({"pair": pl.UInt32}).filter(pl.Series(chunk.not_truncated))
                )
                keep(chunk)
        pair = pl.int_range(pairs.height, dtype=pl.UInt32, eager=True).alias("pair").to_frame()
        return pair.join(pl.concat(scores), on="pair", how="left", maintain_order="left").select(
            "cosine"
        )

    def text_keys(self, texts: pl.Series) -> pl.Series:
        """Hashes of texts as the encoder reads them: what it ignores does not matter."""
        read = pl.Series("text", self.as_read(texts.fill_null("").to_list()), dtype=pl.String)
        hashes = read.to_frame().select(plh.col("text").nchash.xxh3_64()).to_series()
        has_text = texts.to_frame("text").select(_has_text("text")).to_series()
        return pl.select(pl.when(has_text).then(hashes)).to_series()

    def _embedded(self, text: pl.DataFrame, src: str, tgt: str) -> Iterator[Embedded]:
        chunks = list(text.iter_slices(_CHUNK))
        sides = zip(
            self._encoded(chunks, "src", src), self._encoded(chunks, "tgt", tgt), strict=True
        )
        for chunk, (src_side, tgt_side) in zip(chunks, sides, strict=True):
            dims = src_side.vectors.shape[1], tgt_side.vectors.shape[1]
            if dims[0] != dims[1]:
                raise DataError(
                    f"encoders {src} and {tgt} return vectors of {dims[0]} and {dims[1]} numbers: "
                    "they do not belong together"
                )
            rows = chunk["pair"].to_numpy().astype(np.int64)
            yield Embedded(
                rows, src_side.vectors, tgt_side.vectors, ~(src_side.truncated | tgt_side.truncated)
            )

    def _encoded(self, chunks: list[pl.DataFrame], side: str, name: str) -> Iterator["Encoded"]:
        from sealdata.encoders.caching_encoder import CachingEncoder

        encoder = self.open_encoder(name)
        cache = self.open_cache(name) if side == "src" and self.cache else None
        caching = CachingEncoder(encoder, _repeated(chunks, side), _REMEMBERED, cache)
        return caching.encode_lists(chunk[side].to_list() for chunk in chunks)


_MARGINS = {
    "ratio": Thresholds(
        "a ratio margin",
        0.9,
        10,
        "it is about 1 for unrelated sentences, so a cosine's threshold keeps everything",
        {
            1.06: "that is the limit of NLLB and CCMatrix, on a margin over their own, far larger "
            "pool of neighbours (stored.margin). Find the limit of this corpus in the report of a "
            "build without the rule. If it is 1.06 indeed, write 1.0601"
        },
    ),
    "distance": Thresholds(
        "a distance margin",
        -1,
        0.6,
        "it is a difference of cosines, about 0 for unrelated sentences; limits of a cosine, or a "
        "ratio such as 1.06, drop nearly everything",
    ),
}


def _repeated(chunks: list[pl.DataFrame], side: str) -> dict[str, int]:
    """Texts of more than one chunk, with the number of the last."""
    seen = [
        chunk.select(side).unique().with_columns(chunk=pl.lit(number, pl.UInt32))
        for number, chunk in enumerate(chunks)
    ]
    texts = pl.concat(seen).group_by(side).agg(pl.len(), last=pl.max("chunk"))
    return dict(texts.filter(pl.col("len") > 1).select(side, "last").iter_rows())


def _has_text(column: str) -> pl.Expr:
    return pl.col(column).str.contains(r"\S")


@cache
def _cache_file(path: Path, dim: int, max_bytes: int) -> "EmbeddingCache":
    from sealdata.encoders.cache import EmbeddingCache

    return EmbeddingCache(path, dim, max_bytes)


def arithmetic_of(device: Device) -> list[str]:
    """What changes the last bits of vectors that torch computes: the machine and the library."""
    import torch

    cuda = device == "cuda"
    machine = torch.cuda.get_device_name() if cuda else torch.backends.cpu.get_cpu_capability()
    return [machine, torch.__version__]
