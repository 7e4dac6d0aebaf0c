"""What follows from labels for all pairs: shares of correct ones, with intervals."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.labels.agreement import GOOD, UNSURE, agreements
from sealdata.labels.browse_labels import read_label_rows, text_digest
from sealdata.labels.facts import (
    AnnotationFacts,
    AnnotationPrecisionFacts,
    AnnotatorFacts,
    LabelShare,
    RecallFacts,
)
from sealdata.labels.intervals import Stratum, kept_of_correct, stratified_share
from sealdata.labels.sample import STRATUM, SampleStratum
from sealdata.labels.sheet import LABELS, read_sheet

BROWSE = "browse"  # annotator of labels without a name


class AnnotatorLabels:
    """The labels of one annotator: of drawn pairs by id, and how many were left out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.labels: dict[int, str] = {}
        self.not_drawn = 0
        self.changed = 0

    def facts(self) -> AnnotatorFacts:
        """The counts."""
        return AnnotatorFacts(
            name=self.name,
            labelled=len(self.labels),
            unsure=sum(label == UNSURE for label in self.labels.values()),
            not_drawn=self.not_drawn,
            changed=self.changed,
        )


def read_labels(paths: Iterable[Path], key: pl.DataFrame) -> list[AnnotatorLabels]:
    """The labels in filled-in sheets, and in files ``labels.jsonl`` of ``browse``, by annotator.

    The annotator of a sheet is the name of its file without the ending.

    Raises:
        DataError: a sheet is damaged or belongs to another key, or nothing has a label.
    """
    annotators: dict[str, AnnotatorLabels] = {}
    for path in paths:
        if path.suffix == ".jsonl":
            for annotator in _browse_labels(path, key):
                if annotator.name in annotators:
                    raise DataError(f"{path}: {annotator.name!r} is also the name of a sheet")
                annotators[annotator.name] = annotator
            continue
        # Two folders may have sheets of the same name.
        name = path.stem if path.stem not in annotators else str(path)
        labels = read_sheet(path)
        # An id that the key lacks proves that sheet and key belong to different audits.
        if strangers := sorted(set(labels) - set(key["id"])):
            raise DataError(
                f"{path} has a row {strangers[0]} that was not drawn: the sheet belongs to another "
                "audit"
            )
        annotators[name] = AnnotatorLabels(name)
        annotators[name].labels = labels
    return list(annotators.values())


def _browse_labels(path: Path, key: pl.DataFrame) -> list[AnnotatorLabels]:
    drawn = {
        (source, row): (number, text_digest(src, tgt))
        for number, source, row, src, tgt in key.select(
            "id", "source", "row", "src", "tgt"
        ).iter_rows()
    }
    rows, _ = read_label_rows(path)
    # The last label of an annotator holds, and null takes it back.
    last = {(row.annotator, row.source, row.row): row for row in rows}
    annotators: dict[str, AnnotatorLabels] = {}
    for row in last.values():
        if row.label is None:
            continue
        name = row.annotator or BROWSE
        annotator = annotators.setdefault(name, AnnotatorLabels(name))
        number, digest = drawn.get((row.source, row.row), (None, ""))
        if number is None:
            annotator.not_drawn += 1
        elif digest != row.text:
            annotator.changed += 1
        else:
            annotator.labels[number] = row.label
    if not annotators:
        raise DataError(f"{path} has no label")
    return list(annotators.values())


