"""A build that is being browsed: what each address of the page answers, as plain values."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sealdata.browse.cleaning import RawTexts, difference
from sealdata.browse.limits import base_recipe, move, patch
from sealdata.browse.query import Pairs
from sealdata.browse.request import PAGE_ROWS, Query
from sealdata.browse.rows import Outcomes, RowFile, fails_in, row_files
from sealdata.build_manifest import read_build_manifest
from sealdata.errors import ConfigError, DataError
from sealdata.files.records import read_json
from sealdata.labels.browse_labels import LABELS, Labels, text_digest
from sealdata.languages import resolve
from sealdata.report.bound_rules import bind, manifest_rules
from sealdata.report.markup import bounds
from sealdata.stages.rules import Rule
from sealdata.stages.withheld import has_personal

MAX_CHARS = 4_000  # of a text on the page
_MAX_HITS = 100  # passages of a text that are marked
_TEXTS = ("src", "tgt", "raw")
MASK = "mask_pii"  # the cleaner


class Mark(BaseModel):
    """What the page sends to label a pair."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    row: int = Field(ge=0)
    lang: str
    label: str | None  # of LABELS; None takes it back
    text: str = Field(max_length=16)  # digest that came with the pair


class Session:
    """A finished build, its rules, and the labels of one annotator.

    Raises:
        DataError: there is no finished build in ``out``, or its audit is missing.
    """

    def __init__(self, out: Path, annotator: str = "") -> None:
        self.out = out
        self.manifest = read_build_manifest(out)
        self.rules = manifest_rules(self.manifest)
        cleaners = self.manifest.recipe.get("clean", {})
        # Where personal data was masked, the text as it was read is not shown.
        self._masks = any(
            MASK in (name, (table or {}).get("cleaner")) for name, table in cleaners.items()
        )
        self.scores = _scores(out / "report" / "audit.json")
        self.labels = Labels(out, annotator)
        files = row_files(out, self.manifest.languages)
        self.pairs = Pairs(files, self.labels, {s["name"]: s["bars"] for s in self.scores})
        self.raw = RawTexts(out, self.manifest)
        # The page asks for its rows, and then for what cleaning changed in them.
        self._last: tuple[Query | None, list[tuple[RowFile, pl.DataFrame]]] = None, []

    def start(self) -> dict[str, Any]:
        """What the page needs once: names, scores, rules and notices."""
        manifest = self.manifest
        return {
            "name": manifest.name,
            "folder": str(self.out.absolute()),
            "languages": {
                language.code: {"name": language.name, "bcp47": language.bcp47}
                for language in map(resolve, ("eng_Latn", *manifest.languages))
            },
            "sources": {source.name: source.lang for source in manifest.sources},
            "reasons": self._reasons(),
            "scores": self.scores,
            "rules": [_finite(rule.model_dump(mode="json")) for rule in self.rules],
            "labels": LABELS,
            "labelled": self.labels.counts(),
            "annotator": self.labels.annotator,
            "drawn": len(self.labels.drawn),
            "torn": self.labels.num_torn,
            "page_rows": PAGE_ROWS,
            "no_raw": self.raw.gone,
            "base": base_recipe(self.out, manifest.name, manifest.recipe),
        }

    def _reasons(self) -> dict[str, int]:
        """Reason -> pairs that it dropped first, most frequent first; reasons of no pair too."""
        counts: dict[str, int] = {}
        for row in self.manifest.funnel:
            for by_reason in row.dropped.values():
                for reason, pairs in by_reason.items():
                    counts[reason] = counts.get(reason, 0) + pairs
        for failure in self.manifest.failures:
            counts.setdefault(failure.reason, 0)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def outcomes(self, query: Query) -> Outcomes:
        """The rules of the recipe, and those of the moved limits.

        Raises:
            ConfigError: a limit that the build has no rule or no language for.
        """
        after = move(self.rules, query.limits, self.manifest.languages)
        rules = [rule for rule in after if rule]
        return Outcomes(bind(self.rules, self.manifest), bind(rules, self.manifest))

    def figures(self, query: Query) -> dict[str, Any]:
        """See ``Pairs.figures``."""
        return self.pairs.figures(query, self.outcomes(query))

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """The pairs of one page."""
        outcomes = self.outcomes(query)
        page = self.pairs.page(query, outcomes)
        self._last = query, page
        pattern = query.pattern()
        return [self._row(file, frame, outcomes) | _hits(frame, pattern) for file, frame in page]

    def _row(self, file: RowFile, frame: pl.DataFrame, outcomes: Outcomes) -> dict[str, Any]:
        row = frame.row(0, named=True)
        source, number = row["source"], row["row"]
        digest = text_digest(row["src"], row["tgt"])
        label = self.labels.get(source, number)
        texts = {name: row.get(name) for name in _TEXTS}
        return {
            "source": source,
            "row": number,
            "lang": file.lang,
            "outcome": row.get("stage") or row.get("split") or "kept",
            "kept": file.kept,
            "after": frame.select(outcomes.kept_after(file)).item(),
            "reasons": row.get("reasons") or [],
            "fails": [] if file.kept else _failures(file, frame, outcomes.before),
            "fails_after": _failures(file, frame, outcomes.after) if outcomes.moved else [],
            "cut": {
                name: len(text) - MAX_CHARS
                for name, text in texts.items()
                if text is not None and len(text) > MAX_CHARS
            },
            "urls": [row[name] for name in ("src_url", "tgt_url") if row.get(name)],
            "scores": {
                name: _plain(value)
                for name, value in row.items()
                if "." in name and value is not None
            },
            "label": label.name if label else None,
            "stale": bool(label and label.text != digest),
            "text": digest,
            **{name: text[:MAX_CHARS] if text else text for name, text in texts.items()},
        }

    def changes(self, query: Query) -> list[dict[str, Any]]:
        """What cleaning changed in the pairs of a page: segments by side, or that it is unknown."""
        last, page = self._last
        if last != query:
            page = self.pairs.page(query, self.outcomes(query))
        pairs = [frame.select("source", "row", "src", "tgt").row(0) for _, frame in page]
        rows: dict[str, list[int]] = {}
        for source, row, *sides in pairs:
            if None in sides:  # withheld in the ledger: its text as read is not shown either
                continue
            rows.setdefault(source, []).append(row)
        raw = {source: self.raw.find(source, numbers) for source, numbers in rows.items()}
        answers = []
        for source, row, *sides in pairs:
            before = raw.get(source, {}).get(row)
            if before and self._masks and has_personal(" ".join(before)):
                before = None
            sides = [text or "" for text in sides]
            changed = {
                side: difference(old[:MAX_CHARS], new[:MAX_CHARS])
                for side, old, new in zip(("src", "tgt"), before or sides, sides, strict=True)
                if old != new
            }
            answers.append({"source": source, "row": row, "known": before is not None} | changed)
        return answers

    def patch(self, query: Query, base: str) -> dict[str, Any]:
        """The moved limits as a recipe, with what they come to over the whole build."""
        outcomes = self.outcomes(query)
        by_language = self.pairs.by_language(outcomes) if outcomes.moved else {}
        added, removed = (sum(pair[side] for pair in by_language.values()) for side in (0, 1))
        folder = self.out.absolute()
        notes = [
            f"Limits moved while browsing {folder}.",
            f"By its stored scores, {added:,} pairs come in and {removed:,} go.",
            "Stages that have not seen a pair yet may still drop it.",
            f"Build into the same folder to use the scores again: --out {folder}",
        ]
        if not base:
            base = f"{self.manifest.name}.toml"
            notes.append("Put the path of the recipe that made the build below.")
        after = move(self.rules, query.limits, self.manifest.languages)
        return {
            "toml": patch(self.rules, after, base, notes),
            "languages": by_language,
            "added": added,
            "removed": removed,
        }

    def mark(self, body: bytes) -> dict[str, int]:
        """Label a pair; returns label -> pairs that have it.

        Raises:
            ConfigError: the body is not a label of a source of this build.
            DataError: it cannot be written.
        """
        try:
            mark = Mark.model_validate_json(body)
        except ValidationError as error:
            raise ConfigError(f"not a label: {error.errors()[0]['msg']}") from None
        if mark.label not in (None, *LABELS):
            raise ConfigError(f"no label {mark.label!r}; known: {', '.join(LABELS)}")
        sources = {(source.name, source.lang) for source in self.manifest.sources}
        if (mark.source, mark.lang) not in sources:
            raise ConfigError(f"the build has no source {mark.source!r} of {mark.lang}")
        self.labels.add(mark.source, mark.row, mark.lang, mark.label, mark.text)
        return self.labels.counts()


