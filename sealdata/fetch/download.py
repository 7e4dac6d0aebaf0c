"""The transfer of one file: resumed after any break, checked, and in place only when whole."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock, Timeout

from sealdata import __version__
from sealdata.errors import DataError
from sealdata.files.records import file_sha256, write_json

Report = Callable[[int, int | None], None]  # bytes so far, bytes in total (None: not stated)

MAX_FAILURES = 4  # attempts in a row without a byte before the download fails
_TIMEOUT = 60.0  # seconds without a byte until the connection counts as broken
_CHUNK = 1 << 18  # bytes read at once, at most
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}  # statuses that may pass


class _BrokenError(Exception):
    """The connection broke or the server is busy: worth another attempt."""


class _RestartError(_BrokenError):
    """What has arrived belongs to another version of the file and is deleted."""


class _Redirects(HTTPRedirectHandler):
    """Redirects as usual, but only by HTTP, and never from an encrypted address to another."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to the new address.

        Raises:
            DataError: it is not of HTTP, or its answer would come unencrypted.
        """
        _check_scheme(newurl, f"{req.full_url} redirects to {newurl}")
        # Anyone on the way could replace an unencrypted file, and its digest may be unknown so far.
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DataError(f"{req.full_url} redirects to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(url: str, said: str) -> None:
    """Refuse ftp: and file:, which Python would follow: a server must not choose what is read."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{said}, which is neither http nor https; name another address")


@dataclass(frozen=True)
class _PartialRecord:
    """The facts about a file that has begun to arrive; stored in a file next to it."""

    url: str  # as given, before any redirect
    total: int | None = None  # bytes of the file, or of the span
    validator: str | None = None  # ETag or Last-Modified: equal values mean the same file
    span: list[int] | None = None  # first byte and one past the last; None: the whole file


@dataclass(frozen=True)
class _Target:
    """What is fetched: a file, or a span of its bytes."""

    url: str
    span: tuple[int, int] | None

    @property
    def first(self) -> int:
        """The first byte, counted in the file."""
        return self.span[0] if self.span else 0

    def range(self, start: int) -> str:
        """The header that asks for what follows the first ``start`` bytes of the target."""
        return f"bytes={self.first + start}-{self.span[1] - 1 if self.span else ''}"

    def record(self, total: int | None = None, validator: str | None = None) -> _PartialRecord:
        """The record to store with the partial file."""
        return _PartialRecord(self.url, total, validator, list(self.span) if self.span else None)


def download(
    url: str,
    path: Path,
    report: Report = lambda done, total: None,
    sha256: str = "",
    size: int | None = None,
    wait: Callable[[float], None] = time.sleep,
    span: tuple[int, int] | None = None,
) -> str:
    """Fetch ``url`` to ``path`` and return its SHA-256 (hex).

    What has arrived stays in ``.NAME.part`` until the file is whole. The next call continues there
    if the server can send a part and states that its file has not changed.

    Args:
        url: the address, http or https.
        path: where the file goes; its folder is made if needed.
        report: called with the bytes so far and in total after each piece that arrives.
        sha256: the digest that the file must have (hex); empty if it is not known.
        size: the bytes that the file must have; None if they are not known.
        wait: waits for so many seconds before the next attempt.
        span: fetch only the bytes from the first up to, not including, the second.

    Raises:
        DataError: the server cannot be reached, refuses, or cannot send a span. The file has
            another size or digest, or ends before ``span``. The disk is full. Another process is
            fetching the file.
    """
    _check_scheme(url, url)
    # A hidden name, so that no pattern of a recipe matches a file that is not whole.
    part = path.with_name(f".{path.name}.part")
    with _locked(part) as handle:
        _complete(_Target(url, span), part, handle, report, wait)
        os.fsync(handle.fileno())  # a crash after the rename must not leave an empty file
        arrived = part.stat().st_size
        # Read back and not hashed on arrival: the first bytes may be those of an earlier run.
        digest = file_sha256(part)
        if (size is not None and arrived != size) or (sha256 and digest != sha256):
            # Wrong bytes must not be resumed.
            _delete(part)
            expected = f"{size:,} bytes, " if size is not None else ""
            raise DataError(
                f"{url} is not the expected file: got {arrived:,} bytes, sha256 {digest}; "
                f"expected {expected}sha256 {sha256 or 'any'}. It was deleted. If this happens "
                f"again, the published file has changed: see its card and {path.name}.sha256.json"
            )
        # A kill between these two lines leaves a record without bytes: the next call starts at 0.
        part.replace(path)
        _record_path(part).unlink(missing_ok=True)
    return digest


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """The partial file, open at its end and locked against other processes."""
    # Next to the file and not the file itself: on Windows a locked file cannot be written.
    lock = part.with_suffix(".lock")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        # The lock ends with the process. Appending creates the file or keeps what is there.
        with FileLock(lock).acquire(blocking=False), _removed(lock), part.open("ab") as handle:
            yield handle
    except Timeout:
        # Two writers would append to the same file in turn.
        raise DataError(f"another process is fetching {part}; wait for it to finish") from None
    except OSError as error:
        # Errors within the context arrive here too, such as a full disk. Those of the network do
        # not: they are ``_BrokenError`` by then.
        raise DataError(
            f"cannot write {part}: {error.strerror or error}; what has arrived is kept there"
        ) from None