def annotation_facts(
    key: pl.DataFrame,
    strata: Sequence[SampleStratum],
    annotators: Sequence[AnnotatorLabels],
    score: str,
) -> AnnotationFacts:
    """What people said of the pairs of ``key``, and what follows for all pairs of the strata.

    A pair counts as the first annotator says who could judge it.

    Raises:
        DataError: no drawn pair was judged.
    """
    labels = pl.DataFrame(
        [
            (number, order, label)
            for order, annotator in enumerate(annotators)
            for number, label in annotator.labels.items()
        ],
        schema={"id": pl.Int64, "order": pl.Int64, "label": pl.String},
        orient="row",
    )
    judged = labels.filter(pl.col("label") != UNSURE).with_columns(
        correct=pl.col("label").is_in(GOOD)
    )
    if judged.is_empty():
        raise DataError("no pair of the sheet was judged; labels of other pairs are not a sample")
    first = judged.sort("order").unique("id", keep="first", maintain_order=True)
    counts = {
        (lang, reason, index): (rows, correct)
        for lang, reason, index, rows, correct in key.select("id", "lang", *STRATUM)
        .join(first, on="id")
        .group_by("lang", *STRATUM)
        .agg(pl.len(), pl.col("correct").sum())
        .iter_rows()
    }
    table = [
        (s, Stratum(s.pairs, *counts.get(_name(s), (0, 0)), drawn=s.drawn, lang=s.lang))
        for s in strata
    ]
    return AnnotationFacts(
        drawn=key.height,
        judged=first.height,
        unsure=labels["id"].n_unique() - first.height,
        labels=_label_counts(labels),
        annotators=[annotator.facts() for annotator in annotators],
        agreement=list(agreements([(a.name, a.labels) for a in annotators])),
        shares=list(_shares(table)),
        recall=list(_recall(table)),
        by_score=list(_by_score(table, score)),
    )


_Table = list[tuple[SampleStratum, Stratum]]


def _name(stratum: SampleStratum) -> tuple[str, str | None, int]:
    return stratum.lang, stratum.dropped_by, stratum.bin


def _label_counts(labels: pl.DataFrame) -> dict[str, int]:
    counts = dict(labels.group_by("label").len().iter_rows())
    meanings = {name: f"{name} ({meaning})" for name, meaning in LABELS.items()}
    # Sorted, as JSON files have them.
    return {meanings.get(name, name): counts[name] for name in sorted(counts)}


def _languages(table: _Table) -> list[str]:
    """All languages together, and each of them."""
    return ["all", *dict.fromkeys(stratum.lang for stratum, _ in table)]


def _strata(table: _Table, lang: str, kept: bool, dropped_by: str = "all") -> list[Stratum]:
    return [
        counts
        for stratum, counts in table
        if lang in ("all", stratum.lang)
        and (stratum.dropped_by is None) == kept
        and dropped_by in ("all", stratum.dropped_by)
    ]


def _shares(table: _Table) -> Iterable[LabelShare]:
    reasons = dict.fromkeys(s.dropped_by for s, _ in table if s.dropped_by is not None)
    for lang in _languages(table):
        for kept, names in ((True, ["all"]), (False, ["all", *reasons])):
            for name in names:
                strata = _strata(table, lang, kept, name)
                share = stratified_share(strata)
                # A stratum without a label has no share: an interval from 0 to 1 says nothing.
                if share is None:
                    continue
                yield LabelShare(
                    lang=lang,
                    kept=kept,
                    dropped_by=None if kept else name,
                    pairs=sum(stratum.pairs for stratum in strata),
                    labelled=sum(stratum.labelled for stratum in strata),
                    correct=sum(stratum.correct for stratum in strata),
                    share=share.value,
                    interval=share.interval,
                )


def _recall(table: _Table) -> Iterable[RecallFacts]:
    for lang in _languages(table):
        halves = [_strata(table, lang, kept) for kept in (True, False)]
        kept, dropped = map(stratified_share, halves)
        pairs = [sum(stratum.pairs for stratum in half) for half in halves]
        if kept is None or dropped is None:
            continue
        recall = kept_of_correct(kept, pairs[0], dropped, pairs[1])
        if recall:
            yield RecallFacts(lang=lang, share=recall.value, interval=recall.interval)


def _by_score(table: _Table, score: str) -> Iterable[AnnotationPrecisionFacts]:
    for stratum, counts in table:
        # A bin with neither bound holds all kept pairs, or those without the score.
        share = stratified_share([counts])
        if share and (stratum.low, stratum.high) != (None, None):
            yield AnnotationPrecisionFacts(
                lang=stratum.lang,
                score=score,
                low=stratum.low,
                high=stratum.high,
                rows=counts.labelled,
                correct=counts.correct,
                interval=share.interval,
            )
