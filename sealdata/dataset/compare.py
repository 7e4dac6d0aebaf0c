"""Compare: what changed between two builds, in recipe, counts and pairs."""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.build_manifest import BuildManifest, read_build_manifest
from sealdata.languages import resolve
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.report.samples import MAX_TEXT

SHOWN = 5  # pairs shown per language and direction


class Moved(BaseModel):
    """A pair that is in one build and not in the other."""

    model_config = ConfigDict(frozen=True)

    source: str
    row: int
    src: str
    tgt: str
    reason: str | None  # why the other build has it not; None where it never saw it


class LanguageChange(BaseModel):
    """What moved in one language."""

    model_config = ConfigDict(frozen=True)

    lang: str
    before: int  # pairs kept
    after: int
    gone: int  # kept before, not now
    new: int
    changed: int  # kept in both, with other text
    gone_for: dict[str, int]  # reason in the second build -> pairs
    new_from: dict[str, int]  # reason in the first build -> pairs
    gone_pairs: list[Moved]
    new_pairs: list[Moved]


class Comparison(BaseModel):
    """Two builds; ``recipe`` maps a place in the recipe to [before, after]."""

    model_config = ConfigDict(frozen=True)

    names: tuple[str, str]
    keys: tuple[str, str]
    recipe: dict[str, tuple[Any, Any]]
    versions: dict[str, tuple[str | None, str | None]]
    records: tuple[int, int]
    dropped: dict[str, tuple[int, int]]  # stage.reason -> pairs
    tokens: tuple[int, int]
    languages: list[LanguageChange]


NEVER_SEEN = "not in the sources"


def compare(before: Path, after: Path) -> Comparison:
    """Two finished builds, pair by pair; a pair is known by its source and row.

    Raises:
        DataError: one is no finished build.
    """
    one, other = read_build_manifest(before), read_build_manifest(after)
    languages = list(dict.fromkeys((*one.languages, *other.languages)))
    return Comparison(
        names=(one.name, other.name),
        keys=(one.build_key, other.build_key),
        recipe=_differences(_flat(one.recipe), _flat(other.recipe)),
        versions=_differences(
            {"sealdata": one.sealdata, **one.versions},
            {"sealdata": other.sealdata, **other.versions},
        ),
        records=(_sum(one), _sum(other)),
        dropped=_dropped(one, other),
        tokens=(
            sum(stream.num_tokens for stream in one.streams),
            sum(stream.num_tokens for stream in other.streams),
        ),
        languages=[_language(before, after, lang) for lang in languages],
    )


def changelog(found: Comparison) -> str:
    """A Markdown entry for the card's next version."""
    before, after = (
        sum(own) for own in zip(*((x.before, x.after) for x in found.languages), strict=True)
    )
    lines = [
        f"Pairs: {before:,} → {after:,} ({after - before:+,}); "
        f"tokens: {found.tokens[0]:,} → {found.tokens[1]:,}."
    ]
    for own in found.languages:
        if own.gone or own.new or own.changed:
            parts = [f"{own.new:,} new" + _because(own.new_from, "were")]
            parts.append(f"{own.gone:,} gone" + _because(own.gone_for, "now"))
            if own.changed:
                parts.append(f"{own.changed:,} with other text")
            lines.append(f"- {resolve(own.lang).name}: {'; '.join(parts)}.")
    lines += [
        f"- Recipe, `{place}`: {_shown(old)} → {_shown(new)}."
        for place, (old, new) in found.recipe.items()
    ]
    lines += [
        f"- {name}: {old or 'absent'} → {new or 'absent'}."
        for name, (old, new) in found.versions.items()
    ]
    return "\n".join(lines)


def _because(reasons: dict[str, int], verb: str) -> str:
    told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
    return f" ({verb} {told})" if told else ""


def _shown(value: Any) -> str:
    return "absent" if value is None else f"`{value}`"


