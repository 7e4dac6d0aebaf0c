"""The annotation sheet of an audit: drawn, filled in by people, and read back."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.dataset.annotate import LABELS, bin_edges, draw, precision, read_sheet, write_sheet
from sealdata.errors import DataError
from sealdata.files.records import read_json, write_json
from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import AnnotationPrecisionFacts, AuditFacts

FOLDER = "audit"  # of a build's folder, next to the results of the build
# The sheet is for annotators, the key stays with the person who drew it, and the last has the
# outcome.
SHEET, KEY, ANNOTATIONS = "annotation.tsv", "annotation-key.parquet", "annotation.json"


def draw_sheet(facts: AuditFacts, audit_rows: AuditRows, folder: Path, number: int) -> Path:
    """Write ``annotation.tsv``: ``number`` kept pairs of each language, to be labelled blind.

    The key, which has scores and origins, is written next to it.

    Raises:
        DataError: no pair was kept.
    """
    # The sheet is to show whether the limit of this score is well placed, so bins are cut along it.
    score = deciding_score(facts)
    # Only kept pairs: the question is how good the data is that a model will see.
    kept = pl.col("stage").is_null()
    seed = int(facts.build.recipe.get("seed", 1))
    drawn = []
    # Two passes over the rows of a language: the first finds the edges of bins, the second draws.
    for lang in facts.build.languages:
        values = [
            frame.filter(kept)[score].cast(pl.Float64)
            for frame in audit_rows.frames(lang, [score])
            if score in frame.columns
        ]
        edges = bin_edges(pl.concat(values)) if values else []
        frames = (frame.filter(kept) for frame in audit_rows.frames(lang))
        rows = draw(frames, score, edges, number, seed)
        if rows.height:
            drawn.append(rows.with_columns(lang=pl.lit(lang)))
    if not drawn:
        raise DataError("nothing was kept, so there is nothing to annotate")
    # Languages may have different scores. Missing columns become null.
    write_sheet(pl.concat(drawn, how="diagonal_relaxed"), folder / SHEET, folder / KEY)
    return folder / SHEET


def write_annotations(folder: Path, filled: Path, facts: AuditFacts) -> None:
    """Read a filled-in sheet, and keep its labels and precision in the audit's ``folder``.

    Raises:
        DataError: the sheet is damaged or belongs to another audit.
    """
    # The key says which pair an id is. Without it a label has no meaning.
    if not (folder / KEY).is_file():
        raise DataError(
            f"{folder} has no sheet that could have been filled in; draw one with --annotate"
        )
    labels = read_sheet(filled)
    shares = precision(folder / KEY, labels, deciding_score(facts))
    counts = Counter(labels.values())
    # Counts and shares only: the sheet stays with the people who filled it in.
    annotations = {
        "labels": {f"{name} ({LABELS[name]})": counts[name] for name in LABELS if counts[name]},
        "precision": [share.model_dump(mode="json") for share in shares],
    }
    write_json(folder / ANNOTATIONS, annotations)


def deciding_score(facts: AuditFacts) -> str:
    """The score of the last rule, or the first score if there is no rule."""
    # The last rule decides the pairs that all other rules leave.
    names = [score.name for score in facts.scores]
    with_rule = [rule.score for rule in facts.rules if rule.score in names]
    # An empty name is a score that no frame has: all rows are then one bin.
    return with_rule[-1] if with_rule else names[0] if names else ""


def annotation_facts(out: Path) -> dict[str, Any]:
    """The annotations of the build or audit in ``out``, as fields of its facts; {} without any."""
    path = out / FOLDER / ANNOTATIONS
    if not path.is_file():
        return {}
    facts = read_json(path)
    shares = [AnnotationPrecisionFacts.model_validate(fact) for fact in facts["precision"]]
    # JSON was written with sorted keys. The order of LABELS is restored for the report.
    names = (f"{label} ({meaning})" for label, meaning in LABELS.items())
    labels = {name: facts["labels"][name] for name in names if name in facts["labels"]}
    return {"labels": labels, "precision": shares}
