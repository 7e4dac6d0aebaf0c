"""The Hugging Face card of a built dataset, from its manifest and the cards of its sources."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.component import explain
from sealdata.errors import DataError
from sealdata.fetch.corpus_cards import LICENCES, CorpusCard, read_corpus_card, strictest
from sealdata.files.placed import add_digests, add_placed, is_changed, set_aside
from sealdata.files.records import write_atomic
from sealdata.filter_stages import STAGE_NAMES
from sealdata.labels.facts import AnnotationFacts
from sealdata.languages import resolve
from sealdata.pairs import TRANSLATIONS
from sealdata.recipe.reading import builtin_recipes
from sealdata.recipe.tables import CardTable
from sealdata.report.bound_rules import manifest_rules, source_limits
from sealdata.report.croissant import croissant, write_croissant
from sealdata.report.dataset_card_merge import TAG, check_is_card, merged, written
from sealdata.report.funnel import funnel_lines
from sealdata.report.label_figures import share_text, summary
from sealdata.report.markdown import render
from sealdata.report.training_summary import TRAINING_SUMMARY, write_training_summary

_SIZES = {
    "n<1K": 10**3,
    "1K<n<10K": 10**4,
    "10K<n<100K": 10**5,
    "100K<n<1M": 10**6,
    "1M<n<10M": 10**7,
    "10M<n<100M": 10**8,
    "100M<n<1B": 10**9,
    "1B<n<10B": 10**10,
}


def render_card(manifest: BuildManifest, annotation: AnnotationFacts | None = None) -> str:
    """The text of ``README.md``, with YAML front matter; equal manifests have equal text.

    ``annotation``: what people's labels of a sample say.

    Raises:
        ConfigError: a source names a data card that does not exist.
        DataError: the front matter of a source's card is wrong.
    """
    cards = _source_cards(manifest)
    licence, reason = _licence(manifest, cards)
    front = yaml.safe_dump(
        front_matter(manifest, licence), sort_keys=False, allow_unicode=True, width=1000
    )
    values = _context(manifest, cards) | {
        "licence": licence,
        "licence_reason": reason,
        "annotation": annotation,
        "share_text": share_text,
        "label_summary": summary,
    }
    text = render("dataset_card.md.j2", values)
    return f"---\n{front}---\n\n{text}"


def write_card(
    manifest: BuildManifest, path: Path, annotation: AnnotationFacts | None = None
) -> None:
    """Write the card, atomically; what people wrote on an earlier card is kept.

    Raises:
        DataError: the file cannot be written, or the earlier card cannot be read.
    """
    text = render_card(manifest, annotation)
    if path.exists():
        check_is_card(path)
        text = merged(text, path.read_text("utf-8"), str(path))
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_metadata(
    manifest: BuildManifest,
    out: Path,
    annotation: AnnotationFacts | None = None,
    **publication: str,
) -> None:
    """Write ``README.md``, ``croissant.json`` and TRAINING_SUMMARY of the build in ``out``.

    ``publication``: the ``url`` and date of publication, as ``croissant`` takes them.
    """
    card = out / "README.md"
    names = (card.name, "croissant.json", TRAINING_SUMMARY)
    add_placed(out, names)
    if is_changed(out, "croissant.json"):  # it is made again, and takes nothing over
        set_aside(out, "croissant.json")
    write_card(manifest, card, annotation)
    said = written(card.read_text("utf-8"))  # people write once, for readers and for machines
    record = croissant(out, manifest, licence_of(manifest), **publication, written=said)
    write_croissant(record, out / "croissant.json")
    write_training_summary(manifest, out / TRAINING_SUMMARY)
    add_digests(out, names)


def licence_of(manifest: BuildManifest) -> str:
    """The licence that the card states, as the Hub names it."""
    return _licence(manifest, _source_cards(manifest))[0]


def front_matter(manifest: BuildManifest, licence: str) -> dict[str, Any]:
    """The card's metadata for the Hub and ``datasets``; splits without pairs are left out."""
    codes = ["eng_Latn", *manifest.languages]
    kept = sum(row.kept for row in manifest.funnel)
    tags = ["parallel-corpus", TAG]
    return {
        "pretty_name": _table(manifest).pretty_name or manifest.name,
        "language": list(dict.fromkeys(resolve(code).bcp47.split("-")[0] for code in codes)),
        "license": licence,
        **({"license_name": "see-card"} if licence == "other" else {}),
        "multilinguality": ["translation"],
        "task_categories": ["translation"],
        "size_categories": [next(name for name, top in _SIZES.items() if kept < top)],
        "tags": tags + (["demonstration"] if manifest.demonstrations else []),
        "configs": [config for lang in manifest.languages if (config := _config(manifest, lang))],
    }


