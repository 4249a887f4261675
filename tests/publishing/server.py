"""A small Hub on loopback, that speaks what the real client speaks; for tests without a network.

It keeps everything in memory. ``tokens`` maps tokens to users; a private repository is seen by its owner alone.
``break_next`` makes one coming request fail in the middle, as a bad network does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from .store import PLURAL, HubError, Repository, entry, is_large

_REPO = r"(?P<name>[\w.-]+/[\w.-]+)"
_API = rf"/api/(?P<plural>models|datasets|spaces)/{_REPO}"


class Hub(ThreadingHTTPServer):
    """The server; ``url`` is what HF_ENDPOINT has to be. Use as a context manager."""

    daemon_threads = True

    def __init__(self, tokens: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokens = tokens
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.contents: dict[str, bytes] = {}
        self.requests: list[str] = []  # "METHOD /path", without query
        self.lock = threading.RLock()
        self._breaks: list[re.Pattern] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def store_url(self) -> str:
        """Where large files are downloaded from: another host, so that the client lets go of the token on the way."""
        return f"http://localhost:{self.server_port}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away in the middle, and some of these tests make them."""

    def break_next(self, pattern: str, times: int = 1) -> None:
        """Drop the connection of the next ``times`` requests whose "METHOD /path" matches, halfway through."""
        self._breaks += [re.compile(pattern)] * times

    def breaks(self, request: str) -> bool:
        with self.lock:
            found = next((pattern for pattern in self._breaks if pattern.search(request)), None)
            if found:
                self._breaks.remove(found)
            return found is not None

    def repository(self, kind: str, name: str, user: str | None) -> Repository:
        found = self.repositories.get((kind, name))
        if found is None or (found.private and name.split("/")[0] != user):
            # As the Hub does: whoever may not see it is not told whether it exists.
            raise HubError(404 if user else 401, "RepoNotFound", "Repository not found")
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        self.route, self.query = unquote(parts.path), parse_qs(parts.query)
        # Slashes inside a revision are quoted: they are told apart before unquoting.
        raw = parts.path
        request = f"{self.command} {self.route}"
        self.server.requests.append(request)
        if self.server.breaks(request):
            self._drop()
            return
        body = self._read()
        try:
            for method, pattern, answer in _ROUTES:
                found = re.fullmatch(pattern, raw)
                if self.command in method.split("|") and found:
                    groups = {key: unquote(value or "") for key, value in found.groupdict().items()}
                    with self.server.lock:
                        answer(self, body, **groups)
                    return
            raise HubError(404, "", f"Not found: {request}")
        except HubError as error:
            self._send({"error": str(error)}, error.status, **({"X-Error-Code": error.code} if error.code else {}),
                       **{"X-Error-Message": str(error)})  # fmt: skip

    def _drop(self) -> None:
        """Half of what is sent is taken, or half of what is asked is given, and then silence."""
        length = int(self.headers.get("Content-Length") or 0)
        with contextlib.suppress(OSError):
            self.rfile.read(length // 2)
            if not length:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
                self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _read(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, content: object = b"", status: int = 200, **headers: str) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers.setdefault("Content-Type", "application/json")
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _user(self, required: bool = False) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        user = self.server.tokens.get(token)
        if (token or required) and not user:
            raise HubError(401, "", "Invalid username or password.")
        return user

    def _repository(self, plural: str, name: str, write: bool = False) -> Repository:
        kind = next(kind for kind, other in PLURAL.items() if other == (plural or "models"))
        user = self._user(required=write)
        found = self.server.repository(kind, name, user)
        if write and name.split("/")[0] != user:
            raise HubError(403, "", f"You don't have the rights to write to {name}.")
        return found

    def who(self, body: bytes) -> None:
        self._send({"type": "user", "name": self._user(required=True), "orgs": [], "auth": {"type": "access_token"}})

    def create(self, body: bytes) -> None:
        facts, user = json.loads(body), self._user(required=True)
        owner = facts.get("organization") or user
        if owner != user:
            raise HubError(403, "", f"You don't have the rights to create a repository under {owner}.")
        kind, name = facts.get("type") or "model", f"{owner}/{facts['name']}"
        answer = {"url": f"{self.server.url}/{'' if kind == 'model' else PLURAL[kind] + '/'}{name}", "name": name}
        if (kind, name) in self.server.repositories:
            self._send({**answer, "error": f"You already created this {kind} repo"}, 409)
            return
        if kind == "space" and not facts.get("sdk"):
            raise HubError(400, "", "A Space needs an sdk")
        private = facts.get("visibility") == "private" or bool(facts.get("private"))
        self.server.repositories[kind, name] = Repository(kind, name, private)
        self._send(answer)

    def validate(self, body: bytes) -> None:
        content = json.loads(body)["content"]
        found = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        try:
            facts = yaml.safe_load(found.group(1)) if found else {}
        except yaml.YAMLError as error:
            raise HubError(400, "", f"Invalid metadata in README.md: {error}") from None
        self._send({"errors": [], "warnings": [] if facts else [{"message": "empty or missing yaml metadata"}]})

    def info(self, body: bytes, plural: str, name: str, revision: str) -> None:
        self._send(self._repository(plural, name).describe(revision or "main"))

    def preupload(self, body: bytes, plural: str, name: str, revision: str) -> None:
        tree = self._repository(plural, name, write=True).tree(revision)
        self._send({"files": [
            {"path": file["path"], "uploadMode": "lfs" if is_large(file["path"], file["size"]) else "regular",
             "shouldIgnore": False, "oid": tree[file["path"]].oid if file["path"] in tree else None}
            for file in json.loads(body)["files"]
        ]})  # fmt: skip

    def batch(self, body: bytes, plural: str, name: str) -> None:
        self._repository(plural, name, write=True)
        objects = []
        for item in json.loads(body)["objects"]:
            objects.append({"oid": item["oid"], "size": item["size"]})
            if item["oid"] not in self.server.contents:
                actions = {"upload": f"put/{item['oid']}", "verify": "verify"}
                objects[-1]["actions"] = {
                    key: {"href": f"{self.server.url}/content/{path}"} for key, path in actions.items()
                }
        self._send({"transfer": "basic", "objects": objects})

    def put(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            raise HubError(400, "", "The content has another hash than announced")
        self.server.contents[oid] = body
        self._send()

    def verify(self, body: bytes) -> None:
        item = json.loads(body)
        if len(self.server.contents.get(item["oid"], b"")) != item["size"]:
            raise HubError(422, "", "The object is not there, or not whole")
        self._send({})

    def commit(self, body: bytes, plural: str, name: str, revision: str) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        repository = self._repository(plural, name, write=True)
        oid = repository.commit(revision, lines, self.server.contents)
        self._send({"success": True, "commitOid": oid, "commitUrl": f"{self.server.url}/{name}/commit/{oid}"})

    def tree(self, body: bytes, plural: str, name: str, revision: str, path: str) -> None:
        recursive = self.query.get("recursive", [""])[0].lower() in ("1", "true")
        self._send(self._repository(plural, name).list(revision, path, recursive))

    def paths_info(self, body: bytes, plural: str, name: str, revision: str) -> None:
        is_json = "json" in self.headers.get("Content-Type", "")
        wanted = json.loads(body)["paths"] if is_json else parse_qs(body.decode()).get("paths", [])
        tree = self._repository(plural, name).tree(revision)
        folders = {path.rsplit("/", depth)[0] for path in tree for depth in range(1, path.count("/") + 1)}
        found = [entry(path, tree[path]) for path in wanted if path in tree]
        found += [{"type": "directory", "path": path, "oid": "0" * 40} for path in wanted if path in folders]
        self._send(found)

    def refs(self, body: bytes, plural: str, name: str) -> None:
        answer: dict[str, list] = {"branches": [], "tags": [], "converts": []}
        for ref, oid in self._repository(plural, name).refs.items():
            kind, _, short = ref.partition("/")
            target = {"name": short, "ref": f"refs/{ref}", "targetCommit": oid}
            answer["branches" if kind == "heads" else "tags"].append(target)
        self._send(answer)

    def create_ref(self, body: bytes, plural: str, name: str, kind: str, ref: str) -> None:
        facts, repository = json.loads(body or b"{}"), self._repository(plural, name, write=True)
        if kind == "tag":  # the revision is in the path, the name in the body
            repository.create_ref("tags", facts["tag"], ref)
        else:
            repository.create_ref("heads", ref, facts.get("startingPoint", "main"))
        self._send({})

    def resolve(self, body: bytes, plural: str, name: str, revision: str, path: str) -> None:
        repository = self._repository(plural, name)
        commit = repository.resolve(revision)
        file = repository.file(commit, path)
        facts = {"X-Repo-Commit": commit, "ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"}
        if file.large:
            facts |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
            self._send(status=302, Location=f"{self.server.store_url}/content/get/{file.sha256}", **facts)
        else:
            self._content(self.server.contents[file.sha256], facts)

    def content(self, body: bytes, oid: str) -> None:
        if self.headers.get("Authorization"):
            raise HubError(400, "", "A token was sent to the store, which is another host")
        self._content(self.server.contents[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _content(self, content: bytes, headers: dict[str, str]) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not found:
            self._send(content, **headers)
            return
        first, last = int(found[1]), min(int(found[2] or len(content) - 1), len(content) - 1)
        if first > last:
            raise HubError(416, "", "Range not satisfiable")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(content[first : last + 1], 206, **headers)


_ROUTES = (
    ("GET", "/api/whoami-v2", _Handler.who),
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("GET", rf"{_API}(?:/revision/(?P<revision>[^/]+))?", _Handler.info),
    ("POST", rf"{_API}/preupload/(?P<revision>[^/]+)", _Handler.preupload),
    ("POST", rf"{_API}/commit/(?P<revision>[^/]+)", _Handler.commit),
    ("GET", rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", _Handler.tree),
    ("POST", rf"{_API}/paths-info/(?P<revision>[^/]+)", _Handler.paths_info),
    ("GET", rf"{_API}/refs", _Handler.refs),
    ("POST", rf"{_API}/(?P<kind>branch|tag)/(?P<ref>[^/]+)", _Handler.create_ref),
    ("POST", rf"/(?:(?P<plural>datasets|spaces)/)?{_REPO}\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", "/content/put/(?P<oid>[0-9a-f]{64})", _Handler.put),
    ("POST", "/content/verify", _Handler.verify),
    ("GET|HEAD", "/content/get/(?P<oid>[0-9a-f]{64})", _Handler.content),
    ("GET|HEAD", rf"/(?:(?P<plural>datasets|spaces)/)?{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
     _Handler.resolve),
)  # fmt: skip
