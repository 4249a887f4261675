"""Whether everybody can use the page: axe-core's rules for WCAG 2.2 AA, in every tab, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_browser import _measure, _open, _tab, browser, pytestmark  # noqa: F401  (fixture and skips)

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed: pip install .[dev]")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def _violations(page) -> list[str]:
    """What axe-core finds in what is seen now, serious or critical, with the element and the reason."""
    # What fades in has less contrast until it is there.
    page.evaluate(
        "Promise.all(document.getAnimations().filter(a => a.effect.getTiming().iterations < 9).map(a => a.finished))"
    )
    found = page.evaluate(
        """async rules => (await axe.run(document, {runOnly: rules, resultTypes: ['violations']})).violations
          .filter(each => ['serious', 'critical'].includes(each.impact))
          .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 150)} ${node.failureSummary}`))""",
        _RULES,
    )
    return found


def test_nothing_is_hard_to_see_or_to_reach(browser, guided_url: str, uploads: Path) -> None:  # noqa: F811
    for page in _open(browser, guided_url, 1280, color_scheme="light"):
        page.evaluate(axe.AXE_SCRIPT)
        page.wait_for_selector("#choices button")
        found = {}

        def look(name: str, page=page, found=found) -> None:
            for theme, count in (("light", 0), ("dark", 1)):
                page.emulate_media(color_scheme=theme)
                page.wait_for_function("count => document.querySelectorAll('body.dark').length === count", arg=count)
                found[f"{name}, {theme}"] = _violations(page)

        for name in ("Strength and warmth", "My colors", "Recipe", "From a photo", "Where it is unsure"):
            _tab(page, name)
            if name == "My colors":
                page.locator("#slider .ba-stage").click()
                page.wait_for_selector("#swatches button")
                page.click("#swatches button >> nth=0")
                page.wait_for_selector("#points li")
            look(name)
        _tab(page, "Batch")
        look("Batch")
        _tab(page, "Compare and measure")
        _measure(page, uploads / "colors.png")
        look("Compare and measure")
        _tab(page, "When it fails")
        page.wait_for_function("document.querySelectorAll('#experiment img').length >= 4")
        look("When it fails")
        assert len(found) == 16 and not any(found.values()), "\n".join(
            f"{name}: {each}" for name in found for each in found[name]
        )
