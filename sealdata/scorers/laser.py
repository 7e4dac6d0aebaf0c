"""Similarity of the two sides by LASER sentence embeddings."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
import polars_hash as plh
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from sealdata.errors import ConfigError, DataError
from sealdata.extras import require
from sealdata.fetch.models.catalogue import catalogue
from sealdata.fetch.models.store import digest, find_all
from sealdata.files.records import stage_key
from sealdata.filter_stages import RuleStage
from sealdata.languages import resolve
from sealdata.scorers import (
    ANY_NUMBER,
    SIGNED,
    Embedded,
    MarginParams,
    ModelUse,
    PrecisionCheck,
    Range,
    Scorer,
    Thresholds,
)
from sealdata.scorers._encoders import SAMPLE, encoder_files, name_for

if TYPE_CHECKING:
    from sealdata.laser.cache import EmbeddingCache
    from sealdata.laser.encoder import Encoded, Encoder

_CHUNK = 16_384  # pairs encoded at a time: 128 MiB of LASER2's vectors
_REMEMBERED = 256 << 20  # bytes of vectors of texts that come again in a later chunk
_GPU_BATCH_TOKENS = 65_536  # pieces at once: a GPU needs eight times the CPU's to be busy
_DECIMALS = 4  # of a score: batches and machines differ in the seventh digit, results must not
_ENGLISH = "eng_Latn"

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Device = Literal["cpu", "cuda"]


class CacheTable(BaseModel):
    """Where embeddings of English sides stay for other languages and builds, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str  # from the folder of the recipe
    gib: float = Field(gt=0)  # size limit


class Laser(Scorer):
    """Cosine of the embeddings of the two sides, and their margin over neighbours.

    Needs the extra ``laser``: ``pip install "sealdata[laser]"``.

    ``encoder`` is ``laser`` (for each language what LASER's own library takes: LASER3 where it has
    one, else LASER2; English is LASER2's), ``laser2`` for all, the path of a folder with one
    checkpoint (``*.pt``), its SentencePiece model (``*.spm``) and, for LASER3, its vocabulary
    (``*.cvocab``), or ``sample``: the bundled encoder, which is for demonstration only.
    ``encoders`` names others by language: ``{ tha_Thai = "laser2", jav_Latn = "my/folder" }``.

    ``precision`` is ``fp32``, ``bf16``, ``int8`` (CPU) or ``fp16`` (GPU); a build measures their
    errors. With ``device = "cuda"`` there is a process for each GPU.

    ``margin`` (``ratio`` or ``distance``; absent: none) adds ``laser.margin``: the cosine against
    the mean cosine of both sides' ``neighbours`` nearest neighbours among the pairs of the same
    source that are kept so far. Sources of more than ``exact_up_to`` such pairs are searched
    through an index of faiss (``pip install 'sealdata[margin]'``); the cost is in
    docs/explanation/laser.md.

    ``cache`` (``folder``, ``gib``) keeps the embeddings of English sides on disk: what several
    languages share is encoded once, and scores are the same with and without.

    A cosine is not a margin, and margins over different pools of neighbours are not comparable: a
    threshold for one means nothing for the other.

    Source: Artetxe & Schwenk 2019; Heffernan et al. 2022.
    """

    version: ClassVar[int] = 3
    stage: ClassVar[RuleStage] = "similarity"

    encoder: str  # no default: what judges the pairs is named in the recipe
    encoders: dict[str, str] = {}  # encoders of single languages, in place of `encoder`
    precision: Precision = "fp32"  # arithmetic of the encoder
    device: Device = Field("cpu", validate_default=True)  # where the encoder runs
    margin: Literal["ratio", "distance"] | None = None  # which margin to compute; absent: none
    neighbours: int = Field(4, ge=1, le=64)  # nearest neighbours of each side in a margin
    exact_up_to: int = Field(500_000, ge=0)  # pairs of a source; more are searched by an index
    cache: CacheTable | None = None  # embeddings of English sides on disk
    languages: tuple[str, ...] = ()  # set by the recipe's sources: whose encoders are used

    modules: ClassVar[tuple[str, ...]] = ("torch", "safetensors")
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
        """Said here, and not when the corpus has been read (``sealdata.laser.arithmetic``)."""
        if (info.data.get("precision"), device) == ("fp16", "cpu"):
            raise ValueError('precision = "fp16" needs device = "cuda"; on the CPU use "bf16"')
        if (info.data.get("precision"), device) == ("int8", "cuda"):
            raise ValueError('precision = "int8" needs device = "cpu"; on a GPU use "bf16"')
        return device

    @field_validator("encoders")
    @classmethod
    def _known(cls, table: dict[str, str]) -> dict[str, str]:
        return {resolve(code).code: name for code, name in table.items()}

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

    def release(self) -> None:
        """Forget all encoders."""
        _load.cache_clear()

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

    def fingerprint(self) -> dict[str, Any]:
        """The version, precision and device, and the digests of the files by language (where they
        lie does not matter), and the margin's parameters if it is wanted.

        Raises:
            DataError: encoders are not on this machine; the message names all.
        """
        find_all(self._names().values())
        files = {
            lang: [digest(path) for path in encoder_files(name) if path]
            for lang, name in self._names().items()
        }
        how: dict[str, Any] = {"precision": self.precision, "device": self.device}
        if around := self.margin_params():
            how["margin"] = list(around)
        return {"version": self.version, "encoders": files, **how}

    def models(self) -> list[ModelUse]:
        """Each encoder once."""
        used = [_use(name) for name in dict.fromkeys(self._names().values())]
        if self.precision == "fp32":
            return used
        note = f"Computed in {self.precision}: audit.json has its errors."
        return [use._replace(note=f"{use.note} {note}".strip()) for use in used]

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float32 column; null where a side has no text, or more of it than the encoder reads.

        Raises:
            DataError: the encoder's files are missing, damaged or something else.
            ConfigError: LASER has no encoder for a language, or the device is not there.
            MissingExtraError: PyTorch is not installed.
        """
        return self.score_embedded(pairs, lambda _: None)

    def score_embedded(self, pairs: pl.DataFrame, keep: Callable[[Embedded], None]) -> pl.DataFrame:
        """As ``score``."""
        require("[score.laser]", *self.modules)  # for callers that run no plan
        from sealdata.laser.similarity import cosine

        text = pairs.select("src", "tgt", "src_lang", "tgt_lang").with_row_index("pair")
        text = text.filter(pl.all_horizontal(_has_text("src"), _has_text("tgt")))
        scores = [text.clear().select("pair", cosine=pl.lit(None, pl.Float32))]
        for langs, group in text.group_by("src_lang", "tgt_lang", maintain_order=True):
            for chunk in self._embedded(group, *(self._name(str(lang)) for lang in langs)):
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
        """Hashes of texts after LASER's preprocessing: case, for example, does not matter."""
        from sealdata.laser.preprocess import normalise

        read = pl.Series("text", normalise(texts.fill_null("").to_list()), dtype=pl.String)
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
        from sealdata.laser.caching_encoder import CachingEncoder

        encoder = _load(name, self.precision, self.device)
        english = self.cache if side == "src" else None
        cache = _open_cache(name, self.precision, self.device, english) if english else None
        caching = CachingEncoder(encoder, _repeated(chunks, side), _REMEMBERED, cache)
        return caching.encode_lists(chunk[side].to_list() for chunk in chunks)

    def _name(self, lang: str) -> str:
        if lang == _ENGLISH and lang not in self.encoders and self.encoder == "laser3":
            return "laser2"
        return name_for(self.encoder, lang, self.encoders)

    def _names(self) -> dict[str, str]:
        langs = dict.fromkeys([_ENGLISH, *(self.languages or self.encoders)])
        return {lang: self._name(lang) for lang in langs}


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