@contextmanager
def _removed(lock: Path) -> Iterator[None]:
    """The lock file goes while it is held: who has opened it meanwhile finds out and is refused."""
    try:
        yield
    finally:
        # Windows refuses while the file is open; the lock library removes it there.
        with suppress(OSError):
            lock.unlink()


def _complete(
    target: _Target,
    part: Path,
    handle: BinaryIO,
    report: Report,
    wait: Callable[[float], None],
) -> None:
    """Attempt until the file is whole; one that gets further resets the number of failures."""
    failures, furthest = 0, handle.seek(0, os.SEEK_END)
    while True:
        try:
            _attempt(target, part, handle, report)
            handle.flush()
            return
        except _BrokenError as broken:
            if isinstance(broken, _RestartError):
                # Bytes of two versions of a file must not be joined.
                handle.truncate(0)
            reached = handle.seek(0, os.SEEK_END)
            # This attempt failed too, hence 1. After a restart only bytes beyond the earlier end
            # count, so a file that changes all the time does not loop forever.
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            if failures == MAX_FAILURES:
                raise DataError(f"{broken}; run the same command again to continue") from None
            # 1, 2 and 4 seconds: the fourth failure in a row is an error.
            wait(2.0 ** (failures - 1))


def _attempt(target: _Target, part: Path, handle: BinaryIO, report: Report) -> None:
    start, record = _resumable(target, part, handle)
    if target.span and record.total is not None and start == record.total:
        return  # it arrived before the process was killed; a server refuses to send no bytes
    with _request(target, start, record) as response:
        # ``start`` becomes 0 if the server sends everything instead of the rest.
        start, total = _position(response, start, target)
        if start == 0:
            handle.truncate(0)
            # Before the first byte: after a kill, what has arrived is known to be of this version.
            write_json(_record_path(part), asdict(target.record(total, _validator(response))))
        elif total is None or total != record.total or start > total:
            # The validator was accepted, but the size says that the file is another one.
            handle.truncate(0)
            raise _BrokenError(_changed(target.url))
        if response.status != 416:  # 416: nothing is left to send
            _copy(response, handle, start, total, report, target.url)


def _changed(url: str) -> str:
    return f"{url}: the file on the server changed during the download"


