"""Input of the benchmarks: distinct pairs put together from the sentences of the sample."""

import gzip
from pathlib import Path

import polars as pl

from sealdata.files.places import sample_dir
from sealdata.pairs import make_pairs

ENGLISH, THAI = "eng_Latn", "tha_Thai"
_STEP = 7919  # a prime: neighbouring lines begin with different sentences


def sample_languages() -> tuple[str, ...]:
    """The languages of the sample beside English."""
    names = (path.stem for path in (sample_dir() / "text").glob("???_????.txt"))
    return tuple(sorted(set(names) - {ENGLISH}))


def mixed_pairs(num_pairs: int) -> pl.DataFrame:
    """Pairs of English with every language of the sample, equally many of each, in blocks.

    The English lines are the same with each language, as in corpora made from one crawl.
    """
    languages = sample_languages()
    return pl.concat(pairs_of(lang, num_pairs // len(languages)) for lang in languages)


def pairs_of(lang: str, num_pairs: int) -> pl.DataFrame:
    """Distinct pairs of English and ``lang``.

    A line is two different sentences of the sample, the same two on both sides. When all ordered
    couples are used up they come again with a number behind them.
    """
    english, other = (sentences(code) for code in (ENGLISH, lang))
    count = len(english)
    couples = count * (count - 1)
    rows = []
    for line in range(num_pairs):
        turn, couple = line // couples, line % couples * _STEP % couples
        first, second = divmod(couple, count - 1)
        second += second >= first
        end = f" {turn}" if turn else ""
        src, tgt = (f"{side[first]} {side[second]}{end}" for side in (english, other))
        rows.append((src, tgt))
    return make_pairs(rows, tgt_lang=lang)


def write_nllb(pairs: pl.DataFrame, path: Path) -> None:
    """The pairs as a gzip in the nine columns of allenai/nllb."""
    url = pl.format("https://www.example.org/news/2026/{}/page", pl.col("row"))
    lines = pairs.select(
        line=pl.concat_str(
            *("src", "tgt"),
            *map(pl.lit, ("1.1327", "0.99871", "0.98012", "crawl-2019")),
            url,
            pl.lit("crawl-2019"),
            url,
            separator="\t",
        )
    )
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines["line"])


def sentences(code: str) -> list[str]:
    """The sentences of one language of the sample, in the order common to all."""
    return (sample_dir() / "text" / f"{code}.txt").read_text("utf-8").splitlines()
