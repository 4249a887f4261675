"""What a visitor must be able to trust: the picture is that of the photograph, whatever comes late, and it is light."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space import models

from .test_browser import (  # noqa: F401  (fixture and skips)
    _color,
    _open,
    _served,
    _upload,
    _wait_for_result,
    browser,
    pytestmark,
    sync_api,
)

_NOTE = "document.querySelector('#note').innerText"


@pytest.fixture
def desktop(browser, page_url: str) -> Iterator:  # noqa: F811
    yield from _open(browser, page_url, 1440)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, threading.Event]]:
    """The network begins, tells so, and waits to be let go; each photograph that is wide waits, others do not."""
    begun, let_go, done = threading.Event(), threading.Event(), threading.Event()
    run = models.run_network

    def wait(key, inputs):
        wide = inputs["pixel_values"].shape[-1] > 4 * inputs["pixel_values"].shape[-2]
        if wide:
            begun.set()
            let_go.wait(60)
        try:
            return run(key, inputs)
        finally:
            if wide:
                done.set()

    monkeypatch.setattr(models, "run_network", wait)
    yield {"begun": begun, "let_go": let_go, "done": done}
    let_go.set()


@pytest.mark.parametrize("change", ["example", "other", "remove"])
def test_a_late_result_never_replaces_a_newer_one(desktop, slow, uploads: Path, tmp_path: Path, change: str) -> None:
    _upload(desktop, uploads / "wide.jpg")
    desktop.wait_for_function("!document.querySelector('#start').disabled")
    desktop.click("#start")
    assert slow["begun"].wait(60)
    if change == "example":
        name = desktop.inner_text("#examples button:nth-child(2) .title")
        desktop.click("#examples button:nth-child(2)")
    else:
        desktop.click("#photo button[aria-label='Remove Image']")
        name = "deep.png"
        desktop.wait_for_function("document.querySelector('#start').disabled")
    if change == "other":
        _color(desktop, uploads / name)
    if change != "remove":
        _wait_for_result(desktop, name)
    slow["let_go"].set()
    assert slow["done"].wait(60)
    desktop.wait_for_timeout(2500)  # there is no sign of an answer that must not come
    if change == "remove":
        assert desktop.locator("#slider img").count() == 0 and not desktop.is_visible("#save")
        return
    assert name in desktop.inner_text("#note")
    assert _served(desktop, "after").width / _served(desktop, "after").height == pytest.approx(1.5, abs=0.01)
    with desktop.expect_download() as download:
        desktop.click("#save")
    download.value.save_as(tmp_path / "saved")
    assert Image.open(tmp_path / "saved").width < 2400


def test_the_wheel_scrolls_the_page_over_the_picture(desktop) -> None:
    desktop.set_viewport_size({"width": 1440, "height": 600})
    desktop.hover("#slider .ba-stage")
    desktop.mouse.wheel(0, 200)
    desktop.wait_for_function("window.scrollY > 50")
    desktop.hover("#slider .ba-stage", position={"x": 100, "y": 280})
    before = desktop.eval_on_selector("#slider .ba-inner", "e => e.getBoundingClientRect().width")
    desktop.keyboard.down("Control")
    desktop.mouse.wheel(0, -400)
    desktop.keyboard.up("Control")
    desktop.wait_for_function(
        "before => document.querySelector('#slider .ba-inner').getBoundingClientRect().width > 1.2 * before", arg=before
    )


def test_a_swipe_scrolls_the_page_over_the_picture(browser, page_url: str) -> None:  # noqa: F811
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(page_url)
    page.set_default_timeout(60_000)
    _wait_for_result(page)
    page.wait_for_selector("#strength")  # the page is as long as it gets
    page.locator("#slider .ba-stage").scroll_into_view_if_needed()
    page.evaluate("scrollTo({top: Math.max(scrollY, 160), behavior: 'instant'})")  # there must be a way back up
    box = page.locator("#slider .ba-stage").bounding_box()
    x, y, before = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3, page.evaluate("scrollY")
    session = context.new_cdp_session(page)
    for kind, moved in [("touchStart", 0), *(("touchMove", 10 * step) for step in range(1, 16)), ("touchEnd", None)]:
        points = [] if moved is None else [{"x": x, "y": y + moved}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert before > 100
    page.wait_for_function("before => scrollY < before - 60", arg=before)
    context.close()


def test_the_download_is_on_the_first_screen(browser, page_url: str) -> None:  # noqa: F811
    for page in _open(browser, page_url, 1440):
        page.set_viewport_size({"width": 1440, "height": 900})
        box = page.locator("#save").bounding_box()
        assert box["y"] + box["height"] < 900 and page.evaluate("scrollY") == 0


def test_a_result_is_light(desktop, tmp_path: Path) -> None:
    """Of a photograph full of detail, which costs most."""
    noise = np.random.default_rng(0).normal(128, 40, (750, 1000)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).resize((4000, 3000), Image.Resampling.BICUBIC).save(tmp_path / "rocks.jpg")
    _color(desktop, tmp_path / "rocks.jpg")
    assert sum(_weight(desktop, side) for side in ("before", "after")) <= 400_000
    old = desktop.eval_on_selector("#slider img.ba-after", "image => image.src")
    desktop.locator("#strength input[type=range]").focus()
    with desktop.expect_response(lambda r: "/after-" in r.url and r.url != old) as step:
        desktop.keyboard.press("ArrowRight")
    assert len(step.value.body()) <= 250_000


def test_the_benchmark_counts_what_a_visit_costs(
    browser,  # noqa: F811
    page_url: str,
    uploads: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = pytest.importorskip("scripts.benchmark.page", reason="it needs Linux")
    monkeypatch.setattr(part, "QUIET", 0.5)
    found = part.Visit(browser, part.LINES["no limit"]).do_all(page_url.rstrip("/"), uploads / "beach.jpg")
    seconds, received = ({row: values[side] for row, values in found.items()} for side in (0, 1))
    assert 0 < seconds["first paint"] < seconds["page with an example in color"]
    assert 300_000 < received["page with an example in color"] < 1_200_000
    assert 10_000 < received["step of a slider"] < received["result, with its tiles"] < 400_000


def _weight(page, side: str) -> int:
    """Bytes of the file behind a side of the picture, as the browser counted them on their way."""
    return page.eval_on_selector(
        f"#slider img.ba-{side}", "image => performance.getEntriesByName(image.src)[0].encodedBodySize"
    )


def test_the_page_opens_in_color(desktop) -> None:
    before, after = _served(desktop, "before"), _served(desktop, "after")
    assert before.mode == "L" and after.mode == "RGB" and before.size == after.size
    with desktop.expect_download() as download:
        desktop.click("#save")
    assert download.value.suggested_filename.endswith("-colorized.jpg")
    small = desktop.locator("#examples button:nth-child(1)")
    desktop.wait_for_function("document.querySelector('#examples .in-color')")
    small.hover()
    desktop.wait_for_function("getComputedStyle(document.querySelector('#examples .in-color')).opacity === '1'")


def test_a_color_photograph_is_told_so_and_leads_to_the_comparison(desktop, uploads: Path) -> None:
    _color(desktop, uploads / "colors.png")
    assert "made grey first" in desktop.inner_text("#note") and _served(desktop, "before").mode == "L"
    desktop.click("#note button.link")
    desktop.wait_for_selector("#truth", state="visible")


def test_what_is_hardly_a_picture_is_told_so(desktop, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((48, 32)).save(tmp_path / "little.png")
    Image.new("L", (300, 200), 200).save(tmp_path / "blank.png")
    for name, says in (("little.png", "too small"), ("blank.png", "one tone")):
        _color(desktop, tmp_path / name)
        assert says in desktop.inner_text("#note")
        desktop.click("#photo button[aria-label='Remove Image']")
        desktop.wait_for_function("document.querySelector('#start').disabled")


def test_a_new_photograph_starts_with_the_sliders_at_rest(desktop, uploads: Path) -> None:
    number = desktop.locator("#strength input[type=number]")
    number.fill("0.3")
    number.press("Enter")
    _color(desktop, uploads / "beach.jpg")
    sync_api.expect(number).to_have_value("1")


def test_a_picture_is_pasted_anywhere(desktop, uploads: Path) -> None:
    desktop.evaluate(
        """async address => {
          const file = new File([await (await fetch(address)).blob()], 'pasted.jpg', {type: 'image/jpeg'});
          const data = new DataTransfer();
          data.items.add(file);
          document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
        }""",
        desktop.eval_on_selector("#slider img.ba-before", "image => image.src"),
    )
    desktop.wait_for_function("!document.querySelector('#start').disabled")
    desktop.wait_for_selector("#photo img")
