"""The annotation sheet: a blind table of pairs for people to label, and the key to it."""

import csv
import hashlib
import io
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import write_frame
from sealdata.files.records import write_atomic
from sealdata.files.spreadsheet import guarded, unguarded
from sealdata.labels.sample import STRATUM
from sealdata.readers._open import read_text
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
FOLDER = "audit"  # of a build's folder, next to the results of the build
# The sheet is for annotators. The key stays with the person who drew it.
SHEET, KEY = "annotation.tsv", "annotation-key.parquet"
NO_LABEL = "no row has a label"
# Neither score nor source is in the sheet: they would hint at the answer.
HEADER = ("id", "label", "comment", "english", "other_language", "other")


def write_sheet(drawn: pl.DataFrame, path: Path, key_path: Path, seed: int) -> None:
    """Write a TSV to fill in, in an order without hints, and the key that annotators must not
    see.

    Raises:
        DataError: the sheet at ``path`` has labels already.
    """
    if path.exists() and _has_labels(path):
        raise DataError(f"{path} has labels; move it elsewhere before you draw another sheet")
    # Another seed than that of the draw. The pairs of a large stratum have the smallest keys of the
    # draw, so by these they would come first. A sheet that is half done would have no others.
    order = drawn.with_columns(key=row_keys(drawn, seed + 1)).sort("key", "source", "row")
    order = order.with_columns(id=pl.Series(_ids(order), dtype=pl.Int64))
    columns = ["source", "row", "src", "tgt", "src_url", "tgt_url"]
    # Corpora without web addresses have no such columns.
    present = [name for name in columns if name in order.columns]
    # Only score columns have a dot in their name.
    scores = [name for name in order.columns if "." in name]
    # The key is written first. A sheet without its key could never be evaluated.
    key = order.select("id", "lang", *STRATUM, "weight", *present, *scores)
    write_frame(key, key_path)

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
                texts = (guarded(_line(row["src"])), row["lang"], guarded(_line(row["tgt"])))
                sheet.writerow((row["id"], "", "", *texts))

    write_atomic(path, write)


def _ids(rows: pl.DataFrame) -> list[int]:
    """A number of up to nine digits for each pair, by its origin and text.

    A sheet that was drawn twice, in other sizes, has the same number for the same pair. So labels
    can never be taken for those of another pair.
    """
    ids: dict[int, None] = {}
    for fields in rows.select("source", "row", "src", "tgt").iter_rows():
        text = "\0".join(map(str, fields)).encode("utf-8", "surrogatepass")
        number = int(hashlib.sha256(text).hexdigest()[:16], 16) % 10**9
        while number in ids:
            number += 1
        ids[number] = None
    return list(ids)


def _has_labels(path: Path) -> bool:
    try:
        return bool(read_sheet(path))
    except DataError as error:
        # A sheet that cannot be read may be the work of a person too.
        return not str(error).endswith(NO_LABEL)


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
        table = [[unguarded(cell) for cell in row] for row in table]
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
        raise DataError(f"{path}: {NO_LABEL}")
    return labels
