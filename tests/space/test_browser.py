"""The page as a visitor sees it, in headless Chromium."""

from __future__ import annotations

import io
import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from space.language import LANGUAGES, TEXTS
from space.phrasebook import PHRASES

from ..conftest import draw_landscape as draw_in_color
from .conftest import mean_chroma

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install .[dev]")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium here; set CHROMIUM to its path")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 120_000  # ms, for a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser, page_url: str) -> Iterator:
    yield from _open(browser, page_url, request.param)


@pytest.fixture
def desktop(browser, page_url: str) -> Iterator:
    yield from _open(browser, page_url, 1280)


def _nameless(page, within: str = "body") -> list[str]:
    """What can be operated or seen there and says nothing to a screen reader."""
    script = """within => [...document.querySelectorAll(`${within} :is(button, a[href], input, img)`)].filter(e => {
        if (!e.checkVisibility() || e.type === 'file') return false;
        if (e.tagName === 'IMG') return !e.hasAttribute('alt');
        const label = e.labels?.length ? e.labels[0].innerText : '';
        return !(e.innerText?.trim() || e.getAttribute('aria-label') || e.title || label.trim() ||
                 e.querySelector('img[alt]:not([alt=""])'));
    }).map(e => e.outerHTML.slice(0, 160))"""
    return page.evaluate(script, within)


def _open(browser, url: str, width: int, locale: str = "en-GB", **more) -> Iterator:
    """The page when all that it does by itself at first is over: until then it changes under a visitor's hands."""
    viewport = {"width": width, "height": 850}
    context = browser.new_context(viewport=viewport, locale=locale, accept_downloads=True, **more)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.elsewhere, page.log = [], []  # what the page asks of other hosts; what it did, for the message of a failure
    page.on("request", lambda r: r.url.startswith(("http", "ws")) and url not in r.url and page.elsewhere.append(r.url))
    page.on("request", lambda r: page.log.append(f"{r.method} {r.url.removeprefix(url)[-80:]}"))
    page.on("console", lambda message: page.log.append(f"{message.type}: {message.text[:200]}"))
    page.on("pageerror", lambda error: page.log.append(f"error: {str(error)[:200]}"))
    page.goto(url)
    try:
        page.wait_for_selector("#examples img")
        _wait_for_result(page)
    except sync_api.TimeoutError:
        raise AssertionError(f"The page does not open. It did {page.log[-12:]}") from None
    yield page
    context.close()


def _wait_for_result(page, name: str | None = None) -> None:
    """Wait until the result of the photograph of that name (None: of any) is shown.

    Note and picture are drawn at different moments, and until then those of the photograph before stand there: each is
    asked for its name.
    """
    page.wait_for_function(
        """name => {
          const [before, after] = ['before', 'after'].map(side => document.querySelector(`#slider img.ba-${side}`));
          const said = document.querySelector('#note strong')?.innerText;
          if (!after || !said || (name !== null && said !== name) || !after.alt.startsWith(`${said},`)) return false;
          if (![before, after].every(image => image.complete && image.naturalWidth)) return false;
          return !!document.querySelector('#save')?.checkVisibility();
        }""",
        arg=name,
    )


def _tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    tab.click()
    sync_api.expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENCE)


def _put(page, zone: str, files: Path | list[Path]) -> None:
    """Choose files in a drop zone, and wait until the server has them."""
    taken = page.expect_response(lambda r: "/upload?" in r.url and r.request.method == "POST")
    with taken as answer:
        page.set_input_files(f"{zone} input[type=file]", files)
    assert answer.value.ok


def _upload(page, path: Path) -> None:
    _put(page, "#photo", path)


def _color(page, path: Path) -> None:
    _upload(page, path)
    page.wait_for_function("!document.querySelector('#start').disabled")
    page.click("#start")
    _wait_for_result(page, path.name)


def _measure(page, path: Path) -> None:
    """In *Compare and measure*; a small photograph is measured sooner than the drawn example."""
    _put(page, "#truth", path)
    page.wait_for_selector("#truth img")
    page.click("#measure-start")
    page.wait_for_selector("#measure-figures table")
    page.wait_for_function("document.querySelectorAll('#measure-pictures img').length >= 6")


