"""Similarity of the two sides by LASER sentence embeddings."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from sealdata.encoders import Device, Precision
from sealdata.fetch.models.catalogue import catalogue
from sealdata.fetch.models.store import digest, find_all
from sealdata.languages import ENGLISH, resolve
from sealdata.scorers import ModelUse
from sealdata.scorers._embedding import GPU_BATCH_TOKENS, SentenceEmbedding, arithmetic_of
from sealdata.scorers._encoders import SAMPLE, encoder_files, name_for

if TYPE_CHECKING:
    from sealdata.encoders.encoder import Encoder


class Laser(SentenceEmbedding):
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
    modules: ClassVar[tuple[str, ...]] = ("torch", "safetensors")

    encoder: str  # no default: what judges the pairs is named in the recipe
    encoders: dict[str, str] = {}  # encoders of single languages, in place of `encoder`

    @field_validator("encoders")
    @classmethod
    def _known(cls, table: dict[str, str]) -> dict[str, str]:
        return {resolve(code).code: name for code, name in table.items()}

    def release(self) -> None:
        """Forget all encoders."""
        _load.cache_clear()

    def fingerprint(self) -> dict[str, Any]:
        """The version, precision and device, and the digests of the files by language (where they
        lie does not matter), and the margin's parameters if it is wanted.

        Raises:
            DataError: encoders are not on this machine; the message names all.
        """
        find_all(self.encoder_names().values())
        files = {
            lang: [digest(path) for path in encoder_files(name) if path]
            for lang, name in self.encoder_names().items()
        }
        return {"version": self.version, "encoders": files, **self.how()}

    def models(self) -> list[ModelUse]:
        """Each encoder once."""
        used = [_use(name) for name in dict.fromkeys(self.encoder_names().values())]
        if self.precision == "fp32":
            return used
        note = f"Computed in {self.precision}: audit.json has its errors."
        return [use._replace(note=f"{use.note} {note}".strip()) for use in used]

    def encoder_of(self, lang: str) -> str:
        """LASER's own choice, or that of the recipe."""
        if lang == ENGLISH and lang not in self.encoders and self.encoder == "laser3":
            return "laser2"
        return name_for(self.encoder, lang, self.encoders)

    def encoder_names(self) -> dict[str, str]:
        """The encoder of each language of the recipe, or of `encoders`, and of English."""
        langs = dict.fromkeys([ENGLISH, *(self.languages or self.encoders)])
        return {lang: self.encoder_of(lang) for lang in langs}

    def open_encoder(self, name: str) -> "Encoder":
        """See ``load_encoder``."""
        return _load(name, self.precision, self.device)

    def vectors_depend_on(self, name: str) -> list[Any]:
        """The files of the encoder, and how this kind of machine computes."""
        files = [digest(path) for path in encoder_files(name) if path]
        return [self.version, files, self.precision, *arithmetic_of(self.device)]

    def as_read(self, texts: Sequence[str]) -> Sequence[str]:
        """Texts after LASER's preprocessing: case, for example, does not matter."""
        from sealdata.encoders.preprocess import normalise

        return normalise(texts)


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
    from sealdata.encoders.encoder import load_encoder

    checkpoint, spm, cvocab = encoder_files(name)
    tokens = {} if device == "cpu" else {"batch_tokens": GPU_BATCH_TOKENS}
    return load_encoder(checkpoint, spm, cvocab, precision=precision, device=device, **tokens)


COMPONENT = Laser
