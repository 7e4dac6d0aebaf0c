import gzip
import json

import pytest

from sealdata.component import load


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
        (b'{"body": "a"}', "bad_json"),
        (b'{"text": 5}', "bad_json"),
        (b'{"text": null}', "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b"", "bad_json"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'{"text": "a\\u0000b"}', "nul_byte"),
        (b'{"text": " \\n"}', "empty_text"),
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


def test_it_yields_documents():
    assert load("readers", "text").yields == "documents"
