"""The rows embedded in the page, for the outcome of several thresholds moved together."""

import base64
from typing import Any

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

from sealdata.filter_stages import RULE_STAGES
from sealdata.report.audit_rows import AuditRows
from sealdata.report.bound_rules import (
    dropped_by_non_rule,
    failures,
    num_scored_stages_of,
    stage_of,
)
from sealdata.report.histograms import cells, score_values
from sealdata.report.schema import AuditFacts
from sealdata.stages.rules import Rule

ROWS = 2000  # per language at most
MAX_BYTES = 200_000  # of all rows, before base64: the page stays small with any number of scores
_ROW_BYTES = 3  # of a row without its scores, which take one byte each
MISSING, UNSCORED = 255, 254  # no real cell has these numbers: a score has far fewer edges


def embed(
    audit_rows: AuditRows, facts: AuditFacts, rules: list[Rule], tokens: dict[str, pl.Expr]
) -> dict[str, Any]:
    """For each language: ``rows`` (number) drawn by hash from ``of``, and arrays in base64.

    The arrays are ``held`` (u8; 1 if something other than a rule drops the row), ``tokens`` (u16)
    and for each score ``cells`` (u8).
    """
    # One byte of ``held``, two of ``tokens``, and one for each score.
    row_bytes = _ROW_BYTES + len(facts.scores)
    # Many languages or scores lead to fewer rows each, never to a larger page.
    max_rows = min(ROWS, MAX_BYTES // (row_bytes * max(1, len(audit_rows.files))))
    return {
        lang: _language(audit_rows, facts, rules, lang, max_rows, tokens.get(lang))
        for lang in audit_rows.files
    }


def _language(
    audit_rows: AuditRows,
    facts: AuditFacts,
    rules: list[Rule],
    lang: str,
    max_rows: int,
    tokens: pl.Expr | None,
) -> dict[str, Any]:
    drawn = _drawn(audit_rows, lang, [score.name for score in facts.scores], max_rows)
    # Without a measured tokenizer the page shows pairs only, and tokens are 0.
    worth = drawn.select(pl.lit(0) if tokens is None else tokens.fill_null(0)).to_series()
    scored = num_scored_stages_of(drawn).to_numpy()
    held = dropped_by_non_rule(drawn, rules).to_numpy()
    # Sliders move no limit that a source has of its own. A row that fails one is dropped whatever
    # they say, and one that passes counts as if it had no such score.
    fixed = _in_sources_with_limits(drawn, rules)
    for rule, failed in zip(rules, failures(drawn, rules, lang), strict=True):
        held = held | (failed.to_numpy() & fixed[rule.score])
    no_rows = np.zeros(drawn.height, bool)
    cells_of_score = {}
    for score in facts.scores:
        # Three states: not scored (dropped before), scored without a result, and a cell.
        row_cells = np.full(drawn.height, UNSCORED, np.uint8)
        if score.name in drawn.columns:
            values, present = score_values(drawn[score.name])
            row_cells[scored > RULE_STAGES.index(stage_of(score.name, facts.build))] = MISSING
            # Cells instead of scores: one byte is enough to compare with any limit that is an edge.
            row_cells[present] = cells(values[present], np.array(score.edges)).astype(np.uint8)
            row_cells[fixed.get(score.name, no_rows)] = UNSCORED
        cells_of_score[score.name] = _base64(row_cells)
    # A literal has one row, which is repeated.
    rounded = np.broadcast_to(worth.to_numpy(), drawn.height)
    return {
        "rows": drawn.height,
        "of": audit_rows.population(lang),
        "held": _base64(held.astype(np.uint8)),
        # u16: a longer pair counts as 65,535 tokens. Bytes are little-endian on every machine.
        "tokens": _base64(np.clip(np.rint(rounded), 0, 65_535).astype("<u2")),
        "cells": cells_of_score,
    }


def _in_sources_with_limits(drawn: pl.DataFrame, rules: list[Rule]) -> dict[str, NDArray[np.bool_]]:
    """For each score with a rule, the rows (bool) whose source has limits of its own on it."""
    sources: dict[str, set[str]] = {}
    for rule in rules:
        sources.setdefault(rule.score, set()).update(rule.sources)
    return {
        score: drawn["source"].is_in(sorted(names)).to_numpy()
        if names
        else np.zeros(drawn.height, bool)
        for score, names in sources.items()
    }


def _drawn(audit_rows: AuditRows, lang: str, scores: list[str], max_rows: int) -> pl.DataFrame:
    best: list[pl.DataFrame] = []
    for frame in audit_rows.frames(lang, [*scores, "src", "tgt"]):
        # The prefix makes the draw independent of the sample pairs on the page.
        key = plh.concat_str(
            pl.lit("explore/"), "source", pl.lit("/"), pl.col("row").cast(pl.String)
        )
        ranked = frame.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked], how="diagonal_relaxed").bottom_k(max_rows, by="hash")]
    # A language may have no rows at all. Later steps need the columns.
    if not best:
        empty = pl.DataFrame(schema=dict.fromkeys(("stage", "src", "tgt"), pl.String))
        return empty.with_columns(reasons=pl.lit([], pl.List(pl.String)))
    return best[0].sort("hash")


def _base64(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
