"""Compare: what changed between two builds, in recipe, counts and pairs."""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.build_manifest import BuildManifest, read_build_manifest
from sealdata.files.frames import read_frame
from sealdata.files.parquet import scan
from sealdata.languages import resolve
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.report.samples import MAX_TEXT
from sealdata.workflow.progress import counted
from sealdata.workflow.protocols import NO_PROGRESS, Progress
from sealdata.workflow.steps import single

SHOWN = 5  # pairs shown per language and direction


class Moved(BaseModel):
    """A pair that is in one build and not in the other."""

    model_config = ConfigDict(frozen=True)

    source: str
    row: int
    src: str
    tgt: str
    reason: str | None  # why the other build dropped it; None if it is not in its sources


class LanguageChange(BaseModel):
    """What changed in one language."""

    model_config = ConfigDict(frozen=True)

    lang: str
    before: int  # pairs kept
    after: int
    gone: int  # kept before, not now
    new: int
    changed: int  # kept in both, with other text
    # By first reason only, so that the counts add up to ``gone`` and ``new``.
    gone_for: dict[str, int]  # reason in the second build -> pairs
    new_from: dict[str, int]  # reason in the first build -> pairs
    gone_pairs: list[Moved]
    new_pairs: list[Moved]


class Comparison(BaseModel):
    """Two builds; ``recipe`` maps a key path of the recipe to [before, after]."""

    model_config = ConfigDict(frozen=True)

    # Every pair of values is (before, after).
    names: tuple[str, str]
    keys: tuple[str, str]
    recipe: dict[str, tuple[Any, Any]]
    versions: dict[str, tuple[str | None, str | None]]
    records: tuple[int, int]
    dropped: dict[str, tuple[int, int]]  # stage.reason -> pairs
    tokens: tuple[int, int]
    languages: list[LanguageChange]


# A pair that is neither kept nor in the ledger of the other build.
NEVER_SEEN = "not in the sources"


COMPARE = single("compare", "compare the builds")


def compare(before: Path, after: Path, progress: Progress = NO_PROGRESS) -> Comparison:
    """Two finished builds, pair by pair. Pairs are matched by source and row.

    Raises:
        DataError: one of them is not a finished build.
    """
    old, new = read_build_manifest(before), read_build_manifest(after)
    # A language that only one build has is compared with nothing: all its pairs are new or gone.
    languages = list(dict.fromkeys((*old.languages, *new.languages)))
    return Comparison(
        names=(old.name, new.name),
        keys=(old.build_key, new.build_key),
        recipe=_differences(_flat(old.recipe), _flat(new.recipe)),
        # A library or model may change scores though the recipe is the same.
        versions=_differences(
            {"sealdata": old.sealdata, **old.versions},
            {"sealdata": new.sealdata, **new.versions},
        ),
        records=(_num_records(old), _num_records(new)),
        dropped=_dropped(old, new),
        tokens=(
            sum(stream.num_tokens for stream in old.streams),
            sum(stream.num_tokens for stream in new.streams),
        ),
        languages=[
            _language(before, after, lang) for lang in counted(progress, COMPARE.name, languages)
        ],
    )


def changelog(comparison: Comparison) -> str:
    """A Markdown entry for the card's next version."""
    before = sum(change.before for change in comparison.languages)
    after = sum(change.after for change in comparison.languages)
    lines = [
        f"Pairs: {before:,} → {after:,} ({after - before:+,}); "
        f"tokens: {comparison.tokens[0]:,} → {comparison.tokens[1]:,}."
    ]
    for change in comparison.languages:
        # Languages without a change are left out, so that the entry says only what is new.
        if change.gone or change.new or change.changed:
            parts = [f"{change.new:,} new" + _because(change.new_from, "were")]
            parts.append(f"{change.gone:,} gone" + _because(change.gone_for, "now"))
            if change.changed:
                parts.append(f"{change.changed:,} with other text")
            lines.append(f"- {resolve(change.lang).name}: {'; '.join(parts)}.")
    lines += [
        f"- Recipe, `{key}`: {_shown(old)} → {_shown(new)}."
        for key, (old, new) in comparison.recipe.items()
    ]
    lines += [
        f"- {name}: {old or 'absent'} → {new or 'absent'}."
        for name, (old, new) in comparison.versions.items()
    ]
    return "\n".join(lines)


def _because(reasons: dict[str, int], verb: str) -> str:
    counts = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
    return f" ({verb} {counts})" if counts else ""


def _shown(value: Any) -> str:
    return "absent" if value is None else f"`{value}`"


