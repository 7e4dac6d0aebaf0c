"""The draft of the summary of training content: what a build knows, and what people wrote."""

from pathlib import Path

import pytest

from sealdata.build_manifest import BuildManifest, SourceFacts, SourceFile
from sealdata.errors import DataError
from sealdata.report.dataset_card_merge import TO_WRITE, unwritten
from sealdata.report.training_summary import (
    TRAINING_SUMMARY,
    render_training_summary,
    token_range,
    write_training_summary,
)

Build = tuple[Path, BuildManifest]

SECTIONS = [
    "## 1. General information",
    "### 1.1 Provider",
    "### 1.2 Model",
    "### 1.3 Modalities, size and other characteristics",
    "## 2. List of data sources",
    "### 2.1 Publicly available datasets",
    "### 2.2 Private datasets of third parties",
    "### 2.3 Data crawled and scraped from online sources",
    "### 2.4 User data",
    "### 2.5 Synthetic data",
    "### 2.6 Other sources",
    "## 3. Relevant aspects of data processing",
    "### 3.1 Respect of reservations of rights from text and data mining",
    "### 3.2 Removal of illegal content",
    "### 3.3 Other information",
]


@pytest.mark.parametrize(
    ("tokens", "name"),
    [
        (0, "less than 1 billion tokens"),
        (10**9 - 1, "less than 1 billion tokens"),
        (10**9, "1 billion to 10 trillion tokens"),
        (10**13 - 1, "1 billion to 10 trillion tokens"),
        (10**13, "more than 10 trillion tokens"),
    ],
)
def test_the_range_of_a_size(tokens: int, name: str) -> None:
    assert token_range(tokens) == name


def test_sections_and_places_of_the_template(build: Build) -> None:
    text = render_training_summary(build[1])
    assert [line for line in text.splitlines() if line.startswith("#")][1:] == SECTIONS
    assert len(unwritten(text)) == text.count(TO_WRITE) > 15
    assert len(set(unwritten(text))) == len(unwritten(text))
    assert "None" not in text
    assert "Undefined" not in text


def test_figures_are_those_of_the_manifest(build: Build) -> None:
    manifest = build[1]
    kept = sum(row.kept for row in manifest.funnel)
    read = sum(row.records for row in manifest.funnel)
    text = render_training_summary(manifest)
    assert f"{kept:,} of {read:,} records are kept." in text
    tokens = sum(stream.num_tokens for stream in manifest.streams if stream.split == "train")
    assert f"({tokens:,} training tokens" in text
    assert f"| {kept:,} | 100.0 % | yes |" in text
    assert "The recipe names no takedown list." in text
    recipe = manifest.recipe | {"exclude": {"lists": ["out.tsv"]}, "clean": {"mask_pii": {}}}
    text = render_training_summary(manifest.model_copy(update={"recipe": recipe}))
    assert "The build applied 1 takedown list and dropped 0 records for it." in text
    assert "were replaced by their kind in 0 pairs" in text


def test_shares_and_sources_without_a_card(build: Build) -> None:
    """Three of 100 pairs are not above 3 %, and what no card describes is asked for."""
    first = build[1].funnel[0]
    rows = [
        first.model_copy(
            update={"source": name, "records": kept, "train": kept, "validation": 0, "dropped": {}}
        )
        for name, kept in (("a", 3), ("b", 93), ("c", 4))
    ]
    cards = {"a": "flores-200", "b": "nllb-opus", "c": None}
    sources = [
        SourceFacts(
            name=name,
            reader="tsv",
            path=f"{name}.tsv",
            src_lang="eng_Latn",
            tgt_lang=first.lang,
            card=card,
            files=[SourceFile(name=f"{name}.tsv", size=1, sha256="0" * 64)],
        )
        for name, card in cards.items()
    ]
    manifest = build[1].model_copy(update={"funnel": rows, "sources": sources})
    lines = render_training_summary(manifest).splitlines()
    shares = [line for line in lines if " % | yes |" in line or " % | no |" in line]
    assert [line.split(" | ")[3:] for line in shares] == [
        ["b", "93", "93.0 %", "yes |"],
        ["a", "3", "3.0 %", "no |"],
    ]
    asked = next(line for line in lines if line.startswith("**Without a data card.**"))
    assert "`c` (c.tsv)" in asked
    assert "`a`" not in asked


def test_what_people_wrote_is_kept(build: Build) -> None:
    out, manifest = build
    path = out / TRAINING_SUMMARY
    write_training_summary(manifest, path)
    text = path.read_text("utf-8")
    assert text == render_training_summary(manifest)
    mark = next(line for line in text.splitlines() if "person: user-data" in line)
    text = text.replace(mark, "<!-- person: user-data -->none<!-- /person -->")
    path.write_text(text + "\n## Annex\n\nMore.\n", "utf-8")
    write_training_summary(manifest.model_copy(update={"build_key": "f" * 16}), path)
    again = path.read_text("utf-8")
    assert "<!-- person: user-data -->none<!-- /person -->" in again
    assert again.endswith("## Annex\n\nMore.\n")
    assert "f" * 16 in again
    path.write_text(again + "<!-- person: gone -->text<!-- /person -->", "utf-8")
    with pytest.raises(DataError, match="no place for what is written at 'gone'"):
        write_training_summary(manifest, path)
