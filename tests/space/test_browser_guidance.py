"""Fine-tuning as a visitor does it, in headless Chromium, with a model that takes guidance and one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_browser import (  # noqa: F401  (fixture and skips)
    _color,
    _nameless,
    _open,
    _put,
    _served,
    _tab,
    browser,
    pytestmark,
    sync_api,
)

_AFTER = "[...document.querySelectorAll('#slider img')].map(i => i.src).join()"
_WITHIN = "document.documentElement.scrollWidth"


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser, guided_url: str, uploads: Path) -> Iterator:  # noqa: F811
    for page in _open(browser, guided_url, request.param):
        _color(page, uploads / "beach.jpg")
        # The panel is renewed last, the looks at the very end, and its tiles lie in the folder of the picture; those of
        # the photograph that the page opened with stay until then, and what is done to the panel meanwhile is undone.
        page.wait_for_function(
            """() => {
              const folder = address => address?.match(/[0-9a-f]{32}/)?.[0];
              const tile = document.querySelector('#choices button:nth-child(6) .tile');
              return tile && folder(tile.style.backgroundImage) === folder(document.querySelector('.ba-after').src);
            }"""
        )
        yield page


def _changed(page, act) -> np.ndarray:
    """What is shown after ``act`` has changed it."""
    before = page.evaluate(_AFTER)
    act()
    try:
        page.wait_for_function(f"before => {_AFTER} !== before", arg=before)
    except sync_api.TimeoutError:
        toasts = page.locator("[data-testid=toast-body]").all_inner_texts()
        raise AssertionError(f"Nothing changed. The page says {toasts}, and did {page.log[-12:]}") from None
    return _shown(page)


def _shown(page) -> np.ndarray:
    return np.asarray(_served(page, "after").convert("RGB")).astype(int)


def test_everything_can_be_fine_tuned(page, uploads: Path, tmp_path: Path) -> None:
    assert page.evaluate(_WITHIN) <= page.viewport_size["width"], "scrolls sideways"
    if page.viewport_size["width"] < 500:
        assert page.evaluate("document.documentElement.scrollHeight") < 2000
    first = _shown(page)

    # Another coloring, and its download.
    third = _changed(page, lambda: page.click("#choices button >> nth=2"))
    assert np.abs(third - first).mean() > 1
    page.wait_for_selector("#choices button[data-variant='3'][aria-pressed=true]")
    page.focus("#choices button[data-variant='blue hour']")
    look = _changed(page, lambda: page.keyboard.press("Enter"))  # by keyboard alone
    assert np.abs(look - third).mean() > 1
    page.wait_for_selector("#choices button[data-variant='blue hour'][aria-pressed=true]")
    assert page.locator("#choices button[aria-pressed=true]").count() == 1
    assert np.array_equal(_changed(page, lambda: page.click("#choices button >> nth=2")), third)
    page.wait_for_selector("#choices button[data-variant='3'][aria-pressed=true]")
    _save_as(page, "PNG")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "third.png")
    saved = np.asarray(Image.open(tmp_path / "third.png").convert("RGB")).astype(int)
    assert np.abs(saved - third).mean() <= 3 < np.abs(saved - first).mean()  # what is shown is JPEG

    # A point by the mouse, in the result itself: the numbers say where, the model says what is likely and how much.
    _tab(page, "My colors")
    picture = page.locator("#slider .ba-stage")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    picture.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.25})
    page.wait_for_selector("#swatches button")
    assert "%" in page.inner_text("#swatches button >> nth=0")
    if page.viewport_size["width"] < 500:
        assert page.evaluate("document.documentElement.scrollHeight") < 2000
    for name, percent in (("across", 30), ("down", 25)):
        page.wait_for_function(f"Math.abs(document.querySelector('#{name} input').value - {percent}) < 1.5")
    hinted = _changed(page, lambda: page.click("#swatches button >> nth=0"))
    page.wait_for_selector("#points li")
    page.wait_for_selector("#points li:has-text('30% across, 25% down')")
    assert page.locator("#slider .ba-points span").count() == 1
    page.wait_for_selector("#choices button[data-variant='3'][aria-pressed=true]")  # a hint keeps the choice

    # Another one by the keyboard alone.
    page.wait_for_selector("#swatches button", state="detached")
    page.fill("#across input", "70")
    page.fill("#down input", "80")
    page.press("#down input", "Enter")
    page.wait_for_selector("#swatches button")
    page.focus("#use-color")
    _changed(page, lambda: page.keyboard.press("Enter"))
    page.wait_for_function("document.querySelectorAll('#points li').length === 2")
    back = _changed(page, lambda: page.click("#undo"))
    assert np.array_equal(back, hinted)
    page.wait_for_function("document.querySelectorAll('#points li').length === 1")
    assert np.array_equal(_changed(page, lambda: page.click("#clear")), third)
    page.wait_for_function("document.querySelectorAll('#points li').length === 0")
    assert np.array_equal(_changed(page, lambda: page.click("#choices button >> nth=0")), first)

    # The colors of another photograph, and without them again.
    _tab(page, "From a photo")
    Image.new("RGB", (64, 64), "#c03030").save(tmp_path / "red.png")
    borrowed = _changed(page, lambda: _put(page, "#reference", tmp_path / "red.png"))
    assert np.abs(borrowed - first).mean() > 0.2  # a tiny network listens a little
    assert np.array_equal(_changed(page, lambda: page.click("#reference button[aria-label='Remove Image']")), first)

    # Where the model is unsure, and the strength that stays alive meanwhile.
    _tab(page, "Where it is unsure")
    doubtful = _changed(page, lambda: page.check("#doubt input"))
    page.wait_for_selector(".unsure-legend")
    assert not np.array_equal(doubtful, first)
    assert np.array_equal(_changed(page, lambda: page.uncheck("#doubt input")), first)
    assert page.evaluate(_WITHIN) <= page.viewport_size["width"], "scrolls sideways"
    assert not page.elsewhere


def test_a_recipe_repeats_a_coloring(page, uploads: Path, tmp_path: Path) -> None:
    first = _shown(page)
    _changed(page, lambda: page.click("#choices button[data-variant='autumn']"))
    page.wait_for_selector("#choices button[data-variant='autumn'][aria-pressed=true]")
    number = page.locator("#strength input[type=number]")
    number.fill("1.4")
    kept = _changed(page, lambda: number.press("Enter"))
    _save_as(page, "Recipe")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "beach-colors.json"
    download.value.save_as(tmp_path / "beach-colors.json")
    assert json.loads((tmp_path / "beach-colors.json").read_text())["look"] == "autumn"
    number.fill("1")
    _changed(page, lambda: number.press("Enter"))
    assert np.array_equal(_changed(page, lambda: page.click("#choices button >> nth=0")), first)
    _tab(page, "Recipe")
    assert np.array_equal(_changed(page, lambda: _put(page, "#recipe-file", tmp_path / "beach-colors.json")), kept)
    page.wait_for_selector("#choices button[data-variant='autumn'][aria-pressed=true]")

    # Dropped on the drop zone of the photograph, or beside all of them, in any tab, it is understood as well.
    for zone, tab in (("#photo button", "Colorize"), ("#small-print", "When it fails")):
        _tab(page, "Colorize")
        _tab(page, "Strength and warmth")
        number.fill("1")
        _changed(page, lambda: number.press("Enter"))
        assert np.array_equal(_changed(page, lambda: page.click("#choices button >> nth=0")), first)
        _tab(page, tab)
        recipe = (tmp_path / "beach-colors.json").read_text()
        page.evaluate(_DROP, [zone, "beach-colors.json", recipe])
        page.wait_for_selector("#choices button[data-variant='autumn'][aria-pressed=true]")
        page.wait_for_function("document.querySelector('#strength input[type=number]').value === '1.4'")
        assert np.array_equal(_shown(page), kept)
    page.evaluate(_DROP, ["#photo button", "shopping.json", '{"milk": 2}'])
    assert "milk" in page.wait_for_selector("[data-testid=toast-body]").inner_text()


def test_another_photograph_is_dropped_on_the_one_that_is_shown(page) -> None:
    page.wait_for_selector("#photo img")
    address = page.get_attribute("#examples img", "src")
    page.evaluate(
        """async address => {
          const blob = await (await fetch(address)).blob(), data = new DataTransfer();
          data.items.add(new File([blob], 'other.jpg', {type: 'image/jpeg'}));
          const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
          document.querySelector('#photo img').dispatchEvent(drop);
        }""",
        address,
    )
    page.wait_for_function("document.querySelector('#photo img')?.src.endsWith('other.jpg')")
    page.wait_for_function("!document.querySelector('#start').disabled")


_DROP = """([zone, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: 'application/json'}));
  const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
  document.querySelector(zone).dispatchEvent(drop);
}"""


def _save_as(page, name: str) -> None:
    page.click("#format input")
    page.get_by_role("option", name=name).click()


def test_each_part_of_the_panel_has_a_name_and_a_grey_reference_is_refused(page, uploads: Path) -> None:
    _tab(page, "My colors")
    page.locator("#slider .ba-stage").click()
    page.wait_for_selector("#swatches button")
    assert not _nameless(page, "#fine-tune")
    _tab(page, "From a photo")
    assert not _nameless(page, "#fine-tune")
    _put(page, "#reference", uploads / "beach.jpg")
    assert "choose a photograph in color" in page.wait_for_selector("[data-testid=toast-body]").inner_text()
    page.wait_for_selector("#reference input[type=file]", state="attached")  # ready for another one


def test_a_model_with_one_answer_says_so(browser, page_url: str, uploads: Path) -> None:  # noqa: F811
    for page in _open(browser, page_url, 1280):
        _color(page, uploads / "beach.jpg")
        _tab(page, "My colors")
        page.wait_for_selector("#fine-tune-unable")
        assert "one answer only" in page.inner_text("#fine-tune-unable")
        for part in ("#choices button", "#swatches", "#reference", "#doubt"):
            assert not page.is_visible(part)
