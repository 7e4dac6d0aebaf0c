"""Duplicates with evidence: the pair that each equals, found again by its keys."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import polars_hash as plh

from sealdata.filter_stages import stages_before
from sealdata.report.audit_rows import Evidence
from sealdata.report.samples import MAX_TEXT
from sealdata.report.schema import TwinFacts
from sealdata.stages.partition import rows_of
from sealdata.text.hashing import key_hashes

SHOWN = 10  # duplicates of a language, those with the lowest hashes
_SHOW = ("source", "row", "src", "tgt")
_KEYS = ["src_key", "tgt_key"]
# Pairs that these stages drop displace no other.
_NOT_COMPARED = (*stages_before("dedup"), "dedup")


def ledger_twins(evidence: Evidence, lang: str) -> list[TwinFacts]:
    """A few duplicates of a finished build, each beside the pair it equals.

    Of pairs with equal keys one alone is no duplicate, so it is the one that was kept, or dropped
    at a later gate. English sides of all rows are folded to find it; memory is a batch.
    """
    drawn = _drawn(evidence, lang)
    if drawn.is_empty():
        return []
    found = []
    for frame in evidence.frames(lang, [*_SHOW, "split"]):
        stage = pl.col("stage")
        rows = frame.filter(stage.is_null() | ~stage.is_in(_NOT_COMPARED))
        english = key_hashes(rows, ["src"])["src"]
        rows = rows.filter(english.is_in(drawn["src_key"].implode()))
        outcome = pl.coalesce("stage", *(["split"] if "split" in rows.columns else []))
        keyed = _keyed(rows).with_columns(outcome=outcome.fill_null("kept"))
        found.append(keyed.select(*_KEYS, *_SHOW, "outcome"))
    return _facts(lang, drawn, pl.concat(found))


def corpus_twins(
    evidence: Evidence, lang: str, sources: Iterable[tuple[Sequence[str], Path, Path]]
) -> list[TwinFacts]:
    """A few duplicates among the sampled pairs, each beside the first pair of the corpus that it
    equals. ``sources`` of the language, in order: their parts, the folders of keys and pairs."""
    drawn = _drawn(evidence, lang)
    if drawn.is_empty():
        return []
    wanted = pl.col("src_key").is_in(drawn["src_key"].unique().implode())
    places = [
        (cleaned / f"{part}.parquet", rows_of(keys / f"{part}.parquet", wanted))
        for parts, keys, cleaned in sources
        for part in parts
    ]
    return _facts(lang, drawn, pl.concat(_first(places, drawn)))


def _first(places: list[tuple[Path, pl.DataFrame]], drawn: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The first pair of each wanted key, in the order of precedence."""
    left = drawn.select(_KEYS).unique()
    yield drawn.clear().select(*_KEYS, *_SHOW, outcome=pl.lit(None, pl.String))
    for path, keys in places:
        first = keys.join(left, on=_KEYS, how="semi").sort("at").unique(_KEYS, keep="first")
        if first.is_empty():
            continue
        left = left.join(first, on=_KEYS, how="anti")
        at = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(first["at"].cast(pl.UInt32).implode())
        pairs = rows_of(path, at).select(_SHOW)
        keyed = first.sort("at").select(_KEYS)
        yield pl.concat([keyed, pairs], how="horizontal").with_columns(
            outcome=pl.lit(None, pl.String)
        )


def _drawn(evidence: Evidence, lang: str) -> pl.DataFrame:
    """At most SHOWN pairs that dedup dropped, by hash, with their keys."""
    best: list[pl.DataFrame] = []
    for frame in evidence.frames(lang, [*_SHOW]):
        rows = frame.filter(pl.col("stage") == "dedup").select(_SHOW)
        name = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        ranked = rows.with_columns(hash=name.nchash.xxh3_64())
        best = [pl.concat([*best, ranked]).bottom_k(SHOWN, by="hash")]
    return _keyed(best[0].sort("hash")) if best else pl.DataFrame()


def _keyed(pairs: pl.DataFrame) -> pl.DataFrame:
    keys = key_hashes(pairs, ["src", "tgt"])
    return pairs.with_columns(src_key=keys["src"], tgt_key=keys["tgt"])


def _facts(lang: str, drawn: pl.DataFrame, firsts: pl.DataFrame) -> list[TwinFacts]:
    """Each duplicate with its first; one whose first is not there is left out."""
    firsts = firsts.unique(_KEYS, keep="first", maintain_order=True)
    both = drawn.join(firsts, on=_KEYS, suffix="_first", maintain_order="left")
    return [
        TwinFacts(
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
