"""Pairs as documents: directions, and templates drawn by the hash of the pair."""

import polars as pl
import pytest

from sealdata.errors import ConfigError
from sealdata.formats.documents import PairFormat, orders
from sealdata.pairs import make_pairs
from sealdata.recipe.tables import FormatTable
from sealdata.shards.shuffle import row_keys

PAPER = "{first_name}: {first}\n{second_name}: {second}"
PAIRS = make_pairs([("Good morning.", "Selamat pagi."), ("Thanks.", "Terima kasih.")])


def form(english_first: bool = True, halved: bool = False, **changes: object) -> PairFormat:
    fields = {"templates": (PAPER,), "weights": (1.0,), "names": "english", **changes}
    return PairFormat("ind_Latn", english_first, halved, **fields)  # type: ignore[arg-type]


def many(count: int = 4000) -> tuple[pl.DataFrame, pl.Series]:
    pairs = make_pairs([(f"Number {n}.", f"Nomor {n}.") for n in range(count)])
    return pairs, row_keys(pairs, seed=1)


def test_both_directions_by_order_on_the_page() -> None:
    keys = row_keys(PAIRS, seed=1)
    there = form(english_first=True).documents(PAIRS, keys)
    assert there.rows() == [
        ("memory", 0, 0, "English: Good morning.\nIndonesian: Selamat pagi.", 35),
        ("memory", 1, 0, "English: Thanks.\nIndonesian: Terima kasih.", 29),
    ]
    back = form(english_first=False, names="autonym").documents(PAIRS, keys)
    assert back["text"][0] == "Bahasa Indonesia: Selamat pagi.\nEnglish: Good morning."
    assert back["text"][0][: back["prompt_chars"][0]].endswith("\nEnglish: ")
    assert form(english_first=False).languages == ("ind_Latn", "eng_Latn")
    assert back.schema == there.schema


def test_prompts_are_counted_in_characters() -> None:
    pairs = make_pairs([("Hello.", "สวัสดี")], tgt_lang="tha_Thai")
    back = PairFormat("tha_Thai", False, False, (PAPER,), (1.0,), "autonym")
    [row] = back.documents(pairs, row_keys(pairs, seed=1)).iter_rows(named=True)
    assert row["text"] == "ภาษาไทย: สวัสดี\nEnglish: Hello."
    assert row["prompt_chars"] == len("ภาษาไทย: สวัสดี\nEnglish: ")


def test_no_pairs() -> None:
    none = PAIRS.clear()
    assert form().documents(none, row_keys(none, seed=1)).height == 0


def test_random_gives_each_pair_to_one_direction() -> None:
    _, keys = many()
    there, back = form(True, halved=True).takes(keys), form(False, halved=True).takes(keys)
    assert (there ^ back).all()
    assert 1850 < there.sum() < 2150
    assert form(True).takes(keys).all()


def test_templates_are_drawn_by_weight_and_do_not_depend_on_the_other_rows() -> None:
    pairs, keys = many()
    mixed = form(templates=(PAPER, "{first} = {second}", "{first}|{second}"), weights=(6, 3, 1))
    documents = mixed.documents(pairs, keys)
    counts = dict(documents.group_by("template").len().iter_rows())
    assert counts[0] == pytest.approx(2400, abs=150)
    assert counts[1] == pytest.approx(1200, abs=150)
    assert counts[2] == pytest.approx(400, abs=100)
    some = documents.filter(pl.col("template") == 2).row(0, named=True)
    number = some["row"]
    assert some["text"] == f"Number {number}.|Nomor {number}."
    assert some["prompt_chars"] == len(f"Number {number}.|")
    prompts = pl.col("text").str.slice(pl.col("prompt_chars"))
    assert documents.select(prompts).to_series().to_list() == pairs["tgt"].to_list()
    part = pairs[1000:1100].reverse()
    again = mixed.documents(part, row_keys(part, seed=1))
    assert again.reverse().equals(documents[1000:1100])


def test_the_draw_of_template_and_direction_are_independent() -> None:
    pairs, keys = many()
    halved = form(halved=True, templates=(PAPER, "{first}|{second}"), weights=(1, 1))
    taken = halved.takes(keys)
    drawn = halved.documents(pairs.filter(taken), keys.filter(taken))["template"]
    assert drawn.mean() == pytest.approx(0.5, abs=0.04)


def test_streams_of_each_choice_of_directions() -> None:
    assert orders("both") == orders("random") == (True, False)
    assert (orders("en-x"), orders("x-en")) == ((True,), (False,))


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"templates": []}, "not empty"),
        ({"weights": [1, 2]}, "lists of one length"),
        ({"templates": [PAPER, PAPER], "weights": [1, 0]}, "above 0"),
    ],
)
def test_recipe_refuses(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        FormatTable.model_validate(table)


def test_recipe_refuses_a_wrong_template() -> None:
    with pytest.raises(ConfigError, match=r"no placeholder \{src\}"):
        FormatTable(templates=["{src} {second}"])
