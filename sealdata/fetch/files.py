"""The one way to bring a published file to this machine.

``fetch_file`` is what corpora and models are fetched by: it resumes what a break left, checks
digests, and puts a file in its place only when it is whole. The transfer is in ``download.py``.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sealdata.errors import DataError
from sealdata.fetch.download import download
from sealdata.fetch.unpack import gunzip
from sealdata.files.records import file_sha256, read_json, write_json

Report = Callable[[str, int, int | None], None]  # file name, bytes so far, bytes in total
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_GZIP = ".gz"


class Download(BaseModel):
    """One file of a corpus or a model, as it is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://")
    file: str = ""  # its name on disk; by default the last part of the address
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")  # as published; empty where it is not
    size: int | None = Field(None, ge=0)  # bytes, as published
    dtype: Literal["uint16", "uint32"] | None = None  # of a file of token ids without a header
    tokens: tuple[int, int] | None = None  # a range of such a file: first, one past the last

    @model_validator(mode="after")
    def _plain_name(self) -> Self:
        if not _FILE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a plain file name; set 'file'")
        if self.tokens and not (self.dtype and 0 <= self.tokens[0] < self.tokens[1]):
            raise ValueError("tokens need a dtype, and a first token before the second")
        return self

    @property
    def name(self) -> str:
        """The file's name on disk; of a range of tokens ``NAME.FIRST-LAST.npy``."""
        name = self.file or unquote(urlsplit(self.url).path.rpartition("/")[2])
        if self.tokens is None:
            return name
        stem, dot, suffix = name.rpartition(".")
        return f"{stem or suffix}.{self.tokens[0]}-{self.tokens[1]}{dot}{suffix if stem else ''}"

    @property
    def span(self) -> tuple[int, int] | None:
        """The bytes of ``tokens``: the first, and one past the last."""
        if self.tokens is None or self.dtype is None:
            return None
        width = {"uint16": 2, "uint32": 4}[self.dtype]
        return self.tokens[0] * width, self.tokens[1] * width


@dataclass(frozen=True)
class Fetched:
    """One file on disk; ``fresh`` is false if it was there before."""

    path: Path
    sha256: str
    fresh: bool


def fetch_file(
    item: Download, path: Path, report: Report = lambda file, done, total: None
) -> Fetched:
    """Bring a file to ``path``, or find that it is there and unchanged.

    The digest is compared with the published one. If none is published, the first fetch records
    the digest in ``FILE.sha256.json``, and every later fetch must have the same.

    Raises:
        DataError: see ``download``; or the file differs from what was fetched before.
    """
    published = "" if item.span else item.sha256  # the published digest is of the whole file
    expected = published or recorded_digest(path)
    fresh = not path.exists()
    if fresh:
        digest = download(
            item.url,
            path,
            lambda done, total: report(path.name, done, total),
            sha256=expected,
            size=item.span[1] - item.span[0] if item.span else item.size,
            span=item.span,
        )
    else:
        digest = file_sha256(path)
        if expected and digest != expected:
            raise DataError(
                f"{path} has sha256 {digest}, not {expected}; delete it to fetch it again"
            )
    facts = {"bytes": list(item.span), "dtype": item.dtype} if item.span else {}
    _record_digest(path, digest, item.url, published=bool(published), **facts)
    return Fetched(path, digest, fresh)


def fetch_unpacked(
    item: Download, path: Path, report: Report = lambda file, done, total: None
) -> None:
    """Bring a file to ``path``, uncompressed if it is published as gzip.

    Raises:
        DataError: see ``fetch_file``.
    """
    if not item.name.endswith(_GZIP):
        fetch_file(item, path, report)
    elif path.is_file():
        checked_digest(path)
    else:
        # The archive goes once it is unpacked; what was recorded of it stays for the next fetch.
        packed = fetch_file(item, path.with_name(item.name), report).path
        gunzip(packed, path)
        packed.unlink()
        checked_digest(path)


def unpacked_name(item: Download) -> str:
    """The name of the file that ``fetch_unpacked`` makes."""
    return item.name.removesuffix(_GZIP)


def checked_digest(path: Path) -> str:
    """SHA-256 (hex) of a file, which must be the one that was recorded at its first use.

    Raises:
        DataError: it is another one, or the file cannot be read.
    """
    digest = file_sha256(path)
    recorded = recorded_digest(path)
    if not recorded:
        with suppress(DataError):  # a folder that this user cannot write to
            _record_digest(path, digest, url="", published=False)
    elif recorded != digest:
        raise DataError(
            f"{path} has sha256 {digest}, but had {recorded} at its first use; delete it and fetch "
            f"it again, or delete {record_path(path).name} to accept it"
        )
    return digest


def record_path(path: Path) -> Path:
    """The file beside ``path`` that holds its digest."""
    return path.with_name(f"{path.name}.sha256.json")


def recorded_digest(path: Path) -> str:
    """The digest that was recorded at a file's first use; empty if there is none.

    Raises:
        DataError: the record cannot be read or has no digest.
    """
    record = record_path(path)
    if not record.exists():
        return ""
    facts = read_json(record)
    digest = facts.get("sha256") if isinstance(facts, dict) else None
    if not isinstance(digest, str):
        raise DataError(f"{record} has no sha256; delete it to accept the file as it is now")
    return digest


def _record_digest(path: Path, digest: str, url: str, published: bool, **facts: object) -> None:
    record = {"url": url, "size": path.stat().st_size, "sha256": digest, **facts}
    write_json(record_path(path), record | {"published": published})
