"""Colors as a file means them to sRGB: embedded ICC profiles, Lab, palettes, CMYK."""

from __future__ import annotations

import functools
import io
import logging

import numpy as np
from PIL import Image, ImageCms

logger = logging.getLogger(__name__)

_SAME_COLOR = 2  # largest difference of 255 between profiles that both mean sRGB


def to_srgb(picture: Image.Image, icc: bytes | None, name: str) -> Image.Image:
    """To mode RGB, or L for plain grey, through the embedded ICC profile where it says something else than sRGB."""
    if picture.mode in ("P", "PA", "RGBX"):
        picture = picture.convert("RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    if picture.mode == "LAB" and not (icc and icc[16:20] == b"Lab "):
        icc = _lab_profile()  # a profile of anything else says nothing about Lab
    if icc and picture.mode in ("RGB", "L", "CMYK", "LAB"):
        try:
            if transform := _transform_to_srgb(icc, picture.mode):
                return ImageCms.applyTransform(picture, transform) or picture
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            logger.warning("%s: the color profile cannot be used and is ignored (%s).", name, error)
    return picture if picture.mode in ("RGB", "L") else picture.convert("RGB")


@functools.lru_cache(maxsize=64)  # more than the profiles of a usual collection
def _transform_to_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB, None where it is sRGB already; to build one costs as much as a small photograph.

    What a profile is called says nothing: what it makes of colors does. Profiles of sRGB differ by their rounding.
    """
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "RGB":
        chart = _color_chart()
        after = ImageCms.applyTransform(chart, transform)
        if after and np.abs(np.asarray(after, np.int16) - np.asarray(chart)).max() <= _SAME_COLOR:
            return None
    return transform


@functools.cache
def _lab_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@functools.cache
def _color_chart() -> Image.Image:
    """Every color whose channels are multiples of 15, as a picture."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), -1).reshape(len(levels), -1, 3))
