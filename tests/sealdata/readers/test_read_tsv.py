import bz2
import gzip
import io
import lzma
import zipfile

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.readers import MAX_CHARS, Source

ENGLISH_FIRST = (
    "A man reads.\tWong lanang maca.\t1.25\t1.0000100135803223\t0.99\tweb\t_\tnews\thttp://x/1"
)
ENGLISH_SECOND = "Ang tawo nagbasa.\tA man reads.\t1.1\t0.7\t0.9\tweb\thttp://x/2\tnews\t_"


def test_nllb_columns(read):
    good, rejected = read("tsv", f"{ENGLISH_FIRST}\n".encode(), langs=("eng_Latn", "jav_Latn"))
    assert rejected.is_empty()
    assert good.row(0, named=True) == {
        "source": "corpus",
        "row": 0,
        "src_lang": "eng_Latn",
        "tgt_lang": "jav_Latn",
        "src": "A man reads.",
        "tgt": "Wong lanang maca.",
        "stored_margin": 1.25,
        "stored_src_lid": 1.0,  # 1.00001 in the file
        "stored_tgt_lid": pytest.approx(0.99),
        "src_corpus": "web",
        "tgt_corpus": "news",
        "src_url": None,  # _ in the file
        "tgt_url": "http://x/1",
        "document": None,
        "translation": None,
    }


def test_english_comes_first_with_all_that_belongs_to_it(read):
    good, _ = read("tsv", ENGLISH_SECOND.encode(), langs=("ceb_Latn", "eng_Latn"))
    row = good.row(0, named=True)
    assert (row["src_lang"], row["tgt_lang"]) == ("eng_Latn", "ceb_Latn")
    assert (row["src"], row["tgt"]) == ("A man reads.", "Ang tawo nagbasa.")
    assert (row["stored_src_lid"], row["stored_tgt_lid"]) == pytest.approx((0.9, 0.7))
    assert (row["src_corpus"], row["tgt_corpus"]) == ("news", "web")
    assert (row["src_url"], row["tgt_url"]) == (None, "http://x/2")


@pytest.mark.parametrize(
    ("layout", "line", "margin"),
    [
        ("ccmatrix", "1.2\tHello.\tHalo.", 1.2),
        ("wikimatrix", "1.05\tHello.\tHalo.", 1.05),
        ("ccaligned", "Hello.\tHalo.\t1.3", 1.3),
        ("ccaligned", "Hello.\tHalo.\t", None),
        ("paracrawl", "Hello.\tHalo.", None),
        ("pairs", "Hello.\tHalo.", None),
    ],
)
def test_layouts(read, layout, line, margin):
    good, rejected = read("tsv", line.encode(), layout=layout)
    assert rejected.is_empty()
    assert good.select("src", "tgt").row(0) == ("Hello.", "Halo.")
    assert good["stored_margin"].item() == pytest.approx(margin)


@pytest.mark.parametrize(
    ("layout", "line"),
    [
        ("ccmatrix", "1.3\tUsa.\tOne."),
        ("wikimatrix", "1.3\tUsa.\tOne."),
        ("ccaligned", "Usa.\tOne.\t1.3"),
        ("nllb", "Usa.\tOne.\t1.3\t0.5\t0.6\ta\t_\tb\t_"),
    ],
)
def test_reversed_files_are_declared_by_the_order_of_the_languages(read, layout, line):
    good, rejected = read("tsv", line.encode(), langs=("ceb_Latn", "eng_Latn"), layout=layout)
    assert rejected.is_empty()
    assert good.select("src_lang", "tgt_lang", "src", "tgt").rows() == [
        ("eng_Latn", "ceb_Latn", "One.", "Usa.")
    ]
    assert good["stored_margin"].item() == pytest.approx(1.3)


def test_unknown_layout_names_the_known():
    with pytest.raises(ConfigError, match=r"no layout 'nlb'.*nllb, ccmatrix"):
        load("readers", "tsv", {"layout": "nlb"})


