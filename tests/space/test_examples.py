from __future__ import annotations

import logging
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.drawing import SCENES, draw_landscape
from space.examples import MOST, ExampleShelf

from ..conftest import draw_landscape as draw_in_color


@pytest.fixture
def shelf() -> ExampleShelf:
    return ExampleShelf()


def _is_grey(path: Path) -> bool:
    return np.ptp(np.asarray(Image.open(path).convert("RGB")).astype(int), axis=2).max() == 0


@pytest.mark.slow
def test_eight_are_drawn_without_a_network(shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDSCAPE_EXAMPLES", raising=False)

    def refuse(*args, **options):
        raise AssertionError("examples ask the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    shelf.start()
    examples = shelf.examples()
    assert len(examples) == 8 == len({example.title for example in examples})
    assert all(_is_grey(example.path) and example.thumbnail.stat().st_size < 20_000 for example in examples)


def test_folders_come_with_their_titles_and_credits(shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(6):
            draw_in_color(90, 60, number).save(tmp_path / name / f"hill_{number}.jpg")
    lines = "file,title,credit\nhill_0.jpg,Green hill,A. Nybody (CC0)\n"
    (tmp_path / "one" / "credits.csv").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("LANDSCAPE_EXAMPLES", f"{tmp_path / 'one'}:{tmp_path / 'two'}:{tmp_path / 'none'}")
    shelf.start()
    examples = shelf.examples()
    assert len(examples) == MOST and all(_is_grey(example.path) for example in examples)
    assert (examples[0].title, examples[0].credit) == ("Green hill", "A. Nybody (CC0)")
    assert (examples[1].title, examples[1].credit) == ("hill 0", "")


def test_a_broken_file_is_left_out(shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    draw_in_color(90, 60).save(tmp_path / "hill.jpg")
    monkeypatch.setenv("LANDSCAPE_EXAMPLES", str(tmp_path))
    shelf.start()
    with caplog.at_level(logging.WARNING):
        assert [example.title for example in shelf.examples()] == ["hill"]
    assert "broken.jpg" in caplog.text


@pytest.mark.parametrize("title", SCENES)
def test_a_drawn_landscape_is_the_same_each_time_and_no_flat_grey(title: str) -> None:
    scene = SCENES[title]
    drawn = draw_landscape(320, 200, scene)
    assert drawn.mode == "L" and drawn.size == (320, 200)
    assert drawn.tobytes() == draw_landscape(320, 200, scene).tobytes()
    assert np.asarray(drawn).std() > 15


def test_the_usual_one_has_a_bright_sky_over_dark_ground() -> None:
    rows = np.asarray(draw_landscape(320, 200)).astype(float).mean(axis=1)
    assert rows[30:80].mean() > rows[-20:].mean() + 40
