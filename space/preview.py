"""What a link to the page shows where it is shared: a title, a sentence and a picture.

They have to stand in the HTML that the server sends, since whoever makes such previews runs no scripts. Gradio writes
its own name and picture there.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gradio.route_utils import get_root_url
from starlette.requests import Request
from starlette.responses import FileResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TITLE = "Landscape Colorizer"
DESCRIPTION = (
    "Black-and-white landscape photographs in believable color: same size, same detail, other colors to choose from. "
    "Free, open source, nothing to install."
)
PICTURE = Path(__file__).with_name("preview.jpg")
SIZE = (1200, 630)  # px, as those who show previews want it
_ADDRESS = "/preview.jpg"
_ALT = "A drawn landscape, its left half in grey and its right half in color"
_THEIRS = re.compile(rb"""<meta\s+(?:property|name)=["'](?:og|twitter):[^>]*>\s*|<title>.*?</title>\s*""", re.DOTALL)


class SharedPreview:
    """Middleware around the page: its tags in the head of ``/``, and its picture."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ("/", _ADDRESS):
            await self.app(scope, receive, send)
        elif scope["path"] == _ADDRESS:
            await FileResponse(PICTURE, headers={"cache-control": "max-age=86400"})(scope, receive, send)
        else:
            await self.app(scope, receive, _Rewriter(make_tags(Request(scope)), send))


class _Rewriter:
    """Passes a response on, with the tags in its head if it is HTML."""

    def __init__(self, tags: str, send: Send) -> None:
        self._tags, self._send = tags.encode(), send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if b"text/html" not in dict(message["headers"]).get(b"content-type", b""):
                await self._send(message)
                return
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        head, found, rest = self._body.partition(b"</head>")
        if found:
            self._body = _THEIRS.sub(b"", head) + self._tags + found + rest
            length = str(len(self._body)).encode()
            start["headers"] = [(k, length if k == b"content-length" else v) for k, v in start["headers"]]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": self._body})


def make_tags(request: Request) -> str:
    """The tags, as HTML; addresses are whole, as the visitor's browser asked for them, proxies or not."""
    root = get_root_url(request, "/", request.scope.get("root_path"))
    picture = root + _ADDRESS
    width, height = map(str, SIZE)
    by_property = {"title": TITLE, "description": DESCRIPTION, "type": "website", "url": root, "site_name": TITLE}
    by_property |= {"image": picture, "image:width": width, "image:height": height, "image:alt": _ALT}
    by_name = {"title": TITLE, "description": DESCRIPTION, "card": "summary_large_image", "image": picture}
    lines = [f"<title>{TITLE}</title>", f'<meta name="description" content="{html.escape(DESCRIPTION)}">']
    lines += [f'<meta property="og:{key}" content="{html.escape(text)}">' for key, text in by_property.items()]
    lines += [f'<meta name="twitter:{key}" content="{html.escape(text)}">' for key, text in by_name.items()]
    return "\n".join(lines)
