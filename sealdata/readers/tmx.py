"""Translation memories: TMX 1.4, plain, compressed or in the zip archives of OPUS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple
from xml.etree.ElementTree import Element

import polars as pl

from sealdata.errors import DataError
from sealdata.languages import language_of_tag
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._columns import check_records
from sealdata.readers._open import member_names, open_archive, open_member, open_stream
from sealdata.readers._rejects import chunks, pair_batch
from sealdata.readers._tmx_units import Broken, local_name, units

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = {"bpt", "ept", "it", "ph", "ut"}  # codes of a file format, not text of the sentence
_URL = "source-document"  # the property in which ParaCrawl and Bitextor keep a side's page


class Variant(NamedTuple):
    """One side of a translation unit."""

    tag: str  # the language as written
    text: str
    url: str | None


Unit = list[Variant] | Broken


class Tmx(Reader):
    """One translation unit is one record: its first variant in each of the two languages.

    Language tags match with any region (``en-US`` is English). Markup inside a segment is removed,
    and the text that it marks is kept. White space around a segment is removed. A segment with a
    line break is not a sentence, and its unit is rejected. A unit that is not well-formed, for
    example by a bare ``&``, is rejected as ``bad_xml``; reading goes on at the next one.
    """

    version: ClassVar[int] = 2

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of units; few units are in memory as XML at a time.

        Raises:
            DataError: the file cannot be read, is cut short, or is not TMX; or it declares
                entities, which may blow up or read other files.
        """
        row = 0
        with _open(source.path) as stream:
            records = map(_variants, units(source.path, stream))
            for chunk in chunks(records, batch_rows, _chars):
                yield _batch(source, row, chunk)
                row += len(chunk)


def _chars(unit: Unit) -> int:
    if isinstance(unit, Broken):
        return len(unit.raw)
    return sum(len(variant.text) for variant in unit)


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if not _is_archive(path):
        with open_stream(path, xml=True) as stream:
            yield stream
        return
    with open_archive(path) as archive:
        names = [name for name in member_names(archive) if name.lower().endswith(".tmx")]
        if len(names) != 1:
            raise DataError(f"{path}: one member named *.tmx is needed; there are {len(names)}")
        with open_member(archive, names[0], xml=True) as member:
            yield member


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _variants(unit: Element | Broken) -> Unit:
    if isinstance(unit, Broken):
        return unit
    try:
        return [_variant(tuv) for tuv in unit if local_name(tuv) == "tuv"]
    except RecursionError:
        return Broken("bad_xml", "markup a thousand levels deep")


def _variant(tuv: Element) -> Variant:
    tag = tuv.get(_LANG) or tuv.get("lang") or ""  # TMX 1.1 has it without the namespace
    text, url = "", None
    for inner in tuv:
        if local_name(inner) == "seg":
            # Most segments have no markup.
            text += "".join(_text(inner)) if len(inner) else inner.text or ""
        elif url is None and inner.get("type") == _URL:
            url = inner.text
    return Variant(tag, text.strip(" \t\r\n"), url)


def _text(element: Element) -> Iterator[str]:
    yield element.text or ""
    for inner in element:
        if local_name(inner) not in _CODES:
            yield from _text(inner)
        yield inner.tail or ""


def _batch(source: Source, row: int, chunk: list[Unit]) -> Batch:
    first: list[dict[str | None, Variant]] = [
        {}
        if isinstance(unit, Broken)
        # The first of a language is set last.
        else {language_of_tag(variant.tag): variant for variant in reversed(unit)}
        for unit in chunk
    ]
    sides = {"src": source.src_lang, "tgt": source.tgt_lang}
    sides_of = {side: [unit.get(lang) for unit in first] for side, lang in sides.items()}
    texts = {side: [v and v.text for v in variants] for side, variants in sides_of.items()}
    urls = {f"{side}_url": [v and v.url for v in variants] for side, variants in sides_of.items()}
    broken = {"broken": [unit.reason if isinstance(unit, Broken) else None for unit in chunk]}
    columns = texts | urls | broken
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    frame = frame.with_columns(missing=pl.any_horizontal(pl.col("src", "tgt").is_null()))
    faults = [(reason, pl.col("broken") == reason) for reason in ("bad_xml", "invalid_utf8")]
    records = check_records(frame, faults)
    rejected = records["reason"].is_not_null().arg_true()
    raw = [_raw(chunk[index]) for index in rejected]
    return pair_batch(source, row, records, pl.Series("raw", raw, pl.String))


def _raw(unit: Unit) -> str:
    if isinstance(unit, Broken):
        return unit.raw
    return "\t".join(f"{variant.tag}: {variant.text}" for variant in unit)


COMPONENT = Tmx
