"""The annotation sheet of an audit: drawn, filled in by people, and read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.build_manifest import FunnelRow
from sealdata.errors import ConfigError, DataError
from sealdata.files.frames import read_frame
from sealdata.files.records import read_json, stage_key, write_json
from sealdata.labels.estimates import annotation_facts, read_labels
from sealdata.labels.facts import AnnotationFacts
from sealdata.labels.sample import SampleStratum, bin_edges, draw
from sealdata.labels.sheet import FOLDER, KEY, SHEET, write_sheet
from sealdata.languages import resolve
from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import AuditFacts

# The sizes of the strata stay with the person who drew the sheet. The last has the outcome.
STRATA, ANNOTATIONS = "annotation-strata.json", "annotation.json"


_Model = TypeVar("_Model", bound=BaseModel)


class Sample(BaseModel):
    """What ``annotation-strata.json`` holds: the strata of a sheet, and what they are strata of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drawn_from: str  # see ``_population``
    score: str  # whose ranges are the strata of kept pairs
    strata: list[SampleStratum]


class Annotations(BaseModel):
    """What ``annotation.json`` holds: the facts of labels, and of which state of the build."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drawn_from: str
    facts: AnnotationFacts


def draw_sheet(
    facts: AuditFacts,
    audit_rows: AuditRows,
    folder: Path,
    number: int,
    languages: Sequence[str] = (),
) -> Path:
    """Write ``annotation.tsv``: ``number`` pairs of each language, to be labelled blind.

    ``languages``: only of these, by any of their codes.

    Half of them were kept, and half were dropped by rules. The key, which has scores and origins,
    and the sizes of the strata are written next to it.

    Raises:
        ConfigError: a language is not one of the audit.
        DataError: there is no pair to label, or the last sheet has labels.
    """
    # The sheet is to show whether the limit of this score is well placed, so bins are cut along it.
    score = deciding_score(facts)
    seed = int(facts.build.recipe.get("seed", 1))
    drawn, strata = [], []
    # Two passes over the rows of a language: the first finds the edges of bins, the second draws.
    for lang in _chosen(languages, facts.build.languages):
        edges = bin_edges(audit_rows.frames(lang, [score]), score, seed)
        weight = audit_rows.weight(lang)
        rows, lang_strata = draw(
            audit_rows.frames(lang), lang, score, edges, number, seed, rows_per_row=weight
        )
        strata += lang_strata
        if rows.height:
            drawn.append(rows)
    if not drawn:
        raise DataError("no pair was kept, or dropped by a rule, so there is nothing to annotate")
    # Languages may have different scores. Missing columns become null.
    write_sheet(pl.concat(drawn, how="diagonal_relaxed"), folder / SHEET, folder / KEY, seed)
    sample = Sample(drawn_from=_population(facts.build.funnel), score=score, strata=strata)
    write_json(folder / STRATA, sample.model_dump(mode="json"))
    return folder / SHEET


def _chosen(languages: Sequence[str], present: Sequence[str]) -> list[str]:
    codes = [resolve(lang).code for lang in languages]
    for code in codes:
        if code not in present:
            raise ConfigError(f"nothing of {code} is here; languages: {', '.join(present)}")
    return list(dict.fromkeys(codes)) or list(present)


def write_annotations(folder: Path, filled: Sequence[Path], facts: AuditFacts) -> None:
    """Read filled-in sheets and labels, and keep what follows from them in the audit's ``folder``.

    Raises:
        DataError: a sheet is damaged, or belongs to another audit or an earlier state of the build.
    """
    # The key says which pair an id is. Without it a label has no meaning.
    if not (folder / KEY).is_file() or not (folder / STRATA).is_file():
        raise DataError(
            f"{folder} has no sheet that could have been filled in; draw one with --annotate"
        )
    sample = _read(Sample, folder / STRATA)
    population = _population(facts.build.funnel)
    if sample.drawn_from != population:
        raise DataError(
            f"the sheet in {folder} was drawn before the build changed, so its pairs represent "
            "other ones; move it elsewhere and draw again with --annotate"
        )
    key = read_frame(folder / KEY)
    annotation = annotation_facts(key, sample.strata, read_labels(filled, key), sample.score)
    # Counts and shares only: the sheet stays with the people who filled it in.
    annotations = Annotations(drawn_from=population, facts=annotation)
    write_json(folder / ANNOTATIONS, annotations.model_dump(mode="json"))


def deciding_score(facts: AuditFacts) -> str:
    """The score of the last rule, or the first score if there is no rule."""
    # The last rule decides the pairs that all other rules leave.
    names = [score.name for score in facts.scores]
    with_rule = [rule.score for rule in facts.rules if rule.score in names]
    # An empty name is a score that no frame has: all kept rows are then one bin.
    return with_rule[-1] if with_rule else names[0] if names else ""


def read_annotations(out: Path, funnel: Sequence[FunnelRow]) -> AnnotationFacts | None:
    """What people's labels say of the build or audit in ``out``; None without labels.

    Labels of an earlier state of the build are left out too: their pairs represent other ones.

    Raises:
        DataError: the file is damaged.
    """
    path = out / FOLDER / ANNOTATIONS
    if not path.is_file():
        return None
    annotations = _read(Annotations, path)
    return annotations.facts if annotations.drawn_from == _population(funnel) else None


def are_outdated(out: Path, funnel: Sequence[FunnelRow]) -> bool:
    """Whether there are labels that ``read_annotations`` leaves out."""
    has_labels = (out / FOLDER / ANNOTATIONS).is_file()
    return has_labels and read_annotations(out, funnel) is None


def _population(funnel: Sequence[FunnelRow]) -> str:
    """A digest of how many pairs of each source are kept, and dropped for each reason."""
    return stage_key("population", 1, [row.model_dump(mode="json") for row in funnel], [])


def _read(model: type[_Model], path: Path) -> _Model:
    try:
        return model.model_validate(read_json(path))
    except ValidationError:
        raise DataError(
            f"{path} was not written by this version; draw a sheet again with --annotate"
        ) from None
