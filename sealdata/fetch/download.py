"""Downloads of corpus files: resumed after any break, checked, and in place only when whole."""

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sealdata import __version__
from sealdata.errors import DataError
from sealdata.files.records import file_sha256, write_json

Report = Callable[[int, int | None], None]  # bytes there, bytes in all (None: server does not say)

TRIES = 4  # attempts in a row that bring nothing, before giving up
_TIMEOUT = 60.0  # seconds without a byte
_CHUNK = 1 << 18
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be gone in a moment


class _BrokenError(Exception):
    """The connection broke or the server is busy: worth another attempt."""


class _RestartError(_BrokenError):
    """What has arrived is of another file: nothing of it is of use."""


class _Redirects(HTTPRedirectHandler):
    """Followed as usual, but never from an encrypted address to one that is not."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to the new address.

        Raises:
            DataError: its answer would come unencrypted.
        """
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DataError(f"{req.full_url} redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True)
class _Partial:
    """What is known of a file that has begun to arrive; kept beside it."""

    url: str
    total: int | None = None  # bytes of what is wanted of it
    validator: str | None = None  # ETag or Last-Modified: the same means the same file
    span: list[int] | None = None  # the bytes that are wanted, where not all: first, one past last


@dataclass(frozen=True)
class _Wanted:
    """What is fetched: a file, or a span of its bytes."""

    url: str
    span: tuple[int, int] | None

    @property
    def first(self) -> int:
        """The byte of the file that comes first."""
        return self.span[0] if self.span else 0

    def range(self, start: int) -> str:
        """The header that asks for what comes after the first ``start`` bytes."""
        return f"bytes={self.first + start}-{self.span[1] - 1 if self.span else ''}"

    def begun(self, total: int | None = None, validator: str | None = None) -> _Partial:
        """What to keep in mind of it."""
        return _Partial(self.url, total, validator, list(self.span) if self.span else None)


def download(
    url: str,
    path: Path,
    report: Report = lambda done, total: None,
    sha256: str = "",
    size: int | None = None,
    wait: Callable[[float], None] = time.sleep,
    span: tuple[int, int] | None = None,
) -> str:
    """Fetch ``url`` to ``path`` and return its SHA-256 (hex); of a ``span`` only the bytes from the
    first up to the second.

    What has arrived stays in ``.NAME.part`` until the file is whole, and the next call goes on
    there, if the server can and says that its file is still the same one. ``sha256`` and ``size``
    (bytes) are what it must turn out to have.

    Raises:
        DataError: the server cannot be reached or refuses, the file has another size or digest
            than it should, or ends before ``span`` does; the server sends no spans, the disk is
            full, or another process is fetching it.
    """
    part = path.with_name(f".{path.name}.part")
    with _held(part) as handle:
        _complete(_Wanted(url, span), part, handle, report, wait)
        os.fsync(handle.fileno())
        arrived = part.stat().st_size
        found = file_sha256(part)
        if (size is not None and arrived != size) or (sha256 and found != sha256):
            _drop(part)
            wanted = f"{size:,} bytes, " if size is not None else ""
            raise DataError(
                f"{url} is not the file it should be: got {arrived:,} bytes, sha256 {found}; "
                f"wanted {wanted}sha256 {sha256 or 'any'}. Deleted. If it comes like that again, "
                f"the published file has changed: see its card and {path.name}.sha256.json"
            )
        part.replace(path)
        _note(part).unlink(missing_ok=True)
    return found


@contextmanager
def _held(part: Path) -> Iterator[BinaryIO]:
    """The partial file, open at its end and locked against other processes."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield handle
    except BlockingIOError:
        raise DataError(f"{part} is being fetched by another process; wait for it") from None
    except OSError as error:
        raise DataError(
            f"cannot write {part}: {error.strerror or error}; what has arrived stays there"
        ) from None


def _complete(
    wanted: _Wanted,
    part: Path,
    handle: BinaryIO,
    report: Report,
    wait: Callable[[float], None],
) -> None:
    """Attempt until the file is whole; an attempt that gets further starts the count anew."""
    failures, furthest = 0, handle.seek(0, os.SEEK_END)
    while True:
        try:
            _attempt(wanted, part, handle, report)
            handle.flush()
            return
        except _BrokenError as broken:
            if isinstance(broken, _RestartError):
                handle.truncate(0)
            reached = handle.seek(0, os.SEEK_END)
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            if failures == TRIES:
                raise DataError(f"{broken}; run the same command again to go on") from None
            wait(2.0 ** (failures - 1))


def _attempt(wanted: _Wanted, part: Path, handle: BinaryIO, report: Report) -> None:
    start, known = _resumable(wanted, part, handle)
    if wanted.span and known.total is not None and start == known.total:
        return  # all of it had arrived before a kill; a server would refuse to send nothing
    with _ask(wanted, start, known) as response:
        start, total = _placed(response, start, wanted)
        if start == 0:
            handle.truncate(0)
            write_json(_note(part), asdict(wanted.begun(total, _validator(response))))
        elif total is None or total != known.total or start > total:
            handle.truncate(0)
            raise _BrokenError(_changed(wanted.url))
        if response.status != 416:
            _copy(response, handle, start, total, report, wanted.url)


def _changed(url: str) -> str:
    return f"{url}: the file has changed on the server while it was fetched"


def _resumable(wanted: _Wanted, part: Path, handle: BinaryIO) -> tuple[int, _Partial]:
    """Where to go on and what is known of the file; from the start where nothing is for sure."""
    try:
        known = _Partial(**json.loads(_note(part).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        known = wanted.begun()
    fresh = wanted.begun(known.total, known.validator)
    if known != fresh or known.validator is None or known.total is None:
        return 0, wanted.begun()
    there = handle.seek(0, os.SEEK_END)
    if wanted.span and there > known.total:
        return 0, wanted.begun()
    return there, known


def _ask(wanted: _Wanted, start: int, known: _Partial) -> HTTPResponse:
    url = wanted.url
    headers = {"User-Agent": f"sealdata/{__version__}", "Accept-Encoding": "identity"}
    if wanted.span or (start and known.validator):
        headers["Range"] = wanted.range(start)
    if start and known.validator:
        headers["If-Range"] = known.validator
    try:
        request = Request(url, headers=headers)
        return cast(HTTPResponse, build_opener(_Redirects).open(request, timeout=_TIMEOUT))
    except HTTPError as error:
        if error.code == 416:
            return cast(HTTPResponse, error)
        if error.code in _PASSING:
            raise _BrokenError(f"{url}: the server answers {error.code} {error.reason}") from None
        said = " ".join(str(error.reason).split())  # of a redirect in circles it is three lines
        raise DataError(f"{url}: the server answers {error.code} {said}") from None
    except URLError as error:
        raise _unreachable(url, error.reason) from None
    except (OSError, HTTPException) as error:
        raise _unreachable(url, error) from None


def _unreachable(url: str, reason: object) -> _BrokenError:
    host = urlsplit(url).netloc
    if isinstance(reason, socket.gaierror):
        return _BrokenError(
            f"cannot reach {host} for {url}: its name cannot be looked up (offline?)"
        )
    return _BrokenError(f"cannot reach {host} for {url}: {reason}")


def _placed(response: HTTPResponse, start: int, wanted: _Wanted) -> tuple[int, int | None]:
    """The byte of what is wanted that the answer begins with, and how many are wanted in all,
    where that is told."""
    if wanted.span is None and response.status not in (206, 416):
        length = response.headers.get("Content-Length")
        return 0, int(length) if length and length.isdecimal() else None
    answer = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)", answer)
    if wanted.span:
        return start, _spanned(response, start, wanted, wanted.span, match)
    begins = int(match[1]) if match and match[1] else start
    if not match or begins != start:
        raise DataError(
            f"{wanted.url}: asked for bytes from {start:,}, the server answers {answer!r}"
        )
    return start, int(match[3])


def _spanned(
    response: HTTPResponse,
    start: int,
    wanted: _Wanted,
    span: tuple[int, int],
    match: re.Match[str] | None,
) -> int:
    """The bytes of the span, if the answer is what was asked for."""
    if response.status not in (206, 416):
        if start:  # the answer to If-Range, and not the few bytes that were asked for
            raise _RestartError(_changed(wanted.url))
        raise DataError(
            f"{wanted.url}: the server sends whole files only, no part of one; fetch all of it"
        )
    if match and int(match[3]) < span[1]:
        raise DataError(
            f"{wanted.url} has {int(match[3]):,} bytes, and bytes up to {span[1]:,} are asked for"
        )
    if (
        not match
        or match[1] is None
        or int(match[1]) != span[0] + start
        or int(match[2]) >= span[1]
    ):
        answer = response.headers.get("Content-Range", "")
        raise DataError(
            f"{wanted.url}: asked for {wanted.range(start)}, the server answers {answer!r}"
        )
    return span[1] - span[0]


def _copy(
    response: HTTPResponse,
    handle: BinaryIO,
    start: int,
    total: int | None,
    report: Report,
    url: str,
) -> None:
    done = start
    report(done, total)
    while True:
        try:
            chunk = response.read1(_CHUNK)  # what is there: nothing waits to be lost
        except (OSError, HTTPException) as error:
            raise _BrokenError(f"{url} broke off at byte {done:,}: {error}") from None
        if not chunk:
            break
        handle.write(chunk)
        done += len(chunk)
        report(done, total)
    if total is not None and done != total:
        raise _BrokenError(f"{url} broke off at byte {done:,} of {total:,}")


def _validator(response: HTTPResponse) -> str | None:
    """What If-Range takes: a strong ETag, else the time of change."""
    etag = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
