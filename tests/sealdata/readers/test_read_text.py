import gzip
import io
import json

import polars as pl
import pyarrow as pa
import pytest

from sealdata.component import load
from sealdata.errors import DataError


def documents(read, data, name, **options):
    return read("text", data, name=name, langs=("tha_Thai", None), **options)


def test_json_lines(read):
    lines = [{"id": 1, "text": "First\nparagraph."}, {"text": "ภาษาไทย", "id": 2}, {"text": "😀"}]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    good, rejected = documents(read, gzip.compress(data), "docs.jsonl.gz", batch_rows=2)
    assert rejected.is_empty()
    assert good.rows() == [
        ("corpus", 0, "tha_Thai", "First\nparagraph."),
        ("corpus", 1, "tha_Thai", "ภาษาไทย"),
        ("corpus", 2, "tha_Thai", "😀"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "bad_json"),
        (b'["text"]', "bad_json"),
        (b'{"body": "a"}', "no_such_field"),
        (b'{"text": 5}', "no_such_field"),
        (b'{"text": null}', "no_such_field"),
        (b"[" * 100_000, "bad_json"),
        (b"", "bad_json"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'{"text": "a\\u0000b"}', "nul_byte"),
        (b'{"text": " \\n"}', "empty_text"),
        (b'{"text": "\\ufeff\\u200b"}', "empty_text"),
    ],
)
def test_a_bad_json_line_is_rejected_and_its_neighbours_are_not(read, line, reason):
    data = b'{"text": "a"}\n' + line + b'\n{"text": "b"}\n'
    good, rejected = documents(read, data, "docs.jsonl")
    assert good.select("row", "text").rows() == [(0, "a"), (2, "b")]
    assert rejected.select("row", "reason").rows() == [(1, reason)]


def test_plain_lines(read):
    data = b"\xef\xbb\xbfSatu \xe2\x80\xa8dua.\r\n\r\nTiga\xff\r\nEmpat\0\r\n%s" % (b"x" * 30_000)
    good, rejected = documents(read, data, "docs.txt")
    assert good["text"].to_list() == ["Satu \u2028dua.", "x" * 30_000]  # no limit of length
    assert rejected["reason"].to_list() == ["empty_text", "invalid_utf8", "nul_byte"]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("docs.txt", {"format": "jsonl", "field": "body"}, "a"),
        ("docs.jsonl", {"format": "lines"}, '{"body": "a"}'),
        ("docs.json.gz", {"field": "body"}, "a"),
        ("docs", {}, '{"body": "a"}'),
    ],
)
def test_format_and_field(read, name, options, text):
    good, _ = documents(read, b'{"body": "a"}\n', name, **options)
    assert good["text"].to_list() == [text]


@pytest.mark.parametrize("name", ["dolma-0001.json.zst", "docs.jsonl.zst"])
def test_zstandard_as_dolma_writes_it(read, name):
    lines = [{"id": f"{i}", "text": f"Document {i}.", "source": "x"} for i in range(3)]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    good, rejected = documents(read, pa.compress(data, "zstd", asbytes=True), name, batch_rows=2)
    assert rejected.is_empty()
    assert good["text"].to_list() == ["Document 0.", "Document 1.", "Document 2."]


def parquet(columns, **options):
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file, **options)
    return file.getvalue()


@pytest.mark.parametrize(("name", "options"), [("a.parquet", {}), ("a", {"format": "parquet"})])
def test_parquet(read, name, options):
    texts = ["First\nparagraph.", None, " ", "a\0b", "ภาษาไทย"]
    data = parquet({"id": range(5), "text": texts}, row_group_size=2)
    good, rejected = documents(read, data, name, batch_rows=3, **options)
    assert good.select("row", "lang", "text").rows() == [
        (0, "tha_Thai", "First\nparagraph."),
        (4, "tha_Thai", "ภาษาไทย"),
    ]
    assert rejected.select("row", "reason", "raw").rows() == [
        (1, "empty_text", ""),
        (2, "empty_text", " "),
        (3, "nul_byte", "a\0b"),
    ]


def test_parquet_without_the_column(read):
    data = parquet({"id": [1], "body": ["a"]})
    with pytest.raises(DataError, match=r"a\.parquet: no column 'text'; it has: id, body"):
        documents(read, data, "a.parquet")


def test_it_yields_documents():
    assert load("readers", "text").yields == "documents"
