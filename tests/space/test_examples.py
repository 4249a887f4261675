from __future__ import annotations

import hashlib
import io
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space import examples as module
from space.drawn import draw_landscape
from space.examples import SOURCES, ExampleShelf, Source, fetch

from ..conftest import draw_landscape as draw_in_colour


def _jpeg() -> bytes:
    file = io.BytesIO()
    draw_in_colour(160, 120).save(file, "JPEG")
    return file.getvalue()


JPEG = _jpeg()


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A small web server with a good file, one that is no picture, one without end, and one that never answers."""
    asked: list[str] = []
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/silent.jpg":
                stop.wait(20)
                return
            if self.path == "/missing.jpg":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            if self.path == "/endless.jpg":
                try:
                    while not stop.is_set():
                        self.wfile.write(b"x" * 65_536)
                except OSError:
                    return
            self.wfile.write(b"<html>Sign in first</html>" if self.path == "/page.jpg" else JPEG)

        def log_message(self, *args) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    stop.set()
    httpd.shutdown()
    httpd.server_close()


def _source(url: str, sha256: str | None = None) -> Source:
    return Source("Hill", "Nobody", "CC0-1.0", url, sha256)


def test_a_good_file_is_fetched_once(server, tmp_path: Path) -> None:
    url, asked = server
    source = _source(f"{url}/good.jpg", hashlib.sha256(JPEG).hexdigest())
    first = fetch(source, tmp_path)
    assert first is not None and first.read_bytes() == JPEG
    assert fetch(source, tmp_path) == first and asked == ["/good.jpg"]


@pytest.mark.parametrize(
    ("path", "sha256", "reason"),
    [
        ("/good.jpg", "0" * 64, "sha256"),
        ("/page.jpg", None, "not a picture"),
        ("/missing.jpg", None, "404"),
        ("/endless.jpg", None, "larger than"),
        ("/silent.jpg", None, "timed out"),
    ],
)
def test_a_bad_file_is_left_out_with_a_line(
    server, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, path, sha256, reason
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(module, "TIMEOUT", 0.5)
    with caplog.at_level(logging.INFO):
        assert fetch(_source(server[0] + path, sha256), tmp_path) is None
    assert reason in caplog.text and "Hill" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_changed_file_in_the_cache_is_noticed(server, tmp_path: Path) -> None:
    source = _source(f"{server[0]}/good.jpg", hashlib.sha256(JPEG).hexdigest())
    path = fetch(source, tmp_path)
    path.write_bytes(JPEG[:-10])
    assert fetch(source, tmp_path) is None


def test_no_network_gives_the_drawn_picture_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(module.FOLDERS_VARIABLE, raising=False)
    shelf = ExampleShelf([_source("http://127.0.0.1:9/nothing.jpg")], tmp_path)
    started = time.monotonic()
    shelf.start()
    (example,) = shelf.examples()
    assert time.monotonic() - started < 10
    assert example.path.is_file() and example.thumbnail.is_file()


def test_a_silent_network_does_not_hold_up_the_page(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.FOLDERS_VARIABLE, "")
    shelf = ExampleShelf([_source(f"{server[0]}/silent.jpg")] * 5, tmp_path)
    started = time.monotonic()
    shelf.start()
    assert time.monotonic() - started < 1
    assert shelf.examples(patience=0.2)
    assert time.monotonic() - started < 8  # patience, and drawing on a busy machine


def test_fetched_colour_photographs_are_shown_in_grey_with_their_credit(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(module.FOLDERS_VARIABLE, raising=False)
    shelf = ExampleShelf([_source(f"{server[0]}/good.jpg"), _source(f"{server[0]}/page.jpg")], tmp_path)
    shelf.start()
    (example,) = shelf.examples(patience=30)
    assert (example.title, example.credit) == ("Hill", "Nobody, CC0-1.0")
    for path in (example.path, example.thumbnail):
        rgb = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert np.ptp(rgb, axis=2).max() == 0
    assert Image.open(example.path).size == (160, 120)


def test_folders_serve_where_the_network_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        for index in range(6):
            draw_in_colour(64, 48, seed=index).save(folder / f"{folder.name}-{index}.png")
    (folders[0] / "one-0.png").write_bytes(b"broken")
    monkeypatch.setenv(module.FOLDERS_VARIABLE, f"{folders[0]}{module.os.pathsep}{folders[1]}")
    shelf = ExampleShelf((), tmp_path / "cache")
    shelf.start()
    found = shelf.examples(patience=30)
    assert len(found) == module.MOST - 1  # the broken one is left out
    assert {example.title.split()[0] for example in found} == {"one", "two"}


def test_sources_are_complete_and_fixed_in_time() -> None:
    assert len({source.url for source in SOURCES}) == len(SOURCES) >= 3
    for source in SOURCES:
        assert source.title and source.author and source.licence
        assert source.url.startswith("https://")
        assert any(len(part) == 40 for part in source.url.split("/")), "a commit, so that the file cannot change"


def test_the_drawn_landscape_is_the_same_each_time_and_no_flat_grey() -> None:
    drawn = draw_landscape(320, 200)
    assert drawn.mode == "L" and drawn.size == (320, 200)
    assert drawn.tobytes() == draw_landscape(320, 200).tobytes()
    rows = np.asarray(drawn).astype(float).mean(axis=1)
    assert rows[30:80].mean() > rows[-20:].mean() + 40  # a bright sky over dark ground
    assert np.asarray(drawn).std() > 30
