"""Fetching a published file to its place once, and holding it to its digest ever after."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sealdata.errors import DataError
from sealdata.fetch.download import download
from sealdata.files.records import file_sha256, read_json, write_json

Report = Callable[[str, int, int | None], None]  # file name, bytes there, bytes in all
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


class Download(BaseModel):
    """One file of a corpus or a model, as it is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://")
    file: str = ""  # its name on disk; by default the last part of the address
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")  # as published; empty where it is not
    size: int | None = Field(None, ge=0)  # bytes, as published
    dtype: Literal["uint16", "uint32"] | None = None  # of a headerless file of token ids
    tokens: tuple[int, int] | None = None  # of such a file: only those from the first to the second

    @model_validator(mode="after")
    def _plain_name(self) -> Self:
        if not _FILE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no plain file name; set 'file'")
        if self.tokens and not (self.dtype and 0 <= self.tokens[0] < self.tokens[1]):
            raise ValueError("tokens are a first and a later one, of a file that has a dtype")
        return self

    @property
    def name(self) -> str:
        """The file's name on disk; of a span of tokens ``NAME.FIRST-LAST.npy``."""
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
    """One file on disk; ``fresh`` is false where it was there already."""

    path: Path
    sha256: str
    fresh: bool


def fetch_file(
    item: Download, path: Path, report: Report = lambda file, done, total: None
) -> Fetched:
    """Bring a file to ``path``, or find that it is there and unchanged.

    Its digest is compared with the published one. Where there is none, the first fetch notes it in
    ``FILE.sha256.json``, and every later one must give the same.

    Raises:
        DataError: see ``download``; or the file differs from what was fetched before.
    """
    note = note_of(path)
    published = "" if item.span else item.sha256  # the digest of the whole file
    expected = published or (noted(note) if note.exists() else "")
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
    facts: dict[str, object] = {"url": item.url, "size": path.stat().st_size, "sha256": digest}
    if item.span:
        facts |= {"bytes": list(item.span), "dtype": item.dtype}
    write_json(note, facts | {"published": bool(published)})
    return Fetched(path, digest, fresh)


def note_of(path: Path) -> Path:
    """The file that holds the digest of ``path``, beside it."""
    return path.with_name(f"{path.name}.sha256.json")


def noted(note: Path) -> str:
    """The digest that was noted when a file was first there."""
    facts = read_json(note)
    digest = facts.get("sha256") if isinstance(facts, dict) else None
    if not isinstance(digest, str):
        raise DataError(f"{note} holds no sha256; delete it to accept the file as it now is")
    return digest
