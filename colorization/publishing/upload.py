"""Send a folder to a repository of the Hub in one commit, after a look for secrets; or only say what would go.

One rule chooses the files of both, so that a dry run cannot tell another story than the upload.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

try:  # what the client speaks HTTP with: httpx before huggingface_hub 2.4
    import httpx2 as httpx
except ImportError:
    import httpx  # type: ignore[no-redef]

ROOT = Path(__file__).parents[2]
"""The checkout: what is published is made of more than a wheel holds."""

# Never part of a repository, whatever folder they lie in.
_PRIVATE = (".git", ".venv", "__pycache__", ".env", ".netrc", ".cache", ".pytest_cache", ".ruff_cache", ".build")
_IGNORED = [
    "*.pyc",
    "*.part",
    *(f"{place}{name}{end}" for name in _PRIVATE for place in ("", "*/") for end in ("", "/*")),
]
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
        folder: whose files are the repository's, less caches, git data and dot files of secrets.
        message: of the commit.
        sdk: of a Space.
    """

    repo_id: str
    kind: str
    folder: Path
    message: str
    sdk: str | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Files that are sent, by their path in the repository."""
        return find_files(self.folder)


def find_files(folder: Path) -> dict[str, Path]:
    """List the files below a folder that may be sent, by their path in it."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path: folder / path for path in filter_repo_objects(paths, ignore_patterns=_IGNORED)}


def describe(upload: Upload) -> str:
    """One line a file with its size in bytes, and the sum: exactly what :func:`send` sends."""
    sizes = {path: file.stat().st_size for path, file in upload.files.items()}
    lines = [f"{size:>12,}  {path}" for path, size in sorted(sizes.items())]
    total = sum(sizes.values())
    return "\n".join([*lines, f"{total:>12,}  bytes in {len(sizes)} files, to the {upload.kind} {upload.repo_id}"])


def refuse_secrets(upload: Upload) -> None:
    """Look into every text file for what looks like a token or a private key.

    Raises:
        PublishError: naming the file, never the secret.
    """
    for path, file in upload.files.items():
        if file.suffix in _TEXT and _SECRETS.search(file.read_bytes()):
            raise PublishError(f"{path}: this looks like it holds a token or a private key; remove it and try again.")


def send(upload: Upload, *, private: bool = False, revision: str | None = None) -> str:
    """Create the repository (and branch) where it is missing, and commit the files: whole or not at all.

    Args:
        upload: what to send.
        private: of a new repository.
        revision: branch; by default the main one.

    Returns:
        The oid of the commit.

    Raises:
        PublishError: if a file holds a secret, or the Hub refuses or cannot be reached.
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
        commit = hub.upload_folder(
            folder_path=upload.folder, repo_id=upload.repo_id, repo_type=upload.kind, revision=revision,
            commit_message=upload.message, ignore_patterns=_IGNORED,
        )  # fmt: skip
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
