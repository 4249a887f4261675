"""Files that end too early (interrupted copies, old cameras): a whole file of what is left, if that is nearly all."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from .tiff import look, open_tiff, page_of

_LEAST = 0.9  # share of the picture that must be there
_EOI, _SOS = b"\xff\xd9", b"\xff\xda"
_NOISE = bytes((number * 73 + 41) % 251 for number in range(4096))  # entropy-coded data of any JPEG, without a marker
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG, by its kind of color
_SEVERAL = 64  # zeros at the end of a file are no accident
_REPEATS = b"\2"  # filter of a row of a PNG; with zeros behind it the row is that above


class CutOffError(ValueError):
    """Too much of a file is missing; the message is the end of a sentence that says how much."""


@dataclass(frozen=True)
class Mended:
    """A file that can be read, with plain rows for what is missing.

    Attributes:
        file: the whole file.
        share: of the picture that is there.
        note: the end of a sentence that says so.
    """

    file: BinaryIO
    share: float
    note: str


def ends_in_zeros(file: BinaryIO) -> bool:
    """Whether this is a JPEG, PNG or WebP filled up with zeros: Pillow may read them as the rest of its picture."""
    file.seek(0)
    start = file.read(4)
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - _SEVERAL))
    end = file.read()
    file.seek(0)
    return (start in (b"\x89PNG", b"RIFF") or start.startswith(b"\xff\xd8")) and not any(end)


def mend(file: BinaryIO, page: int = 0) -> Mended | None:
    """Make a whole JPEG, PNG, TIFF or WebP of one that ends too early; None of one that does not.

    Raises:
        CutOffError: if less than nine tenths of the picture are there.
    """
    file.seek(0)
    content = file.read()
    try:
        if content.startswith(b"\xff\xd8"):
            return _mend_jpeg(content)
        if content.startswith(b"\x89PNG"):
            return _mend_png(content)
        if content.startswith(b"RIFF"):
            return _mend_webp(content)
        if content[:2] in (b"II", b"MM"):
            return _mend_tiff(content, page)
    except CutOffError:
        raise
    except Exception:  # decoders and parsers raise anything on what is damaged elsewhere, too
        return None
    return None


def _mended(content: bytes, share: float, note: str | None = None) -> Mended:
    missing = 100 * (1 - share)
    if share < _LEAST:
        much = f", of which {missing:.0f} % are missing" if share else ""
        raise CutOffError(f"the file is cut off in the middle of the picture{much}")
    if note is None:
        much = "less than 1 %" if missing < 1 else f"about {missing:.0f} %"
        note = f"{much} of the picture {'is' if missing < 1 else 'are'} missing" if missing else "the picture is whole"
    return Mended(io.BytesIO(content), share, f"the file ends too early; {note}")


def _mend_jpeg(content: bytes) -> Mended | None:
    # A copy that was interrupted may be filled up with zeros; a marker or an escape may be cut in two.
    content = content.rstrip(b"\0").rstrip(b"\xff")
    place = 2
    while content[place : place + 2] != _SOS:  # past notes, which may hold a whole small JPEG
        place += 2 + int.from_bytes(content[place + 2 : place + 4])
        if place >= len(content):
            return None
    if _EOI in content[place:]:
        return None
    # Rows that come out the same whatever follows the end of the file are those that are in it.
    first, second = (_luma(content + tail + _EOI) for tail in (b"", _NOISE))
    same = (first == second).reshape(len(first), -1).all(axis=1)
    share = 1.0 if same.all() else float(same.argmin()) / len(same)
    scan = content[content.rfind(_SOS) :][4:]
    successive = scan[1 + 2 * scan[0] + 2]
    if share < 1 and successive >> 4 and not successive & 15:
        # A progressive one in which only the last bit of some coefficients is missing.
        return _mended(content + _EOI, max(share, _LEAST), "some of its finest detail is missing")
    return _mended(content + _EOI, share)


def _luma(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
        picture.draft("L", picture.size)
        return np.array(picture)


def _mend_png(content: bytes) -> Mended | None:
    content = content.rstrip(b"\0")
    place, before, packed = 8, [content[:8]], []
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        if name == b"IEND":
            return None
        if name == b"IDAT":
            packed.append(content[place + 8 : place + 8 + length])
        elif not packed:
            before.append(content[place : place + 12 + length])
        elif not name.isalpha():
            break
        place += 12 + length
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", before[1][8:21])
    bits = depth * _CHANNELS[kind]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = []  # bytes of each, with its filter
    for left, top, across, down in passes:
        columns = -(-(width - left) // across)
        if columns > 0:
            rows += [1 + (columns * bits + 7) // 8] * -(-(height - top) // down)
    raw, whole = _inflated(b"".join(packed), sum(rows)), 0
    ends = np.cumsum(rows)
    whole = int(np.searchsorted(ends, len(raw), side="right"))
    present = int(ends[whole - 1]) if whole else 0
    raw = raw[:present] + b"".join(_REPEATS + bytes(length - 1) for length in rows[whole:])
    body = b"".join(_chunk(name, part) for name, part in ((b"IDAT", zlib.compress(raw, 1)), (b"IEND", b"")))
    return _mended(b"".join(before) + body, present / int(ends[-1]))


def _inflated(packed: bytes, most: int) -> bytes:
    """What can be unpacked before the end or the damage, at most so many bytes."""
    engine, parts, size = zlib.decompressobj(), [], 0
    for start in range(0, len(packed), 1024):
        try:
            parts.append(engine.decompress(packed[start : start + 1024], most + 1))
        except zlib.error:
            break
        size += len(parts[-1])
        if size >= most:
            break
    return b"".join(parts)[:most]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _mend_webp(content: bytes) -> Mended | None:
    # Decoders take zeros for what is missing: nothing but the prediction from the rows above.
    whole = int.from_bytes(content[4:8], "little") + 8
    short, content = len(content) < whole, content[:whole].rstrip(b"\0")
    if content[8:12] != b"WEBP" or not (short or whole - len(content) >= _SEVERAL):
        return None
    share = len(content) / whole
    return _mended(content if share < _LEAST else content.ljust(whole, b"\0"), share)


def _mend_tiff(content: bytes, page: int) -> Mended | None:
    if _is_without_directory(content):
        raise CutOffError("the end of the file is missing, where this TIFF says what its picture is")
    tif = open_tiff(io.BytesIO(content))
    if tif is None:
        return None
    chosen = page_of(tif, look(tif, page).places[page])
    places = list(zip(chosen.dataoffsets, chosen.databytecounts, strict=True))
    size = len(content) if chosen.compression == 1 else len(content.rstrip(b"\0"))
    present = [min(max(size - start, 0), length) for start, length in places]
    if all(there == length for there, (_, length) in zip(present, places, strict=True)):
        return None
    whole = sum(length for _, length in places)
    if chosen.compression == 1:
        share = sum(present) / whole
        end = max(start + length for start, length in places)
        return _mended(content if share < _LEAST else content.ljust(end, b"\0"), share)
    # Of what is packed a strip or tile is there or not; one without bytes is empty to the reader made for TIFF.
    tag = chosen.tags.get(325) or chosen.tags[279]
    code = tif.byteorder + {3: "H", 4: "L", 16: "Q"}[int(tag.dtype)]
    fixed, missing = bytearray(content), 0
    for number, (there, (_, length)) in enumerate(zip(present, places, strict=True)):
        if there < length:
            struct.pack_into(code, fixed, tag.valueoffset + number * struct.calcsize(code), 0)
            missing += 1
    return _mended(bytes(fixed), 1 - missing / len(places))


def _is_without_directory(content: bytes) -> bool:
    """Whether the first directory of a TIFF, which may stand at its end, is not in the file, or not all of it."""
    order = "<" if content[:2] == b"II" else ">"
    magic, start = struct.unpack_from(f"{order}HL", content, 2)
    if magic != 42:
        return False
    count = struct.unpack_from(f"{order}H", content, start)[0] if start + 2 <= len(content) else 0
    end = start + 2 + 12 * count
    if count == 0 or end > len(content):
        return True
    for place in range(start + 2, end, 12):
        kind, number, offset = struct.unpack_from(f"{order}HLL", content, place + 2)
        size = number * {3: 2, 4: 4, 5: 8, 9: 4, 10: 8, 11: 4, 12: 8}.get(kind, 1)
        if size > 4 and offset + size > len(content):
            return True
    return False
