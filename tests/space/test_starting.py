"""What keeps the page from starting is a sentence."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="gradio is not installed: pip install .[space]")


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Start the page in this process, which must end with 1; what it says of that."""
    import app

    def start(uploads: Path, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
        with pytest.raises(SystemExit) as end:
            app.main()
        assert end.value.code == 1
        return capsys.readouterr().err

    return start


def test_a_busy_port(start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        assert "cannot listen on port" in start(tmp_path / "uploads", "--port", str(busy.getsockname()[1]))


def test_a_folder_in_which_nothing_can_be_written(start, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, so that no folder can be made below it, whoever asks")
    assert "GRADIO_TEMP_DIR" in start(tmp_path / "taken" / "uploads")
