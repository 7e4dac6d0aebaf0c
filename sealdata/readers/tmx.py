"""Translation memories: TMX 1.4, plain, compressed or in the zip archives of OPUS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, ParseError

import polars as pl

from sealdata.errors import DataError
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._columns import check_records
from sealdata.readers._open import open_archive, open_member, open_stream
from sealdata.readers._rejects import chunks, pair_batch
from sealdata.readers._tags import language_of

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = {"bpt", "ept", "it", "ph", "ut"}  # codes of a file format, not text of the sentence
_URL = "source-document"  # the property in which ParaCrawl and Bitextor keep a side's page


class Variant(NamedTuple):
    """One side of a translation unit."""

    tag: str  # the language as written
    text: str
    url: str | None


class Tmx(Reader):
    """One translation unit is one record: its first variant in each of the two languages.

    Language tags match with any region (``en-US`` is English). Markup inside a segment is removed,
    and the text that it marks is kept. White space around a segment is removed. A segment with a
    line break is not a sentence, and its unit is rejected.
    """

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of units; one unit is in memory as XML at a time.

        Raises:
            DataError: the file cannot be read, is cut short, or is not well-formed TMX; or it
                declares entities, which may blow up or read other files.
        """
        row = 0
        with _open(source.path) as stream:
            units = _units(source.path, stream)
            for chunk in chunks(units, batch_rows, _chars):
                yield _batch(source, row, chunk)
                row += len(chunk)


def _chars(unit: list[Variant]) -> int:
    return sum(len(variant.text) for variant in unit)


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if not _is_archive(path):
        with open_stream(path) as stream:
            yield stream
        return
    with open_archive(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".tmx")]
        if len(names) != 1:
            raise DataError(f"{path}: one member named *.tmx is needed; there are {len(names)}")
        with open_member(archive, names[0]) as member:
            yield member


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _units(path: Path, stream: BinaryIO) -> Iterator[list[Variant]]:
    from defusedxml.ElementTree import iterparse

    parent: Element | None = None  # the root, then the body
    try:
        for event, element in iterparse(stream, ("start", "end")):
            name = _name(element)
            if event == "start" and (parent is None or name == "body"):
                if parent is None and name != "tmx":
                    raise DataError(f"{path} is not TMX: its outermost element is <{name}>")
                parent = element
            elif event == "end" and name == "tu":
                yield [_variant(tuv) for tuv in element if _name(tuv) == "tuv"]
                assert parent is not None, "a tu ends inside the root"
                parent.clear()  # or the whole file stays in memory
    except ParseError as error:
        raise DataError(f"{path} is not well-formed XML: {error}; fetch it again") from None
    except (ValueError, LookupError, RecursionError) as error:
        # Entities, an encoding that is not known, or markup a thousand levels deep.
        raise DataError(f"{path} is XML that is not read here: {error}") from None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _variant(tuv: Element) -> Variant:
    tag = tuv.get(_LANG) or tuv.get("lang") or ""  # TMX 1.1 has it without the namespace
    text = "".join("".join(_text(inner)) for inner in tuv if _name(inner) == "seg")
    urls = (inner.text for inner in tuv if inner.get("type") == _URL)
    return Variant(tag, text.strip(" \t\r\n"), next(urls, None))


def _text(element: Element) -> Iterator[str]:
    yield element.text or ""
    for inner in element:
        if _name(inner) not in _CODES:
            yield from _text(inner)
        yield inner.tail or ""


def _batch(source: Source, row: int, units: list[list[Variant]]) -> Batch:
    first = [
        {language_of(variant.tag): variant for variant in reversed(unit)}  # the first is set last
        for unit in units
    ]
    sides = {"src": source.src_lang, "tgt": source.tgt_lang}
    sides_of = {side: [unit.get(lang) for unit in first] for side, lang in sides.items()}
    texts = {side: [v and v.text for v in variants] for side, variants in sides_of.items()}
    urls = {f"{side}_url": [v and v.url for v in variants] for side, variants in sides_of.items()}
    columns = texts | urls
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    frame = frame.with_columns(missing=pl.any_horizontal(pl.col("src", "tgt").is_null()))
    records = check_records(frame, [])
    rejected = records["reason"].is_not_null().arg_true()
    raw = ["\t".join(f"{v.tag}: {v.text}" for v in units[index]) for index in rejected]
    return pair_batch(source, row, records, pl.Series("raw", raw, pl.String))


COMPONENT = Tmx