def _served(page, which: str) -> Image.Image:
    """The file behind one side of the picture."""
    address = page.eval_on_selector(f"#slider img.ba-{which}", "image => image.src")
    response = page.request.get(address, max_retries=3)  # the server closes what was idle for five seconds
    assert response.headers["content-type"] == "image/jpeg"
    return Image.open(io.BytesIO(response.body()))


def test_the_label_of_a_drop_zone_is_not_over_its_text(page) -> None:
    script = """() => {
        const zone = document.querySelector('#photo'), label = zone.querySelector('label').getBoundingClientRect();
        const texts = document.createTreeWalker(zone.querySelector('[data-testid=upload-text]'), NodeFilter.SHOW_TEXT);
        const over = [];
        let seen = 0;
        while (texts.nextNode()) {
            const range = document.createRange();
            range.selectNodeContents(texts.currentNode);
            for (const box of range.getClientRects()) {
                seen += 1;
                const beside = box.left >= label.right || box.right <= label.left;
                if (!beside && box.top < label.bottom && box.bottom > label.top)
                    over.push(texts.currentNode.textContent);
            }
        }
        return [seen, over];
    }"""
    seen, over = page.evaluate(script)
    assert seen and not over


def test_upload_click_compare_change_download(page, uploads: Path, tmp_path: Path) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], "opens too wide"
    _color(page, uploads / "beach.jpg")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], "scrolls sideways"
    assert mean_chroma(_served(page, "before")) < 1
    strong = mean_chroma(_served(page, "after"))
    assert strong > 3

    # What is seen: the right part of the slider is in color, the left is not.
    page.locator("#slider").scroll_into_view_if_needed()
    page.evaluate("Promise.all([...document.querySelectorAll('#slider img')].map(image => image.decode()))")
    seen = Image.open(io.BytesIO(page.locator("#slider").screenshot()))
    width, height = seen.size
    left = seen.crop((int(width * 0.36), height // 3, int(width * 0.44), height * 2 // 3))
    right = seen.crop((int(width * 0.56), height // 3, int(width * 0.64), height * 2 // 3))
    assert mean_chroma(right) > mean_chroma(left) + 3

    address = "[...document.querySelectorAll('#slider img')].map(i => i.src).join()"
    before = page.evaluate(address)
    number = page.locator("#strength input[type=number]")
    number.fill("0.3")
    number.press("Enter")
    page.wait_for_function(f"before => {address} !== before", arg=before)
    assert mean_chroma(_served(page, "after")) < strong / 2

    before = page.evaluate(address)
    page.locator("#warmth input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # by keyboard alone
    page.wait_for_function(f"before => {address} !== before", arg=before)
    sync_api.expect(page.locator("#warmth input[type=number]")).to_have_value("0.05")

    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "beach-colorized.jpg"
    download.value.save_as(tmp_path / "saved.jpg")
    saved = Image.open(tmp_path / "saved.jpg")
    assert saved.size == (200, 300) and saved.getexif()[0x010E].startswith("A beach")
    assert not page.elsewhere


def test_a_tiff_is_shown_and_colored(desktop, uploads: Path) -> None:
    _color(desktop, uploads / "scan.tif")
    desktop.wait_for_function("document.querySelector('#photo img')?.naturalWidth === 300")
    assert mean_chroma(_served(desktop, "after")) > 3
    with desktop.expect_download() as download:
        desktop.click("#save")
    assert download.value.suggested_filename == "scan-colorized.png"


def test_a_bad_file_is_answered_with_a_sentence(desktop, uploads: Path) -> None:
    for word, name in (("notes", "notes.jpg"), ("half", "half.jpg"), ("bold", "<b>bold<b>.jpg")):
        _upload(desktop, uploads / name)
        toast = desktop.wait_for_selector(f"[data-testid=toast-body]:has-text('{word}')")
        text = toast.inner_text()
        assert "not a picture" in text or "cut off" in text
        assert "Traceback" not in text and toast.query_selector("b") is None
        desktop.wait_for_selector("#photo input[type=file]", state="attached")  # ready for another one
        sync_api.expect(desktop.locator("#start")).to_be_disabled()


def test_an_example_is_colored_by_one_click(desktop) -> None:
    title = desktop.inner_text("#examples button:nth-child(2) .title")
    desktop.click("#examples button:nth-child(2)")
    _wait_for_result(desktop, title)
    assert mean_chroma(_served(desktop, "after")) > 3


def test_clearing_starts_over(desktop, uploads: Path) -> None:
    _color(desktop, uploads / "beach.jpg")
    desktop.click("#photo button[aria-label='Remove Image']")
    desktop.wait_for_selector("#save", state="detached")
    desktop.wait_for_selector("#slider img", state="detached")
    sync_api.expect(desktop.locator("#start")).to_be_disabled()
    _color(desktop, uploads / "deep.png")
    assert "deep.png" in desktop.inner_text("#note")


def test_a_batch_comes_back_as_a_zip(page, uploads: Path, tmp_path: Path) -> None:
    _tab(page, "Batch")
    names = ("beach.jpg", "deep.png", "half.jpg", "<b>bold<b>.jpg")
    _put(page, "#batch-files", [uploads / name for name in names])
    page.wait_for_function("document.querySelectorAll('#batch-files .file').length === 4")
    page.click("#batch-start")
    page.wait_for_selector("#batch-save")
    page.wait_for_selector("#batch-progress [role=status]:has-text('Finished: 2 of 4 colored; 2 could not be.')")
    assert "cut off" in page.inner_text("#batch-progress tr.failed >> nth=0")
    assert page.locator("#batch-progress td b").count() == 0, "a tag in a name is shown, not obeyed"
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], "scrolls sideways"
    with page.expect_download() as download:
        page.click("#batch-save")
    download.value.save_as(tmp_path / "batch.zip")
    with zipfile.ZipFile(tmp_path / "batch.zip") as archive:
        assert set(archive.namelist()) == {"beach.jpg", "deep.png", "failures.csv"}


def test_a_color_photograph_is_measured(page, uploads: Path) -> None:
    _tab(page, "Compare and measure")
    _measure(page, uploads / "colors.png")
    text = page.inner_text("#measure-figures tr[data-key=chroma_ratio]")
    assert "0.00" in text and "1.00" in text  # of grey, and of the truth
    more = page.locator("#measure-figures .more")
    if page.viewport_size["width"] < 701:  # folded away
        assert not more.locator("table").is_visible()
        more.locator("summary").click()
    assert "0.00" in more.locator("tr[data-key=sepia_index]").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], "scrolls sideways"


def test_measuring_shows_its_stages_and_forgets_with_the_picture(desktop, uploads: Path, tmp_path: Path) -> None:
    """On a drawn example and on a photograph of 1024 px, with everything loaded: in under four seconds."""
    _tab(desktop, "Compare and measure")
    desktop.evaluate(
        """() => { window.stages = []; new MutationObserver(() => {
            const text = document.querySelector('#measure-figures [role=status]')?.innerText;
            if (text && text !== stages.at(-1)) stages.push(text);
        }).observe(document.querySelector('#measured'), {childList: true, subtree: true, characterData: true}); }"""
    )
    desktop.click("#measure-example")
    desktop.wait_for_selector("#measure-figures table")
    assert any("Coloring" in stage for stage in desktop.evaluate("stages"))
    draw_in_color(1024, 683).save(tmp_path / "large.png")
    _put(desktop, "#truth", tmp_path / "large.png")
    desktop.wait_for_selector("#measure-figures table", state="detached")
    desktop.wait_for_selector("#truth img")
    started = time.process_time()
    desktop.click("#measure-start")
    desktop.wait_for_selector("#measure-figures table")
    assert time.process_time() - started < 4  # of computing, in this process: other processes may be busy
    desktop.click("#truth button[aria-label='Remove Image']")
    desktop.wait_for_selector("#measure-figures table", state="detached")


def test_what_cannot_be_measured_is_answered_with_a_sentence(desktop, uploads: Path) -> None:
    _tab(desktop, "Compare and measure")
    for name, reason in (("notes.jpg", "not a picture"), ("beach.jpg", "next to no color")):
        _put(desktop, "#truth", uploads / name)
        desktop.wait_for_selector("#truth img")
        desktop.click("#measure-start")
        toast = desktop.wait_for_selector(f"[data-testid=toast-body]:has-text('{name}')")
        assert reason in toast.inner_text()
        desktop.click("#truth button[aria-label='Remove Image']")
        desktop.wait_for_selector("#truth img", state="detached")


def test_failures_are_told_with_figures_and_pictures(page, uploads: Path) -> None:
    _tab(page, "When it fails")
    page.wait_for_selector("#published:has-text('another model')")  # the tests' tiny one was never published
    page.wait_for_function("document.querySelectorAll('#experiment img').length >= 4")
    page.wait_for_selector("#experiment-summary:has-text('was cut away')")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], "scrolls sideways"


def test_a_picture_without_sky_is_answered_with_a_sentence(desktop, uploads: Path) -> None:
    _tab(desktop, "When it fails")
    desktop.wait_for_function("document.querySelectorAll('#experiment img').length >= 4")
    desktop.click("#experiment-own >> text=Try it on your own photograph")
    _put(desktop, "#experiment-photo", uploads / "half.jpg")
    desktop.wait_for_selector("#experiment-photo img")
    desktop.click("#experiment-start")
    assert "cut off" in desktop.wait_for_selector("[data-testid=toast-body]").inner_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_tab_speaks_the_visitors_language_and_is_short_on_a_phone(
    browser, guided_url: str, uploads: Path, language: str
) -> None:
    texts = {key: each[language] for key, each in TEXTS.items()}
    region = {"en": "GB"}.get(language, language.upper())
    for page in _open(browser, guided_url, 390, locale=f"{language}-{region}"):
        read, tall = [], {}

        def look(name: str, page=page, read=read, tall=tall) -> None:
            tall[name] = page.evaluate("document.documentElement.scrollHeight")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{name} scrolls sideways"
            read.append(page.inner_text("body"))

        assert page.get_attribute("html", "lang") == language
        page.wait_for_selector(f"#choices button[data-variant='autumn']:has-text('{texts['look autumn']}')")
        size = {"en": "1,080", "de": "1.080", "fr": "1\u202f080", "es": "1.080"}[language]
        assert f"{size} × 720" in page.inner_text("#note")
        look("colorize")
        for name in ("tab_points", "tab_recipe", "tab_mood", "tab_unsure"):
            _tab(page, texts[name])
            if name == "tab_points":
                page.locator("#slider .ba-stage").click()
                page.click("#swatches button >> nth=0")
                page.wait_for_selector("#points li")
            look(name)
        _upload(page, uploads / "half.jpg")
        toast = page.wait_for_selector("[data-testid=toast-body]")
        phrase = PHRASES["the file is cut off in the middle of the picture{much}"]
        words = phrase[language].split("{")[0] if language != "en" else "cut off"
        assert words in toast.inner_text()
        _tab(page, texts["tab_batch"])
        page.click("#batch-start")
        page.wait_for_selector(f"[data-testid=toast-body]:has-text('{texts['batch_first']}')")
        sync_api.expect(page.locator("#batch-start")).to_be_enabled()
        look("tab_batch")
        _tab(page, texts["tab_measure"])
        _measure(page, uploads / "colors.png")
        assert texts["ciede2000 title"] in page.inner_text("#measure-figures table >> nth=0")
        look("tab_measure")
        _tab(page, texts["tab_failures"])
        page.wait_for_selector("#experiment-summary [role=status]")
        page.wait_for_function("document.querySelectorAll('#experiment img').length >= 4")
        page.wait_for_selector(f"#published:has-text('{texts['how_often']}')")
        look("tab_failures")
        assert not {name: height for name, height in tall.items() if height >= 2000}
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        read.append(page.inner_text("#published"))
        seen = {line.strip() for text in read for line in text.splitlines()}
        english = {each["en"] for each in TEXTS.values() if each["en"] not in each[language]}
        assert not seen & english


def test_every_tab_is_reached_by_keyboard(desktop) -> None:
    assert desktop.locator("#tabs > .tab-wrapper [role=tab]").count() == 4
    for name in ("Batch", "Compare and measure", "When it fails", "Colorize"):
        desktop.get_by_role("tab", name=name).focus()
        desktop.keyboard.press("Enter")
        desktop.wait_for_selector(f"[role=tab][aria-selected=true]:has-text('{name}')")


def test_everything_to_operate_has_a_name(desktop, uploads: Path) -> None:
    """For screen readers: in each tab, buttons, links and inputs that are seen say what they are."""
    _color(desktop, uploads / "beach.jpg")
    for name in ("Colorize", "Batch", "Compare and measure", "When it fails"):
        _tab(desktop, name)
        if name == "When it fails":
            desktop.click("#experiment-drawn")
            desktop.wait_for_function("document.querySelectorAll('#experiment img').length >= 4")
        if name == "Compare and measure":
            _measure(desktop, uploads / "colors.png")
        desktop.wait_for_timeout(300)
        nameless = _nameless(desktop)
        assert not nameless, name
