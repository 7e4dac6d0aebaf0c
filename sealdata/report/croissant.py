"""Croissant 1.1 metadata of a built dataset, with the RAI fields of its extension."""

from pathlib import Path
from typing import Any

import polars as pl

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.fetch.corpus_cards import CorpusCard, read_corpus_card
from sealdata.files.records import write_json
from sealdata.languages import resolve
from sealdata.recipe.tables import CardTable
from sealdata.report.ledger import kept_files

_SPDX = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
}
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
}


def croissant(
    out: Path, manifest: BuildManifest, licence: str, url: str = "", published: str = ""
) -> dict[str, Any]:
    """The metadata as JSON-LD. ``url`` and ``published`` (a date) are known once it is published.

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
        "license": _SPDX.get(licence, licence),
        "version": "1.0.0",
        "inLanguage": [resolve(code).bcp47 for code in ("eng_Latn", *manifest.languages)],
        "citeAs": "\n".join(card.citation.strip() for card in cards if card.citation),
        "isLiveDataset": False,
        "distribution": [],
        "recordSet": [],
        **_responsible(manifest, cards),
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
    schema = pl.read_parquet_schema(files[0])
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


def _responsible(manifest: BuildManifest, cards: list[CorpusCard]) -> dict[str, Any]:
    """Facts of the manifest and the sources' cards; what only a person knows is left out."""
    recipe = manifest.recipe
    cleaning = ", ".join(dict.fromkeys(row.step for row in manifest.cleaning)) or "none"
    rules = "; ".join(f"{rule['reason']} by {rule['score']}" for rule in recipe.get("rule", []))
    read = sum(row.records for row in manifest.funnel)
    kept = sum(row.kept for row in manifest.funnel)
    facts = {
        "rai:dataCollection": " ".join(f"{card.title}: {card.origin}" for card in cards),
        "rai:dataCollectionRawData": ", ".join(
            f"{file.name} (SHA-256 {file.sha256})"
            for source in manifest.sources
            for file in source.files
        ),
        "rai:dataPreprocessingProtocol": [f"Cleaning steps, in order: {cleaning}."],
        "rai:dataManipulationProtocol": (
            f"{kept:,} of {read:,} records kept. Rules, in order: {rules or 'none'}."
        ),
        "rai:dataLimitations": [
            f"{card.title}: {defect}" for card in cards for defect in card.defects
        ],
        "rai:personalSensitiveInformation": [
            f"{card.title}: {card.personal_data}" for card in cards
        ],
    }
    return {name: value for name, value in facts.items() if value}