@pytest.mark.parametrize(
    ("line", "reason", "raw"),
    [
        (b"1.1\tHello.", "wrong_column_count", "1.1\tHello."),
        (b"1.1\tHello.\tHalo.\tmore", "wrong_column_count", "1.1\tHello.\tHalo.\tmore"),
        (b"", "wrong_column_count", ""),
        (b"1.1\tHello.\tHal\xff.", "invalid_utf8", "1.1\tHello.\tHal\ufffd."),
        (b"1.1\tHel\0lo.\tHalo.", "nul_byte", "1.1\tHel\0lo.\tHalo."),
        (b"1.1\t \xc2\xa0\tHalo.", "empty_side", "1.1\t \u00a0\tHalo."),
        (b"1.1\tHello.\t", "empty_side", "1.1\tHello.\t"),
        (b"one\tHello.\tHalo.", "bad_number", "one\tHello.\tHalo."),
        (b"nan\tHello.\tHalo.", "bad_number", "nan\tHello.\tHalo."),
        (b"1.1\t%s\tHalo." % (b"x" * (MAX_CHARS + 1)), "too_long", "1.1\t" + "x" * 1996),
    ],
)
def test_a_bad_line_is_rejected_and_its_neighbours_are_not(read, line, reason, raw):
    data = b"1.2\tOne.\tSatu.\n" + line + b"\n1.3\tTwo.\tDua.\n"
    good, rejected = read("tsv", data, layout="ccmatrix")
    assert good["row"].to_list() == [0, 2]
    assert rejected.rows() == [("corpus", 1, reason, raw)]


def test_the_longest_side_that_is_read(read):
    longest = "é" * MAX_CHARS
    good, rejected = read("tsv", f"{longest}\tHalo.\nHello.\t{longest}\n".encode(), layout="pairs")
    assert rejected.is_empty()
    assert good.select("src", "tgt").rows() == [(longest, "Halo."), ("Hello.", longest)]


def test_only_a_line_feed_ends_a_line(read):
    odd = 'He said: "Go\u2028now\u0085.\x0b\x0c\x1c'  # and an unbalanced quotation mark
    good, rejected = read("tsv", f"{odd}\t'\"Pergi.\n".encode(), layout="pairs")
    assert rejected.is_empty()
    assert good.select("src", "tgt").rows() == [(odd, "'\"Pergi.")]


def zipped(data: bytes, *more: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("corpus/en-id.tsv", data)
        for name in more:
            archive.writestr(name, data)
    return packed.getvalue()


def test_an_archive_of_several_files_is_refused(read):
    with pytest.raises(DataError, match=r"file\.tsv holds 2 files \(corpus/en-id\.tsv, LICENSE"):
        read("tsv", zipped(b"One.\tSatu.\n", "LICENSE"), layout="pairs")


def test_documents_of_ccaligned(read):
    line = "a.com\thttps://a.com/en\tHello|||Bye\thttps://a.com/id\tHalo|||Dadah\n"
    good, _ = read("tsv", line.encode(), layout="ccaligned-documents")
    assert good.select("src", "tgt", "src_url", "tgt_url").rows() == [
        ("Hello|||Bye", "Halo|||Dadah", "https://a.com/en", "https://a.com/id")
    ]


def zstandard(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_line_ends_and_byte_order_mark(read, end):
    good, rejected = read("tsv", b"\xef\xbb\xbfOne.\tSatu." + end, layout="pairs")
    assert rejected.is_empty()
    assert good.select("src", "tgt").rows() == [("One.", "Satu.")]


@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
        lzma.compress,
        bz2.compress,
        lambda data: lzma.compress(data[:9]) + lzma.compress(data[9:]),
        lambda data: bz2.compress(data[:9]) + bz2.compress(data[9:]),
        zipped,
        zstandard,
        lambda data: zstandard(data[:9]) + zstandard(data[9:]),
    ],
    ids=[
        *("plain", "gzip", "gzip-members", "xz", "bzip2"),
        *("xz-streams", "bzip2-streams", "zip", "zstd", "zstd-frames"),
    ],
)
def test_compression_is_told_from_the_bytes(read, compress):
    good, _ = read("tsv", compress(b"One.\tSatu.\nTwo.\tDua.\n"), layout="pairs")
    assert good["tgt"].to_list() == ["Satu.", "Dua."]


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, zstandard])
def test_a_file_cut_short_names_itself_and_the_byte(read, compress):
    data = compress("".join(f"{i * 7919}\tkata {i}\n" for i in range(50_000)).encode())
    kept = data[: len(data) // 2]
    with pytest.raises(DataError, match=rf"file\.tsv is cut short at byte {len(kept):,} of"):
        read("tsv", kept, layout="pairs")


def test_a_damaged_file_names_itself(read):
    data = bytearray(gzip.compress(b"One.\tSatu.\n" * 1000))
    data[-5] ^= 0xFF  # the checksum
    with pytest.raises(DataError, match=r"file\.tsv is damaged \(CRC check failed"):
        read("tsv", bytes(data), layout="pairs")


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, zstandard])
def test_a_file_damaged_in_the_middle_names_itself(read, compress):
    data = bytearray(compress("".join(f"{i * 7919}\tkata {i}\n" for i in range(50_000)).encode()))
    middle = len(data) // 2
    del data[middle : middle + 500]
    with pytest.raises(
        DataError, match=r"file\.tsv is (damaged \(.*\)|cut short) at byte [\d,]+ of"
    ):
        read("tsv", bytes(data), layout="pairs")


