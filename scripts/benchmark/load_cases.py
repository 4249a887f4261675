"""What the clients of ``load.py`` ask of the page: good, oversized, broken and hostile requests, drawn by the code."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """One kind of request.

    Attributes:
        name: what the report calls it.
        file: name and content to upload; None for a request without an upload.
        endpoint: of the API, or an address to fetch for ``expected`` "refused".
        arguments: what the endpoint gets; "FILE" stands for the upload.
        expected: "picture" (of ``size``), "zip", "sentence" or "refused" (HTTP status 400 to 499).
        size: (width, height) of the picture.
        weight: how often it is asked, relative to the others.
    """

    name: str
    file: tuple[str, bytes] | None
    endpoint: str
    arguments: tuple = ()
    expected: str = "sentence"
    size: tuple[int, int] | None = None
    weight: int = 1


def _picture(width: int, height: int, file_format: str, **options) -> bytes:
    x = np.linspace(0, 6, width)[None, :]
    y = np.linspace(0, 4, height)[:, None]
    noise = np.random.default_rng(0).normal(0, 6, (height, width))
    grey = (128 + 60 * np.sin(x + y) * np.cos(y) + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, file_format, **options)
    return file.getvalue()


def _colors() -> bytes:
    y, x = np.mgrid[0:480, 0:640] / 640
    file = io.BytesIO()
    rgb = np.stack((90 + 120 * x, 120 + 60 * y, 220 - 190 * y), axis=2).astype(np.uint8)
    Image.fromarray(rgb).save(file, "JPEG")
    return file.getvalue()


def _bomb_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """A small file that says it is 3,600 megapixels, and begins like it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**7)))


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def make_cases() -> list[Case]:
    """The mix: about half of it good."""
    jpeg = _picture(1200, 800, "JPEG", quality=92)
    small = _picture(320, 240, "JPEG")
    colorize, batch = ("FILE", 1.0, "JPEG", 0.0), (("FILE",), 1.0, 0.0, "Automatic", None)
    script = (
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script><image href='file:///etc/passwd'/></svg>"
    )
    html = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
    many = _zip({f"{number}.jpg": small for number in range(150)})
    tricks = _zip({"../../../../tmp/escaped.jpg": small, "/etc/escaped.jpg": small, "good.jpg": small})
    return [
        Case("1 MP JPEG", ("beach.jpg", jpeg), "colorize", colorize, "picture", (1200, 800), weight=6),
        Case("small PNG", ("dunes.png", _picture(400, 300, "PNG")), "colorize", colorize, "picture", (400, 300), 4),
        Case("JPEG called PNG", ("beach.png", small), "colorize", colorize, "picture", (320, 240), 2),
        Case("12 MP JPEG", ("large.jpg", _picture(4000, 3000, "JPEG")), "colorize", colorize, "picture", (4000, 3000)),
        Case("zip of 5", ("a.zip", _zip({f"{n}.jpg": small for n in range(5)})), "colorize_batch", batch, "zip"),
        Case("zip with path tricks", ("tricks.zip", tricks), "colorize_batch", batch, "zip"),
        Case("measure", ("colors.jpg", _colors()), "measure", ("FILE", "No color at all (grey)"), "json"),
        Case("cut off", ("half.jpg", jpeg[: len(jpeg) // 2]), "colorize", colorize),
        Case("empty", ("empty.jpg", b""), "colorize", colorize),
        Case("noise", ("noise.jpg", random.Random(0).randbytes(100_000)), "colorize", colorize),
        Case("PNG of 3,600 megapixels", ("bomb.png", _bomb_png()), "colorize", colorize),
        Case("SVG with script", ("drawing.svg", script), "colorize", colorize),
        Case("SVG called JPEG", ("drawing.jpg", script), "colorize", colorize),
        Case("HTML called JPEG", ("page.jpg", html), "colorize", colorize),
        Case("zip bomb", ("bomb.zip", _zip({"bomb.png": bytes(50_000_000)})), "colorize_batch", batch, "zip"),
        Case("zip of 150", ("many.zip", many), "colorize_batch", batch),
        Case("strength out of range", ("beach.jpg", small), "colorize", ("FILE", 99.0, "JPEG", 0.0)),
        Case("nonsense for arguments", ("beach.jpg", small), "colorize", ("FILE", "x", ["y"], None)),
        Case("a file of the server", None, "colorize", ({"path": "/etc/passwd"}, 1.0, "JPEG", 0.0)),
        Case("the same, marked", None, "colorize", (marked("/etc/passwd"), 1.0, "JPEG", 0.0)),
        Case("the same in a batch", None, "colorize_batch", (({"path": "/etc/passwd"},), 1.0, 0.0, "JPEG", None)),
        Case("fetch /etc/passwd", None, "/gradio_api/file=/etc/passwd", expected="refused"),
        Case("fetch the code", None, "/gradio_api/file=" + str(ROOT / "app.py"), expected="refused"),
        Case("fetch with dots", None, "/gradio_api/file=../../../../etc/passwd", expected="refused"),
        Case("name with path", ("../../../../tmp/escaped.jpg", small), "colorize", colorize, "picture", (320, 240)),
        Case("over 100 MB", ("huge.jpg", b""), "", expected="refused"),
    ]


def marked(path: str) -> dict:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}
