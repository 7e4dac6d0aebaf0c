"""A draft of the public summary of training content that the EU asks of providers of models.

Providers of general-purpose AI models must publish it (Regulation (EU) 2024/1689, Article
53(1)(d)). The sections are those of the European Commission's template of 24 July 2025. A build
knows its sources, sizes, languages and processing. A person fills in everything else at
marked places.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sealdata.build_manifest import BuildManifest, StreamFacts
from sealdata.fetch.corpus_cards import CorpusCard, read_corpus_card
from sealdata.files.records import write_atomic
from sealdata.languages import resolve
from sealdata.report.dataset_card_merge import check_is_draft, merged_body
from sealdata.report.funnel import funnel_lines
from sealdata.report.markdown import render

TRAINING_SUMMARY = "TRAINING_SUMMARY.md"
# Section 2.1 lists datasets above this share one by one. Source: the template, on "large" datasets.
_LARGE_PERCENT = 3.0
# The template asks for a range of the size of text, not for a number.
_RANGES = ((10**9, "less than 1 billion tokens"), (10**13, "1 billion to 10 trillion tokens"))
_LARGEST = "more than 10 trillion tokens"


class Corpus(NamedTuple):
    """A corpus with a data card, and what the build kept of it."""

    card: CorpusCard
    sources: list[str]  # names in the recipe
    kept: int  # pairs
    percent: float  # of the pairs kept of all sources

    @property
    def large(self) -> bool:
        """Whether the template counts it as a large dataset, among the text of this build."""
        return self.percent > _LARGE_PERCENT


def write_training_summary(manifest: BuildManifest, path: Path) -> None:
    """Write the draft, atomically; what people wrote on an earlier one is kept.

    Raises:
        DataError: the file cannot be written, or has text at a place that is no more.
    """
    text = render_training_summary(manifest)
    if path.exists():
        check_is_draft(path)
        text = merged_body(text, path.read_text("utf-8"), str(path))
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def render_training_summary(manifest: BuildManifest) -> str:
    """The draft as Markdown; equal manifests have equal text.

    Raises:
        ConfigError: a source or stream names a data card that does not exist.
    """
    return render("training_summary.md.j2", _context(manifest))


def token_range(tokens: int) -> str:
    """The range of the template that a number of tokens lies in."""
    return next((name for limit, name in _RANGES if tokens < limit), _LARGEST)


def _context(manifest: BuildManifest) -> dict[str, Any]:
    recipe = manifest.recipe
    trained = [stream for stream in manifest.streams if stream.split == "train"]
    tokens = sum(stream.num_tokens for stream in trained)
    header, *lines = funnel_lines(manifest)
    streams = [row for row in recipe.get("stream", []) if not row.get("from_pairs")]
    return {
        "build": manifest,
        "tokens": tokens,
        "range": token_range(tokens),
        "languages": [(code, resolve(code).name) for code in ("eng_Latn", *manifest.languages)],
        "kinds": list(_by_kind(trained)),
        "corpora": _corpora(manifest),
        "unknown": [source for source in manifest.sources if source.card is None],
        "streams": [
            (row, read_corpus_card(row["card"]) if row.get("card") else None) for row in streams
        ],
        "kept": sum(row.kept for row in manifest.funnel),
        "read": sum(row.records for row in manifest.funnel),
        "lists": len(recipe.get("exclude", {}).get("lists", [])),
        "excluded": sum(row.lost("exclude") for row in manifest.funnel),
        "masked": sum(row.changed for row in manifest.cleaning if row.step == "mask_pii"),
        "masks": "mask_pii" in recipe.get("clean", {}),
        "header": header,
        "lines": lines,
        "cleaning": list(recipe.get("clean", {})),
        "reasons": list(dict.fromkeys(rule["reason"] for rule in recipe.get("rule", []))),
    }


def _by_kind(streams: Iterable[StreamFacts]) -> Iterable[tuple[str, list[str], int]]:
    """Kind of stream, names of its languages, and tokens."""
    kinds: dict[str, tuple[dict[str, None], int]] = {}
    for stream in streams:
        names, tokens = kinds.get(stream.kind, ({}, 0))
        names |= dict.fromkeys(resolve(code).name for code in stream.languages)
        kinds[stream.kind] = (names, tokens + stream.num_tokens)
    return ((kind, list(names), tokens) for kind, (names, tokens) in kinds.items())


def _corpora(manifest: BuildManifest) -> list[Corpus]:
    """The corpora of the sources by their cards, the largest first."""
    kept = {(row.source, row.lang): row.kept for row in manifest.funnel}
    total = max(sum(kept.values()), 1)
    by_card: dict[str, dict[str, int]] = {}
    for source in manifest.sources:
        if source.card is not None:
            of_card = by_card.setdefault(source.card, {})
            of_card[source.name] = of_card.get(source.name, 0) + kept[source.name, source.lang]
    corpora = [
        Corpus(
            read_corpus_card(name), list(rows), sum(rows.values()), 100 * sum(rows.values()) / total
        )
        for name, rows in by_card.items()
    ]
    return sorted(corpora, key=lambda corpus: -corpus.kept)
