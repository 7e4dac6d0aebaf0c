"""Croissant 1.1 on origin and use: what the dataset was derived from, by what, and its terms."""

from typing import Any

from sealdata import __version__
from sealdata.build_manifest import BuildManifest
from sealdata.fetch.corpus_cards import LICENCES, CorpusCard, Demand, read_corpus_card
from sealdata.filter_stages import STAGE_NAMES

CONTEXT = {
    "cc": "http://creativecommons.org/ns#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "sdVersion": "cr:sdVersion",
}
LICENCE_URLS = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
}
# ODRL 2.2's words for what licences demand: duties of whoever uses the data, and prohibitions.
_DUTIES: dict[Demand, str] = {"attribution": "odrl:attribute", "share-alike": "cc:ShareAlike"}
_PROHIBITIONS: dict[Demand, str] = {
    "non-commercial": "odrl:commercialize",
    "no-derivatives": "odrl:derive",
}


def provenance(manifest: BuildManifest, licence: str, version: str) -> dict[str, Any]:
    """Properties of the dataset, as JSON-LD under the names of ``CONTEXT``.

    ``version`` is that of the data. ``sdVersion``, that of the metadata, adds the version of this
    program as Semantic Versioning's build metadata.

    Source: Croissant format specification 1.1, "Responsible AI and Governance"; W3C PROV-O; ODRL.
    """
    return {
        "sdVersion": f"{version}+sealdata.{__version__}",
        "prov:wasDerivedFrom": _sources(manifest),
        "prov:wasGeneratedBy": _activity(manifest),
        "usageInfo": _usage(licence),
    }


def _sources(manifest: BuildManifest) -> list[dict[str, Any]]:
    """One entity per source: its corpus, licence and page by its card, and its files."""
    entities = []
    for source in manifest.sources:
        card = read_corpus_card(source.card) if source.card else None
        entity: dict[str, Any] = {
            "@type": "prov:Entity",
            "@id": f"source-{source.name}",
            "prov:label": source.name,
            "name": card.title if card else source.name,
            **_of_card(card),
        }
        files = [
            {
                "@type": "prov:Entity",
                "name": file.name,
                "sha256": file.sha256,
                "contentSize": f"{file.size} B",
            }
            for file in source.files
        ]
        entity |= {"prov:hadMember": files} if files else {}
        entities.append(entity)
    return entities


def _of_card(card: CorpusCard | None) -> dict[str, Any]:
    if card is None:
        return {"license": "not stated"}
    facts = {
        "license": card.licence_url or LICENCE_URLS.get(card.licence, card.licence),
        "url": card.page,
        "citation": card.citation.strip(),
        "conditionsOfAccess": card.licence_note,
    }
    return {name: value for name, value in facts.items() if value}


def _activity(manifest: BuildManifest) -> dict[str, Any]:
    """The build, its program and libraries, its cleaners, and what each filter stage dropped."""
    lost = {stage: sum(row.lost(stage) for row in manifest.funnel) for stage in STAGE_NAMES}
    steps = [f"{stage}: {count:,} records dropped" for stage, count in lost.items() if count]
    # Text is cleaned as soon as it is read, before any stage but ingest drops records.
    after_ingest = int(lost["ingest"] > 0)
    cleaners = dict.fromkeys(row.step for row in manifest.cleaning)
    steps[after_ingest:after_ingest] = [f"cleaning by {name}" for name in cleaners]
    # Sorted, as in a manifest that is read: a card that is written again has the same bytes.
    versions = sorted(manifest.versions.items())
    libraries = ", ".join(f"{name} {release}" for name, release in versions)
    return {
        "@type": "prov:Activity",
        "@id": f"build-{manifest.build_key}",
        "prov:label": f"sealdata build of the recipe {manifest.name}",
        "description": f"Steps in order. {'; '.join(steps)}.",
        "prov:used": [{"@id": f"source-{source.name}"} for source in manifest.sources],
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "prov:label": f"sealdata {manifest.sealdata}",
            "description": libraries,
        },
    }


def _usage(licence: str) -> dict[str, Any]:
    """What the licence allows, demands and forbids; only its name where that is not known."""
    usage: dict[str, Any] = {
        "@type": ["CreativeWork", "odrl:Offer"],
        "name": f"Terms of {licence}",
        "url": LICENCE_URLS.get(licence, ""),
    }
    demands = LICENCES.get(licence)
    if demands is None or licence == "other":
        usage["description"] = "The dataset card states the terms."
    else:
        usage["odrl:permission"] = _rule("odrl:Permission", "odrl:use") | {
            "odrl:duty": [_rule("odrl:Duty", _DUTIES[name]) for name in _DUTIES if name in demands]
        }
        usage["odrl:prohibition"] = [
            _rule("odrl:Prohibition", action)
            for name, action in _PROHIBITIONS.items()
            if name in demands
        ]
    return {name: value for name, value in usage.items() if value}


def _rule(kind: str, action: str) -> dict[str, Any]:
    return {"@type": kind, "odrl:action": {"@id": action}}