def _sum(manifest: BuildManifest) -> int:
    return sum(row.records for row in manifest.funnel)


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    """Leaves of a nested table by dotted place; tables in a list are known by name or reason."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, own in value.items():
            found |= _flat(own, f"{place}.{key}" if place else key)
        return found
    if isinstance(value, list) and value and all(isinstance(own, dict) for own in value):
        found = {}
        for number, own in enumerate(value):
            name = own.get("name") or f"{own.get('reason')} {own.get('score')}"
            name = str(number) if name == "None None" else name
            found |= _flat(own, f"{place}[{name}]")
        return found
    return {place: value}


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Places whose values differ; what is off is as if it were absent."""
    found = {
        key: tuple(None if own.get(key) is False else own.get(key) for own in (one, other))
        for key in dict.fromkeys((*one, *other))
    }
    return {key: (before, after) for key, (before, after) in found.items() if before != after}


def _dropped(one: BuildManifest, other: BuildManifest) -> dict[str, tuple[int, int]]:
    counts: list[dict[str, int]] = [{}, {}]
    for own, manifest in zip(counts, (one, other), strict=True):
        for row in manifest.funnel:
            for stage, reasons in row.dropped.items():
                for reason, count in reasons.items():
                    own[f"{stage}.{reason}"] = own.get(f"{stage}.{reason}", 0) + count
    places = dict.fromkeys((*counts[0], *counts[1]))
    return {place: (counts[0].get(place, 0), counts[1].get(place, 0)) for place in places}


def _language(before: Path, after: Path, lang: str) -> LanguageChange:
    kept = [_kept(out, lang) for out in (before, after)]
    keys = ["source", "row"]
    gone = kept[0].join(kept[1], on=keys, how="anti").collect()
    new = kept[1].join(kept[0], on=keys, how="anti").collect()
    both = kept[0].join(kept[1], on=keys, suffix="_after")
    changed = both.filter(pl.col("text") != pl.col("text_after")).select(pl.len()).collect().item()
    gone, new = _reasoned(gone, after, lang), _reasoned(new, before, lang)
    heights = [frame.select(pl.len()).collect().item() for frame in kept]
    return LanguageChange(
        lang=lang,
        before=heights[0],
        after=heights[1],
        gone=gone.height,
        new=new.height,
        changed=changed,
        gone_for=_counts(gone),
        new_from=_counts(new),
        gone_pairs=_pairs(gone, before, lang),
        new_pairs=_pairs(new, after, lang),
    )


def _kept(out: Path, lang: str) -> pl.LazyFrame:
    """``source``, ``row`` and a hash of the text of every kept pair."""
    files = kept_files(out, lang)
    if not files:
        schema = {"source": pl.String, "row": pl.UInt64, "text": pl.UInt64}
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(files, glob=False).select(
        "source", "row", text=pl.struct("src", "tgt").hash(0)
    )


def _reasoned(moved: pl.DataFrame, other: Path, lang: str) -> pl.DataFrame:
    """Why the other build dropped the pairs."""
    files = dropped_files(other, lang)
    if not files:
        return moved.with_columns(reason=pl.lit(None, pl.String))
    scans = [pl.scan_parquet(file, glob=False).select("source", "row", "reason") for file in files]
    known = pl.concat(scans).unique(["source", "row"])
    return (
        moved.lazy().join(known, on=["source", "row"], how="left").sort("source", "row").collect()
    )


def _counts(moved: pl.DataFrame) -> dict[str, int]:
    found = moved.select(pl.col("reason").fill_null(NEVER_SEEN)).to_series().value_counts()
    return dict(found.sort(["count", "reason"], descending=[True, False]).rows())


def _pairs(moved: pl.DataFrame, out: Path, lang: str) -> list[Moved]:
    """A few of the pairs, spread over their rows."""
    chosen = moved.gather_every(max(1, moved.height // SHOWN)).head(SHOWN)
    if chosen.is_empty():
        return []
    texts = pl.scan_parquet(kept_files(out, lang), glob=False).select("source", "row", "src", "tgt")
    rows = chosen.lazy().join(texts, on=["source", "row"]).sort("source", "row").collect()
    return [
        Moved(
            source=row["source"],
            row=row["row"],
            src=row["src"][:MAX_TEXT],
            tgt=row["tgt"][:MAX_TEXT],
            reason=row["reason"],
        )
        for row in rows.iter_rows(named=True)
    ]
