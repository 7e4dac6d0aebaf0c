"""Defects: labelled noise made of references, to see what a recipe catches of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import polars as pl

from sealdata.gold.noise import REMAINS, curly, fraction, misread, other_number, repeated
from sealdata.languages import languages

PER_KIND = 500  # pairs of each kind and language: the share caught is then known to within 4 points
_SENTENCE = 30  # characters of English; a third of less may be a translation of a word of it

Kinship = Literal["other script", "same script", "confusable"]
Pair = tuple[str, str]  # English, the other language


@dataclass(frozen=True)
class Case:
    """A pair to spoil, and what to spoil it with."""

    lang: str
    src: str
    tgt: str
    chance: float  # in [0, 1), a hash of the pair
    stranger: str  # the translation of some other sentence
    translations: Mapping[str, str]  # of the same sentence, by language


def kinship(lang: str, other: str) -> Kinship:
    """How far two languages are apart for a program that must tell one from the other."""
    one, two = languages()[lang], languages()[other]
    if other in one.confusable or lang in two.confusable:
        return "confusable"
    return "same script" if one.script == two.script else "other script"


def _swapped(case: Case, wanted: Kinship) -> Pair | None:
    texts = [
        text for other, text in case.translations.items() if kinship(case.lang, other) == wanted
    ]
    return (case.src, _chosen(texts, case.chance)) if texts else None


def _truncated(case: Case) -> Pair | None:
    """Either side cut to between a tenth and a third of its characters."""
    if len(case.src) < _SENTENCE:
        return None
    share = 0.1 + 0.23 * (case.chance * 2 % 1)
    src, tgt = (text[: max(1, int(len(text) * share))].rstrip() for text in (case.src, case.tgt))
    return (case.src, tgt) if case.chance < 0.5 else (src, case.tgt)


def _copied(case: Case) -> Pair:
    copies = [(case.src, case.src), (case.src, case.src.upper()), (case.tgt, case.tgt)]
    return copies[int(case.chance * len(copies))]


def _renumbered(case: Case) -> Pair | None:
    """The numbers of the other side changed, where both sides have digits."""
    both = all(any(map(str.isdecimal, text)) for text in (case.src, case.tgt))
    return (case.src, other_number(case.tgt)) if both else None


def _misread(case: Case) -> Pair:
    """The other side in a wrong character set; where it is all ASCII, the English quotes are."""
    if case.tgt.isascii():
        return misread(curly(case.src)), case.tgt
    return case.src, misread(case.tgt)


def _marked_up(case: Case) -> Pair:
    """Most remains are broken; a whole tag is for a cleaner to take out."""
    kinds = [remain(case.tgt) for remain in REMAINS.values()] + [f"<p>{case.tgt}</p>"]
    return case.src, _chosen(kinds, case.chance)


def _chosen(texts: list[str], chance: float) -> str:
    return texts[int(chance * len(texts))]


# Each gives a spoiled pair, or None (or the pair as it was) where it has no hold on it.
DEFECTS: dict[str, Callable[[Case], Pair | None]] = {
    "shuffled": lambda case: (case.src, case.stranger),
    "swap, other script": partial(_swapped, wanted="other script"),
    "swap, same script": partial(_swapped, wanted="same script"),
    "swap, confusable": partial(_swapped, wanted="confusable"),
    "truncated": _truncated,
    "copy": _copied,
    "number": _renumbered,
    "mojibake": _misread,
    "html": _marked_up,
    "repetition": lambda case: (repeated(case.src, 3), repeated(case.tgt, 3)),
}


def spoil(references: pl.DataFrame, langs: list[str]) -> pl.DataFrame:
    """Up to PER_KIND pairs of each kind in each of ``langs``, made of ``references``.

    The columns of ``references`` and ``kind``; ``set`` and ``line`` are those of the pair spoiled.
    Which pairs are taken, and what becomes of them, is a hash of their text.
    """
    columns = ["set", "line", "src", "tgt"]
    translations: dict[str, dict[str, str]] = {}
    for lang, src, tgt in references.select("lang", "src", "tgt").iter_rows():
        translations.setdefault(src, {}).setdefault(lang, tgt)
    schema = {**references.schema, "kind": pl.String()}
    frames = [references.clear().with_columns(kind=pl.lit("", pl.String))]
    for lang in langs:
        rows = references.filter(pl.col("lang") == lang).select(columns).rows()
        for kind in DEFECTS:
            spoiled = [(lang, *row, kind) for row in _spoiled(kind, lang, rows, translations)]
            frames.append(pl.DataFrame(spoiled, schema=schema, orient="row"))
    return pl.concat(frames)


def _spoiled(
    kind: str,
    lang: str,
    rows: list[tuple[str, int, str, str]],
    translations: Mapping[str, Mapping[str, str]],
) -> list[tuple[str, int, str, str]]:
    """Rows (set, line, src, tgt), the first that fit in the order of their hashes."""
    ordered = sorted(rows, key=lambda row: fraction("order", kind, lang, *row[2:]))
    found: list[tuple[str, int, str, str]] = []
    for (part, line, src, tgt), after in zip(ordered, ordered[1:] + ordered[:1], strict=True):
        others = {
            other: text
            for other, text in sorted(translations[src].items())
            if other != lang and text not in (tgt, "")
        }
        stranger = tgt if after[2] == src else after[3]  # one sentence may be there twice
        chance = fraction("chance", kind, lang, src, tgt)
        pair = DEFECTS[kind](Case(lang, src, tgt, chance, stranger, others))
        if pair is not None and pair != (src, tgt):
            found.append((part, line, *pair))
        if len(found) == PER_KIND:
            break
    return found
