"""What a Hub keeps: repositories of commits, each a tree of files; content lies apart and is found by its hash."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

PLURAL = {"model": "models", "dataset": "datasets", "space": "spaces"}
_LARGE = (".safetensors", ".parquet", ".onnx", ".png", ".jpg")


class HubError(Exception):
    """An answer other than 200: a status, the Hub's name of the error, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class File:
    """A file of a tree: ``sha256`` finds its content; ``large`` files are committed as pointers."""

    sha256: str
    git_oid: str
    size: int
    large: bool

    @property
    def oid(self) -> str:
        return self.sha256 if self.large else self.git_oid


@dataclass
class Repository:
    """``commits``: oid to (parent, tree); ``refs``: "heads/main" and the like to oid."""

    kind: str
    name: str
    private: bool = False
    commits: dict[str, tuple[str | None, dict[str, File]]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.refs["heads/main"] = self._add(None, {})

    def _add(self, parent: str | None, tree: dict[str, File]) -> str:
        facts = f"{self.kind} {self.name} {len(self.commits)} {parent} {sorted((p, f.oid) for p, f in tree.items())}"
        oid = hashlib.sha1(facts.encode()).hexdigest()
        self.commits[oid] = (parent, tree)
        return oid

    def resolve(self, revision: str) -> str:
        found = self.refs.get(f"heads/{revision}") or self.refs.get(f"tags/{revision}")
        if not found and revision not in self.commits:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found or revision

    def tree(self, revision: str) -> dict[str, File]:
        return self.commits[self.resolve(revision)][1]

    def file(self, revision: str, path: str) -> File:
        try:
            return self.tree(revision)[path]
        except KeyError:
            raise HubError(404, "EntryNotFound", "Entry not found") from None

    def create_ref(self, kind: str, name: str, start: str) -> None:
        if f"{kind}/{name}" in self.refs:
            raise HubError(409, "", f"Reference already exists: {name}")
        self.refs[f"{kind}/{name}"] = self.resolve(start)

    def commit(self, branch: str, lines: list[dict], contents: dict[str, bytes]) -> str:
        """Make a commit of the lines of a request, whole or not at all, and return its oid."""
        parent = self.resolve(branch)
        expected = lines[0]["value"].get("parentCommit")
        if expected and expected != parent:
            raise HubError(412, "", "A commit has happened since. Please refresh and try again.")
        tree = dict(self.commits[parent][1])
        for line in lines[1:]:
            value = line["value"]
            path = value["path"]
            if path.startswith("/") or ".." in path.split("/"):
                raise HubError(400, "", f"Invalid path: {path}")
            if line["key"] == "file":
                content = base64.b64decode(value["content"])
                file = describe(content, large=False)
                contents[file.sha256] = content
                tree[path] = file
            elif line["key"] == "lfsFile":
                if value["oid"] not in contents:
                    raise HubError(400, "", f"LFS pointer pointed to a file that does not exist: {path}")
                tree[path] = describe(contents[value["oid"]], large=True)
            elif line["key"] == "deletedFile":
                tree.pop(path)
            elif line["key"] == "deletedFolder":
                tree = {name: file for name, file in tree.items() if not name.startswith(path.rstrip("/") + "/")}
        oid = self._add(parent, tree)
        self.refs[f"heads/{branch}"] = oid
        return oid

    def describe(self, revision: str) -> dict:
        """The answer of the info endpoint."""
        oid = self.resolve(revision)
        return {
            "_id": oid[:24], "id": self.name, "modelId": self.name, "author": self.name.split("/")[0], "sha": oid,
            "private": self.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
            "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": path} for path in sorted(self.commits[oid][1])],
        }  # fmt: skip

    def list(self, revision: str, folder: str, recursive: bool) -> list[dict]:
        """The answer of the tree endpoint: files and folders below ``folder``."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, dict] = {}
        for path, file in sorted(self.tree(revision).items()):
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            parents = [prefix + "/".join(parts[:depth]) for depth in range(1, len(parts))]
            for parent in parents if recursive else parents[:1]:
                oid = hashlib.sha1(parent.encode()).hexdigest()
                found[parent] = {"type": "directory", "path": parent, "oid": oid, "size": 0}
            if recursive or not parents:
                found[path] = entry(path, file)
        if folder and not found:
            raise HubError(404, "EntryNotFound", f"{folder} does not exist on {revision}")
        return list(found.values())


def entry(path: str, file: File) -> dict:
    """A file as the tree and paths-info endpoints tell it."""
    facts = {"type": "file", "path": path, "oid": file.git_oid, "size": file.size}
    if file.large:
        facts["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return facts


def describe(content: bytes, large: bool) -> File:
    sha256 = hashlib.sha256(content).hexdigest()
    stored = content
    if large:
        stored = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()
    git_oid = hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()
    return File(sha256, git_oid, len(content), large)


def is_large(path: str, size: int) -> bool:
    return path.endswith(_LARGE) or size > 10_000_000
