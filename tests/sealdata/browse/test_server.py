"""The server: who may ask, what is refused, and that only labels are ever written."""

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.browse.server import BrowseServer
from sealdata.browse.session import Session
from sealdata.labels.browse_labels import LABELS_FILE, Labels, text_digest

from ..report.conftest import make_build
from .conftest import finish


@pytest.fixture(scope="module")
def server(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowseServer]:
    folder = Path(shutil.copytree(out, tmp_path_factory.mktemp("served") / "out"))
    with BrowseServer(Session(folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


LABEL = {"source": "jav-web", "row": 1, "lang": "jav_Latn", "label": "bad", "text": "0" * 16}
JSON = {"Content-Type": "application/json"}


def send(
    server: BrowseServer,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; {token}, {host} and {origin} stand for the right ones."""
    host = f"127.0.0.1:{server.server_port}"
    known = {"token": server.token, "host": host, "origin": f"http://{host}"}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path.format(**known), skip_host=True)
    for name, value in ({"Host": "{host}"} | (headers or {})).items():
        connection.putheader(name, value.format(**known))
    if body is not None and "Content-Length" not in (headers or {}):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


ORIGIN = {"Origin": "{origin}"}
TOO_LONG = b'{"label": "' + b"x" * 20_000
LABEL_BODY = json.dumps(LABEL).encode()
REQUESTS = [
    # method, path, headers, body, status
    ("GET", "/{token}/", {}, None, 200),
    ("GET", "/{token}/browse.js", {}, None, 200),
    ("GET", "/{token}/report.css", {}, None, 200),
    ("GET", "/{token}/api/start", {"Host": "localhost:{host}"}, None, 403),
    ("GET", "/", {}, None, 403),
    ("GET", "/wrong/", {}, None, 403),
    ("GET", "/{token}x/", {}, None, 403),
    ("GET", "/%C3%A9%FF/api/start", {}, None, 403),
    ("GET", "/?token={token}", {}, None, 403),
    ("GET", "/{token}/", {"Host": "evil.example:80"}, None, 403),
    ("GET", "/{token}/", {"Host": "127.0.0.1"}, None, 403),
    ("GET", "/{token}/", {"Host": ""}, None, 403),
    ("GET", "/{token}/../../etc/passwd", {}, None, 404),
    ("GET", "/{token}/%2e%2e/%2e%2e/manifest.json", {}, None, 404),
    ("GET", "/{token}/templates/browse.js", {}, None, 404),
    ("GET", "/{token}/manifest.json", {}, None, 404),
    ("GET", "/{token}/api/label", {}, None, 404),
    ("GET", "/{token}/api/rows?q=" + "x" * 61_000, {}, None, 414),
    ("GET", "/{token}/api/rows?q=%7B", {}, None, 400),
    ("POST", "/wrong/api/label", JSON | ORIGIN, LABEL_BODY, 403),
    ("POST", "/{token}/api/label", JSON, LABEL_BODY, 403),
    ("POST", "/{token}/api/label", JSON | {"Origin": "null"}, LABEL_BODY, 403),
    ("POST", "/{token}/api/label", JSON | {"Origin": "http://evil.example"}, LABEL_BODY, 403),
    ("POST", "/{token}/api/label", ORIGIN | {"Content-Type": "text/plain"}, LABEL_BODY, 415),
    ("POST", "/{token}/api/label", JSON | ORIGIN, None, 411),
    ("POST", "/{token}/api/label", JSON | ORIGIN | {"Content-Length": "-1"}, b"{}", 411),
    ("POST", "/{token}/api/label", JSON | ORIGIN, TOO_LONG, 413),
    ("POST", "/{token}/api/label", JSON | ORIGIN, b"[]", 400),
    ("POST", "/{token}/api/label", JSON | ORIGIN, b'{"label": "bad"}', 400),
    ("POST", "/{token}/api/label", JSON | ORIGIN, LABEL_BODY.replace(b"bad", b"fine"), 400),
    ("POST", "/{token}/api/label", JSON | ORIGIN, LABEL_BODY.replace(b"jav-", b"../"), 400),
    ("POST", "/{token}/api/rows", JSON | ORIGIN, b"{}", 404),
    ("PUT", "/{token}/api/label", JSON | ORIGIN, LABEL_BODY, 501),
    ("DELETE", "/{token}/api/label", JSON | ORIGIN, None, 501),
    ("OPTIONS", "/{token}/api/label", {"Origin": "http://evil.example"}, None, 501),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    REQUESTS,
    ids=[f"{case[0]} {case[1][:40]} {case[4]}" for case in REQUESTS],
)
def test_who_may_ask_for_what(server, method, path, headers, body, status):
    actual, found, content = send(server, method, path, headers, body)
    assert actual == status
    assert server.token.encode() not in content
    assert not (server.session.out / LABELS_FILE).exists()
    if method in ("GET", "POST"):
        assert found["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in found["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in found
    if status >= 400 and status != 501:
        assert len(json.loads(content)["error"].splitlines()) == 1


def test_every_answer_leaves_the_build_as_it_was(server):
    def snapshot() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in server.session.out.rglob("*") if path.is_file()}

    before = snapshot()
    limits = [{"rule": 3, "score": "laser.cosine", "lang": "", "min": 0.9}]
    query = quote(json.dumps({"score": "laser.cosine", "text": "the", "limits": limits}))
    for path in ("start", "rows", "figures", "changes", "patch"):
        status, _, content = send(server, "GET", f"/{{token}}/api/{path}?q={query}")
        assert (status, bool(json.loads(content))) == (200, True)
    path = f"/{{token}}/patch.toml?q={query}&base=mine.toml"
    status, headers, content = send(server, "GET", path)
    name = 'attachment; filename="made-up-moved.toml"'
    assert (status, headers["Content-Disposition"]) == (200, name)
    assert b'extends = "mine.toml"' in content
    assert snapshot() == before


def test_a_label_is_stored_and_shown(server):
    query = quote(json.dumps({"lang": "jav_Latn"}))
    path = f"/{{token}}/api/rows?q={query}"
    row = json.loads(send(server, "GET", path)[2])[2]
    assert row["text"] == text_digest(row["src"], row["tgt"])
    label = {key: row[key] for key in ("source", "row", "lang", "text")} | {"label": "misaligned"}
    status, _, content = send(
        server, "POST", "/{token}/api/label", JSON | ORIGIN, json.dumps(label).encode()
    )
    assert (status, json.loads(content)["misaligned"]) == (200, 1)
    assert json.loads(send(server, "GET", path)[2])[2]["label"] == "misaligned"
    assert Labels(server.session.out).rows("misaligned") == {"jav-web": [row["row"]]}
    labelled = quote(json.dumps({"label": "any"}))
    found = send(server, "GET", f"/{{token}}/api/rows?q={labelled}")
    assert [row["row"] for row in json.loads(found[2])] == [row["row"]]
    server.session.labels.add("jav-web", row["row"], "jav_Latn", "bad", "of other texts")
    assert json.loads(send(server, "GET", path)[2])[2]["stale"]
    server.session.labels.path.unlink()


@pytest.mark.parametrize(
    ("make", "arguments", "code", "message"),
    [
        (
            lambda out: None,
            [],
            1,
            "{out} is not the folder of a build (no manifest.json)",
        ),
        (lambda out: (out / "manifest.json").write_text("{}"), [], 1, "is not a build manifest"),
        (lambda out: (out / "manifest.json").write_text("["), [], 1, "is not valid JSON"),
        (lambda out: finish(out, make_build(out, {}, 0)), ["--port", "70000"], 2, "70000"),
    ],
)
def test_the_command_answers_mistakes_in_a_line(make, arguments, code, message, tmp_path):
    make(tmp_path)
    done = CliRunner().invoke(main, ["browse", str(tmp_path), "--no-open", *arguments])
    assert done.exit_code == code
    assert message.format(out=tmp_path) in done.stderr


def test_the_command_prints_its_address_and_ends(server, monkeypatch):
    folder = str(server.session.out)
    taken = ["browse", folder, "--no-open", "--port", str(server.server_port)]
    done = CliRunner().invoke(main, taken)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "leave out --port" in done.stderr

    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BrowseServer, "serve_forever", interrupted)
    addresses = [CliRunner().invoke(main, ["browse", folder, "--no-open"]) for _ in range(2)]
    assert [done.exit_code for done in addresses] == [0, 0]
    assert addresses[0].stderr.splitlines()[-1] == "stopped"
    tokens = {done.stdout.strip().split("/")[3] for done in addresses}
    assert len(tokens) == 2
    assert all(len(token) >= 43 for token in tokens)
