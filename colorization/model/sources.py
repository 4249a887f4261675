"""Whatever a program calls a picture, as a ``Photo``: files, addresses, bytes, Pillow pictures, arrays, tensors."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypedDict, Unpack
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import httpx
from PIL import Image

from .arrays import is_array, to_pillow
from .images import MAX_MEGAPIXELS, Photo, UnreadableImageError, read_photo

TIMEOUT = 30.0
"""Seconds after which an address that does not answer is given up."""
TAKEN = (
    "a path, an http(s) or data: address, bytes, an open binary file, a Pillow picture, a NumPy array, a PyTorch "
    "tensor, or a Photo"
)


class _Options(TypedDict):
    max_megapixels: float
    page: int


def open_photo(
    source: Any, *, max_megapixels: float = MAX_MEGAPIXELS, page: int = 0, timeout: float | None = TIMEOUT
) -> Photo:
    """Read a picture of any kind.

    Args:
        source: a path, an address (``http:``, ``https:``, ``data:``), the bytes of a file, an open binary file, a
            Pillow picture of any mode, an array or tensor as ``arrays.to_pillow`` takes it, or a ``Photo``.
        max_megapixels: more pixels than this are refused.
        page: of a file with several pages or frames, counted from 0.
        timeout: seconds to wait for an address, None for ever.

    Raises:
        TypeError: if it is something else.
        UnreadableImageError: if no picture comes of it, with the reason.
    """
    if isinstance(source, Photo):
        return source
    options = _Options(max_megapixels=max_megapixels, page=page)
    if isinstance(source, str):
        if source.startswith(("http://", "https://")):
            return _download(source, timeout, **options)
        if source.startswith("data:"):
            return read_photo(_decode_address(source), name="data address", **options)
        return read_photo(source, **options)
    if isinstance(source, os.PathLike):
        return read_photo(Path(source), **options)
    if is_array(source):
        try:
            picture = to_pillow(source)
        except ValueError as error:
            raise UnreadableImageError(str(error)) from None
        return read_photo(picture, **options)
    if isinstance(source, memoryview):
        source = source.tobytes()
    if isinstance(source, bytes | bytearray):
        return read_photo(bytes(source), **options)
    if isinstance(source, Image.Image):
        return _read_pillow(source, **options)
    if hasattr(source, "read"):
        return _read_file(source, **options)
    raise TypeError(f"A picture is {TAKEN}, not {type(source).__name__}.")


def _read_pillow(picture: Image.Image, **options: Unpack[_Options]) -> Photo:
    try:
        return read_photo(picture, **options)
    except UnreadableImageError:
        raise
    except (OSError, SyntaxError, ValueError) as error:  # a file that Pillow opened and has not decoded yet
        name = Path(str(getattr(picture, "filename", "") or "picture")).name
        raise UnreadableImageError(f"{name}: the picture cannot be decoded ({error}).") from None


def _read_file(file: BinaryIO, **options: Unpack[_Options]) -> Photo:
    name = Path(str(getattr(file, "name", "picture"))).name
    content = file.read()
    if not isinstance(content, bytes | bytearray):
        raise TypeError(f"{name}: this file is open as text; open it in mode 'rb'.")
    return read_photo(bytes(content), name=name, **options)


def _download(address: str, timeout: float | None, **options: Unpack[_Options]) -> Photo:
    # Not transformers' load_image: it would lose alpha, profile, depth and EXIF, and take a page that says "not found"
    # for a damaged picture.
    name = unquote(PurePosixPath(urlsplit(address).path).name) or urlsplit(address).netloc
    try:
        answer = httpx.get(address, timeout=timeout, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        code = error.response
        raise UnreadableImageError(f"{address}: the server answers {code.status_code} {code.reason_phrase}.") from None
    except httpx.TimeoutException:
        raise UnreadableImageError(f"{address}: no answer within {timeout:g} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreadableImageError(f"{address}: it cannot be fetched ({error or type(error).__name__}).") from None
    return read_photo(answer.content, name=name, **options)


def _decode_address(address: str) -> bytes:
    """The bytes in a ``data:`` address (RFC 2397)."""
    head, comma, body = address.partition(",")
    if not comma:
        raise UnreadableImageError("The data: address has no comma, so no data.")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode("".join(unquote(body).split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImageError("The data: address is not valid base64.") from None
