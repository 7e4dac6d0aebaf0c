import bz2
import gzip
import io
import lzma
import pickle
import tarfile

import polars as pl
import pytest

from sealdata.files.signatures import HEAD_BYTES, MISNAMED, kind_of, kind_of_tokens

PAIRS = "It is raining.\tฝนตก\nTake an umbrella.\tเอาร่มไปด้วย\n" * 3
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14\n"
PAGE = "<!DOCTYPE html>\n<html lang='en'><head><title>404</title></head></html>\n"


def tar(magic):
    """An archive; before 1988 headers had no magic, and only their checksum tells them."""
    info = tarfile.TarInfo("a.txt")
    header = info.tobuf(tarfile.USTAR_FORMAT).replace(b"ustar\x0000", magic)
    header = header[:148] + b" " * 8 + header[156:]
    return header[:148] + b"%06o\0 " % sum(header) + header[156:] + bytes(1024)


def parquet():
    written = io.BytesIO()
    pl.DataFrame({"en": ["Rain."]}).write_parquet(written)
    return written.getvalue()


NOT_TEXT = {
    "lfs": (POINTER.encode(), "a Git LFS pointer"),
    "annex": (b"/annex/objects/MD5E-s104--5eb.tsv\n", "a git-annex pointer"),
    "annex link": (b"../.git/annex/objects/a/b\n", "a git-annex pointer"),
    "page": (PAGE.encode(), "a web page"),
    "page after a comment": (b"\n<!-- saved -->\n" + PAGE.lower().encode(), "a web page"),
    "page without a type": (b"<html>\n <head><title>Login</title>", "a web page"),
    "xml": (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "XML"),
    "json": (b'{"error":"Repository not found"}', "an error message"),
    "json on several lines": (
        b'{\n "detail": "Not found",\n "status": 404\n}\n',
        "an error message",
    ),
    "github": (b"404: Not Found", "an error message"),
    "gated": (b"Access to dataset a/b is restricted. You must log in.\n", "an error message"),
    "utf-16": (PAIRS.encode("utf-16"), "text in UTF-16"),
    "utf-16 without a mark": (PAIRS.encode("utf-16-be"), "text in UTF-16"),
    "Thai in utf-16 without a mark": ("ฝนตกเอาร่มไปด้วย\n".encode("utf-16-le"), "binary data"),
    "Chinese in utf-16": ("下雨了。带上雨伞。\n".encode("utf-16-le") * 9, "binary data"),
    "utf-32": (PAIRS.encode("utf-32"), "text in UTF-32"),
    "gb 18030": ("\ufeff下雨了\n".encode("gb18030"), "text in GB 18030"),
    "tis-620": (("header\n" + PAIRS).encode("tis-620"), "not in UTF-8"),
    "old Mac": (PAIRS.replace("\n", "\r").encode(), "text whose lines end in CR without LF"),
    "lz4": (b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4"),
    "lzma": (lzma.compress(PAIRS.encode(), lzma.FORMAT_ALONE), "lzma without the container xz"),
    "gzip": (gzip.compress(PAIRS.encode(), mtime=0), "gzip"),
    "bzip2": (bz2.compress(PAIRS.encode()), "bzip2"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x00", "a RAR archive"),
    "zip": (b"PK\x03\x04\x14\x00", "a zip archive"),
    "tar": (tar(b"ustar\x0000"), "a tar archive"),
    "old tar": (tar(bytes(8)), "a tar archive"),
    "parquet": (parquet(), "Parquet"),
    "sqlite": (b"SQLite format 3\x00\x10\x00", "an SQLite database"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "pickle": (pickle.dumps(PAIRS), "a Python pickle"),
    "unknown": (bytes(range(256)), "binary data"),
}


@pytest.mark.parametrize("name", NOT_TEXT)
def test_what_is_no_text_has_a_name(name):
    data, said = NOT_TEXT[name]
    kind = kind_of(data[:HEAD_BYTES])
    assert kind is not None
    assert kind.name == said


@pytest.mark.parametrize(
    "text",
    [
        PAIRS,
        "\ufeff" + PAIRS,
        "",
        "PAR1 is a code.\tPAR1 คือรหัส\n",
        "BZh is a code.\n",
        "%!PS and {\\x are codes.\n",
        "<html>Click <b>here</b></html>\tคลิก\n",  # a message of a user interface
        "<html><body>Done</body></html>\n",
        '{"en": "Not found", "th": "ไม่พบ"}\n',
        '{"message": "Not found", "translation": "ไม่พบ"}\n',
        "Not found\tไม่พบ\n",
        "Not found\nForbidden\n",
        "a\0b\tc\n",
        "one\rtwo\tx\n",
        "Git LFS writes version https://git-lfs.github.com/spec/v1 first.\n",
        "ก" * HEAD_BYTES,  # a character is cut off at the end of what is looked at
    ],
)
def test_text_is_text(text):
    assert kind_of(text.encode()[:HEAD_BYTES]) is None


def test_some_lines_that_are_no_text_are_left_to_readers():
    assert kind_of(b"\xff\tc\n" * 4) is None  # too few to tell
    assert kind_of(b"a\tb\n" + b"\xff\xfe\tc\n" * 9 + "ก\n".encode()) is None
    assert kind_of(bytes(range(1, 9)) * 9 + b"\nand a line\n") is None


def test_the_name_of_a_file_promises_compression():
    data = b"\x1e\x8b" + gzip.compress(PAIRS.encode(), mtime=0)[2:30]  # one bit is wrong
    assert kind_of(data, "x.tsv.gz") == MISNAMED
    assert kind_of(PAIRS.encode(), "x.tsv.gz") is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (POINTER.encode(), "a Git LFS pointer"),
        (PAIRS.encode(), "text"),
        (gzip.compress(b"\x05\0\0\0" * 99, mtime=0), "gzip"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"\x5d\0\0\0\x5e\0\0\0", None),  # the ids 93, 94
        (b"\xff\xfe\0\0", None),
        (b"", None),
    ],
)
def test_token_files(data, said):
    kind = kind_of_tokens(data)
    assert (kind and kind.name) == said
