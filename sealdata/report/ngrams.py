"""Facts about phrases that many pairs share: word n-grams and the number of pairs they are in."""

from collections.abc import Iterator

import polars as pl
import polars_hash as plh

from sealdata.languages import resolve
from sealdata.report.audit_rows import AuditRows, share_error
from sealdata.report.schema import NgramFacts
from sealdata.text.words import NO_SEGMENTER, words, words_by

WORDS = 4  # of a phrase: three are grammar ("one of the"), six are rarely shared
MAX_DRAWN = 10_000  # kept pairs of a language, those with the lowest hashes
MAX_CHARS = 2_000  # of a text that are read, so that memory is bounded
TOP = 10  # phrases of a side
MAX_PHRASE = 80  # characters of a phrase that are shtokens: a "word" may be a long address
_ENGLISH = "eng_Latn"


def ngram_facts(audit_rows: AuditRows, lang: str) -> list[NgramFacts]:
    """The most frequent phrases of the kept pairs, for the English side and the other; [] if
    nothing was kept."""
    drawn, kept = _drawn(audit_rows, lang)
    if drawn.is_empty():
        return []
    of = audit_rows.estimate(lang, kept)
    return [_facts(drawn[side], lang, side, of) for side in ("src", "tgt")]


def _drawn(audit_rows: AuditRows, lang: str) -> tuple[pl.DataFrame, int]:
    """The texts of at most MAX_DRAWN kept rows, and how many rows were kept."""
    best: list[pl.DataFrame] = []
    kept = 0
    for frame in audit_rows.frames(lang, ["src", "tgt"]):
        rows = frame.filter(pl.col("stage").is_null())
        kept += rows.height
        # The hash is of source and row only, so the sample does not depend on batches or files.
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        texts = pl.col("src", "tgt").str.slice(0, MAX_CHARS)
        ranked = rows.select(key.nchash.xxh3_64().alias("hash"), texts)
        best = [pl.concat([*best, ranked]).bottom_k(MAX_DRAWN, by="hash")]
    return (best[0].sort("hash") if best else pl.DataFrame()), kept


def _facts(texts: pl.Series, lang: str, side: str, of: int) -> NgramFacts:
    language = _ENGLISH if side == "src" else lang
    by = words_by(language)
    counts = frequent(texts, language) if by != NO_SEGMENTER else ()
    pairs = texts.len()
    return NgramFacts(
        lang=lang,
        side=side,
        words=WORDS,
        words_by=by,
        pairs=pairs,
        of=of,
        top=[
            (phrase, count, share_error(count / pairs, pairs, of) if of > pairs else 0.0)
            for phrase, count in counts
        ],
    )


def frequent(texts: pl.Series, lang: str) -> list[tuple[str, int]]:
    """At most TOP phrases that are in two texts or more, and how many texts each is in.

    ``texts`` [N] strings; a phrase counts once a text. Phrases are in lower case, most frequent
    first, equally frequent ones by their letters. A phrase that shares all words but one with a
    phrase before it is left out: a long passage would fill the list otherwise.
    """
    long_words = _words(texts.str.to_lowercase(), lang)
    within = pl.col("text") == pl.col("text").shift(1 - WORDS)
    # Words of scripts without spaces are joined by a space too, which shows where ICU cuts.
    phrase = pl.concat_str([pl.col("word").shift(-i) for i in range(WORDS)], separator=" ")
    counts = (
        long_words.lazy()
        .select("text", phrase=pl.when(within).then(phrase))
        .drop_nulls("phrase")
        .unique()
        .group_by("phrase")
        .len()
        .filter(pl.col("len") > 1)
        # Overlapping phrases are left out below, so that more are needed than are listed.
        .sort(["len", "phrase"], descending=[True, False])
        .head(TOP * 4 * WORDS)
        .collect()
    )
    return list(_distinct(counts))


def _distinct(counts: pl.DataFrame) -> Iterator[tuple[str, int]]:
    chosen: list[list[str]] = []
    for phrase, count in counts.iter_rows():
        tokens = phrase.split(" ")
        if any(tokens[1:] == other[:-1] or tokens[:-1] == other[1:] for other in chosen):
            continue
        chosen.append(tokens)
        yield (phrase if len(phrase) <= MAX_PHRASE else phrase[:MAX_PHRASE] + "…"), count
        if len(chosen) == TOP:
            return


def _words(texts: pl.Series, lang: str) -> pl.DataFrame:
    """One row a word, in order: ``text`` (index of its text) and ``word``."""
    # White space is split by an expression; only ICU's dictionaries need texts one by one.
    if resolve(lang).spaces:
        return (
            pl.DataFrame({"text": pl.int_range(texts.len(), eager=True), "word": texts})
            .with_columns(pl.col("word").str.extract_all(r"\S+"))
            .explode("word")
            .drop_nulls()
        )
    lines = texts.to_list()
    spans = words(lines, lang)
    assert spans is not None, "asked for words without a segmenter"
    joined = "\n".join(lines)
    begins = pl.Series([0, *(len(line) + 1 for line in lines)]).cum_sum()
    return pl.DataFrame(
        {
            "text": begins.search_sorted(pl.Series(spans.starts), side="right"),
            "word": [joined[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)],
        }
    )
