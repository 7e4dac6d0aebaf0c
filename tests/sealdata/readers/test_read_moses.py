import gzip
import zipfile

import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source

TEXTS = {
    "NLLB.en-id.en": "One.\nTwo.\n",
    "NLLB.en-id.id": "Satu.\nDua.\n",
    "NLLB.en-id.scores": "1.25\n1.06\n",
}


@pytest.fixture
def archive(tmp_path):
    def build(members):
        path = tmp_path / "en-id.txt.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in members.items():
                file.writestr(name, text)
        return path

    return build


@pytest.fixture
def loose(tmp_path):
    def build(files):
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        return tmp_path / "corpus.en-id"

    return build


def test_opus_archive(read, archive):
    path = archive({"README": "Read me.", "LICENSE": "CC0", **TEXTS})
    good, rejected = read("moses", path)
    assert rejected.is_empty()
    assert good.select("row", "src", "tgt").rows() == [(0, "One.", "Satu."), (1, "Two.", "Dua.")]
    assert good["stored_margin"].to_list() == pytest.approx([1.25, 1.06])
    assert load("readers", "moses").files(path) == [path]


def test_an_archive_may_have_no_scores_and_english_second(read, archive):
    path = archive({"CCAligned.ceb-en.ceb": "Usa.\n", "CCAligned.ceb-en.en": "One.\n"})
    good, _ = read("moses", path, langs=("ceb_Latn", "eng_Latn"))
    assert good.select("src_lang", "tgt_lang", "src", "tgt").row(0) == (
        *("eng_Latn", "ceb_Latn"),
        *("One.", "Usa."),
    )
    assert good["stored_margin"].to_list() == [None]


def test_suffixes_are_any_known_code(read, archive):
    path = archive({"a.en-zh_TW.en": "One.\n", "a.en-zh_TW.zh_TW": "一。\n"})
    good, _ = read("moses", path, langs=("eng_Latn", "zho_Hant"))
    assert good["tgt"].to_list() == ["一。"]


def test_loose_files_by_what_their_names_share(read, loose):
    prefix = loose(
        {
            "corpus.en-id.en": b"One.\nTwo.\n",
            "corpus.en-id.id.gz": gzip.compress(b"Satu.\r\nDua.\r\n"),
            "corpus.en-id.xml": b"<x/>",
            "corpus.en-id.old.id": b"Lama.\n",
            "corpus.en-id2.id": b"Lain.\n",
        }
    )
    good, rejected = read("moses", prefix, batch_rows=1)
    assert rejected.is_empty()
    assert good["tgt"].to_list() == ["Satu.", "Dua."]
    names = [path.name for path in load("readers", "moses").files(prefix)]
    assert names == ["corpus.en-id.en", "corpus.en-id.id.gz"]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 1000])
def test_unequal_line_counts_are_refused_with_both_counts(read, archive, batch_rows):
    path = archive({"a.en": "1\n2\n3\n4\n5\n", "a.id": "1\n2\n"})
    with pytest.raises(DataError, match=r"line counts differ: eng_Latn 5, ind_Latn 2;"):
        read("moses", path, batch_rows=batch_rows)


def test_scores_must_be_as_many_too(read, archive):
    path = archive({**TEXTS, "NLLB.en-id.scores": "1.25\n"})
    with pytest.raises(DataError, match=r"eng_Latn 2, ind_Latn 2, scores 1"):
        read("moses", path)


def test_bad_lines(read, loose):
    prefix = loose(
        {
            "corpus.en-id.en": b"One.\n\nTh\xffee.\nFour.\nFive.\nSix.\n",
            "corpus.en-id.id": b"Satu.\nDua.\nTiga.\nEm\0pat.\nLima.\nEnam.\n",
            "corpus.en-id.scores": b"1\n1\n1\n1\nx\n\n",
        }
    )
    good, rejected = read("moses", prefix)
    assert good.select("row", "stored_margin").rows() == [(0, 1.0), (5, None)]
    assert rejected.select("row", "reason", "raw").rows() == [
        (1, "empty_side", "\tDua."),
        (2, "invalid_utf8", "Th\ufffdee.\tTiga."),
        (3, "nul_byte", "Four.\tEm\0pat."),
        (4, "bad_number", "Five.\tLima."),
    ]


