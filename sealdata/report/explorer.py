"""The rows embedded in the page, so that several thresholds moved together can be answered."""

import base64
from typing import Any

import numpy as np
import polars as pl
import polars_hash as plh

from sealdata.filter_stages import RULE_STAGES
from sealdata.report.audit_rows import Evidence
from sealdata.report.bound_rules import held_by_others, num_scored_stages_of, stage_of
from sealdata.report.histograms import cells, score_values
from sealdata.report.schema import AuditFacts
from sealdata.stages.rules import Rule

ROWS = 2000  # per language at most
ALL_BYTES = 200_000  # in all, before base64, so that the page stays small however many scores
_ROW_BYTES = 3  # of a row beside its scores, which take one each
MISSING, UNSCORED = 255, 254  # cells that are none; a score has far fewer edges


def embed(
    evidence: Evidence, facts: AuditFacts, rules: list[Rule], tokens: dict[str, pl.Expr]
) -> dict[str, Any]:
    """Per language: ``rows`` drawn by hash of ``of``, and in base64 ``held`` (u8: 1 where something
    that is no rule drops the row), ``tokens`` (u16) and per score the ``cells`` (u8)."""
    row_bytes = _ROW_BYTES + len(facts.scores)
    most = min(ROWS, ALL_BYTES // (row_bytes * max(1, len(evidence.files))))
    return {
        lang: _language(evidence, facts, rules, lang, most, tokens.get(lang))
        for lang in evidence.files
    }


def _language(
    evidence: Evidence,
    facts: AuditFacts,
    rules: list[Rule],
    lang: str,
    most: int,
    tokens: pl.Expr | None,
) -> dict[str, Any]:
    drawn = _drawn(evidence, lang, [score.name for score in facts.scores], most)
    worth = drawn.select(pl.lit(0) if tokens is None else tokens.fill_null(0)).to_series()
    scored = num_scored_stages_of(drawn).to_numpy()
    found = {}
    for score in facts.scores:
        at = np.full(drawn.height, UNSCORED, np.uint8)
        if score.name in drawn.columns:
            values, present = score_values(drawn[score.name])
            at[scored > RULE_STAGES.index(stage_of(score.name))] = MISSING
            at[present] = cells(values[present], np.array(score.edges)).astype(np.uint8)
        found[score.name] = _base64(at)
    rounded = np.broadcast_to(worth.to_numpy(), drawn.height)
    return {
        "rows": drawn.height,
        "of": evidence.population(lang),
        "held": _base64(held_by_others(drawn, rules).to_numpy().astype(np.uint8)),
        "tokens": _base64(np.clip(np.rint(rounded), 0, 65_535).astype("<u2")),
        "cells": found,
    }


def _drawn(evidence: Evidence, lang: str, scores: list[str], most: int) -> pl.DataFrame:
    best: list[pl.DataFrame] = []
    for frame in evidence.frames(lang, [*scores, "src", "tgt"]):
        key = plh.concat_str(
            pl.lit("explore/"), "source", pl.lit("/"), pl.col("row").cast(pl.String)
        )
        ranked = frame.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked], how="diagonal_relaxed").bottom_k(most, by="hash")]
    if not best:
        empty = pl.DataFrame(schema=dict.fromkeys(("stage", "src", "tgt"), pl.String))
        return empty.with_columns(reasons=pl.lit([], pl.List(pl.String)))
    return best[0].sort("hash")


def _base64(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
