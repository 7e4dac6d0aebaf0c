"""The data cards: each can be read, names a licence, and adds up to what its publishers say."""

from pathlib import Path

import pytest

from sealdata.fetch.corpora import catalogue
from sealdata.fetch.corpus_cards import (
    LICENCES,
    corpus_card_names,
    read_corpus_card,
    split_front_matter,
)
from sealdata.recipe.reading import read_recipe

ROOT = Path(__file__).parents[1]
CARDS = [ROOT / "data_cards" / f"{name}.md" for name in corpus_card_names()]
CORPORA = {
    "flores-200",
    "nllb-allenai",
    "nllb-opus",
    "ntrex-128",
    "olmo-mix-1124",
    "opus-thai",
    "scb-mt-en-th-2020",
}


def test_every_corpus_has_a_card() -> None:
    assert set(corpus_card_names()) >= CORPORA
    assert set(corpus_card_names()) == set(catalogue())


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_card_is_whole(path: Path) -> None:
    card = read_corpus_card(path.stem)
    assert card.licence in LICENCES
    assert card.licence != "other" or card.licence_note
    assert card.licence == "other" or card.licence_url.startswith("https://")
    assert card.defects
    assert card.citation.count("{") == card.citation.count("}")
    _, text = split_front_matter(path.read_text("utf-8"), path.name)
    assert text.startswith("\n# ")
    for heading in ("## What it is for", "## How it is laid out"):
        assert heading in text


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_counts_and_downloads_are_of_its_languages(path: Path) -> None:
    card = read_corpus_card(path.stem)
    pairs = {code for key in card.downloads if "_" in key for code in key.split("-")}
    assert {*card.counts, *card.unique_counts, *pairs} <= set(card.languages)
    files = [item.name for item in card.downloads.values()]
    assert len(set(files)) == len(files)


def test_nllb_adds_up() -> None:
    """Eleven pairs: the 403.8 million of the paper, without Thai."""
    card = read_corpus_card("nllb-opus")
    assert len(card.counts) == 11
    assert sum(card.counts.values()) == 403_799_833
    assert sum(card.unique_counts.values()) == 398_986_674
    assert all(card.unique_counts[lang] < count for lang, count in card.counts.items())
    assert "tha_Thai" not in card.languages
    assert set(card.downloads) == {f"eng_Latn-{lang}" for lang in card.counts}


def test_allenai_has_files_for_eight_of_the_eleven() -> None:
    expected = set(read_corpus_card("nllb-opus").downloads)
    there = set(read_corpus_card("nllb-allenai").downloads)
    assert expected - there == {f"eng_Latn-{lang}" for lang in ("ind_Latn", "vie_Latn", "zho_Hans")}
    assert len(expected & there) == 8


def test_scb_adds_up() -> None:
    card = read_corpus_card("scb-mt-en-th-2020")
    assert len(card.parts) == 12
    assert sum(card.parts.values()) == card.counts["tha_Thai"] == 1_001_752


@pytest.mark.parametrize(
    "recipe", sorted((ROOT / "sealdata/recipes").glob("*.toml")), ids=lambda path: path.stem
)
def test_recipes_name_cards_that_exist(recipe: Path) -> None:
    read, _ = read_recipe(recipe.stem)
    tables = [*read.source, *(stream for stream in read.stream if not stream.from_pairs)]
    named = {table.card for table in tables}
    assert named <= set(corpus_card_names())
