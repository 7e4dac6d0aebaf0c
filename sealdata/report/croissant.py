"""Croissant 1.1 metadata of a built dataset, with the RAI fields of its extension."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.fetch.corpus_cards import CorpusCard, read_corpus_card
from sealdata.files.parquet import schema_of
from sealdata.files.records import write_json
from sealdata.languages import resolve
from sealdata.recipe.tables import CardTable
from sealdata.report.croissant_provenance import CONTEXT as PROVENANCE
from sealdata.report.croissant_provenance import LICENCE_URLS, provenance
from sealdata.report.ledger import kept_files

NOTHING_WRITTEN: Mapping[str, str] = MappingProxyType({})
_TYPES = {
    "sc:Text": (pl.String,),
    "sc:Integer": (pl.Int8, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    "sc:Float": (pl.Float32, pl.Float64),
    "sc:Boolean": (pl.Boolean,),
}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    **PROVENANCE,
}


def croissant(
    out: Path,
    manifest: BuildManifest,
    licence: str,
    url: str = "",
    published: str = "",
    written: Mapping[str, str] = NOTHING_WRITTEN,
) -> dict[str, Any]:
    """The metadata as JSON-LD. ``url`` and ``published`` (a date) are known once it is published.

    ``written`` is what people wrote on the card, by the names of the places.

    A distribution per parquet file with its SHA-256, a set of files and a record set per language.

    Source: Croissant format specification 1.1 and Croissant RAI 1.0, MLCommons.
    """
    table = CardTable.model_validate(manifest.recipe.get("card", {}))
    cards = _cards(manifest)
    title = table.pretty_name or manifest.name
    record: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": manifest.name,
        "alternateName": title,
        "description": table.summary or _description(manifest),
        "license": LICENCE_URLS.get(licence, licence),
        "version": table.version,
        "inLanguage": [resolve(code).bcp47 for code in ("eng_Latn", *manifest.languages)],
        "citeAs": "\n".join(card.citation.strip() for card in cards if card.citation),
        "isLiveDataset": False,
        "distribution": [],
        "recordSet": [],
        **provenance(manifest, licence, table.version),
        **_responsible(manifest, cards, written),
    }
    if table.authors:
        record["creator"] = [{"@type": "Person", "name": name} for name in table.authors]
    record |= {"url": url} if url else {}
    record |= {"datePublished": published} if published else {}
    for lang in manifest.languages:
        files = kept_files(out, lang)
        if files:
            _add_language(record, out, manifest, lang, files)
    return record


def write_croissant(record: dict[str, Any], path: Path) -> None:
    """Write ``croissant.json``, atomically."""
    write_json(path, record)


def _add_language(
    record: dict[str, Any], out: Path, manifest: BuildManifest, lang: str, files: list[Path]
) -> None:
    name = pair_name(lang)
    paths = [path.relative_to(out).as_posix() for path in files]
    record["distribution"] += [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "contentSize": f"{manifest.files[path].size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": manifest.files[path].sha256,
        }
        for path in paths
    ]
    record["distribution"].append(
        {
            "@type": "cr:FileSet",
            "@id": f"files-{name}",
            "name": f"files-{name}",
            "description": f"Pairs of English and {resolve(lang).name}, both splits.",
            "encodingFormat": "application/x-parquet",
            "includes": f"pairs/{name}/*.parquet",
        }
    )
    schema = schema_of(files[0])
    record["recordSet"].append(
        {
            "@type": "cr:RecordSet",
            "@id": name,
            "name": name,
            "description": f"One record per pair of English (src) and {resolve(lang).name} (tgt).",
            "field": [
                _field(name, column, dtype) for column, dtype in schema.items() if _type(dtype)
            ],
        }
    )


def _field(name: str, column: str, dtype: pl.DataType) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{column}",
        "name": column,
        "dataType": _type(dtype),
        "source": {"fileSet": {"@id": f"files-{name}"}, "extract": {"column": column}},
    }


def _type(dtype: pl.DataType) -> str | None:
    return next((name for name, dtypes in _TYPES.items() if dtype in dtypes), None)


def _cards(manifest: BuildManifest) -> list[CorpusCard]:
    names = dict.fromkeys(source.card for source in manifest.sources if source.card)
    return [read_corpus_card(name) for name in names]


def _description(manifest: BuildManifest) -> str:
    kept = sum(row.kept for row in manifest.funnel)
    names = ", ".join(resolve(lang).name for lang in manifest.languages)
    return f"{kept:,} sentence pairs of English with {names}, curated by sealdata."


def _responsible(
    manifest: BuildManifest, cards: list[CorpusCard], written: Mapping[str, str]
) -> dict[str, Any]:
    """RAI fields by the manifest, the sources' cards and what people wrote; others are left out."""
    recipe = manifest.recipe
    cleaning = ", ".join(dict.fromkeys(row.step for row in manifest.cleaning)) or "none"
    rules = "; ".join(f"{rule['reason']} by {rule['score']}" for rule in recipe.get("rule", []))
    read = sum(row.records for row in manifest.funnel)
    kept = sum(row.kept for row in manifest.funnel)
    unread = sum(row.lost("ingest") for row in manifest.funnel)
    refs = recipe.get("decontaminate", {}).get("refs", [])
    facts = {
        "rai:dataCollection": " ".join(f"{card.title}: {card.origin}" for card in cards),
        # A word of the specification's list: nothing is collected here, corpora are selected from.
        "rai:dataCollectionType": "Secondary Data analysis",
        "rai:dataCollectionRawData": ", ".join(
            f"{file.name} (SHA-256 {file.sha256})"
            for source in manifest.sources
            for file in source.files
        ),
        "rai:dataCollectionMissingData": (
            f"{unread:,} records could not be read and were dropped; a score that cannot be "
            "computed is null."
        ),
        "rai:dataPreprocessingProtocol": [f"Cleaning steps, in order: {cleaning}."],
        "rai:dataManipulationProtocol": (
            f"{kept:,} of {read:,} records kept. Rules, in order: {rules or 'none'}."
        ),
        "rai:machineAnnotationTools": [
            f"{model.use}: {model.name}" + (" (demonstration)" if model.demonstration else "")
            for model in manifest.models
        ],
        "rai:dataLimitations": [
            *(f"{card.title}: {defect}" for card in cards for defect in card.defects),
            *([] if refs else ["Not decontaminated: the recipe names no evaluation sets."]),
            *_of(written, "out-of-scope"),
        ],
        "rai:personalSensitiveInformation": [
            *(f"{card.title}: {card.personal_data}" for card in cards),
            *_of(written, "personal-data"),
        ],
        "rai:dataBiases": _of(written, "risks"),
        "rai:dataUseCases": _of(written, "direct-use"),
    }
    return {name: value for name, value in facts.items() if value}


def _of(written: Mapping[str, str], mark: str) -> list[str]:
    return [written[mark]] if mark in written else []
