"""Fine-tuning as a visitor does it, in headless Chromium, with a model that takes wishes and with one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_browser import _colour, _nameless, _open, _served, browser, pytestmark  # noqa: F401  (fixture and skips)

_AFTER = "[...document.querySelectorAll('#slider img')].map(i => i.src).join()"
_WITHIN = "document.documentElement.scrollWidth"


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser, guided_url: str, uploads: Path) -> Iterator:  # noqa: F811
    for page in _open(browser, guided_url, request.param):
        _colour(page, uploads / "colours.png")
        page.click("#fine-tune .label-wrap")
        page.wait_for_function("document.querySelectorAll('#choices img').length === 4")
        page.locator("#canvas").scroll_into_view_if_needed()  # its picture is loaded only when it comes near
        page.wait_for_selector("#canvas img")
        yield page


def _changed(page, act) -> np.ndarray:
    """What the slider shows after ``act`` has changed it."""
    before = page.evaluate(_AFTER)
    act()
    page.wait_for_function(f"before => {_AFTER} !== before", arg=before)
    return _shown(page)


def _shown(page) -> np.ndarray:
    return np.asarray(_served(page, "after").convert("RGB")).astype(int)


def test_everything_can_be_fine_tuned(page, uploads: Path, tmp_path: Path) -> None:
    assert page.evaluate(_WITHIN) <= page.viewport_size["width"], "scrolls sideways"
    first = _shown(page)

    # Another colouring, and its download.
    third = _changed(page, lambda: page.click("#choices button:has(img) >> nth=2"))
    assert np.abs(third - first).mean() > 1
    page.wait_for_function("document.querySelector('#choices').innerText.includes('✓ Choice 3')")
    page.get_by_label("PNG").check()
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "third.png")
    assert np.abs(np.asarray(Image.open(tmp_path / "third.png").convert("RGB")).astype(int) - third).max() <= 1

    # A point by the mouse: the numbers say where, the model says what is likely.
    picture = page.locator("#canvas img")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.25})
    page.wait_for_selector("#swatches button")
    assert float(page.input_value("#across input")) == pytest.approx(30, abs=1.5)
    assert float(page.input_value("#down input")) == pytest.approx(25, abs=1.5)
    hinted = _changed(page, lambda: page.click("#swatches button >> nth=0"))
    page.wait_for_selector("#points li")
    assert "30 % across, 25 % down" in page.inner_text("#points li")

    # Another one by the keyboard alone.
    page.wait_for_selector("#swatches button", state="detached")
    page.fill("#across input", "70")
    page.fill("#down input", "80")
    page.press("#down input", "Enter")
    page.wait_for_selector("#swatches button")
    page.focus("#use-colour")
    _changed(page, lambda: page.keyboard.press("Enter"))
    page.wait_for_function("document.querySelectorAll('#points li').length === 2")
    back = _changed(page, lambda: page.click("#undo"))
    assert np.array_equal(back, hinted)
    page.wait_for_function("document.querySelectorAll('#points li').length === 1")
    assert np.array_equal(_changed(page, lambda: page.click("#clear")), first)
    page.wait_for_function("document.querySelectorAll('#points li').length === 0")

    # The colours of another photograph, and without them again.
    Image.new("RGB", (64, 64), "#c03030").save(tmp_path / "red.png")
    borrowed = _changed(page, lambda: page.set_input_files("#reference input[type=file]", tmp_path / "red.png"))
    assert np.abs(borrowed - first).mean() > 0.2  # a tiny network listens a little
    assert np.array_equal(_changed(page, lambda: page.click("#reference button[aria-label='Remove Image']")), first)

    # Where the model is unsure: magenta or grey, and the sliders leave it alone.
    doubtful = _changed(page, lambda: page.check("#doubt input"))
    assert (doubtful[..., 1] <= doubtful[..., 0] + 2).all()
    assert np.array_equal(_changed(page, lambda: page.uncheck("#doubt input")), first)
    assert page.evaluate(_WITHIN) <= page.viewport_size["width"], "scrolls sideways"
    assert not page.elsewhere


def test_a_grey_reference_is_answered_with_a_sentence(page, uploads: Path) -> None:
    page.set_input_files("#reference input[type=file]", uploads / "beach.jpg")
    assert "choose a photograph in colour" in page.wait_for_selector("[data-testid=toast-body]").inner_text()
    page.wait_for_selector("#reference input[type=file]", state="attached")  # ready for another one


def test_everything_to_operate_has_a_name(page) -> None:
    page.locator("#canvas img").click()
    page.wait_for_selector("#swatches button")
    assert not _nameless(page, "#fine-tune")


def test_a_model_with_one_answer_says_so(browser, page_url: str, uploads: Path) -> None:  # noqa: F811
    for page in _open(browser, page_url, 1280):
        _colour(page, uploads / "beach.jpg")
        page.click("#fine-tune .label-wrap")
        page.wait_for_selector("#fine-tune-unable")
        assert "one answer only" in page.inner_text("#fine-tune-unable")
        for part in ("#choices", "#canvas", "#reference", "#doubt"):
            assert not page.is_visible(part)