def test_a_language_that_is_not_there(read, archive):
    with pytest.raises(DataError, match=r"no file of tha_Thai; .*NLLB\.en-id\.en, NLLB\.en-id\.id"):
        read("moses", archive(TEXTS), langs=("eng_Latn", "tha_Thai"))


def test_nothing_there(read, tmp_path):
    with pytest.raises(DataError, match=r"no file of eng_Latn; .*nothing"):
        read("moses", tmp_path / "absent")


def test_two_files_of_one_language(read, archive):
    with pytest.raises(DataError, match=r"a\.id and b\.id both hold ind_Latn"):
        read("moses", archive({"a.en": "1\n", "a.id": "1\n", "b.id": "1\n"}))


def test_no_archive(read, tmp_path):
    path = tmp_path / "en-id.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"en-id\.zip is damaged \(File is not a zip file\)"):
        read("moses", path)


def test_a_damaged_member(read, archive):
    path = archive({"a.en": "word\n" * 9999, "a.id": "kata\n" * 9999})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    source = Source("corpus", path, "eng_Latn", "ind_Latn")
    with pytest.raises(DataError, match=r"en-id\.txt\.zip is damaged"):
        list(load("readers", "moses").batches(source, 100))


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_are_counted_before_reading(tmp_path, monkeypatch, end):
    (tmp_path / "c.en-th.en").write_text("one\ntwo\nthree" + end, "utf-8")
    source = Source("s", tmp_path / "c.en-th", "eng_Latn", "tha_Thai")
    moses = load("readers", "moses")
    (tmp_path / "c.en-th.th").write_text("หนึ่ง\nสอง\nสาม\n", "utf-8")
    moses.check_whole(source)
    (tmp_path / "c.en-th.th").write_text("หนึ่ง\nสอง\n", "utf-8")
    with pytest.raises(DataError, match="eng_Latn 3, tha_Thai 2"):
        moses.check_whole(source)
    monkeypatch.setattr("sealdata.readers.moses.MAX_COUNTED", 10)
    moses.check_whole(source)  # too long to be counted: reading finds it


BIBLE = {"b.en-id.en": "One.\nTwo.\n", "b.en-id.id": "Satu.\nDua.\n"}


@pytest.mark.parametrize(
    ("ids", "options", "documents"),
    [
        ("en/1.xml.gz\tid/1.xml.gz\t1\t1\nen/2.xml.gz\tid/2.xml.gz\t1\t1\n", {},
         ["en/1.xml.gz", "en/2.xml.gz"]),
        ("GEN 1:1\nGEN 1:2\n", {"document_end": ":"}, ["GEN 1", "GEN 1"]),
        ("GEN 1\n\n", {}, ["GEN 1", None]),
    ],
)  # fmt: skip
def test_documents_by_ids(read, archive, ids, options, documents):
    path = archive(BIBLE | {"b.en-id.ids": ids})
    good, _ = read("moses", path, documents=True, **options)
    assert good["document"].to_list() == documents
    # Nothing is read that nobody asked for.
    assert read("moses", path)[0]["document"].to_list() == [None, None]


def test_ids_that_are_missing_or_too_few(read, archive):
    with pytest.raises(DataError, match=r"no file of ids \(.ids\)"):
        read("moses", archive(BIBLE), documents=True)
    with pytest.raises(DataError, match=r"line counts differ: .*ids 1"):
        read("moses", archive(BIBLE | {"b.en-id.ids": "GEN 1\n"}), documents=True)
