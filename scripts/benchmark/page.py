"""What a visitor's browser waits for and receives: opening the page, a result, and a step of a slider.

Part ``page`` of the benchmark: Chromium with an empty cache against the page in a process of its own on this machine,
on a line without limits and on one of 1.6 Mbit/s with 150 ms to the server. The server has answered once before.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .load import Server
from .timing import draw_photograph

LINES: dict[str, tuple[float, float]] = {"no limit": (-1, 0), "1.6 Mbit/s, 150 ms": (1.6e6 / 8, 150)}
"""Bytes a second in either direction, and milliseconds of latency, as Chromium's protocol has them."""
QUIET = 2.0
"""Seconds without a byte: nothing more comes."""
_VIEW = {"width": 1440, "height": 900}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PATIENCE = 180_000  # ms
_SHOWN = """name => {
  const after = document.querySelector('#slider img.ba-after');
  const said = document.querySelector('#note strong')?.innerText;
  return !!after?.complete && !!after.naturalWidth && after.src !== window.seen && (name === null || said === name)
    && !!document.querySelector('#save')?.checkVisibility();
}"""
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


class Visit:
    """A visitor with an empty cache: seconds and bytes of what they do."""

    def __init__(self, browser: Any, line: tuple[float, float]) -> None:
        self.context = browser.new_context(viewport=_VIEW, locale="en-GB")
        self.page = self.context.new_page()
        self.page.set_default_timeout(_PATIENCE)
        self.bytes, self._last = 0.0, time.monotonic()
        protocol = self.context.new_cdp_session(self.page)
        protocol.on("Network.loadingFinished", self._count)
        protocol.send("Network.enable")
        speed, latency = line
        conditions = {"offline": False, "latency": latency, "downloadThroughput": speed, "uploadThroughput": speed}
        protocol.send("Network.emulateNetworkConditions", conditions)

    def _count(self, event: dict) -> None:
        self.bytes, self._last = self.bytes + max(0, event["encodedDataLength"]), time.monotonic()

    def timed(self, act: Callable[[], object], name: str | None = None) -> tuple[float, float]:
        """Seconds from ``act`` until another picture is shown, and bytes until nothing more comes.

        With ``name`` the picture is the result of the photograph of that name.
        """
        self.page.evaluate("window.seen = document.querySelector('#slider img.ba-after')?.src")
        before, started = self.bytes, time.monotonic()
        act()
        self.page.wait_for_function(_SHOWN, arg=name)
        seconds = time.monotonic() - started
        self._last = time.monotonic()
        while time.monotonic() - self._last < QUIET:
            self.page.wait_for_timeout(100)
        return seconds, self.bytes - before

    def do_all(self, url: str, photo: Path) -> dict[str, tuple[float, float]]:
        """(seconds, bytes) of each row of the table."""
        opened = self.timed(lambda: self.page.goto(url, wait_until="commit"))
        found = {"first paint": (self.page.evaluate(_FIRST_PAINT), 0.0), "page with an example in color": opened}
        with self.page.expect_response(lambda answer: "/upload?" in answer.url):
            self.page.set_input_files("#photo input[type=file]", photo)
        self.page.wait_for_function("!document.querySelector('#start').disabled")
        self.page.wait_for_timeout(1000 * QUIET)
        found["result, with its tiles"] = self.timed(lambda: self.page.click("#start"), photo.name)

        def set_strength() -> None:
            self.page.fill("#strength input[type=number]", "0.6")
            self.page.press("#strength input[type=number]", "Enter")

        found["step of a slider"] = self.timed(set_strength)
        self.context.close()
        return found


def benchmark_page(model: str | None = None, rounds: int = 3, say: Callable[[str], None] = print) -> dict:
    """Visit the page on each line, in turns, and print a table.

    Args:
        model: another model than the embedded one.
        rounds: visits on each line, of which the median counts.
        say: where the table goes.

    Returns:
        Line -> row -> (seconds, bytes).
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("Part page needs Playwright: pip install '.[dev]'") from None
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("Part page needs Chromium; set CHROMIUM to its path.")
    with tempfile.TemporaryDirectory(prefix="landscape-page-") as name, sync_playwright() as playwright:
        photo = Path(name) / "photograph.jpg"
        draw_photograph(1600, 1067, "L").save(photo, quality=90)
        server = Server(model, Path(name), deletion=(600, 7200), examples=8)
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        try:
            server.wait()
            Visit(browser, LINES["no limit"]).do_all(server.url, photo)
            visits: dict[str, list] = {line: [] for line in LINES}
            for _ in range(rounds):
                for line, limits in LINES.items():
                    visits[line].append(Visit(browser, limits).do_all(server.url, photo))
        finally:
            browser.close()
            server.stop()
    found = {
        line: {
            row: tuple(statistics.median(visit[row][side] for visit in those) for side in (0, 1)) for row in those[0]
        }
        for line, those in visits.items()
    }
    say(f"\n| | received | {' | '.join(LINES)} |\n|---|---|{'---|' * len(LINES)}")
    for row in next(iter(found.values())):
        received = max(found[line][row][1] for line in LINES)
        seconds = " | ".join(f"{found[line][row][0]:.1f} s" for line in LINES)
        say(f"| {row} | {f'{received / 1e3:,.0f} kB' if received else '–'} | {seconds} |")
    return found
