import random

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.readers import Source

# As TALPCo and ALT are laid out, a row with an extra tab included; the sentences are our own.
TALPCO_ENG = "1176\tThe cat sleeps.\r\n1178\tIt is raining.\r\n1180\tI read a book.\r\n"
TALPCO_MYN = "1178\tမိုးရွာနေတယ်။\r\n1176\tကြောင်အိပ်နေတယ်။\r\n1180\tစာအုပ်\tဖတ်တယ်။\r\n"
ALT_EN = "SNT.80188.1\tThe river rose.\nSNT.80188.2\tNobody was hurt.\n"
ALT_KM = "SNT.80188.1\tទឹកទន្លេឡើង។\nSNT.80188.2\tគ្មាននរណារងរបួសទេ។\n"


@pytest.fixture
def joined(read, tmp_path):
    def run(first, second, tgt_lang="mya_Mymr", **options):
        for name, text in (("data_eng.txt", first), ("data_tgt.txt", second)):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        options = {"langs": ("eng_Latn", tgt_lang), "tgt_file": "data_tgt.txt", **options}
        return read("joined", tmp_path / "data_eng.txt", **options)

    return run


def test_talpco(joined, tmp_path):
    good, rejected = joined(TALPCO_ENG, TALPCO_MYN)
    assert good.select("row", "src", "tgt", "tgt_lang").rows() == [
        (0, "The cat sleeps.", "ကြောင်အိပ်နေတယ်။", "mya_Mymr"),
        (1, "It is raining.", "မိုးရွာနေတယ်။", "mya_Mymr"),
    ]
    raw = "1180\tI read a book.\t1180\tစာအုပ်\tဖတ်တယ်။"
    assert rejected.rows() == [("corpus", 2, "wrong_column_count", raw)]
    reader = load("readers", "joined", {"tgt_file": "data_tgt.txt"})
    assert reader.files(tmp_path / "data_eng.txt") == [
        tmp_path / "data_eng.txt",
        tmp_path / "data_tgt.txt",
    ]


def test_alt(joined):
    good, rejected = joined(ALT_EN, ALT_KM, tgt_lang="khm_Khmr", batch_rows=1)
    assert rejected.is_empty()
    assert good["tgt"].to_list() == ["ទឹកទន្លេឡើង។", "គ្មាននរណារងរបួសទេ។"]


def test_english_may_be_the_second_file(joined):
    good, _ = joined(ALT_KM, ALT_EN, langs=("khm_Khmr", "eng_Latn"))
    assert good.select("src_lang", "src", "tgt").row(0) == (
        *("eng_Latn", "The river rose.", "ទឹកទន្លេឡើង។"),
    )


@pytest.mark.parametrize(
    ("first", "second", "rejects"),
    [
        ("1\ta\n2\tb\n", "1\tx\n", [(1, "unmatched_id", "2\tb")]),
        (
            "1\ta\n",
            "0\tw\n1\tx\n3\ty\n",
            [(1, "unmatched_id", "0\tw"), (2, "unmatched_id", "3\ty")],
        ),
        (
            "1\ta\n2\tb\n2\tc\n",
            "1\tx\n2\ty\n",
            [(1, "duplicate_id", "2\tb\t2\ty"), (2, "duplicate_id", "2\tc\t2\ty")],
        ),
        (
            "1\ta\n2\tb\n",
            "1\tx\n2\ty\n2\tz\n",
            [(1, "duplicate_id", "2\tb\t2\ty"), (2, "duplicate_id", "2\tz")],
        ),
        ("1\ta\n2\t \n", "2\tx\n1\ty\n", [(1, "empty_side", "2\t \t2\tx")]),
        ("1\ta\n\nx\n", "1\tx\n", [(1, "wrong_column_count", ""), (2, "wrong_column_count", "x")]),
        ("1\ta\n", "1\tx\n\n", [(1, "wrong_column_count", "")]),
        ("1\ta\n\tb\n", "1\tx\n", [(1, "wrong_column_count", "\tb")]),
        ("1\ta\n2\tb\0\n", "1\tx\n2\ty\n", [(1, "nul_byte", "2\tb\0\t2\ty")]),
        (
            b"1\ta\n2\tb\n",
            b"1\tx\n2\t\xff\n",
            [(1, "unmatched_id", "2\tb"), (2, "invalid_utf8", "2\t\ufffd")],
        ),
    ],
)
@pytest.mark.parametrize("batch_rows", [1, 2, 1000])
def test_what_finds_no_partner_is_counted(joined, first, second, rejects, batch_rows):
    good, rejected = joined(first, second, batch_rows=batch_rows)
    assert good["src"].to_list() == ["a"]
    assert rejected.select("row", "reason", "raw").rows() == rejects


def test_the_order_of_lines_and_the_size_of_blocks_change_no_pair(joined, monkeypatch):
    ids = list(range(400))
    first = "".join(f"{n}\tsentence {n}\n" for n in ids)
    random.Random(1).shuffle(ids)
    second = "".join(f"{n}\tประโยค {n}\n" for n in ids)
    whole = joined(first, second)
    monkeypatch.setattr("sealdata.readers.joined._BLOCK_ROWS", 7)
    parts = joined(first, second, batch_rows=64)
    assert whole.good.equals(parts.good)
    assert whole.good["src"].to_list() == [f"sentence {n}" for n in range(400)]
    assert whole.good["tgt"].to_list() == [f"ประโยค {n}" for n in range(400)]
    assert whole.rejected.is_empty()


def test_what_does_not_fit_into_memory_is_refused(joined, monkeypatch):
    monkeypatch.setattr("sealdata.readers.joined.MAX_HELD", 20)
    with pytest.raises(DataError, match=r"data_\w+\.txt is too large to be joined by id"):
        joined(TALPCO_ENG, TALPCO_MYN)


def test_a_second_file_is_needed(tmp_path):
    with pytest.raises(ConfigError, match="tgt_file"):
        load("readers", "joined", {})
    (tmp_path / "data_eng.txt").write_text(TALPCO_ENG, "utf-8")
    reader = load("readers", "joined", {"tgt_file": "data_tgt.txt"})
    with pytest.raises(DataError, match=r"cannot read .*data_tgt\.txt"):
        list(reader.batches(Source("corpus", tmp_path / "data_eng.txt", "eng_Latn", "tha_Thai"), 4))


@pytest.mark.parametrize("code", ["ind", "jav", "myn", "tha", "vie", "zsm"])
def test_the_real_talpco(read, shared_data, code):
    langs = ("eng_Latn", {"myn": "mya_Mymr", "tha": "tha_Thai"}.get(code, f"{code}_Latn"))
    first = shared_data / "talpco" / "data_eng.txt"
    good, rejected = read("joined", first, langs=langs, tgt_file=f"data_{code}.txt")
    assert good.height + rejected.height == 1372
    assert rejected["reason"].to_list() == ["wrong_column_count"] * (code == "myn")
    assert not good.select(
        pl.any_horizontal(pl.col("src", "tgt").str.contains("[\t\r]").any())
    ).item()
