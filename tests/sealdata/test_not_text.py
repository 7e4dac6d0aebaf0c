"""Every way by which text comes in asks what a file is before it reads lines."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.component import load
from sealdata.contamination.sets import read_sentences
from sealdata.errors import DataError
from sealdata.gold.references import read_references
from sealdata.labels.sheet import read_sheet
from sealdata.pairs import make_pairs
from sealdata.readers import Source
from sealdata.shards.token_files import TokenRange, measure
from sealdata.stages.decontaminate import EvaluationFile, References
from sealdata.stages.takedowns import read_takedowns

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n"
UTF_16 = "row\tnews\t7\nWater\tน้ำ\n".encode("utf-16")


def reader(name, path, **options):
    component = load("readers", name, options)
    source = Source("s", path, "eng_Latn", "tha_Thai" if component.yields == "pairs" else None)
    list(component.batches(source, 10))


WAYS = {
    "tsv": lambda path: reader("tsv", path, layout="pairs"),
    "jsonl": lambda path: reader("jsonl", path),
    "csv": lambda path: reader("csv", path),
    "text": lambda path: reader("text", path),
    "text in Parquet": lambda path: reader("text", path, format="parquet"),
    "joined": lambda path: reader("joined", path, tgt_file=path.name),
    "moses": lambda path: reader("moses", path.with_suffix("")),
    "parquet": lambda path: reader("parquet", path),
    "evaluation lines": lambda path: list(read_sentences(path.rename(path.with_suffix(".dev")))),
    "evaluation table": lambda path: list(read_sentences(path.rename(path.with_suffix(".jsonl")))),
    "evaluation Parquet": lambda path: list(
        read_sentences(path.rename(path.with_suffix(".parquet")))
    ),
    "references": lambda path: read_references(path.parent),
    "takedowns": lambda path: read_takedowns([path]),
    "annotations": read_sheet,
    "toxicity": lambda path: load("scorers", "toxicity", {"lists": str(path.parent)}).score(
        make_pairs([("a", "b")], tgt_lang="tha_Thai")
    ),
    "token files": lambda path: measure([TokenRange(path)], "uint16", 8),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("data", "says"), [(POINTER, "Git LFS pointer"), (UTF_16, "UTF-16")])
def test_a_file_that_is_no_text_is_named(way, data, says, tmp_path: Path):
    if way == "token files" and data is UTF_16:
        data = np.arange(99, dtype=np.uint16).tobytes()  # any ids are token ids
        (tmp_path / "x").write_bytes(data)
        assert WAYS[way](tmp_path / "x").num_sequences == 12
        return
    for name in ("eng_Latn.txt", "tha_Thai.txt", "eng_Latn.en", "eng_Latn.th"):
        (tmp_path / name).write_bytes(data)
    name = "eng_Latn.en" if way == "moses" else "eng_Latn.txt"
    with pytest.raises(DataError, match=says) as caught:
        WAYS[way](tmp_path / name)
    assert str(tmp_path) in str(caught.value)


def test_the_input_of_score():
    command = ["score", "--tgt-lang", "th", "--scorer", "lid"]
    done = CliRunner().invoke(main, command, input=UTF_16)
    assert done.exit_code == 1
    assert "the input cannot be read as text: it is text in UTF-16" in done.stderr


def test_an_evaluation_set_without_a_sentence_keeps_nothing_out(tmp_path):
    (tmp_path / "a.txt").write_text("\n \n")
    (tmp_path / "b.txt").write_text("A sentence.\n")
    files = [EvaluationFile(name, tmp_path / f"{name}.txt") for name in "ab"]
    with pytest.raises(DataError, match="evaluation set a: no file of it holds a sentence"):
        References(tuple(files))("all", tmp_path)
    one_set = [EvaluationFile("x", file.path) for file in files]
    assert References(tuple(one_set))("all", tmp_path).rows_out == 1
    assert pl.read_parquet(tmp_path / "all.parquet")["text"].to_list() == ["A sentence."]
