"""Fetching a published file to its place once, and holding it to its digest ever after."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sealdata.download import download
from sealdata.errors import DataError
from sealdata.manifest import file_sha256, read_json, write_json

Report = Callable[[str, int, int | None], None]  # file name, bytes there, bytes in all
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


class Download(BaseModel):
    """One file of a corpus or a model, as it is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://")
    file: str = ""  # its name on disk; by default the last part of the address
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")  # as published; empty where it is not
    size: int | None = Field(None, ge=0)  # bytes, as published

    @model_validator(mode="after")
    def _plain_name(self) -> Self:
        if not _FILE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no plain file name; set 'file'")
        return self

    @property
    def name(self) -> str:
        """The file's name on disk."""
        return self.file or unquote(urlsplit(self.url).path.rpartition("/")[2])


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
    expected = item.sha256 or (noted(note) if note.exists() else "")
    fresh = not path.exists()
    if fresh:
        digest = download(
            item.url,
            path,
            lambda done, total: report(path.name, done, total),
            sha256=expected,
            size=item.size,
        )
    else:
        digest = file_sha256(path)
        if expected and digest != expected:
            raise DataError(
                f"{path} has sha256 {digest}, not {expected}; delete it to fetch it again"
            )
    facts = {"url": item.url, "size": path.stat().st_size, "sha256": digest}
    write_json(note, facts | {"published": bool(item.sha256)})
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
