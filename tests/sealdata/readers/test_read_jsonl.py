import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import MAX_CHARS, Source

THAI = ("eng_Latn", "tha_Thai")


def jsonl(read, data, **options):
    return read("jsonl", data, **{"name": "corpus.jsonl", "langs": THAI, **options})


def dump(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


@pytest.mark.parametrize(
    ("record", "options"),
    [
        ({"en": "Hi.", "th": "หวัดดี", "subdataset": "nus_sms"}, {}),  # SCB-MT-EN-TH-2020
        ({"translation": {"en": "Hi.", "th": "หวัดดี"}, "en": "other"}, {}),
        ({"tha_Thai": "หวัดดี", "eng_Latn": "Hi."}, {}),
        ({"source": "Hi.", "target": "หวัดดี"}, {"src_column": "source", "tgt_column": "target"}),
        ({"pair": {"a": "Hi."}, "th": "หวัดดี"}, {"src_column": "pair.a"}),
    ],
)
def test_sides(read, record, options):
    good, rejected = jsonl(read, dump(record), **options)
    assert rejected.is_empty()
    assert good.select("src_lang", "tgt_lang", "src", "tgt").rows() == [
        (*THAI, "Hi.", "หวัดดี"),
    ]


def test_score_and_urls_and_english_second(read):
    first = {"th": "ก", "en": "A", "sco": 1.25, "url": "http://x/1", "m": {"u": "_"}}
    second = {"th": "ข", "en": "B", "sco": None, "url": 5}
    good, rejected = jsonl(
        read,
        dump(first, second),
        langs=("tha_Thai", "eng_Latn"),
        score_column="sco",
        src_url_column="url",
        tgt_url_column="m.u",
    )
    assert rejected.is_empty()
    assert good.select("src", "stored_margin", "src_url", "tgt_url").rows() == [
        ("A", 1.25, None, "http://x/1"),
        ("B", None, None, None),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "bad_json"),
        (b'{"en": "a", "th": "b"', "bad_json"),
        (b'["a", "b"]', "bad_json"),
        (b'{"en": "a", "th": 5}', "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"en": "a"}', "missing_language"),
        (b'{"en": "a", "th": null}', "missing_language"),
        (b'{"en": "a", "th": "b", "tha": "c"}', "missing_language"),  # which one is meant?
        (b'{"translation": {"en": "a", "lo": "b"}, "th": "c"}', "missing_language"),
        (b'{"en": "a", "th": "\xff"}', "invalid_utf8"),
        (b'{"en": "a", "th": "\\ud800"}', "invalid_utf8"),
        (b'{"en": "a", "th": "b\\u0000"}', "nul_byte"),
        (b'{"en": "a\\nb", "th": "b"}', "embedded_newline"),
        (b'{"en": " ", "th": "b"}', "empty_side"),
        (b'{"en": "%s", "th": "b"}' % (b"x" * (MAX_CHARS + 1)), "too_long"),
        (b'{"en": "a", "th": "b", "sco": "high"}', "bad_number"),
        (b'{"en": "a", "th": "b", "sco": true}', "bad_number"),
        (b'{"en": "a", "th": "b", "sco": NaN}', "bad_number"),
        (b'{"en": "a", "th": "b", "sco": 1%s}' % (b"0" * 400), "bad_number"),
    ],
)
def test_a_bad_line_is_rejected_and_its_neighbours_are_not(read, line, reason):
    data = dump({"en": "One.", "th": "หนึ่ง"}) + line + b"\n" + dump({"en": "Two.", "th": "สอง"})
    good, rejected = jsonl(read, data, score_column="sco")
    assert good.select("row", "src").rows() == [(0, "One."), (2, "Two.")]
    assert rejected.select("row", "reason").rows() == [(1, reason)]
    assert rejected["raw"].item() == line.decode("utf-8", "replace")[:2000]


@pytest.mark.parametrize(
    "compress", [gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)]
)
def test_compressed(read, compress):
    data = dump(*({"en": f"Word {i}.", "th": f"คำ {i}"} for i in range(5)))
    good, _ = jsonl(read, compress(data), batch_rows=2)
    assert good["row"].to_list() == [0, 1, 2, 3, 4]
    assert good["tgt"][4] == "คำ 4"


def test_cut_short(read):
    data = gzip.compress(dump(*({"en": f"{i * 7919}", "th": f"{i}"} for i in range(9999))))
    with pytest.raises(DataError, match=r"corpus\.jsonl is cut short at byte"):
        jsonl(read, data[: len(data) // 2])


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"])).filter(str.strip)


@settings(deadline=None)  # the machine may be busy
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), max_size=8),
    ascii_only=st.booleans(),
    nested=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_round_trip(tmp_path_factory, pairs, ascii_only, nested, end):
    records = [{"en": src, "th": tgt} for src, tgt in pairs]
    lines = [
        json.dumps({"translation": record} if nested else record, ensure_ascii=ascii_only) + end
        for record in records
    ]
    path = tmp_path_factory.mktemp("jsonl") / "corpus.jsonl"
    path.write_bytes("".join(lines).encode())
    batches = list(load("readers", "jsonl").batches(Source("corpus", path, *THAI), 3))
    assert [row for good, _ in batches for row in good.select("src", "tgt").rows()] == pairs
    assert all(rejected.is_empty() for _, rejected in batches)
