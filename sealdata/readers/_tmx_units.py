"""The translation units of a TMX file one by one, so that a broken one takes no other with it.

XML has no broken records: its parsers refuse a file at the first bare ``&``. Here the bytes are
cut at the ends of units. A piece of many units is parsed at once, and unit by unit only where that
fails.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError, fromstring

from sealdata.errors import DataError
from sealdata.readers._lines import MAX_LINE

_PIECE = 1 << 14  # bytes parsed at a time: elements take forty times the memory
_MAX_COMMENT = 1 << 20  # bytes; what is open for longer was never meant as a comment
_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]*?\?>")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([\w.:-]+)["']""")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_OPENED = re.compile(rb"<!--|<!\[CDATA\[")
_HIDDEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[(?P<text>.*?)\]\]>", re.DOTALL)
_ROOT = re.compile(rb"<(?P<prefix>[\w.-]+:)?tmx(?=[\s/>])[^>]*>")
_ANY_UNIT = re.compile(rb"<(?:[\w.-]+:)?tu(?=[\s/>])")


@dataclass(frozen=True)
class Broken:
    """A unit that is not well-formed XML, as its bytes say it."""

    reason: str
    raw: str


def units(path: Path, stream: BinaryIO) -> Iterator[Element | Broken]:
    """The elements ``tu`` of a file, and in their places those that cannot be parsed.

    What stands between units is not looked at.

    Raises:
        DataError: the file is not TMX, has no end, or declares entities, which may blow up or read
            other files.
    """
    file = _File(path, stream)
    yield from file.units()


class _File:
    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._decode: codecs.IncrementalDecoder | None = None  # of another encoding than UTF-8
        self._last = False  # the file is read to its end
        self._data = self._start()

    def units(self) -> Iterator[Element | Broken]:
        """See ``units``."""
        frame = self._prolog()
        while True:
            end = frame.last_end(self._data[: self._closed()])
            if end:
                piece, self._data = self._data[:end], self._data[end:]
                yield from frame.units(piece)
            if self._last:
                break
            self._more()
        if frame.end_of(self._data) < 0:
            raise DataError(
                f"{self._path} is cut short: it has no {frame.close.decode()}; fetch it again"
            )
        yield from frame.units(self._data[: frame.end_of(self._data)])

    def _start(self) -> bytes:
        """The first bytes in UTF-8, without the declaration of the encoding."""
        head = self._stream.read(_PIECE)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        declaration = _DECLARATION.match(head)
        said = _ENCODING.search(declaration[0]) if declaration else None
        # A file that was converted to UTF-8 often keeps the declaration of UTF-16.
        if said and encoding == "utf-8" and not said[1].lower().startswith((b"utf-16", b"utf-32")):
            encoding = said[1].decode().lower()
        if encoding not in ("utf-8", "utf8", "us-ascii", "ascii"):
            try:
                self._decode = codecs.getincrementaldecoder(encoding)(errors=_NUL)
            except LookupError as error:
                raise DataError(f"{self._path} is XML that is not read here: {error}") from None
        data = self._utf8(head).removeprefix(codecs.BOM_UTF8)
        return _DECLARATION.sub(b"", data, count=1)

    def _utf8(self, data: bytes, last: bool = False) -> bytes:
        if self._decode is None:
            return data
        return self._decode.decode(data, last).encode("utf-8", "replace")

    def _more(self) -> None:
        """Read on: more the longer a unit is, so that a long one is not copied often."""
        if len(self._data) > MAX_LINE:
            raise DataError(
                f"{self._path}: a unit of more than {MAX_LINE:,} bytes; is it a TMX file?"
            )
        block = self._stream.read(max(_PIECE, len(self._data)))
        self._last = not block
        self._data += self._utf8(block, self._last)

    def _closed(self) -> int:
        """Take comments and CDATA out of the data, for units in them are none. Returns up to where
        the data is free of them."""
        if b"<!" not in self._data:
            return len(self._data)
        self._data = _HIDDEN.sub(_flat, self._data)
        opened = _OPENED.search(self._data)
        if self._last or opened is None or len(self._data) - opened.start() > _MAX_COMMENT:
            return len(self._data)
        return opened.start()

    def _prolog(self) -> "_Frame":
        """What the units stand in; reads on to the first of them."""
        while True:
            first = _ANY_UNIT.search(self._data, 0, self._closed())
            if first or self._last:
                break
            self._more()
        prolog = self._data[: first.start() if first else None]
        self._check(prolog)
        root = _ROOT.search(prolog)
        assert root is not None, "the outermost element is tmx"
        if first:
            self._data = self._data[first.start() :]
        return _Frame(root[0], root["prefix"] or b"")

    def _check(self, prolog: bytes) -> None:
        from defusedxml.ElementTree import iterparse

        try:
            for _, element in iterparse(io.BytesIO(prolog), ("start",)):
                if local_name(element) != "tmx":
                    raise DataError(
                        f"{self._path} is not TMX: its outermost element is <{local_name(element)}>"
                    )
                return
        except ParseError as error:
            raise DataError(
                f"{self._path} is not well-formed XML: {error}; fetch it again"
            ) from None
        except ValueError as error:  # entities
            raise DataError(f"{self._path} is XML that is not read here: {error}") from None