def _num_records(manifest: BuildManifest) -> int:
    return sum(row.records for row in manifest.funnel)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves of a nested table by dotted path. A table in a list is named by its name or reason."""
    if isinstance(value, dict):
        leaves: dict[str, Any] = {}
        for key, inner in value.items():
            leaves |= _flat(inner, f"{path}.{key}" if path else key)
        return leaves
    # By name, not by position: a rule that was inserted would otherwise seem to change all later
    # rules.
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        leaves = {}
        for index, entry in enumerate(value):
            # Sources and streams have a name, rules a reason and a score. Other tables are
            # numbered.
            name = entry.get("name") or f"{entry.get('reason')} {entry.get('score')}"
            name = str(index) if name == "None None" else name
            leaves |= _flat(entry, f"{path}[{name}]")
        return leaves
    # Lists of plain values, such as paths of evaluation sets, are compared as a whole.
    return {path: value}


def _differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keys with different values. ``false`` counts as absent: ``off = false`` changes nothing."""
    values = {
        key: tuple(None if side.get(key) is False else side.get(key) for side in (old, new))
        for key in dict.fromkeys((*old, *new))
    }
    return {key: (before, after) for key, (before, after) in values.items() if before != after}


def _dropped(old: BuildManifest, new: BuildManifest) -> dict[str, tuple[int, int]]:
    before, after = (_drop_counts(manifest) for manifest in (old, new))
    # A reason that one build lacks has no pairs there.
    keys = dict.fromkeys((*before, *after))
    return {key: (before.get(key, 0), after.get(key, 0)) for key in keys}


def _drop_counts(manifest: BuildManifest) -> dict[str, int]:
    """``stage.reason`` -> pairs."""
    counts: dict[str, int] = {}
    for row in manifest.funnel:
        for stage, reasons in row.dropped.items():
            for reason, count in reasons.items():
                counts[f"{stage}.{reason}"] = counts.get(f"{stage}.{reason}", 0) + count
    return counts


def _language(before: Path, after: Path, lang: str) -> LanguageChange:
    try:
        return _changes(before, after, lang)
    except (OSError, pl.exceptions.PolarsError):
        # The error does not name the file of the two builds, so each is read again by itself.
        for out in (before, after):
            for file in (*kept_files(out, lang), *dropped_files(out, lang)):
                read_frame(file)
        raise


def _changes(before: Path, after: Path, lang: str) -> LanguageChange:
    # Lazy frames: only source, row and a hash of the text go through memory, not the text.
    kept = [_kept(out, lang) for out in (before, after)]
    keys = ["source", "row"]
    # Source and row identify a pair in both builds. A source with another name counts as other
    # pairs.
    gone = kept[0].join(kept[1], on=keys, how="anti").collect()
    new = kept[1].join(kept[0], on=keys, how="anti").collect()
    # Another cleaner may change the text of a pair that both builds keep.
    both = kept[0].join(kept[1], on=keys, suffix="_after")
    changed = both.filter(pl.col("text") != pl.col("text_after")).select(pl.len()).collect().item()
    # A pair that is gone is sought in the ledger of the second build, a new one in that of the
    # first.
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
        # A build may keep no pair of the language, and a scan of no files is an error.
        schema = {"source": pl.String, "row": pl.UInt64, "text": pl.UInt64}
        return pl.LazyFrame(schema=schema)
    # Both hashes are made in one process, so they need not be stable between versions of polars.
    return scan(files).select("source", "row", text=pl.struct("src", "tgt").hash(0))


def _reasoned(moved: pl.DataFrame, other: Path, lang: str) -> pl.DataFrame:
    """Why the other build dropped the pairs."""
    files = dropped_files(other, lang)
    # Without a ledger nothing was dropped, so the other build never read these pairs.
    if not files:
        return moved.with_columns(reason=pl.lit(None, pl.String))
    scans = [scan(file).select("source", "row", "reason") for file in files]
    # A source and row may be in the ledger once only. ``unique`` keeps a damaged build from
    # repeating pairs.
    dropped = pl.concat(scans).unique(["source", "row"])
    return (
        moved.lazy().join(dropped, on=["source", "row"], how="left").sort("source", "row").collect()
    )


def _counts(moved: pl.DataFrame) -> dict[str, int]:
    counts = moved.select(pl.col("reason").fill_null(NEVER_SEEN)).to_series().value_counts()
    # Most frequent first. Equal counts are sorted by name, so that the order does not vary.
    return dict(counts.sort(["count", "reason"], descending=[True, False]).rows())


def _pairs(moved: pl.DataFrame, out: Path, lang: str) -> list[Moved]:
    """A few of the pairs, spread evenly over their rows."""
    # Evenly over sources and rows: the first pairs of a sorted corpus would be all of one kind.
    chosen = moved.gather_every(max(1, moved.height // SHOWN)).head(SHOWN)
    if chosen.is_empty():
        return []
    texts = scan(kept_files(out, lang)).select("source", "row", "src", "tgt")
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