def _scores(path: Path) -> list[dict[str, Any]]:
    """Name, meaning and edges of bars of each score, as the audit of the build has them."""
    folder = path.parent.parent
    if not path.exists():
        raise DataError(f"{path} is missing; run sealdata audit {folder}")
    facts = read_json(path)
    try:
        return [{key: row[key] for key in ("name", "meaning", "bars")} for row in facts["scores"]]
    except (KeyError, TypeError):
        raise DataError(f"{path} has no scores; run sealdata audit {folder} again") from None


def _failures(file: RowFile, frame: pl.DataFrame, rules: Sequence[Rule]) -> list[list[str]]:
    """[reason, "score value, must be limit"] of each rule that the row's own score fails."""
    reasons = [] if file.kept else frame["reasons"][0].to_list()
    tests = {number: fails_in(file, rule) for number, rule in enumerate(rules)}
    flags = frame.select(
        test.alias(str(number)) for number, test in tests.items() if test is not None
    )
    failed = []
    for name in flags.columns:
        rule = rules[int(name)]
        value = frame[rule.score][0]
        # A dropped pair lacks the scores of later stages, and does not fail for that.
        if flags[name][0] and (value is not None or file.kept or rule.reason in reasons):
            limits = rule.bounds_in(file.lang, frame["source"][0]) or (None, None)
            failed.append([rule.reason, f"{rule.score} {_shown(value)}, must be {bounds(*limits)}"])
    return failed


def _shown(value: Any) -> str:
    return "is missing" if value is None else f"{value:.6g}"


def _hits(frame: pl.DataFrame, pattern: str) -> dict[str, Any]:
    """The passages of a row that the search found, by side, to be marked in this order.

    The search itself finds them: the browser's regular expressions have other rules.
    """
    if not pattern:
        return {"hits": {}}
    sides = [side for side in _TEXTS if side in frame.columns]
    passages = frame.select(
        pl.col(side).str.head(MAX_CHARS).str.extract_all(pattern).list.head(_MAX_HITS)
        for side in sides
    )
    return {"hits": {side: hits for side, hits in passages.row(0, named=True).items() if hits}}


def _finite(value: Any) -> Any:
    """The value with None for infinite limits: JSON has no infinity, and they limit nothing."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """A score for JSON, which has no infinity and no NaN."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else str(value)