def test_a_missing_file(tmp_path):
    source = Source("corpus", tmp_path / "absent.gz", "eng_Latn", "ind_Latn")
    with pytest.raises(DataError, match=r"cannot read .*absent\.gz: No such file"):
        list(load("readers", "tsv").batches(source, 10))


def test_an_empty_file_has_no_batches(read):
    good, rejected = read("tsv", b"")
    assert good.is_empty()
    assert rejected.is_empty()


def test_a_line_without_end_is_no_text(read, monkeypatch):
    monkeypatch.setattr("sealdata.readers._lines.MAX_LINE", 100)
    monkeypatch.setattr("sealdata.readers._lines._BLOCK", 64)
    with pytest.raises(DataError, match=r"file\.tsv: a line of more than 100 bytes"):
        read("tsv", b"x" * 500)


@settings(deadline=None)  # the machine may be busy
@given(
    lines=st.lists(st.binary(max_size=12).filter(lambda line: not {0, 10} & {*line}), max_size=40),
    batch_rows=st.integers(1, 9),
    block=st.integers(3, 50),
)
def test_batches_do_not_depend_on_blocks(tmp_path_factory, lines, batch_rows, block):
    path = tmp_path_factory.mktemp("tsv") / "file.tsv"
    lines = [*(b"x", "ก".encode()), *lines]  # a file of which no line is text is refused
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    source = Source("corpus", path, "eng_Latn", "ind_Latn")
    reader = load("readers", "tsv", {"layout": "pairs"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sealdata.readers._lines._BLOCK", block)
        batches = list(reader.batches(source, batch_rows))
    sizes = [good.height + rejected.height for good, rejected in batches]
    whole, rest = divmod(len(lines), batch_rows)
    assert sizes == [batch_rows] * whole + [rest] * (rest > 0)
    (one,) = reader.batches(source, 1000)
    for part in ("good", "rejected"):
        assert pl.concat(getattr(batch, part) for batch in batches).equals(getattr(one, part))


@pytest.mark.parametrize("zeros", [4096, 9000])
def test_a_hole_of_a_download_is_not_one_bad_line(read, zeros):
    lines = "Rain.\tฝน\n".encode() * 9
    for data in (lines + bytes(zeros) + lines, lines + bytes(zeros)):
        with pytest.raises(DataError, match=r"file\.tsv has a hole of zero bytes"):
            read("tsv", data, layout="pairs")
    _, rejected = read("tsv", lines + bytes(99) + lines, layout="pairs")
    assert rejected["reason"].to_list() == ["nul_byte"]
