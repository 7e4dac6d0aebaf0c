"""What every component of every kind must hold to, whatever it does."""

import re
from pathlib import Path

import polars as pl
import pytest

from sealdata.component import KINDS, Component, available, component_class, load
from sealdata.errors import ConfigError, DataError
from sealdata.filter_stages import RULE_STAGES
from sealdata.languages import languages
from sealdata.pairs import DOCUMENT_SCHEMA, PAIR_SCHEMA, REJECT_SCHEMA, make_pairs
from sealdata.readers import Source

EVERY = [(kind, name) for kind in KINDS for name in available(kind)]
NEEDED = {  # parameters without a default
    ("readers", "joined"): {"tgt_file": "corpus"},
    ("cleaners", "program"): {"command": ["tr", "a-z", "A-Z"]},
    ("cleaners", "regex"): {"pattern": "[aą]", "replacement": "b"},
    ("scorers", "program"): {"command": ["awk", "{ print length }"]},
    ("scorers", "regex"): {"pattern": "[a-f]+"},
    ("scorers", "laser"): {"encoder": "sample"},
    ("scorers", "toxicity"): {"lists": str(Path(__file__).parent / "scorers" / "toxicity")},
    **{("tokenizers", name): {"path": "tokenizer.json"} for name in available("tokenizers")},
}

WHOLE_FILES = {"hf", "moses", "parquet", "tmx"}  # readers that refuse what is not their format

ODD_TEXTS = [
    "",
    " ",
    "\n",
    "\0",
    "x\0y",
    "😀👩‍👩‍👧",
    "\u0301",  # a mark without a letter
    "ั",
    "្",
    "\u200b\u200d\ufeff",
    "שלום עולם مرحبا",
    "\u202eabc",
    "ก" * 10_000,
    "word " * 2_000,
    "1" * 10_000,
    "1,000,000.5:30",
    "&amp;amp;<b",
    "Ã©â€™",
    '"',
    "\u2028",
    "\U0010ffff",
]
ODD_PAIRS = [
    *((odd, "Halo.") for odd in ODD_TEXTS),
    *(("Hello.", odd) for odd in ODD_TEXTS),
    *((odd, odd) for odd in ODD_TEXTS),
]


def scorer(name):
    return load("scorers", name, NEEDED.get(("scorers", name)))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_component_documents_itself_and_refuses_unknown_parameters(kind, name):
    cls = component_class(kind, name)
    assert issubclass(cls, Component)
    assert cls.__doc__ != Component.__doc__
    assert cls.__module__ == f"sealdata.{kind}.{name}"
    with pytest.raises(ConfigError, match=r"unknown key 'no_such_parameter'"):
        load(kind, name, {**NEEDED.get((kind, name), {}), "no_such_parameter": 1})


def test_a_former_name_is_an_error_that_names_the_new_one():
    with pytest.raises(ConfigError) as caught:
        load("cleaners", "mask")
    assert str(caught.value) == (
        "cleaner 'mask' is now 'mask_pii': write [clean.mask_pii] in place of [clean.mask]"
    )


@pytest.mark.parametrize("kind", ["readers", "cleaners", "scorers"])
def test_a_fingerprint_holds_the_version(kind):
    for name in available(kind):
        fingerprint = load(kind, name, NEEDED.get((kind, name))).fingerprint()
        assert fingerprint["version"] == component_class(kind, name).version
        assert fingerprint == load(kind, name, NEEDED.get((kind, name))).fingerprint()


@pytest.mark.parametrize("name", available("scorers"))
def test_a_scorer_says_when_it_runs_and_what_its_columns_are(name):
    cls = component_class("scorers", name)
    assert cls.stage in RULE_STAGES
    assert cls.columns
    assert not cls.renamed.keys() & cls.columns.keys()
    assert set(cls.renamed.values()) <= cls.columns.keys()
    for column, meaning in cls.columns.items():
        assert re.fullmatch("[a-z_]+", column)
        assert len(meaning) > 15, "unit, range, direction"
    assert set(cls.ranges) == {*cls.columns, *cls.corpus_columns}, "a range for every column"
    assert cls.seldom <= set(cls.columns)


