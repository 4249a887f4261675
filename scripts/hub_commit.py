"""Send a list of files to a repository of the Hub in one commit, and see that they arrived; or only say what would go.

One list serves both, so that a dry run cannot tell another story than the upload. A commit is whole or not there at
all; large files that arrived before an interruption are not sent again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, RepositoryNotFoundError

try:  # what the client speaks HTTP with: httpx before huggingface_hub 2.4
    import httpx2 as httpx
except ImportError:
    import httpx

logger = logging.getLogger(__name__)

# Never part of a repository, whatever folder they lie in.
_PRIVATE_PARTS = {".git", ".venv", "__pycache__", ".env", ".netrc", ".cache", ".pytest_cache", ".ruff_cache", ".build"}
_SECRETS = re.compile(rb"\bhf_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b")
_TEXT = {".py", ".md", ".txt", ".json", ".yaml", ".yml", ".toml", ".html", ".css", ".js", ".csv", ".jinja", ""}


class PublishError(Exception):
    """What keeps an upload from being done or from being right; the message is a sentence."""


@dataclass(frozen=True)
class Upload:
    """What goes where.

    Attributes:
        repo_id: ``ORG/NAME``.
        kind: "model", "dataset" or "space".
        files: path in the repository to a file on disk, or to content made for it.
        message: of the commit.
        sdk: of a Space.
    """

    repo_id: str
    kind: str
    files: dict[str, Path | bytes]
    message: str
    sdk: str | None = None


def find_files(folder: Path) -> dict[str, Path]:
    """Files below a folder by their path in it, without caches, git data and dot files of secrets."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path
        for path in paths
        if not _PRIVATE_PARTS & set(path.relative_to(folder).parts) and path.suffix not in (".pyc", ".part")
    }


def describe(upload: Upload) -> str:
    """One line a file with its size in bytes, and the sum: exactly what :func:`send` sends."""
    sizes = {path: _size(content) for path, content in upload.files.items()}
    lines = [f"{size:>12,}  {path}" for path, size in sorted(sizes.items())]
    total = sum(sizes.values())
    return "\n".join([*lines, f"{total:>12,}  bytes in {len(sizes)} files, to the {upload.kind} {upload.repo_id}"])


def refuse_secrets(upload: Upload) -> None:
    """Look into every text file for what looks like a token or a private key.

    Raises:
        PublishError: naming the file, never the secret.
    """
    for path, content in upload.files.items():
        if _PRIVATE_PARTS & set(Path(path).parts):
            raise PublishError(f"{path}: files of this name are never sent; move it out of the folder.")
        if Path(path).suffix in _TEXT and _SECRETS.search(content if isinstance(content, bytes) else _read(content)):
            raise PublishError(f"{path}: this looks like it holds a token or a private key; remove it and try again.")


def send(upload: Upload, *, private: bool = False, revision: str | None = None) -> str:
    """Create the repository (and branch) where it is missing, commit the files, and check what arrived.

    Args:
        upload: what to send.
        private: of a new repository.
        revision: branch; by default the main one.

    Returns:
        The oid of the commit.

    Raises:
        PublishError: if the Hub refuses, cannot be reached, or has other files afterwards.
    """
    hub = HfApi()
    refuse_secrets(upload)
    try:
        hub.create_repo(
            upload.repo_id, repo_type=upload.kind, private=private or None, exist_ok=True, space_sdk=upload.sdk
        )
        if private and not hub.repo_info(upload.repo_id, repo_type=upload.kind).private:
            raise PublishError(
                f"{upload.repo_id}: this repository exists and is public; nothing was sent. Make it private in its "
                "settings, or leave out --private."
            )
        if revision:
            hub.create_branch(upload.repo_id, repo_type=upload.kind, branch=revision, exist_ok=True)
        operations = [
            CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in sorted(upload.files.items())
        ]
        commit = hub.create_commit(
            upload.repo_id, operations, repo_type=upload.kind, revision=revision, commit_message=upload.message
        )
        _check(hub, upload, commit.oid)
    except (LocalTokenNotFoundError, HFValidationError) as error:
        raise PublishError(f"{upload.repo_id}: {error}") from error
    except HfHubHTTPError as error:
        raise PublishError(sentence_of(error, upload.repo_id)) from error
    except (httpx.HTTPError, OSError) as error:
        raise PublishError(
            f"{constants.ENDPOINT} broke the connection or cannot be reached ({type(error).__name__}). The repository "
            "is as it was: run the same command again, what has arrived is not sent twice."
        ) from error
    return commit.oid


def sentence_of(error: HfHubHTTPError, repo_id: str) -> str:
    """What an answer of the Hub means for whoever runs the command."""
    status = error.response.status_code if error.response is not None else None
    if status == 401:
        return (
            f"{repo_id}: the Hub does not know you. Log in with `hf auth login`, or set HF_TOKEN to a token that may "
            "write."
        )
    if status == 403:
        return f"{repo_id}: your token may not write there; use one with write access, or another organization."
    if isinstance(error, RepositoryNotFoundError):
        return f"{repo_id}: there is no such repository, or you may not see it."
    return f"{repo_id}: the Hub refuses ({error.server_message or error})."


def environment_of_a_stranger(home: Path) -> dict[str, str]:
    """Environment of a fresh process with an empty cache, that is logged in as this one is."""
    caches = ("HF_HUB_CACHE", "HF_MODULES_CACHE", "HF_DATASETS_CACHE", "HF_EVALUATE_CACHE", "HF_XET_CACHE")
    inherited = {key: value for key, value in os.environ.items() if key not in (*caches, "HF_HUB_OFFLINE")}
    return inherited | {"HF_HOME": str(home), "HF_TOKEN_PATH": constants.HF_TOKEN_PATH, "PYTHONWARNINGS": "ignore"}


def _check(hub: HfApi, upload: Upload, oid: str) -> None:
    """Sizes and hashes of every file in the commit, as the Hub tells them, against the local ones."""
    tree = hub.list_repo_tree(upload.repo_id, repo_type=upload.kind, revision=oid, recursive=True)
    there = {item.path: item for item in tree if hasattr(item, "blob_id")}
    for path, content in upload.files.items():
        item = there.get(path)
        if item is None:
            raise PublishError(f"{upload.repo_id}: {path} did not arrive (commit {oid}).")
        data = content if isinstance(content, bytes) else _read(content)
        ours = hashlib.sha256(data).hexdigest() if item.lfs else _git_hash(data)
        if ours != (item.lfs.sha256 if item.lfs else item.blob_id):
            raise PublishError(f"{upload.repo_id}: {path} arrived with other content (commit {oid}).")
    logger.info("%d files arrived as they were sent, in commit %s.", len(upload.files), oid)


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(f"{path}: it cannot be read ({error.strerror}).") from error