@cache
def _open_cache(
    name: str, precision: Precision, device: Device, table: CacheTable
) -> "EmbeddingCache":
    """The cache of an encoder on this kind of machine: what its name tells changes vectors."""
    import torch

    from sealdata.laser.cache import EmbeddingCache

    encoder = _load(name, precision, device)
    if precision == "int8" or not encoder.is_steady():
        raise ConfigError(
            f"[score.laser.cache]: in {precision} on this machine an embedding depends on "
            "what is encoded with it, so a cache would change scores; leave it out"
        )
    cuda = device == "cuda"
    machine = torch.cuda.get_device_name() if cuda else torch.backends.cpu.get_cpu_capability()
    files = [digest(path) for path in encoder_files(name) if path]
    identity = [Laser.version, files, precision, machine, torch.__version__]
    key = stage_key("embeddings", 1, identity, [])
    path = Path(table.folder) / f"{key}.vectors"
    return EmbeddingCache(path, encoder.dim, int(table.gib * 2**30))


def _has_text(column: str) -> pl.Expr:
    return pl.col(column).str.contains(r"\S")


def _use(name: str) -> ModelUse:
    sample, card = name == SAMPLE, catalogue().get(name)
    licence = card.licence if card else "that of the encoder given by path"
    return ModelUse(
        use="similarity",
        name="sealdata demonstration encoder" if sample else Path(name).name,
        sha256=digest(encoder_files(name).checkpoint),
        licence="CC BY 4.0" if sample else licence,
        demonstration=sample,
        note="It was trained on TICO-19 and TALPCo only." if sample else "",
    )


@cache
def _load(name: str, precision: Precision, device: Device) -> "Encoder":
    from sealdata.laser.encoder import load_encoder

    checkpoint, spm, cvocab = encoder_files(name)
    tokens = {} if device == "cpu" else {"batch_tokens": _GPU_BATCH_TOKENS}
    return load_encoder(checkpoint, spm, cvocab, precision=precision, device=device, **tokens)


COMPONENT = Laser