def _set_name(ref: Any) -> str:
    """The name of an evaluation set: a path, or a table with a path and an optional name."""
    return ref if isinstance(ref, str) else ref.get("name") or ref["path"]


def _source_cards(manifest: BuildManifest) -> dict[str, CorpusCard | None]:
    return {
        source.name: read_corpus_card(source.card) if source.card else None
        for source in manifest.sources
    }


def _lost_for(manifest: BuildManifest) -> dict[str, int]:
    """Pairs by the first reason that dropped them, the most frequent reason first."""
    counts: Counter[str] = Counter()
    for row in manifest.funnel:
        for reasons in row.dropped.values():
            counts.update(reasons)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _config(manifest: BuildManifest, lang: str) -> dict[str, Any] | None:
    rows = [row for row in manifest.funnel if row.lang == lang]
    counts = {
        "train": sum(row.train for row in rows),
        "validation": sum(row.validation for row in rows),
    }
    name = pair_name(lang)
    data_files = [
        {"split": split, "path": f"pairs/{name}/{split}-*.parquet"}
        for split, count in counts.items()
        if count
    ]
    return {"config_name": name, "data_files": data_files} if data_files else None


def _table(manifest: BuildManifest) -> CardTable:
    try:
        return CardTable.model_validate(manifest.recipe.get("card", {}))
    except ValidationError as error:  # of a build by an earlier version
        raise DataError(f"[card] of the build's recipe: {explain(error, CardTable)}") from None


def _licence(manifest: BuildManifest, cards: dict[str, CorpusCard | None]) -> tuple[str, str]:
    """The licence that the recipe states, or else that of the sources' cards; and the reason."""
    stated = _table(manifest).license
    licences = {name: card.licence if card else None for name, card in cards.items()}
    derived, reason = strictest(licences)
    if stated and stated != derived:
        return (
            stated,
            f"Stated by the curators. The licences of the sources lead to {derived}: {reason}",
        )
    return derived, reason


def _context(manifest: BuildManifest, cards: dict[str, CorpusCard | None]) -> dict[str, Any]:
    table = _table(manifest)
    unique = {card.title: card for card in cards.values() if card is not None}
    header, *funnel = funnel_lines(manifest)
    return {
        "build": manifest,
        "title": table.pretty_name or manifest.name,
        "summary": table.summary,
        "authors": ", ".join(table.authors),
        "read": sum(row.records for row in manifest.funnel),
        "kept": sum(row.kept for row in manifest.funnel),
        "names": {code: resolve(code).name for code in ("eng_Latn", *manifest.languages)},
        "by_lang": {
            lang: [row for row in manifest.funnel if row.lang == lang]
            for lang in manifest.languages
        },
        "cards": cards,
        "unique_cards": list(unique.values()),
        "funnel": funnel,
        "stages": [name for name in header if name in STAGE_NAMES],
        "lost_for": _lost_for(manifest),
        "translators": TRANSLATIONS,
        "translations": _translations(manifest),
        "rules": manifest_rules(manifest),
        "source_limits": source_limits(manifest),
        "demands": LICENCES,
        "refs": [
            _set_name(ref) for ref in manifest.recipe.get("decontaminate", {}).get("refs", [])
        ],
        "leaks": sum(row.lost("decontaminate") for row in manifest.funnel),
        "duplicates": sum(row.lost("dedup") for row in manifest.funnel),
        "builtin": manifest.name in builtin_recipes(),
    }


def _translations(manifest: BuildManifest) -> list[dict[str, Any]]:
    """Kept pairs of each language by who translated; none where no corpus says it."""
    rows = []
    for lang in manifest.languages:
        funnel = [row for row in manifest.funnel if row.lang == lang]
        said = {
            translator: sum(row.translations.get(translator, 0) for row in funnel)
            for translator in TRANSLATIONS
        }
        kept = sum(row.kept for row in funnel)
        not_stated = kept - sum(said.values())
        rows.append({"lang": lang, "kept": kept, "said": said, "not_stated": not_stated})
    return rows if any(row.translations for row in manifest.funnel) else []
