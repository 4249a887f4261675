"""What somebody's chat shows of a link to the page, read as its server reads it: no scripts, the HTML alone."""

from __future__ import annotations

import io
import urllib.request
from html.parser import HTMLParser

from PIL import Image

from space.preview import SIZE


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        if tag == "meta" and "content" in found:
            self.tags.append((found.get("property") or found.get("name") or "", found["content"]))


def _get(url: str, **headers: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return answer.read(), answer.headers["content-type"]


def test_a_shared_link_has_a_title_a_sentence_and_a_picture(page_url: str) -> None:
    content, _ = _get(page_url)
    text = content.decode()
    assert "<title>Landscape Colorizer</title>" in text and "window.gradio_config" in text
    head = _Head()
    head.feed(text)
    tags = dict(head.tags)
    assert len(head.tags) == len(tags), "one of each"
    assert tags["og:title"] == tags["twitter:title"] == "Landscape Colorizer"
    assert "believable color" in tags["og:description"] and tags["description"] == tags["og:description"]
    assert tags["twitter:card"] == "summary_large_image"
    assert not any("gradio" in value.lower() for key, value in head.tags if key.startswith(("og", "twitter")))
    picture, kind = _get(tags["og:image"])
    assert kind == "image/jpeg" and tags["twitter:image"] == tags["og:image"]
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == SIZE == (int(tags["og:image:width"]), int(tags["og:image:height"]))


def test_its_addresses_are_those_of_the_proxy_in_front(page_url: str) -> None:
    content, _ = _get(page_url, **{"x-forwarded-host": "page.example.org", "x-forwarded-proto": "https"})
    head = _Head()
    head.feed(content.decode())
    assert dict(head.tags)["og:image"] == "https://page.example.org/preview.jpg"
