import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source

HEADER = b"en_text,th_text\n"


def thai(read, data, **options):
    return read("csv", data, name="corpus.csv", langs=("eng_Latn", "tha_Thai"), **options)


def test_records(read):
    data = 'en_text,th_text\n"Hi, I\'m here.",สวัสดี\nShe said ""go"",ไป\n"A ""b"".","ก"\n'.encode()
    good, rejected = thai(read, b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"), batch_rows=2)
    assert rejected.is_empty()
    assert good.select("row", "src", "tgt").rows() == [
        (0, "Hi, I'm here.", "สวัสดี"),
        (1, 'She said ""go""', "ไป"),
        (2, 'A "b".', "ก"),
    ]
    assert good["tgt_lang"].unique().to_list() == ["tha_Thai"]


def test_other_columns_in_the_order_of_the_languages(read):
    data = b",th,subset,en\n7,\xe0\xb8\x81,x,A\n"
    good, _ = read("csv", data, langs=("tha_Thai", "eng_Latn"), columns=["th", "en"])
    assert good.select("src_lang", "src", "tgt").row(0) == ("eng_Latn", "A", "ก")


@pytest.mark.parametrize(
    ("record", "reason", "raw"),
    [
        (b'"two\nlines",x', "embedded_newline", '"two\nlines",x'),
        (b'x,"two\r\nlines"', "embedded_newline", 'x,"two\r\nlines"'),
        (b"only one", "wrong_column_count", "only one"),
        (b"one,two,three", "wrong_column_count", "one,two,three"),
        (b"", "wrong_column_count", ""),
        (b"one,tw\xffo", "invalid_utf8", "one,tw\ufffdo"),
        (b"one,tw\0o", "nul_byte", "one,tw\0o"),
        (b"one,  ", "empty_side", "one,  "),
        (b'"",two', "empty_side", '"",two'),
        (b"two\rlines,x", "embedded_newline", "two\rlines,x"),
        (b'"two"lines,x', "bad_quotes", '"two"lines,x'),
        (b'"two" ,x', "bad_quotes", '"two" ,x'),
        (b'"two \\"lines\\" here",x', "bad_quotes", '"two \\"lines\\" here",x'),
        (b'"two,x', "bad_quotes", '"two,x'),
        (b'x,"two', "bad_quotes", 'x,"two'),
    ],
)
def test_a_bad_record_is_rejected_and_its_neighbours_are_not(read, record, reason, raw):
    good, rejected = thai(read, HEADER + b"a,b\n" + record + b"\nc,d\n")
    assert good["row"].to_list() == [0, 2]
    assert rejected.rows() == [("corpus", 1, reason, raw)]


def test_line_separators_of_unicode_are_text(read):
    good, rejected = thai(read, "en_text,th_text\na\u2028b\u0085c,ก\n".encode())
    assert rejected.is_empty()
    assert good["src"].to_list() == ["a\u2028b\u0085c"]


@pytest.mark.parametrize("header", [b"", b"text,th_text\n", b"en_text,en_text,th_text\n"])
def test_the_header_must_name_both_columns_once(read, header):
    with pytest.raises(DataError, match=r"corpus\.csv: one column named 'en_text' is needed"):
        thai(read, header)


LINES = "".join(f"Line {n},บรรทัด {n}\n" for n in range(4))


@pytest.mark.parametrize(
    ("text", "bad"),
    [  # the rejected records; the four lines around them are kept each time
        ('"He said hi,เขา\n' + LINES, ['"He said hi,เขา']),
        (LINES + 'เขา,"', ['เขา,"']),
        ('"A,ก\n' + LINES + 'B "b",ข\n"C"c,ค\n', ['"A,ก', 'B "b",ข', '"C"c,ค']),
        # the open mark is closed at an inch mark, and the record then has too many fields
        ('"A,ก\n' + LINES + '5",ข,ค\n', ['"A,ก', '5",ข,ค']),
        # the inside of a quoted field is no pair, though the line looks like one
        ('"A\nb" c,ก\n' + LINES, ['"A', 'b" c,ก']),
    ],
)
@pytest.mark.parametrize("block", [7, 4 << 20])
def test_after_bad_quotes_reading_goes_on_at_the_next_line(read, text, bad, block, monkeypatch):
    monkeypatch.setattr("sealdata.readers._lines._BLOCK", block)
    good, rejected = thai(read, HEADER + text.encode())
    assert good["src"].to_list() == [f"Line {n}" for n in range(4)]
    assert good["tgt"].to_list() == [f"บรรทัด {n}" for n in range(4)]
    assert rejected.select("reason", "raw").rows() == [("bad_quotes", raw) for raw in bad]


def test_a_field_that_is_quoted_for_too_long_is_left_open(read, monkeypatch):
    monkeypatch.setattr("sealdata.readers.csv.MAX_QUOTED", 90)
    good, rejected = thai(read, HEADER + ('"A,ก\n' + LINES * 2 + '"B\nb",ข\n').encode())
    assert good.height == 8
    assert rejected["reason"].to_list() == ["bad_quotes", "embedded_newline"]


FIELD = st.text(st.sampled_from('ab ก,"\n\r'), max_size=5)


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=6),
    dialect=st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
)
def test_what_the_standard_library_writes_is_read(tmp_path_factory, rows, dialect):
    end, quoting = dialect
    path = tmp_path_factory.mktemp("csv") / "corpus.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=end, quoting=quoting)
        writer.writerows([("en_text", "x", "th_text"), *rows])
    read = load("readers", "csv").batches(Source("c", path, "eng_Latn", "tha_Thai"), 100)
    kept = [row for good, _ in read for row in good.select("row", "src", "tgt").rows()]
    assert kept == [
        (row, en, th)
        for row, (en, _, th) in enumerate(rows)
        if en.strip() and th.strip() and not set("\r\n") & {*en, *th}
    ]


def test_line_ends_of_old_macs_are_named(read):
    with pytest.raises(DataError, match="lines end in CR without LF"):
        thai(read, b"en_text,th_text\ra,b\rc,d\r")


def test_a_header_that_is_none_is_not_shown_whole(read):
    header = ",".join(["x" * 1000] * 1000) + "\n"
    with pytest.raises(
        DataError, match=r"header has: 'x{40}'(, 'x{40}'){19}, \.\.\.\. Name the two sides by "
    ):
        read("csv", header.encode(), langs=("eng_Latn", "tha_Thai"))
