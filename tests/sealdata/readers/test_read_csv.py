import pytest

from sealdata.errors import DataError

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
        (b'"two\nlines",x', "embedded_newline", "two\nlines,x"),
        (b'x,"two\r\nlines"', "embedded_newline", "x,two\r\nlines"),
        (b"only one", "wrong_column_count", "only one"),
        (b"one,two,three", "wrong_column_count", "one,two,three"),
        (b"", "wrong_column_count", ""),
        (b"one,tw\xffo", "invalid_utf8", "one,tw\ufffdo"),
        (b"one,tw\0o", "nul_byte", "one,tw\0o"),
        (b"one,  ", "empty_side", "one,  "),
        (b'"",two', "empty_side", ",two"),
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


def test_a_quotation_mark_left_open(read):
    rest = b"".join(b"a %d,b\n" % i for i in range(20_000))
    with pytest.raises(DataError, match=r"corpus\.csv, line [\d,]+: .*quotation mark left open"):
        thai(read, HEADER + b'a,"b\n' + rest)


def test_a_header_that_is_none_is_not_shown_whole(read):
    header = ",".join(["x" * 1000] * 1000) + "\n"
    with pytest.raises(DataError, match=r"header has: 'x{40}'(, 'x{40}'){19}, \.\.\.$"):
        read("csv", header.encode(), langs=("eng_Latn", "tha_Thai"))
