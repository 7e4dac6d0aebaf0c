"""Defects: references that are spoiled in known ways, to measure what a recipe catches."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from itertools import pairwise
from typing import Literal

import polars as pl

from sealdata.gold.noise import REMAINS, curly, fraction, misread, other_number, repeated
from sealdata.languages import languages, relatives, resolve

PER_KIND = 500  # pairs of each kind and language: the error of the share caught is 4 points
_MIN_CHARS = 30  # of English; a third of a shorter sentence may still translate a part of it

Kinship = Literal["other script", "same script", "confusable"]
Pair = tuple[str, str]  # English, the other language


@dataclass(frozen=True)
class Case:
    """A pair to spoil, and the texts to spoil it with."""

    lang: str
    src: str
    tgt: str
    chance: float  # in [0, 1), a hash of the pair
    stranger: str  # the translation of another sentence
    following: str  # the translation of the sentence on the next line, or of another one
    translations: Mapping[str, str]  # of the same sentence, by language


def kinship(lang: str, other: str) -> Kinship:
    """How similar two languages are to a program that identifies languages."""
    first, second = resolve(lang), resolve(other)
    if other in relatives(lang) or lang in relatives(other):
        return "confusable"
    return "same script" if first.script == second.script else "other script"


def _swapped(case: Case, relation: Kinship) -> Pair | None:
    texts = [
        text for other, text in case.translations.items() if kinship(case.lang, other) == relation
    ]
    return (case.src, _chosen(texts, case.chance)) if texts else None


def _truncated(case: Case) -> Pair | None:
    """Either side cut to between a tenth and a third of its characters."""
    if len(case.src) < _MIN_CHARS:
        return None
    share = 0.1 + 0.23 * (case.chance * 2 % 1)
    src, tgt = (text[: max(1, int(len(text) * share))].rstrip() for text in (case.src, case.tgt))
    return (case.src, tgt) if case.chance < 0.5 else (src, case.tgt)


def _in_part(case: Case) -> Pair | None:
    """Either side with one half of its words only: the other half has no translation."""
    words = case.src.split()
    if len(words) < 8:
        return None
    middle, end = len(words) // 2, len(case.tgt) // 2
    halves = [
        (" ".join(words[:middle]), case.tgt),
        (" ".join(words[middle:]), case.tgt),
        (case.src, case.tgt[:end].rstrip()),
        (case.src, case.tgt[end:].lstrip()),
    ]
    return halves[int(case.chance * len(halves))]


def _copied(case: Case) -> Pair:
    copies = [(case.src, case.src), (case.src, case.src.upper()), (case.tgt, case.tgt)]
    return copies[int(case.chance * len(copies))]


def _renumbered(case: Case) -> Pair | None:
    """The numbers of the other side changed, if both sides have digits."""
    both = all(any(map(str.isdecimal, text)) for text in (case.src, case.tgt))
    return (case.src, other_number(case.tgt)) if both else None


def _misread(case: Case) -> Pair:
    """The other side in a wrong character set; if it is ASCII, English with curly quotes."""
    if case.tgt.isascii():
        return misread(curly(case.src)), case.tgt
    return case.src, misread(case.tgt)


def _marked_up(case: Case) -> Pair:
    """Remains of markup. Most are broken tags; a cleaner can remove the whole tag."""
    kinds = [remain(case.tgt) for remain in REMAINS.values()] + [f"<p>{case.tgt}</p>"]
    return case.src, _chosen(kinds, case.chance)


@cache
def foreign_sentences() -> dict[str, tuple[str, ...]]:
    """Sentences in languages of all continents, by the English name of the language."""
    table = tomllib.loads(files("sealdata.gold").joinpath("foreign.toml").read_text("utf-8"))
    return {name: tuple(sentences) for name, sentences in table.items()}


def _foreign(case: Case, side: Literal["src", "tgt"], capitals: bool = False) -> Pair:
    """One side in a language that is not related, at least 0.7 times as long as it was.

    So the length does not give the defect away. A side in Latin letters gets a language in Latin
    letters, so that the letters do not either. Sentences without capital letters are the same in
    capitals.
    """
    replaced = case.src if side == "src" else case.tgt
    is_latin = re.search("[A-Za-z]", replaced) is not None
    names = [
        name
        for name, sentences in sorted(foreign_sentences().items())
        if re.match("\\w*[A-Za-z]", sentences[0]) or not is_latin
        if not _are_related(case.lang, name)
    ]
    sentences = foreign_sentences()[_chosen(names, case.chance)]
    first = int(fraction("sentence", case.src, case.tgt, side) * len(sentences))
    text = sentences[first]
    for number in range(1, len(sentences)):
        if len(text) >= 0.7 * len(replaced):
            break
        text += " " + sentences[(first + number) % len(sentences)]
    text = text.upper() if capitals else text
    return (text, case.tgt) if side == "src" else (case.src, text)


@cache
def _are_related(lang: str, name: str) -> bool:
    """Whether a language is, or is taken for, the one of an English name, or the reverse."""
    codes = {code for code, language in languages().items() if language.name == name}
    return any(code == lang or code in relatives(lang) or lang in relatives(code) for code in codes)


def _chosen(texts: list[str], chance: float) -> str:
    return texts[int(chance * len(texts))]


# Each returns a spoiled pair; None, or the same pair, if the defect cannot be made.
DEFECTS: dict[str, Callable[[Case], Pair | None]] = {
    "shuffled": lambda case: (case.src, case.stranger),
    "off by one": lambda case: (case.src, case.following),
    "partial": _in_part,
    "swap, other script": partial(_swapped, relation="other script"),
    "swap, same script": partial(_swapped, relation="same script"),
    "swap, confusable": partial(_swapped, relation="confusable"),
    "foreign, English side": partial(_foreign, side="src"),
    "foreign, other side": partial(_foreign, side="tgt"),
    "foreign, English side, capitals": partial(_foreign, side="src", capitals=True),
    "foreign, other side, capitals": partial(_foreign, side="tgt", capitals=True),
    "truncated": _truncated,
    "copy": _copied,
    "number": _renumbered,
    "mojibake": _misread,
    "html": _marked_up,
    "repetition": lambda case: (repeated(case.src, 3), repeated(case.tgt, 3)),
}


def spoil(references: pl.DataFrame, langs: list[str]) -> pl.DataFrame:
    """Up to PER_KIND pairs of each kind in each of ``langs``, made of ``references``.

    The result has the columns of ``references`` and ``kind``; ``set`` and ``line`` are those of the
    spoiled pair. A hash of the text decides which pairs are taken and how they are spoiled.
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
    """Rows (set, line, src, tgt): in the order of their hashes, the first that can be spoiled."""
    by_line = pairwise(sorted(rows))
    following = {row: after for row, after in by_line if row[2] != after[2]}
    ordered = sorted(rows, key=lambda row: fraction("order", kind, lang, *row[2:]))
    spoiled: list[tuple[str, int, str, str]] = []
    for (part, line, src, tgt), after in zip(ordered, ordered[1:] + ordered[:1], strict=True):
        others = {
            other: text
            for other, text in sorted(translations[src].items())
            if other != lang and text not in (tgt, "")
        }
        stranger = tgt if after[2] == src else after[3]  # the next row may have the same sentence
        chance = fraction("chance", kind, lang, src, tgt)
        beneath = following.get((part, line, src, tgt), after)
        pair = DEFECTS[kind](Case(lang, src, tgt, chance, stranger, beneath[3], others))
        if pair is not None and pair != (src, tgt):
            spoiled.append((part, line, *pair))
        if len(spoiled) == PER_KIND:
            break
    return spoiled
