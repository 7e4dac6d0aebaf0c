"""The server of the page: on this machine only, for those who have its address."""

import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl

from sealdata.browse.page import render_page
from sealdata.browse.request import parse_query
from sealdata.browse.session import Session
from sealdata.errors import ConfigError, SealError

HOST = "127.0.0.1"
MAX_BODY = 16_384  # bytes of a label
MAX_ADDRESS = 60_000  # bytes of an address with its query
_TIMEOUT = 30  # seconds that a connection may be silent
_ASSETS = {
    "report.css": ("sealdata.report", "text/css"),
    "browse.css": ("sealdata.browse", "text/css"),
    "browse.js": ("sealdata.browse", "text/javascript"),
}
# Nothing is loaded from elsewhere, nothing inline runs, and no other page may show this one.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; "  # the empty icon
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class BrowseServer(ThreadingHTTPServer):
    """Serves a session on the loopback interface; ``address`` has the secret token.

    Args:
        session: the build.
        port: 0 for one that is free.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True  # else a chosen port is refused for a minute after the end

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(32)
        self.lock = threading.Lock()  # one scan at a time: each uses all cores, and memory
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names under which a browser may ask: another name is a rebound one."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser may close a connection."""


class _Handler(BaseHTTPRequestHandler):
    server: BrowseServer
    server_version = "sealdata"
    sys_version = ""
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        """Pages, files and answers; none changes anything."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """A label: the only thing that is written."""
        self._answer(self._post)

    def _answer(self, action: Callable[[str], None]) -> None:
        """Run ``action`` with the path behind the token, if the request may have it."""
        path = self._admitted()
        if path is None:
            return
        try:
            action(path)
        except ConfigError as error:
            self._send_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        except SealError as error:
            self._send_json({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        except (OSError, pl.exceptions.PolarsError) as error:
            line = str(error).splitlines()[0]
            message = f"cannot read the build ({line}); sealdata verify names the file"
            self._send_json({"error": message}, HTTPStatus.INTERNAL_SERVER_ERROR)
        except Exception as error:  # the page must say it; a thread of a server has no terminal
            message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            self._send_json({"error": message}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _admitted(self) -> str | None:
        """The path behind the token; None if the request was refused."""
        if len(self.path) > MAX_ADDRESS:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG, "the query is too long")
            return None
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "wrong host")
            return None
        _, token, *rest = (*urlsplit(self.path).path.split("/"), "", "")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "use the address that the command printed")
            return None
        return "/".join(rest).rstrip("/")

    def _get(self, path: str) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        session = self.server.session
        if path == "":
            self._send(render_page(session.manifest).encode(), "text/html")
        elif path in _ASSETS:
            package, kind = _ASSETS[path]
            self._send(files(package).joinpath("templates", path).read_bytes(), kind)
        elif path == "api/start":
            self._send_json(session.start())
        elif path in ("api/figures", "api/rows", "api/changes", "api/patch", "patch.toml"):
            query = parse_query(asked.get("q", ["{}"])[0])
            with self.server.lock:
                if path == "api/figures":
                    self._send_json(session.figures(query))
                elif path == "api/rows":
                    self._send_json(session.rows(query))
                elif path == "api/changes":
                    self._send_json(session.changes(query))
                else:
                    answer = session.patch(query, asked.get("base", [""])[0])
                    if path == "api/patch":
                        self._send_json(answer)
                    else:
                        name = f'attachment; filename="{session.manifest.name}-moved.toml"'
                        headers = {"Content-Disposition": name}
                        self._send(answer["toml"].encode(), "application/toml", headers=headers)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def _post(self, path: str) -> None:
        origins = {f"http://{host}" for host in self.server.hosts}
        length = self.headers.get("Content-Length", "")
        if path != "api/label":
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif self.headers.get("Origin") not in origins:
            self._refuse(HTTPStatus.FORBIDDEN, "wrong origin")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a label is JSON")
        elif not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length is missing")
        elif int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long for a label")
        else:
            self._send_json(self.server.session.mark(self.rfile.read(int(length))))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True
        self._send_json({"error": message}, status)

    def _send_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        # A lone surrogate cannot be UTF-8; escaped, it is JSON.
        self._send(json.dumps(value, allow_nan=False).encode(), "application/json", status)

    def _send(
        self,
        body: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (_HEADERS | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing: the address has the token, and a terminal may be recorded."""
