"""What keeps the page from starting is a sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT

pytest.importorskip("gradio", reason="gradio is not installed: pip install .[space]")


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_busy_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        done = _start("--port", str(busy.getsockname()[1]), GRADIO_TEMP_DIR=str(tmp_path / "uploads"))
    assert done.returncode == 1 and "cannot listen on port" in done.stderr and "Traceback" not in done.stderr


def test_a_folder_in_which_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, so that no folder can be made below it, whoever asks")
    done = _start(GRADIO_TEMP_DIR=str(tmp_path / "taken" / "uploads"))
    assert done.returncode == 1 and "GRADIO_TEMP_DIR" in done.stderr and "Traceback" not in done.stderr
