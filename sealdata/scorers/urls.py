"""Web addresses of the two sides: do both have the same, and how much of a side is address?"""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, SHARE, Range, Scorer

# An address ends before white space, quotes, brackets, letters beyond ASCII (in scripts without
# spaces the sentence goes on), and punctuation that closes the sentence around it.
_CHARS = r"[A-Za-z0-9\-._~:/?#@!$&*+;=%,]"
_URL = rf"(?i)\b(?:https?://|www\.){_CHARS}*[A-Za-z0-9/\-_~#@$&*+=%]"
_BARE = r"^(?:https?://)?(?:www\.)?|/$"


class Urls(Scorer):
    """Addresses that only one side has, and the share of each side that is address.

    A translation keeps the addresses of its original; scheme, ``www.``, capitals and a last slash
    do not matter. Catches misaligned lists of links, footers and cited pages of different articles.

    A rule: ``mismatch`` 0. It drops one of the 29,728 pairs of TICO-19 and TALPCo, of which few
    have addresses.

    Source: the url_mismatch filter of OpusCleaner; NeMo Curator's share of URLs (at most 0.2).
    """

    columns: ClassVar[dict[str, str]] = {
        "mismatch": "distinct web addresses that one side has and the other lacks, 0 or more",
        "src_share": "share of the characters of the English side in web addresses, 0 to 1",
        "tgt_share": "share of the characters of the other side in web addresses, 0 to 1",
    }
    ranges: ClassVar[dict[str, Range | None]] = {
        "mismatch": COUNT,
        "src_share": SHARE,
        "tgt_share": SHARE,
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32 and Float64 columns; null never."""
        sides = pairs.select("src", "tgt").fill_null("")
        some = sides.select(pl.any_horizontal(pl.all().str.contains(r"(?i)https?://|\bwww\.")))
        rows = some.to_series().arg_true()  # few pairs have any: only they are looked at
        scores = _scored(sides[rows])
        none = pl.zeros(pairs.height, pl.UInt32, eager=True)
        return pl.DataFrame(
            {name: none.cast(scores[name].dtype).scatter(rows, scores[name]) for name in scores}
        )


def _scored(sides: pl.DataFrame) -> dict[str, pl.Series]:
    urls = sides.select(pl.all().str.extract_all(_URL))
    pages = urls.select(
        pl.all().list.eval(pl.element().str.to_lowercase().str.replace_all(_BARE, ""))
    )
    differ = pages.select(pl.col("src").list.set_symmetric_difference("tgt").list.len())
    chars = urls.select(pl.all().list.eval(pl.element().str.len_chars()).list.sum())
    lengths = sides.select(pl.all().str.len_chars().clip(lower_bound=1))
    return {
        "mismatch": differ.to_series().cast(pl.UInt32),
        "src_share": (chars["src"] / lengths["src"]).cast(pl.Float64),
        "tgt_share": (chars["tgt"] / lengths["tgt"]).cast(pl.Float64),
    }


COMPONENT = Urls
