"""The built dataset's Hugging Face card: figures from the manifest and the sources' cards."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.fetch.corpus_cards import LICENCES, SourceCard, read_card, strictest
from sealdata.files.records import write_atomic
from sealdata.filter_stages import STAGE_NAMES
from sealdata.languages import resolve
from sealdata.recipe.reading import builtin_recipes
from sealdata.recipe.tables import CardTable
from sealdata.report.bound_rules import manifest_rules
from sealdata.report.card_merge import merged, to_write
from sealdata.report.croissant import croissant, write_croissant
from sealdata.report.funnel import funnel_lines
from sealdata.report.markup import bounds, hundredths

NOTHING: Mapping[str, Any] = MappingProxyType({})
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


def render_card(manifest: BuildManifest, judged: Mapping[str, Any] = NOTHING) -> str:
    """``README.md``: YAML front matter and text; equal manifests give equal text.

    ``judged`` adds what people said of a sample: ``precision`` and ``labels`` of an audit's facts.

    Raises:
        ConfigError: a source names a data card that does not exist.
        DataError: the front matter of a source's card is wrong.
    """
    cards = _source_cards(manifest)
    licence, reason = _licence(manifest, cards)
    front = yaml.safe_dump(
        front_matter(manifest, licence), sort_keys=False, allow_unicode=True, width=1000
    )
    environment = Environment(
        loader=PackageLoader("sealdata.report"),
        autoescape=False,  # Markdown, and no corpus text in it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=cell, hundredths=hundredths)
    environment.globals.update(to_write=to_write, bounds=bounds)
    text = environment.get_template("card.md.j2").render(
        _context(manifest, cards),
        licence=licence,
        licence_reason=reason,
        precision=judged.get("precision", []),
        labels=judged.get("labels", {}),
    )
    return f"---\n{front}---\n\n{text}"


def write_card(manifest: BuildManifest, path: Path, judged: Mapping[str, Any] = NOTHING) -> None:
    """Write the card, atomically; what people wrote on a card that is there already is kept.

    Raises:
        DataError: the disk is full or refuses, or the card that is there cannot be read.
    """
    text = render_card(manifest, judged)
    if path.is_file():
        text = merged(text, path.read_text("utf-8"), str(path))
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_metadata(
    manifest: BuildManifest, out: Path, judged: Mapping[str, Any] = NOTHING, **known: str
) -> None:
    """Write ``README.md`` and ``croissant.json`` of the build in ``out``.

    ``known``: the ``url`` and date of publication that ``croissant`` takes.
    """
    write_card(manifest, out / "README.md", judged)
    write_croissant(croissant(out, manifest, licence_of(manifest), **known), out / "croissant.json")


def licence_of(manifest: BuildManifest) -> str:
    """The licence that the card states, as the Hub names it."""
    return _licence(manifest, _source_cards(manifest))[0]


def front_matter(manifest: BuildManifest, licence: str) -> dict[str, Any]:
    """The card's metadata, as the Hub and ``datasets`` read it; only splits that hold pairs."""
    codes = ["eng_Latn", *manifest.languages]
    kept = sum(row.kept for row in manifest.funnel)
    tags = ["parallel-corpus", "sealdata"]
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
    """An evaluation set as a recipe names it: a path, or a table with a path and maybe a name."""
    return ref if isinstance(ref, str) else ref.get("name") or ref["path"]


def cell(text: str) -> str:
    """Text of others made fit for a table cell or a paragraph of Markdown."""
    flat = " ".join(text.split())
    for char in "\\`*_<>[]|":
        flat = flat.replace(char, f"\\{char}")
    return flat


def _source_cards(manifest: BuildManifest) -> dict[str, SourceCard | None]:
    return {
        source.name: read_card(source.card) if source.card else None for source in manifest.sources
    }


def _lost_for(manifest: BuildManifest) -> dict[str, int]:
    """Pairs by their first reason, the most frequent first."""
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
    return CardTable.model_validate(manifest.recipe.get("card", {}))


def _licence(manifest: BuildManifest, cards: dict[str, SourceCard | None]) -> tuple[str, str]:
    """What the recipe states, else what follows from the sources' cards; and why."""
    stated = _table(manifest).license
    licences = {name: card.licence if card else None for name, card in cards.items()}
    found, reason = strictest(licences)
    if stated and stated != found:
        return stated, f"Stated by the curators. From the sources follows {found}: {reason}"
    return found, reason


def _context(manifest: BuildManifest, cards: dict[str, SourceCard | None]) -> dict[str, Any]:
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
        "rules": manifest_rules(manifest),
        "demands": LICENCES,
        "refs": [
            _set_name(ref) for ref in manifest.recipe.get("decontaminate", {}).get("refs", [])
        ],
        "leaks": sum(row.lost("decontaminate") for row in manifest.funnel),
        "duplicates": sum(row.lost("dedup") for row in manifest.funnel),
        "builtin": manifest.name in builtin_recipes(),
    }
