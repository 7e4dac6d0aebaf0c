"""Downloads against a server on this machine that drops, lies, changes and refuses."""

import hashlib
import json
import re
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.request import Request

import pytest
from filelock import FileLock

from sealdata.errors import ConfigError, DataError
from sealdata.fetch.corpora import of_tokens
from sealdata.fetch.download import MAX_FAILURES, _Redirects, download
from sealdata.fetch.files import Download, fetch_file, record_path

BODY = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(40_000))
DIGEST = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``body`` to everybody, as its switches say; ``asked`` notes each Range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.etag: str | None = '"one"'
        self.modified: str | None = None
        self.ranges = True
        self.sized = True
        self.lie = 0  # bytes announced beyond those sent
        self.drops: list[int] = []  # bytes sent before the connection breaks, per answer
        self.stalls: list[int] = []  # bytes sent before nothing more comes until ``go_on``
        self.go_on = threading.Event()
        self.statuses: list[int] = []  # sent in place of an answer
        self.moved: list[str] = []  # addresses it sends the asker to, per answer
        self.answer_range: str | None = None  # a Content-Range in place of the true one
        self.asked: list[str | None] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, as ours does on a wrong answer, is not an error of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/en-jv.txt.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.moved:
            self.send_response(302)
            self.send_header("Location", server.moved.pop(0))
            self.end_headers()
            return
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        valid = self.headers.get("If-Range") in (None, server.etag, server.modified)
        first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        spans = asked is not None and server.ranges and valid
        start = int(first) if spans else 0
        total = len(server.body)
        end = min(int(last) + 1, total) if spans and last else total
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if spans else 200)
        if spans:
            true = f"bytes {start}-{end - 1}/{total}"
            self.send_header("Content-Range", server.answer_range or true)
        if server.sized:
            self.send_header("Content-Length", str(end - start + server.lie))
        for name, value in (("ETag", server.etag), ("Last-Modified", server.modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        if server.stalls:
            self.wfile.write(server.body[start : start + server.stalls.pop(0)])
            server.go_on.wait(60)
            return
        stop = min(start + server.drops.pop(0), end) if server.drops else end
        self.wfile.write(server.body[start:stop])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nllb-opus" / "en-jv.txt.zip"


def get(server: Server, path: Path, **more: object) -> str:
    return download(server.url, path, wait=lambda seconds: None, **more)  # type: ignore[arg-type]


def part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def assert_whole(path: Path) -> None:
    """The file is there, and nothing else is."""
    assert path.read_bytes() == BODY
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_redirects_are_followed(server: Server, path: Path) -> None:
    server.moved = ["/elsewhere", server.url]
    assert get(server, path) == DIGEST
    assert_whole(path)


def test_a_redirect_in_circles_is_one_line(server: Server, path: Path) -> None:
    server.moved = ["/en-jv.txt.zip"] * 20
    with pytest.raises(DataError, match=r"the server answers 302 [^\n]* infinite loop[^\n]*$"):
        get(server, path)


@pytest.mark.parametrize(
    ("here", "there", "refused"),
    [
        ("https://a.example/x", "http://a.example/x", True),
        ("https://a.example/x", "https://b.example/x", False),
        ("http://a.example/x", "http://b.example/x", False),
        ("http://a.example/x", "https://a.example/x", False),
    ],
)
def test_no_redirect_leaves_encryption(here: str, there: str, refused: bool) -> None:
    asked = (Request(here), BytesIO(), 302, "Found", HTTPMessage(), there)
    if refused:
        with pytest.raises(DataError, match=f"{here} redirects to {there}, which is not encrypted"):
            _Redirects().redirect_request(*asked)
        return
    followed = _Redirects().redirect_request(*asked)
    assert followed is not None
    assert followed.full_url == there


def test_whole_file(server: Server, path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    digest = get(server, path, report=lambda done, total: seen.append((done, total)))
    assert digest == DIGEST
    assert_whole(path)
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert server.asked == [None]


def test_dropped_connections_are_resumed(server: Server, path: Path) -> None:
    server.drops = [300_000, 1, 500_000]
    assert get(server, path) == DIGEST
    assert_whole(path)
    assert server.asked == [None, "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_more_drops_than_tries_while_bytes_arrive(server: Server, path: Path) -> None:
    server.drops = [1000] * (3 * MAX_FAILURES)
    assert get(server, path) == DIGEST
    assert len(server.asked) == 3 * MAX_FAILURES + 1


def test_gives_up_and_goes_on_in_the_next_call(server: Server, path: Path) -> None:
    server.drops = [700_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError, match=r"broke off at byte 700,000 of 1,280,000") as caught:
        get(server, path)
    assert "\n" not in str(caught.value)
    assert not path.exists()
    assert part_of(path).stat().st_size == 700_000
    server.drops, server.asked = [], []
    assert get(server, path) == DIGEST
    assert_whole(path)
    assert server.asked == ["bytes=700000-"]


def test_a_part_that_is_whole_already(server: Server, path: Path) -> None:
    server.drops = [700_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path)
    part_of(path).write_bytes(BODY)
    assert get(server, path) == DIGEST
    assert_whole(path)


def test_a_part_that_is_too_long_is_not_trusted(server: Server, path: Path) -> None:
    server.drops = [700_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path)
    part_of(path).write_bytes(BODY + b"x")
    server.drops = []
    assert get(server, path) == DIGEST
    assert_whole(path)


def test_server_without_ranges(server: Server, path: Path) -> None:
    server.ranges = False
    server.drops = [300_000, 200_000]
    assert get(server, path) == DIGEST
    assert_whole(path)


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_validator_it_starts_anew(server: Server, path: Path, etag: str | None) -> None:
    server.etag = etag
    server.drops = [300_000]
    assert get(server, path) == DIGEST
    assert server.asked == [None, None]


def test_last_modified_is_a_validator(server: Server, path: Path) -> None:
    server.etag, server.modified = None, "Mon, 01 Jun 2026 00:00:00 GMT"
    server.drops = [300_000]
    assert get(server, path) == DIGEST
    assert server.asked == [None, "bytes=300000-"]


def test_a_file_that_changed_in_between_is_fetched_from_the_start(
    server: Server, path: Path
) -> None:
    server.body = bytes(len(BODY))
    server.drops = [700_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path)
    server.body, server.etag, server.drops = BODY, '"two"', []
    assert get(server, path) == DIGEST
    assert_whole(path)


def test_a_part_of_another_address_is_not_gone_on_with(server: Server, path: Path) -> None:
    server.drops = [700_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        download(f"{server.url}?old", path, wait=lambda seconds: None)
    server.drops, server.asked = [], []
    assert get(server, path) == DIGEST
    assert server.asked == [None]


def test_a_size_that_never_arrives(server: Server, path: Path) -> None:
    server.lie, server.ranges = 10, False
    with pytest.raises(DataError, match=r"broke off at byte 1,280,000 of 1,280,010"):
        get(server, path)
    assert not path.exists()


def test_a_server_that_says_no_size(server: Server, path: Path) -> None:
    server.sized = False
    assert get(server, path) == DIGEST
    assert_whole(path)


@pytest.mark.parametrize(
    "wrong", [{"sha256": "0" * 64}, {"size": 5}, {"sha256": DIGEST, "size": len(BODY) + 1}]
)
def test_another_digest_or_size_than_published(
    server: Server, path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(DataError, match="is not the expected file") as caught:
        get(server, path, **wrong)
    assert DIGEST in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_corruption_is_caught_and_mended_by_fetching_again(server: Server, path: Path) -> None:
    server.body = BODY[:-1] + b"?"
    with pytest.raises(DataError, match="is not the expected file"):
        get(server, path, sha256=DIGEST)
    server.body = BODY
    assert get(server, path, sha256=DIGEST) == DIGEST
    assert_whole(path)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(server: Server, path: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(DataError, match=rf"{re.escape(server.url)}: the server answers {status}"):
        get(server, path)
    assert len(server.asked) == 1
    assert not path.exists()


def test_a_busy_server_is_asked_again(server: Server, path: Path) -> None:
    server.statuses = [503, 429, 502]
    assert get(server, path) == DIGEST


def test_a_server_that_stays_busy(server: Server, path: Path) -> None:
    server.statuses = [503] * MAX_FAILURES
    waits: list[float] = []
    with pytest.raises(DataError, match="answers 503"):
        download(server.url, path, wait=waits.append)
    assert waits == [1, 2, 4]


def test_an_answer_for_other_bytes_than_asked(server: Server, path: Path) -> None:
    server.drops = [300_000]
    server.answer_range = "bytes 5-1279999/1280000"
    with pytest.raises(DataError, match=r"asked for bytes from 300,000"):
        get(server, path)
    assert not path.exists()


def test_offline_says_what_could_not_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(DataError, match=r"cannot reach nowhere\.invalid for http://nowhere") as end:
        download("http://nowhere.invalid/a.gz", tmp_path / "a.gz", wait=lambda seconds: None)
    assert "\n" not in str(end.value)


def test_connection_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as closed:
        url = closed.url
    with pytest.raises(DataError, match=r"cannot reach 127\.0\.0\.1:\d+ for .*refused"):
        download(url, tmp_path / "a.gz", wait=lambda seconds: None)


def test_a_disk_that_takes_no_more(server: Server, path: Path) -> None:
    """A limit on file size stands in for a full disk: the write fails in the same place."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*File too large; what has") as caught:
            get(server, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert not path.exists()
    server.asked = []
    assert get(server, path) == DIGEST
    assert_whole(path)
    assert server.asked == ["bytes=500000-"]


def test_two_processes_do_not_write_one_file(server: Server, path: Path) -> None:
    path.parent.mkdir()
    with (
        FileLock(part_of(path).with_suffix(".lock")),
        pytest.raises(DataError, match="another process is fetching"),
    ):
        get(server, path)
    assert get(server, path) == DIGEST
    assert_whole(path)


# --- a span of bytes ---

SPAN = (400_000, 1_000_000)


def test_a_span_and_nothing_else(server: Server, path: Path) -> None:
    digest = get(server, path, span=SPAN)
    assert path.read_bytes() == BODY[slice(*SPAN)]
    assert digest == hashlib.sha256(BODY[slice(*SPAN)]).hexdigest()
    assert server.asked == ["bytes=400000-999999"]


def test_a_dropped_span_goes_on_where_it_was(server: Server, path: Path) -> None:
    server.drops = [300_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError, match=r"broke off at byte 300,000 of 600,000"):
        get(server, path, span=SPAN)
    server.drops, server.asked = [], []
    get(server, path, span=SPAN)
    assert server.asked == ["bytes=700000-999999"]
    assert path.read_bytes() == BODY[slice(*SPAN)]


def test_a_span_that_had_arrived_before_a_kill(server: Server, path: Path) -> None:
    server.drops = [300_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path, span=SPAN)
    part_of(path).write_bytes(BODY[slice(*SPAN)])
    server.asked = []
    get(server, path, span=SPAN)
    assert server.asked == []
    assert path.read_bytes() == BODY[slice(*SPAN)]


@pytest.mark.parametrize("other", [None, (400_000, 1_000_001)])
def test_another_span_is_not_gone_on_with(
    server: Server, path: Path, other: tuple[int, int] | None
) -> None:
    server.drops = [300_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path, span=other)
    server.drops, server.asked = [], []
    get(server, path, span=SPAN)
    assert server.asked == ["bytes=400000-999999"]
    assert path.read_bytes() == BODY[slice(*SPAN)]


def test_a_span_of_a_file_that_changed_in_between(server: Server, path: Path) -> None:
    server.body = bytes(len(BODY))
    server.drops = [300_000] + [0] * MAX_FAILURES
    with pytest.raises(DataError):
        get(server, path, span=SPAN)
    server.body, server.etag, server.drops = BODY, '"two"', []
    get(server, path, span=SPAN)
    assert path.read_bytes() == BODY[slice(*SPAN)]


def test_a_server_that_sends_whole_files_only(server: Server, path: Path) -> None:
    server.ranges = False
    with pytest.raises(DataError, match="sends whole files only; fetch all of it"):
        get(server, path, span=SPAN)
    assert len(server.asked) == 1
    assert not path.exists()


@pytest.mark.parametrize("span", [(400_000, len(BODY) + 1), (len(BODY), len(BODY) + 4)])
def test_a_span_beyond_the_end(server: Server, path: Path, span: tuple[int, int]) -> None:
    with pytest.raises(DataError, match=r"has 1,280,000 bytes, but bytes up to 1,280,\d+ are"):
        get(server, path, span=span)
    assert not path.exists()


@pytest.mark.parametrize("answer", ["bytes 0-599999/1280000", "bytes 400000-1279999/1280000", "x"])
def test_an_answer_of_another_span(server: Server, path: Path, answer: str) -> None:
    server.answer_range = answer
    with pytest.raises(DataError, match=r"asked for bytes=400000-999999, the server answers"):
        get(server, path, span=SPAN)
    assert not path.exists()


def test_tokens_of_a_token_file(server: Server, tmp_path: Path) -> None:
    # The published digest is that of the whole file; a part of it has another one.
    published = {"sha256": hashlib.sha256(BODY).hexdigest(), "size": len(BODY)}
    table = {"url": f"{server.url}/part-0.npy", "dtype": "uint32", **published}
    whole = Download.model_validate(table)
    item = of_tokens("wiki", whole, "100_000:250_000")
    actual = fetch_file(item, tmp_path / item.name)
    assert actual.path.name == "part-0.100000-250000.npy"
    assert actual.path.read_bytes() == BODY[400_000:1_000_000]
    note = json.loads(record_path(actual.path).read_text("utf-8"))
    assert note == {
        "url": item.url,
        "size": 600_000,
        "sha256": hashlib.sha256(BODY[400_000:1_000_000]).hexdigest(),
        "bytes": [400_000, 1_000_000],
        "dtype": "uint32",
        "published": False,
    }
    actual.path.write_bytes(b"x" * 600_000)
    with pytest.raises(DataError, match="delete it to fetch it again"):
        fetch_file(item, actual.path)


@pytest.mark.parametrize("text", ["5", "5:5", "7:5", "a:b", "-1:5", "0:", "1.5:3"])
def test_tokens_that_are_none(text: str) -> None:
    item = Download.model_validate({"url": "http://localhost/a.npy", "dtype": "uint16"})
    with pytest.raises(ConfigError, match="name a first token and a later one"):
        of_tokens("a", item, text)


def test_tokens_of_what_has_none() -> None:
    with pytest.raises(ConfigError, match="--tokens: en-jv is not a file of token ids"):
        of_tokens("en-jv", Download(url="http://localhost/en-jv.txt.zip"), "0:5")


@pytest.mark.parametrize("url", ["ftp://example.org/a", "file:///etc/passwd", "/etc/passwd"])
def test_only_http_is_fetched_and_followed(url: str, path: Path) -> None:
    with pytest.raises(DataError, match="neither http nor https"):
        download(url, path)
    asked = (Request("http://example.org/a"), BytesIO(), 302, "Found", HTTPMessage(), url)
    with pytest.raises(DataError, match=f"redirects to {url}, which is neither"):
        _Redirects().redirect_request(*asked)
