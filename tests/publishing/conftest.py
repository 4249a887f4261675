"""A Hub on loopback, and strangers: fresh processes in empty folders, with an empty cache."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..fresh import run_fresh
from .server import Hub

ROOT = Path(__file__).parents[2]
TOKENS = {"hf_of_the_owner": "valley", "hf_of_somebody": "somebody"}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub(TOKENS) as server:
        yield server


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """``run("scripts/x.py", ...)`` or ``run("code", ...)`` in a fresh process; its output never holds a token."""

    def start(program: str, *arguments: object, token: str = "", home: Path | None = None, **more: str):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
        environment = kept | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home or tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **more,
        }
        code = [ROOT / program] if program.startswith("scripts/") else ["-c", textwrap.dedent(program)]
        result = run_fresh([*code, *arguments], tmp_path, environment)
        assert not any(secret in result.stdout + result.stderr for secret in TOKENS)
        return result

    return start
