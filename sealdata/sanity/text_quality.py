"""Does the text of a source or stream look like sentences, and its sides like translations?"""

from collections.abc import Iterator

import polars as pl

from sealdata.build_manifest import Finding
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import SourceTable
from sealdata.sanity.findings import error, warning
from sealdata.sanity.inputs import named
from sealdata.sanity.samples import Samples, share, spread
from sealdata.text.characters import count_characters

MIN_TEXTS = 20  # with fewer, a share says nothing
MIN_PAIRS = 100  # for the correlation of lengths
ROWS = 2_000  # of each source
MIN_SHARE = 0.5  # share of texts from which it is worth a warning
NEARLY_ALL = 0.9
FEW_DISTINCT = 0.1  # share of distinct pairs or sides below which it is worth a warning
# Spearman's correlation of the lengths of both sides. Good corpora at hand have 0.63 (everyday
# sentences) to 0.98, shuffled ones -0.1 to 0.1, and those that slipped by a line 0.1 to 0.6.
SUSPICIOUS, UNRELATED = 0.5, 0.2
_CHARS = 2_000  # of a document
_TAG = r"(?i)</?(?:p|div|span|a|br|li|ul|td|tr|table|html|body|head|script|h[1-6])(?:\s[^>]*)?/?>"
_ID_CHARS = 24  # a longer document without white space may be in a script that writes none


def doubtful_text(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Text that is not sentences, that repeats itself, or whose sides do not belong together."""
    for table, sample in samples.tables(plan):
        if sample.good.height < MIN_TEXTS:
            continue
        rows = spread(sample.good, ROWS)
        if isinstance(table, SourceTable):
            yield from _of_pairs(named(table), rows.select("src", "tgt"))
        else:
            yield from _of_documents(named(table), rows["text"].str.slice(0, _CHARS))


def _of_pairs(where: str, pairs: pl.DataFrame) -> Iterator[Finding]:
    for side, name in (("src", "English"), ("tgt", "other")):
        if (without := _without_letters(pairs[side])) >= MIN_SHARE:
            yield warning("not-text", where, f"{without:.0%} of its {name} sides have no letter")
    for columns, what in ((["src", "tgt"], "pairs"), (["src"], "English sides"),
                          (["tgt"], "other sides")):  # fmt: skip
        distinct = pairs.select(pl.struct(columns).n_unique()).item() / pairs.height
        if distinct < FEW_DISTINCT:
            message = f"only {distinct:.1%} of its {what} differ; a build keeps one of equal pairs"
            yield warning("repeated", where, message)
            return  # lengths of equal texts say nothing
    yield from _alignment(where, pairs)


def _alignment(where: str, pairs: pl.DataFrame) -> Iterator[Finding]:
    # "Number 1", "Number 2", ... is one text, whose length says nothing.
    words = pl.col("src", "tgt").str.replace_all(r"\d+", "")
    pairs = pairs.filter(pl.struct(words).is_first_distinct())
    if pairs.height < MIN_PAIRS:
        return
    lengths = pairs.select(pl.col("src", "tgt").str.len_chars())
    correlation = lengths.select(pl.corr("src", "tgt", method="spearman")).item()
    if correlation is None or correlation != correlation or correlation >= SUSPICIOUS:
        return
    message = (
        f"the lengths of its two sides have a rank correlation of {correlation:.2f}; translations "
        "have 0.6 or more. The lines of one side may be shuffled or shifted: look at some pairs"
    )
    say = error if correlation < UNRELATED else warning
    yield say("misaligned", where, message)


def _of_documents(where: str, texts: pl.Series) -> Iterator[Finding]:
    text = texts.str.strip_chars()
    looks = {
        'JSON objects; read them with options = { format = "jsonl" }': text.str.contains(
            r'^\{\s*"[^"]*"\s*:'
        ),
        "HTML; take the text out of it first": text.str.contains(_TAG),
        "identifiers; name the field of the text": ~text.str.contains(r"\s")
        & (text.str.len_chars() <= _ID_CHARS),
    }
    for what, rows in looks.items():
        if (part := share(rows)) >= MIN_SHARE:
            say = error if part >= NEARLY_ALL else warning
            yield say("not-text", where, f"{part:.0%} of its documents look like {what}")
            return
    if (without := _without_letters(texts)) >= MIN_SHARE:
        yield error("not-text", where, f"{without:.0%} of its documents have no letter")
    distinct = texts.n_unique() / texts.len()
    if distinct < MIN_SHARE:
        message = f"only {distinct:.1%} of its documents differ; all of them are packed"
        yield warning("repeated", where, message)


def _without_letters(texts: pl.Series) -> float:
    return share(count_characters(texts)["letters"] == 0)
