"""What Pillow does not know of PNG: long texts and profiles, a transparent color of 16 bits, levels not of sRGB."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from .srgb import encode

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_TEXT = 200_000  # bytes of a text, unpacked; Pillow refuses the whole picture above 1,048,576
_MAX_PROFILE = 32_000_000
_GAMMAS = (0.1, 4.0)  # beyond, it is a mistake
_ALMOST_SRGB = 0.05  # how far gamma may be from that of sRGB, 1 / 2.2, as libpng has it
_TRANSFERS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0}  # gammas of transfer functions by their numbers in H.273


@dataclass(frozen=True)
class Png:
    """A PNG as Pillow can read it.

    Attributes:
        file: without the texts that are too long, and without the other fields.
        icc: a color profile too large for Pillow, or None.
        key: grey level or (red, green, blue) that is transparent and that Pillow would look for in vain, as it has
            other depths than 8 bits in the file; None otherwise. In 16 bits, or in 8 of a picture that has less.
        gamma: its levels are light to the power of this (1 of a scan that is linear in light), or None where they are
            those of sRGB or of a profile.
        deep: whether it is RGB of 16 bits, of which Pillow reads the upper 8.
    """

    file: BinaryIO
    icc: bytes | None = None
    key: tuple[int, ...] | None = None
    gamma: float | None = None
    deep: bool = False


def open_png(file: BinaryIO) -> Png:
    """Take out of a PNG what Pillow cannot take; the file itself where there is nothing of the kind."""
    kept, changed, icc, key = [_SIGNATURE], False, None, None
    light: dict[bytes, bytes] = {}
    depth, kind = 0, 0
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name in (b"IDAT", b"IEND"):
            break
        body = file.read(length + 4)
        if len(body) < length + 4:
            break
        if name == b"IHDR" and length == 13:
            depth, kind = body[8], body[9]
        if name in (b"gAMA", b"sRGB", b"iCCP", b"cICP"):
            light[name] = body[:length]
        drop = False
        if name in (b"tEXt", b"zTXt", b"iTXt"):
            drop = _unpacked(body[:length], name) is None
        elif name == b"iCCP" and _inflate(body[:length].partition(b"\0")[2][1:], 1_000_000) is None:
            drop, icc = True, _inflate(body[:length].partition(b"\0")[2][1:], _MAX_PROFILE)
        elif name == b"tRNS" and (depth, kind, length) in ((2, 0, 2), (4, 0, 2), (16, 0, 2), (16, 2, 6)):
            drop, key = True, struct.unpack(f">{length // 2}H", body[:length])
            if depth < 8:
                key = (key[0] % 2**depth * 255 // (2**depth - 1),)
        changed |= drop
        if not drop:
            kept.append(head + body)
    else:
        head = b""
    trailing = _trailing_texts(file, head)
    if not changed and not trailing:
        file.seek(0)
        return Png(file, gamma=_gamma(light), deep=(depth, kind) == (16, 2))
    file.seek(-len(head), io.SEEK_CUR)
    start = file.tell()
    rest = file.read()
    for first, last in reversed(trailing):
        rest = rest[: first - start] + rest[last - start :]
    return Png(io.BytesIO(b"".join([*kept, rest])), icc, key, _gamma(light), (depth, kind) == (16, 2))


def _gamma(light: dict[bytes, bytes]) -> float | None:
    """See :class:`Png`; of chunks that contradict each other the first of cICP, iCCP, sRGB and gAMA counts."""
    if len(code := light.get(b"cICP", b"")) == 4:
        return _TRANSFERS.get(code[1])
    if b"iCCP" in light or b"sRGB" in light or len(value := light.get(b"gAMA", b"")) != 4:
        return None
    gamma = int.from_bytes(value) / 100_000
    return gamma if _GAMMAS[0] <= gamma <= _GAMMAS[1] and abs(gamma * 2.2 - 1) > _ALMOST_SRGB else None


def to_srgb_levels(picture: Image.Image, png: Png) -> Image.Image:
    """Turn levels that are light to the power of ``png.gamma`` into those of sRGB: mode L, LA, RGB or RGBA."""
    deep = png.deep or picture.mode.startswith("I")
    table = encode(np.linspace(0, 1, 65_536 if deep else 256) ** (1 / (png.gamma or 1.0)))
    if deep:
        levels = np.asarray(picture).astype(np.uint16)
        if png.deep:
            levels = np.asarray(picture.convert("RGB")).astype(np.uint16) << 8 | _lower_bytes(png.file)
        return Image.fromarray(table[levels])
    if picture.mode not in ("L", "LA", "RGB", "RGBA") or "transparency" in picture.info:
        plain = "RGBA" if picture.has_transparency_data else "L" if picture.mode == "1" else "RGB"
        picture = picture.convert(plain)
    channels = [
        channel if name == "A" else channel.point(table.tolist())
        for name, channel in zip(picture.getbands(), picture.split(), strict=True)
    ]
    return Image.merge(picture.mode, channels)


def _trailing_texts(file: BinaryIO, head: bytes) -> list[tuple[int, int]]:
    """Places of texts behind the pixels that are too long; the file is left where it was."""
    here, found = file.tell(), []
    while len(head) == 8:
        length, name = struct.unpack(">I4s", head)
        place = file.tell()
        if name in (b"tEXt", b"zTXt", b"iTXt") and _unpacked(file.read(length), name) is None:
            found.append((place - 8, place + length + 4))
        file.seek(place + length + 4)
        head = file.read(8) if name != b"IEND" else b""
    file.seek(here)
    return found


def _unpacked(body: bytes, name: bytes) -> bytes | None:
    """The text of a chunk, or None where it is too long or damaged."""
    keyword, _, text = body.partition(b"\0")
    if name == b"zTXt" or (name == b"iTXt" and text[:1] == b"\1"):
        packed = text[1:] if name == b"zTXt" else text[2:].split(b"\0", 2)[-1]
        unpacked = _inflate(packed, _MAX_TEXT)
        if unpacked is None:
            return None
        text = unpacked
    return text if len(text) + len(keyword) <= _MAX_TEXT else None


def _inflate(packed: bytes, most: int) -> bytes | None:
    try:
        engine = zlib.decompressobj()
        text = engine.decompress(packed, most + 1)
    except zlib.error:
        return b"" if most > _MAX_TEXT else None  # Pillow has its own word for a damaged profile
    return text if len(text) <= most else None


def mask_of_key(picture: Image.Image, file: BinaryIO, key: tuple[int, ...]) -> Image.Image:
    """Alpha of a picture in which one color is transparent, see :class:`Png`: mode L, 0 there and 255 elsewhere.

    Args:
        picture: as Pillow has read it: mode L or I;16, or RGB of the upper 8 bits.
        file: the same file, for the lower 8 bits of RGB.
        key: that color.
    """
    if len(key) == 1:
        hidden = np.asarray(picture) == key[0]
    else:
        high = np.asarray(picture.convert("RGB")) == np.array([value >> 8 for value in key], np.uint8)
        low = _lower_bytes(file) == np.array([value & 255 for value in key], np.uint8)
        hidden = (high & low).all(axis=2)
    return Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8))


def _lower_bytes(file: BinaryIO) -> np.ndarray:
    file.seek(0)
    with Image.open(file, formats=("PNG",)) as picture:
        # The decoder takes the upper byte of what it believes to be little-endian.
        picture.tile = [tile._replace(args="RGB;16L") for tile in picture.tile]
        picture.load()
        return np.asarray(picture)
