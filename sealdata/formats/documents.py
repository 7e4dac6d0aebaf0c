"""Pairs as documents in one direction, the template of each drawn by the hash of its pair."""

from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Literal

import numpy as np
import polars as pl

from sealdata.formats.templates import Names, Template, language_name
from sealdata.text.hashing import mix

Directions = Literal["both", "random", "en-x", "x-en"]
DocumentLayout = Literal["sides", "pairs"]
ENGLISH = "eng_Latn"
# Draws from one pair's key that must not depend on each other.
_DIRECTION, _TEMPLATE = 1, 2


@dataclass(frozen=True)
class PairFormat:
    """Writes pairs of English and ``lang`` in one direction.

    ``english_first`` is the order on the page. With ``halved`` each pair appears in one direction
    only, drawn by its key: exactly one of two formats that differ only in ``english_first`` takes
    it.
    """

    lang: str
    english_first: bool
    halved: bool
    templates: tuple[str, ...]
    weights: tuple[float, ...]
    names: Names
    # Neighbouring pairs in a document. With more than one, sides are lists of texts.
    document_pairs: int = 1
    layout: DocumentLayout = "sides"

    @property
    def languages(self) -> tuple[str, str]:
        """FLORES-200 codes in the order on the page."""
        return (ENGLISH, self.lang) if self.english_first else (self.lang, ENGLISH)

    @property
    def language_names(self) -> dict[str, str]:
        """What the templates print for each language."""
        return {code: language_name(code, self.names) for code in self.languages}

    def params(self) -> dict[str, object]:
        """All that can change the documents."""
        return {**asdict(self), "language_names": self.language_names}

    def takes(self, keys: pl.Series) -> pl.Series:
        """Which pairs this direction holds, by their keys (u64): all, unless halved."""
        if not self.halved:
            return pl.repeat(True, keys.len(), eager=True)
        return (mix(keys, _DIRECTION) >= 2**63) == self.english_first

    def documents(self, pairs: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
        """``source``, ``row``, ``template`` (u8), ``text``, ``prompt_chars`` (u32) of each pair.

        ``prompt_chars`` is the length, in code points, of what stands before the second side, or
        before the first of several second sides.

        With ``document_pairs`` above 1, ``src`` and ``tgt`` are lists of texts. The layout "sides"
        writes all first sides, a line each, where the template has one, then all second sides.
        The layout "pairs" writes the template once for each pair.
        """
        if self.document_pairs > 1 and self.layout == "sides":
            pairs = pairs.with_columns(pl.col("src", "tgt").list.join("\n"))
        elif self.document_pairs > 1:
            return self._pair_by_pair(pairs, keys)
        names = dict(zip(("first_name", "second_name"), self.language_names.values(), strict=True))
        sides = ("src", "tgt") if self.english_first else ("tgt", "src")
        rendered = [Template.parse(text).render(names, *sides) for text in self.templates]
        drawn = pairs.with_columns(template=self._draw(keys))
        text, prompt = rendered[-1]
        for number in reversed(range(len(rendered) - 1)):
            here = pl.when(pl.col("template") == number)
            text = here.then(rendered[number][0]).otherwise(text)
            prompt = here.then(rendered[number][1]).otherwise(prompt)
        return drawn.select(
            "source", "row", "template", text=text, prompt_chars=prompt.str.len_chars()
        )

    def _pair_by_pair(self, pairs: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
        """Documents in the layout "pairs"."""
        number = pl.int_range(pl.len(), dtype=pl.UInt32)
        flat = pairs.with_columns(key=keys, document=number).explode("src", "tgt")
        single = replace(self, document_pairs=1).documents(flat, flat["key"])
        return (
            single.group_by(flat["document"], maintain_order=True)
            .agg(
                pl.col("source", "row", "template").first(),
                # All pairs of a document have one key, so one template.
                pl.col("text").str.join("\n"),
                pl.col("prompt_chars").first(),
            )
            .drop("document")
        )

    def _draw(self, keys: pl.Series) -> pl.Series:
        """Number of each pair's template (u8): each has its share of the u64 range."""
        shares = accumulate(weight / sum(self.weights) for weight in self.weights)
        bounds = [min(int(share * 2**64), 2**64 - 1) for share in shares][:-1]
        values = mix(keys, _TEMPLATE).to_numpy()
        return pl.Series(np.searchsorted(np.array(bounds, np.uint64), values, side="right")).cast(
            pl.UInt8
        )


def orders(directions: Directions) -> tuple[bool, ...]:
    """Which of a pair's two streams there are: whether English comes first in each."""
    return {"both": (True, False), "random": (True, False), "en-x": (True,), "x-en": (False,)}[
        directions
    ]
