"""Annotate: a blind sample for people to judge, and the precision that follows from it."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import write_atomic
from sealdata.readers._open import read_text
from sealdata.report.schema import AnnotationPrecisionFacts
from sealdata.shards.shuffle import row_keys

# Kreutzer et al. 2022, "Quality at a Glance", table 2: what a rater calls a pair.
LABELS = {
    "CC": "correct translation, natural sentences",
    "CB": "correct, but boilerplate or low quality",
    "CS": "correct, but a single word or a short phrase",
    "X": "misaligned: both languages right, but no translation",
    "WL": "wrong language on either side",
    "NL": "not language on either side",
    "?": "cannot tell",
}
# Kreutzer et al. count these three as correct: boilerplate and short phrases are translations too.
CORRECT = ("CC", "CB", "CS")
BINS = 5  # of the score that decides, by quantiles
# Two-sided 95 % quantile of the normal distribution.
Z95 = 1.96
# Neither score nor source is in the sheet: they would hint at the answer.
HEADER = ("id", "label", "comment", "english", "other_language", "other")


def draw(
    frames: Iterable[pl.DataFrame], score: str, edges: Sequence[float], number: int, seed: int
) -> pl.DataFrame:
    """``number`` rows, drawn by hash in equal shares from the bins of ``score``.

    Added are ``bin`` and its bounds, from ``low`` to below ``high``, null at the open ends. Bins
    have equally many rows, so the share of correct rows in the sample estimates that of all rows.
    Rows without the score are a bin of their own. Memory is bounded.
    """
    # At most ``number`` rows of each bin are held, whatever the number of frames.
    best: list[pl.DataFrame] = []
    turn = pl.col("key").rank("ordinal").over("bin")
    for frame in frames:
        # A build without rules may have no score. All rows are then one bin.
        scored = score in frame.columns and bool(edges)
        bin_of_row = _bin(score, edges) if scored else pl.lit(0, pl.Int32)
        # The key depends on seed, source and row, so the order in which frames come does not change
        # the draw.
        fresh = frame.with_columns(key=row_keys(frame, seed), bin=bin_of_row)
        # Sources may have different score columns. Missing ones become null.
        together = pl.concat([*best, fresh], how="diagonal_relaxed")
        best = [together.filter(turn <= number)]
    if not best:
        return pl.DataFrame()
    # Bin i lies between edge i - 1 and edge i. The first and the last bin are open to one side.
    bounds = pl.DataFrame(
        {"bin": range(len(edges) + 1), "low": [None, *edges], "high": [*edges, None]},
        schema={"bin": pl.Int32, "low": pl.Float64, "high": pl.Float64},
    )
    # Sorted by turn, each bin yields one row before any yields its second: equal shares of
    # ``number``.
    chosen = best[0].with_columns(turn=turn).sort("turn", "bin").head(number)
    # Rows without the score have bin -1, which has no bounds.
    return chosen.join(bounds, on="bin", how="left", maintain_order="left")


def bin_edges(scores: pl.Series) -> list[float]:
    """Inner edges of BINS bins with equally many rows."""
    values = scores.drop_nulls().cast(pl.Float64)
    # One infinite value would make an edge that separates nothing.
    values = values.filter(values.is_finite())
    if values.is_empty():
        return []
    # "nearest" takes a score that occurs, so an edge can be shown as it is.
    cuts = [values.quantile(i / BINS, "nearest") for i in range(1, BINS)]
    # Many equal scores make equal edges. Fewer bins are left then, and they differ in size.
    return sorted({float(f"{cut:.6g}") for cut in cuts if cut is not None})


def _bin(score: str, edges: Sequence[float]) -> pl.Expr:
    # A score equal to an edge belongs to the bin above it.
    index = pl.lit(pl.Series(edges)).search_sorted(pl.col(score).cast(pl.Float64), side="right")
    return pl.when(pl.col(score).is_null()).then(-1).otherwise(index.cast(pl.Int32))


def write_sheet(drawn: pl.DataFrame, path: Path, key_path: Path) -> None:
    """Write a TSV to fill in, in an order without hints, and the key that annotators must not
    see."""
    # The hash order mixes languages and bins, so the position of a row says nothing about its
    # score.
    order = drawn.sort("key")
    order = order.with_columns(id=pl.int_range(1, pl.len() + 1))
    columns = ["source", "row", "src", "tgt", "src_url", "tgt_url"]
    # Corpora without web addresses have no such columns.
    present = [name for name in columns if name in order.columns]
    # Only score columns have a dot in their name.
    scores = [name for name in order.columns if "." in name]
    # The key is written first. A sheet without its key could never be evaluated.
    write_frame(order.select("id", "lang", "bin", "low", "high", *present, *scores), key_path)

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as handle:
            sheet = csv.writer(
                handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL
            )
            # The legend stands on top of the sheet, as lines that ``read_sheet`` skips.
            for label, meaning in LABELS.items():
                handle.write(f"# {label}\t{meaning}\n")
            sheet.writerow(HEADER)
            for row in order.iter_rows(named=True):
                texts = (_line(row["src"]), row["lang"], _line(row["tgt"]))
                sheet.writerow((row["id"], "", "", *texts))

    write_atomic(path, write)


def _line(text: str | None) -> str:
    # Tabs and line breaks would break the table in a spreadsheet.
    return " ".join((text or "").split())


def read_sheet(path: Path) -> dict[int, str]:
    """id -> label of the rows that have a label.

    Raises:
        DataError: a label, an id or the header is not valid.
    """
    labels: dict[int, str] = {}
    lines = (line for line in io.StringIO(read_text(path), newline="") if not line.startswith("# "))
    try:
        table = list(csv.reader(lines, delimiter="\t", strict=True))
    except csv.Error as error:  # a quotation mark left open would swallow the rows behind it
        raise DataError(f"{path}: {error}") from None
    if not table or tuple(table[0][:2]) != HEADER[:2]:
        raise DataError(f"{path}: the header must begin with id and label")
    # Only the first two columns are needed: people may add or reorder the others. Rows without a
    # label are left out, so a sheet may be handed in half done.
    for number, row in enumerate(table[1:], start=2):
        if len(row) < 2 or not row[1].strip():
            continue
        label = row[1].strip().upper()
        # A typing error must not count as "not correct".
        if label not in LABELS:
            raise DataError(
                f"{path}: record {number}: no label {row[1]!r}; known: {', '.join(LABELS)}"
            )
        if not row[0].strip().isdecimal():
            raise DataError(f"{path}: record {number}: {row[0]!r} is not an id")
        labels[int(row[0])] = label
    if not labels:
        raise DataError(f"{path}: no row has a label")
    return labels


def precision(key_path: Path, labels: dict[int, str], score: str) -> list[AnnotationPrecisionFacts]:
    """The share labelled correct, per language and per bin of ``score``; "?" is left out.

    Raises:
        DataError: the key is missing, or belongs to another sheet.
    """
    key = read_frame(key_path)
    # An id that the key lacks proves that sheet and key belong to different audits.
    if strangers := sorted(set(labels) - set(key["id"])):
        raise DataError(f"{key_path} has no row {strangers[0]}: the sheet belongs to another audit")
    # "?" says nothing about the pair. As "wrong" it would lower the precision.
    judged = key.join(
        pl.DataFrame({"id": list(labels), "label": list(labels.values())}), on="id"
    ).filter(pl.col("label") != "?")
    facts = []
    for (lang,), rows in judged.sort("lang", "bin").group_by("lang", maintain_order=True):
        facts.append(_fact(str(lang), "all", rows, None, None))
        # A bin with neither bound holds all rows, or those without the score: it adds nothing to
        # "all".
        binned = rows.filter(pl.col("low").is_not_null() | pl.col("high").is_not_null())
        for _, in_bin in binned.group_by("bin", maintain_order=True):
            facts.append(_fact(str(lang), score, in_bin, in_bin["low"][0], in_bin["high"][0]))
    return facts


def _fact(
    lang: str, score: str, rows: pl.DataFrame, low: float | None, high: float | None
) -> AnnotationPrecisionFacts:
    correct = int(rows["label"].is_in(CORRECT).sum())
    return AnnotationPrecisionFacts(
        lang=lang,
        score=score,
        low=low,
        high=high,
        rows=rows.height,
        correct=correct,
        interval=wilson(correct, rows.height),
    )


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share. Source: Wilson 1927."""
    # Nothing is known, so the interval is everything.
    if rows == 0:
        return 0.0, 1.0
    # Unlike the normal interval, Wilson's stays within 0 and 1 and has a width at 0 and 100 %.
    share, square = hits / rows, Z95 * Z95
    centre = (share + square / (2 * rows)) / (1 + square / rows)
    half = (
        Z95 / (1 + square / rows) * math.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    )
    return max(0.0, centre - half), min(1.0, centre + half)
