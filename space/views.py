"""The pictures of a photograph that are only looked at: small JPEG files, written here so that nobody encodes again."""

from __future__ import annotations

import io
import math
import secrets
from pathlib import Path

import numpy as np
from PIL import Image

from colorization.files import replace_file
from colorization.model.color import lightness
from colorization.model.images import Photo

LONGEST_SIDE = 1024  # px
QUALITY = 90
MAX_GREY_BYTES = 170_000
"""Of the grey picture; the colored one beside it takes up to a third more, and both together at most 400 kB."""
_SHORTEST_SIDE = 480  # px, of the longest side: below it a photograph cannot be judged, whatever it weighs
_TRIES = 3


def make_view(photo: Photo) -> tuple[Image.Image, bytes]:
    """The photograph in grey as it is shown: reduced, transparent places on white, and light enough for a phone.

    Grey is of the photograph's own L*, which the colored picture keeps; so this is its left side for a photograph that
    came in color, too.

    Returns:
        Mode L, as it is after JPEG, so that it is the same when it is read again; and the file's content.
    """
    grey = to_grey(flat(photo, LONGEST_SIDE))
    for _ in range(_TRIES):
        content = encode(grey)
        side = max(grey.size)
        if len(content) <= MAX_GREY_BYTES or side <= _SHORTEST_SIDE:
            break
        # A little below the square law: a smaller picture has more detail in a pixel.
        side = max(_SHORTEST_SIDE, int(side * 0.93 * math.sqrt(MAX_GREY_BYTES / len(content))))
        grey.thumbnail((side, side), Image.Resampling.LANCZOS)
    return Image.open(io.BytesIO(content)), content


def flat(photo: Photo, longest_side: int) -> Image.Image:
    """The photograph reduced to that, px, with transparent places on white: mode RGB."""
    picture = Image.fromarray(photo.rgb)
    if photo.alpha is not None:
        on_white = Image.new("RGB", picture.size, "white")
        on_white.paste(picture, mask=Image.fromarray(photo.alpha))
        picture = on_white
    picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture


def to_grey(picture: Image.Image) -> Image.Image:
    """Mode L, with the L* of an RGB picture: neutral colors have it as their grey value already."""
    import torch

    from colorization.model.color import join

    rgb = np.array(picture)
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return Image.fromarray(np.ascontiguousarray(rgb[..., 0]))
    light = lightness(torch.from_numpy(rgb))
    return Image.fromarray(join(light, torch.zeros(2, *light.shape)).numpy()[..., 0].copy())


def encode(picture: Image.Image, quality: int = QUALITY) -> bytes:
    """A picture as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def write_fresh(folder: Path, stem: str, content: bytes, suffix: str = ".jpg") -> Path:
    """Write a file under a new name each time: browsers keep pictures by name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{secrets.token_hex(4)}{suffix}"
    with replace_file(path) as fresh:
        fresh.write_bytes(content)
    return path


def address_of(path: Path) -> str:
    """Where the page finds a file that was written below Gradio's folder, relative to the page's own address."""
    return f"gradio_api/file={path}"
