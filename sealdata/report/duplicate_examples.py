"""Examples of duplicates: each with the pair that it equals, which its keys identify."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import polars_hash as plh

from sealdata.filter_stages import stages_before
from sealdata.report.audit_rows import AuditRows
from sealdata.report.samples import MAX_TEXT
from sealdata.report.schema import DuplicateExample
from sealdata.stages.partition import rows_of
from sealdata.text.hashing import key_hashes

MAX_EXAMPLES = 10  # of a language, those with the lowest hashes
_SHOW = ("source", "row", "src", "tgt")
_KEYS = ["src_key", "tgt_key"]
# A pair that one of these stages dropped cannot be the first of equal pairs.
_NOT_COMPARED = (*stages_before("dedup"), "dedup")


def ledger_duplicate_examples(audit_rows: AuditRows, lang: str) -> list[DuplicateExample]:
    """A few duplicates of a finished build, each with the pair it equals.

    Dedup keeps the first of several pairs with equal keys, so that exactly one of them was kept or
    dropped by a later filter stage. The search hashes the English side of every row; it holds one
    batch in memory.
    """
    drawn = _drawn(audit_rows, lang)
    if drawn.is_empty():
        return []
    frames = []
    for frame in audit_rows.frames(lang, [*_SHOW, "split"]):
        stage = pl.col("stage")
        rows = frame.filter(stage.is_null() | ~stage.is_in(_NOT_COMPARED))
        english = key_hashes(rows, ["src"])["src"]
        rows = rows.filter(english.is_in(drawn["src_key"].implode()))
        outcome = pl.coalesce("stage", *(["split"] if "split" in rows.columns else []))
        keyed = _keyed(rows).with_columns(outcome=outcome.fill_null("kept"))
        frames.append(keyed.select(*_KEYS, *_SHOW, "outcome"))
    return _facts(lang, drawn, pl.concat(frames))


def corpus_duplicate_examples(
    audit_rows: AuditRows, lang: str, sources: Iterable[tuple[Sequence[str], Path, Path]]
) -> list[DuplicateExample]:
    """A few duplicates among the sampled pairs, each with the first pair of the corpus it equals.

    ``sources`` are those of the language, in order: parts, folder of keys, folder of pairs.
    """
    drawn = _drawn(audit_rows, lang)
    if drawn.is_empty():
        return []
    has_drawn_key = pl.col("src_key").is_in(drawn["src_key"].unique().implode())
    parts_and_keys = [
        (cleaned / f"{part}.parquet", rows_of(keys / f"{part}.parquet", has_drawn_key))
        for parts, keys, cleaned in sources
        for part in parts
    ]
    return _facts(lang, drawn, pl.concat(_first(parts_and_keys, drawn)))


def _first(
    parts_and_keys: list[tuple[Path, pl.DataFrame]], drawn: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """The first pair of each key of ``drawn``, in the order of precedence."""
    left = drawn.select(_KEYS).unique()
    yield drawn.clear().select(*_KEYS, *_SHOW, outcome=pl.lit(None, pl.String))
    for path, keys in parts_and_keys:
        first = keys.join(left, on=_KEYS, how="semi").sort("at").unique(_KEYS, keep="first")
        if first.is_empty():
            continue
        left = left.join(first, on=_KEYS, how="anti")
        is_first = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(
            first["at"].cast(pl.UInt32).implode()
        )
        pairs = rows_of(path, is_first).select(_SHOW)
        keyed = first.sort("at").select(_KEYS)
        yield pl.concat([keyed, pairs], how="horizontal").with_columns(
            outcome=pl.lit(None, pl.String)
        )


def _drawn(audit_rows: AuditRows, lang: str) -> pl.DataFrame:
    """At most MAX_EXAMPLES pairs that dedup dropped, by hash, with their keys."""
    best: list[pl.DataFrame] = []
    for frame in audit_rows.frames(lang, [*_SHOW]):
        rows = frame.filter(pl.col("stage") == "dedup").select(_SHOW)
        name = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        ranked = rows.with_columns(hash=name.nchash.xxh3_64())
        best = [pl.concat([*best, ranked]).bottom_k(MAX_EXAMPLES, by="hash")]
    return _keyed(best[0].sort("hash")) if best else pl.DataFrame()


def _keyed(pairs: pl.DataFrame) -> pl.DataFrame:
    keys = key_hashes(pairs, ["src", "tgt"])
    return pairs.with_columns(src_key=keys["src"], tgt_key=keys["tgt"])


def _facts(lang: str, drawn: pl.DataFrame, firsts: pl.DataFrame) -> list[DuplicateExample]:
    """Each duplicate with the first pair; a duplicate whose first pair is absent is left out."""
    firsts = firsts.unique(_KEYS, keep="first", maintain_order=True)
    both = drawn.join(firsts, on=_KEYS, suffix="_first", maintain_order="left")
    return [
        DuplicateExample(
            lang=lang,
            source=row["source"],
            row=row["row"],
            src=row["src"][:MAX_TEXT],
            tgt=row["tgt"][:MAX_TEXT],
            first_source=row["source_first"],
            first_row=row["row_first"],
            first_src=row["src_first"][:MAX_TEXT],
            first_tgt=row["tgt_first"][:MAX_TEXT],
            first_outcome=row["outcome"],
        )
        for row in both.to_dicts()
    ]
