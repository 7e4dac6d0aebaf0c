import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sealdata.component import load
from sealdata.errors import DataError

THAI = ("eng_Latn", "tha_Thai")
SIDES = {"en": ["One.", "Two.", "Three."], "th": ["หนึ่ง", "สอง", "สาม"]}


@pytest.fixture
def parquet(read, tmp_path):
    def run(table, langs=THAI, batch_rows=1000, row_group_size=2, **options):
        path = tmp_path / "corpus.parquet"
        table = pa.table(table) if isinstance(table, dict) else table
        pq.write_table(table, path, row_group_size=row_group_size)
        return read("parquet", path, langs=langs, batch_rows=batch_rows, **options)

    return run


NESTED = [{"en": en, "th": th} for en, th in zip(*SIDES.values(), strict=True)]


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (SIDES | {"subset": ["x"] * 3}, {}),
        ({"id": [1, 2, 3], "translation": NESTED}, {}),
        ({"en": ["other"] * 3, "translation": NESTED}, {}),
        ({"a": SIDES["en"], "b": SIDES["th"]}, {"src_column": "a", "tgt_column": "b"}),
        ({"pair": NESTED}, {"src_column": "pair.en", "tgt_column": "pair.th"}),
        ({"eng": pa.array(SIDES["en"]).dictionary_encode(), "tha_Thai": SIDES["th"]}, {}),
        ({"en": pa.array(SIDES["en"], pa.large_string()), "th": SIDES["th"]}, {}),
    ],
    ids=["columns", "translation", "translation-first", "named", "field", "dictionary", "large"],
)
@pytest.mark.parametrize("batch_rows", [1, 2, 3, 9])
def test_sides(parquet, table, options, batch_rows):
    good, rejected = parquet(table, batch_rows=batch_rows, **options)
    assert rejected.is_empty()
    assert good.select("row", "src", "tgt").rows() == [
        (0, "One.", "หนึ่ง"),
        (1, "Two.", "สอง"),
        (2, "Three.", "สาม"),
    ]
    assert good.select("src_lang", "tgt_lang").unique().rows() == [THAI]


def test_score_and_urls_and_english_second(parquet):
    table = SIDES | {"sco": [1.25, None, 2.0], "url": ["http://x", "_", None]}
    good, rejected = parquet(
        table, langs=("tha_Thai", "eng_Latn"), score_column="sco", src_url_column="url"
    )
    assert rejected.is_empty()
    assert good["src"].to_list() == SIDES["en"]
    assert good["stored_margin"].to_list() == [1.25, None, 2.0]
    assert good["tgt_url"].to_list() == ["http://x", None, None]


@pytest.mark.parametrize("scores", [[1, None], ["1", None], [1.0, None]])
def test_a_score_is_any_number(parquet, scores):
    good, _ = parquet({"en": ["a", "b"], "th": ["c", "d"], "sco": scores}, score_column="sco")
    assert good["stored_margin"].to_list() == [1.0, None]


@pytest.mark.parametrize(
    ("en", "th", "score", "reason", "raw"),
    [
        (None, "b", "1", "missing_language", "\tb"),
        ("a\rb", "b", "1", "embedded_newline", "a\rb\tb"),
        ("a\0", "b", "1", "nul_byte", "a\0\tb"),
        ("a", " ", "1", "empty_side", "a\t "),
        ("a", "b", "inf", "bad_number", "a\tb"),
        ("a", "b", "one", "bad_number", "a\tb"),
        ("a", "b", "", "bad_number", "a\tb"),
        ("x" * 20_001, "b", "1", "too_long", "x" * 2000),
    ],
)
def test_a_bad_row_is_rejected_and_its_neighbours_are_not(parquet, en, th, score, reason, raw):
    table = {"en": ["A", en, "C"], "th": ["ก", th, "ค"], "sco": ["1", score, "2"]}
    good, rejected = parquet(table, score_column="sco")
    assert good["row"].to_list() == [0, 2]
    assert rejected.rows() == [("corpus", 1, reason, raw)]


def test_a_row_without_the_struct_has_neither_side(parquet):
    good, rejected = parquet({"translation": [NESTED[0], None]})
    assert good["row"].to_list() == [0]
    assert rejected["reason"].to_list() == ["missing_language"]


def test_bytes_that_are_no_text(parquet):
    buffers = [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb")]
    broken = pa.Array.from_buffers(pa.string(), 2, buffers)
    good, rejected = parquet({"en": broken, "th": ["ก", "ข"]})
    assert good["src"].to_list() == ["b"]
    assert rejected.select("row", "reason", "raw").rows() == [(0, "invalid_utf8", "a\ufffd\tก")]


def test_a_folder_is_read_in_the_order_of_names(read, tmp_path):
    for name, word in (("train-00001", "Two."), ("train-00000", "One.")):
        pl.DataFrame({"en": [word], "th": ["ก"]}).write_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "README.md").write_text("x")
    good, _ = read("parquet", tmp_path, langs=THAI)
    assert good.select("row", "src").rows() == [(0, "One."), (1, "Two.")]
    files = load("readers", "parquet").files(tmp_path)
    assert [file.name for file in files] == ["train-00000.parquet", "train-00001.parquet"]


def test_a_folder_without_files(read, tmp_path):
    with pytest.raises(DataError, match=r"no file in this folder is named \*\.parquet"):
        read("parquet", tmp_path)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (SIDES, {"tgt_column": "tha"}, r"no column 'tha'; it has: en, th"),
        (SIDES, {"score_column": "sco"}, r"no column 'sco'; it has: en, th"),
        ({"en": ["a"], "lo": ["b"]}, {}, r"0 columns .* code of tha_Thai.*tgt_column .*: en, lo"),
        ({"en": ["a"], "eng": ["a"], "th": ["b"]}, {}, r"2 columns .* code of eng_Latn"),
        ({"en": [1], "th": ["b"]}, {}, r"column 'en' holds int64, not text"),
        (
            {"en": ["a"], "th": ["b"], "s": [[1]]},
            {"score_column": "s"},
            r"column 's' holds list<.*not numbers",
        ),
    ],
)
@pytest.mark.parametrize("rows", ["some", "none"])
def test_columns_that_will_not_do(parquet, table, options, message, rows):
    table = pa.table(table)
    with pytest.raises(DataError, match=rf"corpus\.parquet: {message}"):
        parquet(table if rows == "some" else table.slice(0, 0), **options)


def test_a_damaged_file(read, tmp_path):
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table(SIDES), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"corpus\.parquet is not a Parquet file, or is damaged \("):
        read("parquet", path)
