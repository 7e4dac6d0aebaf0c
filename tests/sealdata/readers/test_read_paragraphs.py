import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError

THAI_FIRST = ("tha_Thai", "eng_Latn")


@pytest.fixture
def paragraphs(read, tmp_path):
    def run(table, langs=THAI_FIRST, batch_rows=1000, **options):
        path = tmp_path / "documents.parquet"
        pl.DataFrame(table).write_parquet(path)
        return read("paragraphs", path, langs=langs, batch_rows=batch_rows, **options)

    return run


FINE = {
    "id": ["a", "b", "c", "d", "e"],
    "og_full_text": ["ก\n\n ข ", "ค", "ง\nจ", None, "\n"],
    "translated_text": ["A\nB", "C", "D", "E", ""],
}


@pytest.mark.parametrize("batch_rows", [1, 2, 99])
def test_lines_of_documents_become_pairs(paragraphs, batch_rows):
    good, rejected = paragraphs(FINE, batch_rows=batch_rows)
    assert good.select("row", "src", "tgt", "document").rows() == [
        (0, "A", "ก", "a"),
        (1, "B", "ข", "a"),
        (2, "C", "ค", "b"),
    ]
    assert good.select("src_lang", "tgt_lang").unique().rows() == [("eng_Latn", "tha_Thai")]
    assert rejected.select("row", "reason", "raw").rows() == [
        (3, "unequal_lines", "ง\nจ\tD"),
        (4, "missing_language", "\tE"),
        (5, "empty_side", "\t"),
    ]


def test_english_first_and_chunks_before_whole_texts(paragraphs):
    chunks = {"og_chunks": [["ก\nข", "ค"]], "translated_chunks": [["A\nB", "C\nD"]]}
    whole = {"og_full_text": ["no"], "translated_text": ["no"]}
    good, rejected = paragraphs(chunks | whole, langs=("eng_Latn", "tha_Thai"))
    assert good.select("src", "tgt", "document").rows() == [("A", "ก", "0"), ("B", "ข", "0")]
    assert rejected.select("row", "reason", "raw").rows() == [(2, "unequal_lines", "C\nD\tค")]


def test_lists_of_sentences_with_named_columns(paragraphs):
    table = {
        "n": [7, 8, 9],
        "srcs": [["A", "B\0"], ["x"], ["y", None]],
        "trgs": [["ก", "ข"], ["ก", "ข"], ["ก", "ข"]],
        "by": ["machine", "human", "human"],
    }
    good, rejected = paragraphs(
        table,
        langs=("eng_Latn", "tha_Thai"),
        src_column="srcs",
        tgt_column="trgs",
        document_column="n",
        translation_column="by",
    )
    assert good.select("row", "src", "document", "translation").rows() == [
        (0, "A", "7", "machine"),
        (3, "y", "9", "human"),
    ]
    assert rejected.select("row", "reason").rows() == [
        (1, "nul_byte"),
        (2, "unequal_chunks"),
        (4, "unequal_lines"),
    ]


def test_the_text_of_a_damaged_document_is_not_guessed(read, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    lists = pa.array([[b"A", b"\xff"], [b"C"]], pa.list_(pa.binary())).view(pa.list_(pa.string()))
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.table({"og_chunks": lists, "translated_chunks": lists}), path)
    good, rejected = read("paragraphs", path, langs=THAI_FIRST)
    assert good.select("row", "src").rows() == [(1, "C")]
    assert rejected["reason"].to_list() == ["invalid_utf8"]


def test_columns_that_are_no_text(paragraphs):
    with pytest.raises(DataError, match=r"holds large_list<.*, not lists of text"):
        paragraphs({"a": [[1]], "b": ["x"]}, src_column="a", tgt_column="b")
    with pytest.raises(DataError, match="set src_column to one of: a, b"):
        paragraphs({"a": ["x"], "b": ["x"]})


def test_an_empty_folder(read, tmp_path):
    with pytest.raises(DataError, match="no file in this folder"):
        read("paragraphs", tmp_path, langs=THAI_FIRST)
    assert load("readers", "paragraphs").files(tmp_path) == []
