"""What a file is by its first bytes, whatever its name says.

Everything that reads text asks ``check_text`` first. A Git LFS pointer, an error page or UTF-16 has
lines too. It would otherwise count as a corpus or as evaluation sentences.
"""

import codecs
import json
import re
from pathlib import Path
from typing import NamedTuple

from sealdata.errors import DataError

HEAD_BYTES = 1 << 16  # of a file, to tell what it is
_PAGE_BYTES = 4096  # an error message in place of a file is shorter

_FETCH = "fetch the file itself"
_UNPACK = "unpack it first"
_CONVERT = "convert it to UTF-8, for example with iconv"
_TABLE = "export it as text, or name the reader of this format"
_LFS = f"{_FETCH}, for example with git lfs pull"


class Kind(NamedTuple):
    """A kind of file that is not text in UTF-8, and what a user can do about it."""

    name: str
    cure: str


# (first bytes, kind). Sources: the formats' own specifications, and file(1)'s table.
SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"version https://git-lfs.github.com/spec/", Kind("a Git LFS pointer", _LFS)),
    (b"version https://hawser.github.com/spec/", Kind("a Git LFS pointer", _LFS)),
    (b"# xet version ", Kind("a Git Xet pointer", _FETCH)),
    (b"/annex/objects/", Kind("a git-annex pointer", f"{_FETCH}, with git annex get")),
    (codecs.BOM_UTF32_LE, Kind("text in UTF-32", _CONVERT)),  # before UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, Kind("text in UTF-32", _CONVERT)),
    (codecs.BOM_UTF16_LE, Kind("text in UTF-16", _CONVERT)),
    (codecs.BOM_UTF16_BE, Kind("text in UTF-16", _CONVERT)),
    (b"\x84\x31\x95\x33", Kind("text in GB 18030", _CONVERT)),
    (b"+/v8", Kind("text in UTF-7", _CONVERT)),
    (b"PK\x03\x04", Kind("a zip archive", _UNPACK)),
    (b"PK\x05\x06", Kind("an empty zip archive", _FETCH)),
    (b"PK\x07\x08", Kind("a part of a zip archive", _UNPACK)),
    (b"\x1f\x8b\x08", Kind("gzip", _UNPACK)),
    (b"\xfd7zXZ\x00", Kind("xz", _UNPACK)),
    (b"BZh", Kind("bzip2", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Kind("Zstandard", _UNPACK)),
    (b"\x04\x22\x4d\x18", Kind("lz4", _UNPACK)),
    (b"\x02\x21\x4c\x18", Kind("lz4", _UNPACK)),
    (b"\x5d\x00\x00", Kind("lzma without the container xz", _UNPACK)),
    (b"LZIP", Kind("lzip", _UNPACK)),
    (b"\x89LZO\x00", Kind("lzop", _UNPACK)),
    (b"\xff\x06\x00\x00sNaPpY", Kind("Snappy", _UNPACK)),
    (b"\x1f\x9d", Kind("compress (.Z)", _UNPACK)),
    (b"x\x9c", Kind("zlib", _UNPACK)),
    (b"x\xda", Kind("zlib", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", Kind("a RAR archive", _UNPACK)),
    (b"MSCF", Kind("a cabinet archive", _UNPACK)),
    (b"!<arch>\n", Kind("an ar archive", _UNPACK)),
    (b"PAR1", Kind("Parquet", _TABLE)),
    (b"ARROW1", Kind("Arrow", _TABLE)),
    (b"FEA1", Kind("Feather", _TABLE)),
    (b"ORC", Kind("ORC", _TABLE)),
    (b"Obj\x01", Kind("Avro", _TABLE)),
    (b"SQLite format 3\x00", Kind("an SQLite database", _TABLE)),
    (b"\x89HDF\r\n\x1a\n", Kind("HDF5", _TABLE)),
    (b"\x93NUMPY", Kind("a NumPy array", _TABLE)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an old Office document", _TABLE)),
    (b"\xde\x12\x04\x95", Kind("a gettext catalogue (.mo)", _TABLE)),
    (b"\x95\x04\x12\xde", Kind("a gettext catalogue (.mo)", _TABLE)),
    (b"%PDF-", Kind("PDF", "take the text out of it first")),
    (b"%!PS", Kind("PostScript", "take the text out of it first")),
    (b"{\\rtf", Kind("RTF", "save it as plain text")),
    (b"\x00\x05\x16\x07", Kind("an AppleDouble file of macOS", "name the file without '._'")),
    (b"\x7fELF", Kind("a program", _FETCH)),
    (b"\x89PNG\r\n\x1a\n", Kind("a picture", _FETCH)),
    (b"\xff\xd8\xff", Kind("a picture", _FETCH)),
    (b"GIF8", Kind("a picture", _FETCH)),
    *(
        (b"\x80" + bytes([protocol]), Kind("a Python pickle", _TABLE))
        for protocol in (2, 3, 4, 5)  # 0 and 1 have no header
    ),
)
TAR = Kind("a tar archive", f"{_UNPACK}, with tar xf")
PAGE = Kind("a web page", f"{_FETCH}; the server may have sent an error")
XML = Kind("XML", "name the reader tmx if it is TMX, or else fetch the file itself")
MESSAGE = Kind("an error message", f"{_FETCH}; the server refused it")
UTF_16 = Kind("text in UTF-16", _CONVERT)
LEGACY = Kind("not in UTF-8", _CONVERT)
OLD_MAC = Kind(
    "text whose lines end in CR without LF", "end them in LF, for example with tr '\\r' '\\n'"
)
BINARY = Kind("binary data", f"{_FETCH}, or convert it to text in UTF-8")
MISNAMED = Kind("not compressed as its name says, nor text", _FETCH)

# What stands in the place of a file that was never fetched.
NOT_FETCHED = (
    *("a Git LFS pointer", "a Git Xet pointer", "a git-annex pointer"),
    *(PAGE.name, XML.name, MESSAGE.name),
)

_DOCTYPE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<!doctype\s+html", re.IGNORECASE | re.DOTALL)
# Messages of user interfaces may begin with <html>, but not with a head.
_HTML = re.compile(rb"\s*<html[^>]*>\s*<(?:head|title|meta)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s")
_ANNEX_LINK = re.compile(rb"(?:\.\./)*\.git/annex/objects/")
# What servers send in place of a file: GitHub, the Hub, object stores.
_REFUSALS = re.compile(
    r"(?:404:? )?not found|entry not found|repository not found|forbidden|unauthorized|"
    r"access denied|bad credentials|invalid username or password\.?|"
    r"access to (?:dataset|model) \S+ is restricted.*",
    re.IGNORECASE,
)
_ERROR_KEYS = {"error", "errors", "detail", "message"}
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")
# Code points below U+0020 that no text has; the others are white space, or ESC of terminals.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x1b"))
# As ids of 32 bits, these first bytes are small numbers.
_SMALL_IDS = (b"\x5d\x00\x00", codecs.BOM_UTF32_LE)
# A file of at least so many lines beyond ASCII, of which none is UTF-8, is in another encoding.
_LEGACY_LINES = 5


def kind_of(head: bytes, name: str = "", xml: bool = False) -> Kind | None:
    """What a file with these first bytes is, if it is not text in UTF-8; None for text.

    ``head`` has HEAD_BYTES of the file, or all of it. If ``name`` promises compression,
    bytes that are not text are named for that. With ``xml``, XML in any encoding passes.
    """
    data = head.removeprefix(codecs.BOM_UTF8)
    readable = _is_utf8(head) and b"\0" not in head
    for magic, kind in SIGNATURES:
        # A text may well begin with a few letters: then only what is unreadable is not text.
        if data.startswith(magic) and not (readable and len(magic) <= 4):
            return None if xml and kind.cure == _CONVERT else kind  # XML says its encoding
    if _is_tar(head):
        return TAR
    if _DOCTYPE.match(data) or _HTML.match(data):
        return PAGE
    if _ANNEX_LINK.match(data):
        return Kind("a git-annex pointer", f"{_FETCH}, with git annex get")
    if xml:
        return None
    if _XML.match(data):
        return XML
    if len(head) <= _PAGE_BYTES and _is_refusal(data):
        return MESSAGE
    return _odd_text(head, readable, name)


def _odd_text(head: bytes, readable: bool, name: str) -> Kind | None:
    """What bytes without a signature are, if they are not text in UTF-8."""
    if b"\n" not in head and head.rstrip(b"\r").count(b"\r") > 1 and readable:
        return OLD_MAC
    valid = _is_utf8(head)
    zeros = head.count(0)
    # Half of a UTF-16 text in Latin letters is NUL: all of it at odd, or all at even offsets.
    if zeros >= 4 and zeros > len(head) / 8 and 0 in (head[::2].count(0), head[1::2].count(0)):
        return UTF_16
    if not valid and name.lower().endswith(_COMPRESSED) and not _has_text_line(head):
        return MISNAMED
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > max(8, len(head) * (0.3 if valid else 0.04)) and not _has_text_line(head):
        return BINARY
    return None if valid or _has_text_line(head, beyond_ascii=True) else LEGACY


def _has_text_line(head: bytes, beyond_ascii: bool = False) -> bool:
    """Whether a line is text; with ``beyond_ascii``, whether one is of those not all in ASCII, or
    they are too few to tell."""
    lines = [line for line in head.split(b"\n")[: -1 if len(head) >= HEAD_BYTES else None] if line]
    if beyond_ascii:
        lines = [line for line in lines if not line.isascii()]
        if len(lines) < _LEGACY_LINES:
            return True
    return any(_is_utf8(line) and not set(_CONTROLS) & set(line) for line in lines)


def check_text(head: bytes, where: str, xml: bool = False) -> None:
    """See ``kind_of``.

    Raises:
        DataError: the bytes are not text in UTF-8; the message names ``where``, kind and cure.
    """
    kind = kind_of(head, where, xml)
    if kind is not None:
        raise DataError(f"{where} cannot be read as text: it is {kind.name}; {kind.cure}")


def kind_of_tokens(head: bytes) -> Kind | None:
    """What a file is that should hold token ids and begins so; None where it may hold them.

    Ids may look like the shorter signatures. They never make readable text, though: an id of 32
    bits has a byte that is 0.
    """
    if head and _is_utf8(head) and b"\0" not in head:
        return kind_of(head) or Kind("text", "tokenise it, or read it with a stream of text")
    for magic, kind in SIGNATURES:
        if len(magic) > 2 and magic not in _SMALL_IDS and head.startswith(magic):
            return kind
    return None


def kind_of_file(path: Path) -> Kind | None:
    """What a file on disk is, if it is not text in UTF-8; None for text, or if it is not there."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return kind_of(head)


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8; a character may be cut off at their end."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=len(data) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return True


def _is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are the header of a member, old or new: its checksum holds."""
    if len(head) < 512:
        return False
    try:
        stated = int(head[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    return stated == sum(head[:148]) + 8 * ord(" ") + sum(head[156:512])


def _is_refusal(data: bytes) -> bool:
    """Whether this whole file is a message of a server."""
    text = data.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return _REFUSALS.fullmatch(text) is not None
    try:
        record = json.loads(text)
    except ValueError:
        return False
    # A record of a corpus has texts besides these keys.
    others = {"status", "code", "type", "documentation_url", "statusCode", "request_id", "path"}
    return bool(record) and set(record) <= _ERROR_KEYS | others and bool(_ERROR_KEYS & set(record))