@pytest.mark.parametrize("name", available("scorers"))
@pytest.mark.parametrize(
    "pairs",
    [
        make_pairs([]),
        make_pairs([("Hello there.", "Halo semua.")]),
        make_pairs(ODD_PAIRS),
        pl.concat([make_pairs([("Hi 5.", "๕ x")], tgt_lang=lang) for lang in languages()]),
    ],
    ids=["empty", "one", "odd", "every-language"],
)
def test_a_scorer_gives_its_columns_for_every_row(name, pairs):
    scores = scorer(name).score(pairs)
    assert scores.columns == list(component_class("scorers", name).columns)
    assert scores.height == pairs.height
    for column in scores.select(pl.selectors.float()):
        assert column.drop_nulls().is_finite().all(), column.name
    for column in scores:
        allowed = component_class("scorers", name).ranges[column.name]
        assert (allowed is None) == (column.dtype == pl.String), column.name
        if allowed is not None:
            assert column.drop_nulls().is_between(*allowed).all(), column.name
    one = scorer(name).score(make_pairs([("Hello there.", "Halo semua.")]))
    assert scores.schema == one.schema, "types must not depend on the rows"


@pytest.mark.parametrize("name", available("scorers"))
def test_a_score_belongs_to_its_pair(name):
    """The same in another order, and without the neighbours."""
    pairs = make_pairs([*ODD_PAIRS[:8], ("Hello there, 5.", "Halo semua, 5."), ("Two.", "Dua.")])
    scores = scorer(name).score(pairs)
    assert scorer(name).score(pairs.reverse()).equals(scores.reverse())
    alone = pl.concat(scorer(name).score(pairs[i]) for i in range(pairs.height))
    assert alone.equals(scores)


@pytest.mark.parametrize("name", available("cleaners"))
@pytest.mark.parametrize(
    "texts", [[], ["Hello there."], ODD_TEXTS, [None, "a"]], ids=["empty", "one", "odd", "null"]
)
def test_a_cleaner_gives_one_text_for_each_and_is_done_after_one_run(name, texts):
    text = pl.Series("src", texts, dtype=pl.String)
    cleaner = load("cleaners", name, NEEDED.get(("cleaners", name)))
    cleaned = cleaner.clean(text)
    assert cleaned.dtype == pl.String
    assert cleaned.len() == text.len()
    assert cleaned.null_count() == 0
    assert cleaner.clean(cleaned).equals(cleaned)


def test_cleaners_leave_the_input_alone():
    text = pl.Series("src", ["  a &amp; b\u200b ", "cafÃ©"])
    for name in available("cleaners"):
        load("cleaners", name, NEEDED.get(("cleaners", name))).clean(text)
    assert text.to_list() == ["  a &amp; b\u200b ", "cafÃ©"]


@pytest.mark.parametrize("name", available("readers"))
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\0",
        b"\xff\xfd\x00",
        b"en_text,th_text\n\n\0,\xff\n",
        "\u2028😀\t\n".encode() * 9,
        b"x" * 99,
    ],
    ids=range(7),
)
def test_a_reader_accounts_for_every_record_or_refuses_the_file(name, data, tmp_path):
    reader = load("readers", name, NEEDED.get(("readers", name)))
    path = tmp_path / "corpus"
    path.write_bytes(data)
    source = Source("corpus", path, "eng_Latn", "tha_Thai" if reader.yields == "pairs" else None)
    schema = PAIR_SCHEMA if reader.yields == "pairs" else DOCUMENT_SCHEMA
    assert path in reader.files(path)
    if name in WHOLE_FILES or (name == "csv" and b"en_text" not in data):
        with pytest.raises(DataError, match=rf"^{re.escape(str(path))}.*$"):
            list(reader.batches(source, 4))
        return
    batches = list(reader.batches(source, 4))
    rows = []
    for good, rejected in batches:
        assert good.schema == pl.Schema(schema)
        assert rejected.schema == pl.Schema(REJECT_SCHEMA)
        assert rejected["reason"].null_count() == 0
        rows += sorted([*good["row"], *rejected["row"]])
    assert rows == list(range(len(rows)))


@pytest.mark.parametrize("name", available("readers"))
def test_a_reader_names_a_missing_file(name, tmp_path):
    reader = load("readers", name, NEEDED.get(("readers", name)))
    source = Source("corpus", tmp_path / "absent", "eng_Latn", "tha_Thai")
    with pytest.raises(DataError, match="absent"):
        list(reader.batches(source, 4))