class _Frame:
    """The root element, whose namespaces hold for the units."""

    def __init__(self, root: bytes, prefix: bytes) -> None:
        self.close = b"</" + prefix + b"tmx>"  # a prefix has no sign of regular expressions but .
        self._open = root.removesuffix(b"/>") + (b">" if root.endswith(b"/>") else b"")
        self._empty = root.endswith(b"/>")
        self._root_end = re.compile(self.close[:-1] + rb"\s*>")
        name = re.escape(prefix) + b"tu"
        self._mark = b"</" + prefix + b"tu"
        self._start = re.compile(b"<" + name + rb"(?=[\s/>])")
        self._end = re.compile(b"</" + name + rb"\s*>")
        self._variant = re.compile(b"<" + re.escape(prefix) + rb"(?:tuv|seg)\b")

    def end_of(self, data: bytes) -> int:
        """Where the root is closed behind the last unit; -1: nowhere."""
        if self._empty:
            return 0
        ends = [end.start() for end in self._root_end.finditer(data)]
        return ends[-1] if ends else -1

    def last_end(self, data: bytes) -> int:
        """Behind the last end of a unit; 0 if there is none."""
        start = data.rfind(self._mark)
        while start >= 0:
            if end := self._end.match(data, start):
                return end.end()
            start = data.rfind(self._mark, 0, start)  # it is </tuv>
        return 0

    def units(self, piece: bytes) -> Iterator[Element | Broken]:
        """The units of a piece that ends behind one of them, or behind the last."""
        root = self._parsed(piece)
        whole = [] if root is None else [unit for unit in root if local_name(unit) == "tu"]
        # Fewer than ends: one stands inside another, which is broken.
        if root is not None and len(whole) >= len(self._end.findall(piece)):
            yield from whole
            return
        begin = 0
        for end in (*(end.end() for end in self._end.finditer(piece)), len(piece)):
            yield from self._one_by_one(piece[begin:end])
            begin = end

    def _one_by_one(self, text: bytes) -> Iterator[Element | Broken]:
        """The units that start in ``text``, of which only the last has an end."""
        starts = [start.start() for start in self._start.finditer(text)]
        before = text[: starts[0] if starts else None]
        if self._variant.search(before):  # its start is missing
            yield _broken(before)
        for start, stop in pairwise([*starts, len(text)]):
            root = self._parsed(text[start:stop])
            yield _broken(text[start:stop]) if root is None else root[0]

    def _parsed(self, piece: bytes) -> Element | None:
        try:
            return fromstring(self._open + piece + self.close)
        except ParseError:
            return None


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _broken(text: bytes) -> Broken:
    try:
        return Broken("bad_xml", text.decode().strip())
    except UnicodeDecodeError:
        return Broken("invalid_utf8", text.decode("utf-8", "replace").strip())


def _flat(match: re.Match[bytes]) -> bytes:
    """CDATA as text, and nothing for a comment."""
    text = match["text"] or b""
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _nul(error: UnicodeError) -> tuple[str, int]:
    """NUL for bytes that are not text in their encoding. XML allows none: their unit is broken."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\0", error.end


_NUL = "sealdata.nul"
codecs.register_error(_NUL, _nul)
