"""A small server that speaks the Hub's endpoints which publishing uses, and fails when told to."""

import base64
import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """One dataset repository in memory. ``failures`` maps a kind of request to the numbers (from 1)
    of those to answer with 403. With ``refuses`` the server answers all with this status."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.failures: dict[str, set[int]] = {}
        self.refuses: int | None = None
        self.uploaded: list[str] = []  # names of commits, file by file
        self.seen: Counter[str] = Counter()
        self.tokens: set[str | None] = set()
        hub = self

        class Handler(_Handler):
            owner = hub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fails(self, kind: str) -> bool:
        """Count a request, and say whether it is one to refuse."""
        self.seen[kind] += 1
        return self.seen[kind] in self.failures.get(kind, set())


class _Handler(BaseHTTPRequestHandler):
    owner: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, value: Any, status: int = 200) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _refused(self) -> bool:
        if self.owner.refuses is None:
            return False
        self._answer({"error": f"no: {self.headers.get('Authorization')}"}, self.owner.refuses)
        return True

    def do_GET(self) -> None:
        self.owner.tokens.add(self.headers.get("Authorization"))
        if self._refused():
            return
        path = self.path.partition("?")[0]
        if "/tree/" in path:
            self._answer([_entry(name, data) for name, data in self.owner.files.items()])
        elif path.startswith("/api/datasets/"):
            self._answer({"id": "me/corpus", "sha": "0" * 40, "private": False, "tags": []})
        else:
            self._answer({"error": f"no {path}"}, 404)

    def do_PUT(self) -> None:
        data = self._body()
        if self.owner.fails("put"):
            self._answer({"error": "no"}, 403)
            return
        digest = hashlib.sha256(data).hexdigest()
        assert self.path == f"/object/{digest}"
        self.owner.objects[digest] = data
        self._answer({})

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.partition("?")[0]
        if self._refused():
            return
        if path == "/api/repos/create":
            self.owner.created.append(json.loads(body))
            self._answer({"url": f"{self.owner.url}/datasets/me/corpus", "name": "me/corpus"})
        elif path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            wanted = json.loads(body)["files"]
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                    "shouldIgnore": False,
                }
                for file in wanted
            ]
            self._answer({"files": modes})
        elif path.endswith("/info/lfs/objects/batch"):
            self._answer(self._batch(json.loads(body)))
        elif "/commit/" in path:
            self._commit(body)
        else:
            self._answer({"error": f"no {path}"}, 404)

    def _batch(self, wanted: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for item in wanted["objects"]:
            entry = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.owner.objects:
                entry["actions"] = {"upload": {"href": f"{self.owner.url}/object/{item['oid']}"}}
            objects.append(entry)
        return {"transfer": "basic", "objects": objects}

    def _commit(self, body: bytes) -> None:
        if self.owner.fails("commit"):
            self._answer({"error": "the server is on fire"}, 403)
            return
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.owner.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.owner.files[value["path"]] = self.owner.objects[value["oid"]]
            if line["key"] != "header":
                self.owner.uploaded.append(value["path"])
        commit = {
            "commitUrl": f"{self.owner.url}/c/1",
            "commitOid": "1" * 40,
            "pullRequestUrl": None,
        }
        self._answer({**commit, "success": True})


def _entry(name: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": blob}
    if name.endswith(".parquet"):
        digest = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
    return entry