def _resumable(target: _Target, part: Path, handle: BinaryIO) -> tuple[int, _PartialRecord]:
    """The byte to continue from and the record; 0 if it may be another version of the file."""
    # A damaged record is treated as none: the download starts at 0.
    try:
        record = _PartialRecord(**json.loads(_record_path(part).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        record = target.record()
    same_target = record == target.record(record.total, record.validator)
    # Without a validator the server may send the rest of another version. Without a total no one
    # knows when the file is whole.
    if not same_target or record.validator is None or record.total is None:
        return 0, target.record()
    arrived = handle.seek(0, os.SEEK_END)
    # More than was asked for was not written by this program.
    if target.span and arrived > record.total:
        return 0, target.record()
    return arrived, record


def _request(target: _Target, start: int, record: _PartialRecord) -> HTTPResponse:
    url = target.url
    # "identity": positions in a compressed transfer are not those of the file.
    headers = {"User-Agent": f"sealdata/{__version__}", "Accept-Encoding": "identity"}
    if target.span or (start and record.validator):
        headers["Range"] = target.range(start)
    # With If-Range, a server whose file has changed sends all of it and not the rest.
    if start and record.validator:
        headers["If-Range"] = record.validator
    try:
        request = Request(url, headers=headers)
        return cast(HTTPResponse, build_opener(_Redirects).open(request, timeout=_TIMEOUT))
    except HTTPError as error:
        # "Range not satisfiable" states the size: the file may be whole already.
        if error.code == 416:
            return cast(HTTPResponse, error)
        if error.code in _TEMPORARY:
            raise _BrokenError(f"{url}: the server answers {error.code} {error.reason}") from None
        reason = " ".join(str(error.reason).split())  # three lines for redirects in a circle
        # 404 and its like do not pass, so no further attempt is made.
        raise DataError(f"{url}: the server answers {error.code} {reason}") from None
    except URLError as error:
        raise _unreachable(url, error.reason) from None
    except (OSError, HTTPException) as error:
        raise _unreachable(url, error) from None


def _unreachable(url: str, reason: object) -> _BrokenError:
    # Both kinds are worth another attempt: a network may come back within seconds.
    host = urlsplit(url).netloc
    if isinstance(reason, socket.gaierror):
        return _BrokenError(
            f"cannot reach {host} for {url}: its name cannot be resolved (are you offline?)"
        )
    return _BrokenError(f"cannot reach {host} for {url}: {reason}")


def _position(response: HTTPResponse, start: int, target: _Target) -> tuple[int, int | None]:
    """The byte of the target that the answer begins with, and the bytes of the target in total.

    The total is None if the server does not state it.
    """
    if target.span is None and response.status not in (206, 416):
        # The header comes from outside: what is not a number counts as not stated.
        length = response.headers.get("Content-Length")
        return 0, int(length) if length and length.isdecimal() else None
    answer = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)", answer)
    # A span is served by 206 only; anything else is an error with its own message.
    if target.span:
        return start, _span_length(response, start, target, target.span, match)
    # A 416 has no range, only ``bytes */SIZE``.
    begins = int(match[1]) if match and match[1] else start
    # Bytes from elsewhere would make a file of the right size with wrong content.
    if not match or begins != start:
        raise DataError(
            f"{target.url}: asked for bytes from {start:,}, the server answers {answer!r}"
        )
    return start, int(match[3])


def _span_length(
    response: HTTPResponse,
    start: int,
    target: _Target,
    span: tuple[int, int],
    match: re.Match[str] | None,
) -> int:
    """The bytes of the span, if the answer has the range that was asked for."""
    if response.status not in (206, 416):
        if start:  # the file has changed: If-Range asks for all of it in that case
            raise _RestartError(_changed(target.url))
        raise DataError(f"{target.url}: the server sends whole files only; fetch all of it")
    # The file ends before the span, which no attempt can change.
    if match and int(match[3]) < span[1]:
        raise DataError(
            f"{target.url} has {int(match[3]):,} bytes, but bytes up to {span[1]:,} are needed"
        )
    # A server may send fewer bytes than asked; the rest is asked for next. It must not send more.
    if (
        not match
        or match[1] is None
        or int(match[1]) != span[0] + start
        or int(match[2]) >= span[1]
    ):
        answer = response.headers.get("Content-Range", "")
        raise DataError(
            f"{target.url}: asked for {target.range(start)}, the server answers {answer!r}"
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
    # At once, so that a resumed download shows where it continues.
    report(done, total)
    while True:
        try:
            chunk = response.read1(_CHUNK)  # what has arrived: nothing waits in a buffer
        except (OSError, HTTPException) as error:
            raise _BrokenError(f"{url} broke off at byte {done:,}: {error}") from None
        if not chunk:
            break
        handle.write(chunk)
        done += len(chunk)
        report(done, total)
    # Without a total, the end of the answer is the end of the file. The caller's size and digest
    # remain as checks.
    if total is not None and done != total:
        raise _BrokenError(f"{url} broke off at byte {done:,} of {total:,}")


def _validator(response: HTTPResponse) -> str | None:
    """What If-Range takes: a strong ETag, or else the time of the last change."""
    etag = response.headers.get("ETag")
    # A weak ETag may stay the same while bytes differ, so ranges must not rely on it.
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _record_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _delete(part: Path) -> None:
    part.unlink(missing_ok=True)
    _record_path(part).unlink(missing_ok=True)
