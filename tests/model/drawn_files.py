"""Files of every kind, drawn byte by byte or by a library that the reader does not use, with the right pixel values."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIZES = ((48, 32), (37, 25))  # width, height: even and odd


@dataclass(frozen=True)
class Drawn:
    """A file and what it shows.

    Attributes:
        format: as people call it; kind: what is special about it.
        content: its bytes.
        rgb: uint8 [H, W, 3], or None of a file that is to be refused.
        alpha: uint8 [H, W] or None.
        within: largest difference allowed.
        reason: pattern of the sentence of a refusal.
        pages: how many pages it has, None for any number.
        note: pattern of what is noted of it.
        rows: how many of its rows are known, None for all.
    """

    format: str
    kind: str
    content: bytes
    rgb: np.ndarray | None = None
    alpha: np.ndarray | None = None
    within: float = 1
    reason: str = ""
    pages: int | None = None
    note: str = ""
    rows: int | None = None


def draw_color(width: int, height: int) -> np.ndarray:
    """A smooth picture with every level from 0 to 255: uint8 [H, W, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    across, down = x / (width - 1), y / (height - 1)
    planes = (across, down, (1 - across) * 0.5 + down * 0.5)
    return np.stack([np.rint(255 * plane) for plane in planes], axis=2).astype(np.uint8)


def draw_grey(width: int, height: int) -> np.ndarray:
    """Darker above, lighter below, every row different: uint8 [H, W]."""
    y, x = np.mgrid[0:height, 0:width]
    return np.rint(255 * (0.8 * y / (height - 1) + 0.2 * x / (width - 1))).astype(np.uint8)


def draw_alpha(width: int, height: int) -> np.ndarray:
    """0, 128 and 255 in three stripes."""
    return np.repeat(np.array([0, 128, 255], np.uint8)[np.arange(width) * 3 // width][None], height, axis=0)


def grey_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def deep(levels: np.ndarray, bits: int) -> np.ndarray:
    """Levels of 8 bits as those of another depth."""
    if bits % 8 == 0:
        return levels.astype(np.uint64) * np.uint64((2**bits - 1) // 255)
    return np.rint(levels.astype(np.float64) / 255 * (2**bits - 1)).astype(np.uint64)


def back(values: np.ndarray, bits: int) -> np.ndarray:
    """What 8 bits show of levels of another depth."""
    return np.rint(values.astype(np.float64) / (2**bits - 1) * 255).astype(np.uint8)


def packed(values: np.ndarray, bits: int) -> bytes:
    """Rows of levels below 8 bits, or of 12, most significant bit first, each row to a whole byte."""
    rows = values.reshape(len(values), -1).astype(np.uint64)
    spread = (rows[:, :, None] >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & 1
    return np.packbits(spread.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


_SIZES_OF_TYPES = {1: "B", 2: "s", 3: "H", 4: "L", 5: "LL", 7: "s", 10: "ll", 11: "f", 12: "d", 13: "L", 16: "Q"}


def tiff(pixels: bytes | list[bytes], tags: dict, order: str = "<", big: bool = False) -> bytes:
    """A TIFF of uncompressed strips; tags are number -> (type, values), of which the usual ones are filled in."""
    strips = pixels if isinstance(pixels, list) else [pixels]
    head = 16 if big else 8
    place, starts = head, []
    for strip in strips:
        starts.append(place)
        place += len(strip) + len(strip) % 2
    offset = 16 if big else 4
    tags = {259: (3, [1]), 273: (offset, starts), 279: (offset, [len(strip) for strip in strips]), **tags}
    entries, extra = [], b""
    size = 20 if big else 12
    room = 8 if big else 4
    behind = place + (8 if big else 2) + size * len(tags) + room
    for number, (kind, values) in sorted(tags.items()):
        code = _SIZES_OF_TYPES[kind]
        count = len(values) // len(code) if code in ("LL", "ll") else len(values)
        body = bytes(values) if code == "s" else struct.pack(f"{order}{len(values)}{code[0]}", *values)
        if len(body) > room:
            start = behind + len(extra)
            extra += body + b"\0" * (len(body) % 2)
            body = struct.pack(f"{order}{'Q' if big else 'L'}", start)
        entries.append(struct.pack(f"{order}HH{'Q' if big else 'L'}", number, kind, count) + body.ljust(room, b"\0"))
    mark = b"II" if order == "<" else b"MM"
    front = struct.pack(f"{order}HHHQ", 43, 8, 0, place) if big else struct.pack(f"{order}HL", 42, place)
    counted = struct.pack(f"{order}{'Q' if big else 'H'}", len(tags))
    padded = b"".join(strip + b"\0" * (len(strip) % 2) for strip in strips)
    return mark + front + padded + counted + b"".join(entries) + b"\0" * room + extra


def grey_tags(width: int, height: int, bits: int, photometric: int = 1, **more) -> dict:
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits]), 262: (3, [photometric]), 277: (3, [1])}
    return {**tags, 278: (4, [height]), **more.get("tags", {})}


def png(values: np.ndarray, bits: int, kind: int, chunks: list[tuple[bytes, bytes]] = (), adam7: bool = False) -> bytes:
    """A PNG of levels [H, W] or [H, W, C]; kind is 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    def lines(part: np.ndarray) -> bytes:
        if not part.size:
            return b""
        rows = part.reshape(len(part), -1)
        whole = packed(rows, bits) if bits < 8 else rows.astype(">u2" if bits == 16 else "u1").tobytes()
        length = len(whole) // len(part)
        return b"".join(b"\0" + whole[start : start + length] for start in range(0, len(whole), length))

    height, width = values.shape[:2]
    passes = [(0, 0, 1, 1)]
    if adam7:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b"".join(lines(values[y::step_y, x::step_x]) for x, y, step_x, step_y in passes)
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(adam7))
    body = [chunk(b"IHDR", head), *(chunk(*each) for each in chunks), chunk(b"IDAT", zlib.compress(raw))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b"")


def drawn_tiffs() -> Iterator[Drawn]:
    for (width, height), order in zip(SIZES * 2, "<><>", strict=False):
        yield from _grey_tiffs(width, height, order)
        yield from _float_tiffs(width, height, order)
        yield from _color_tiffs(width, height, order)
        yield from _alpha_tiffs(width, height, order)


def _grey_tiffs(width: int, height: int, order: str) -> Iterator[Drawn]:
    grey = draw_grey(width, height)
    for bits in (1, 2, 4, 8, 12, 16, 32, 64):
        values = deep(grey, bits)
        seen = grey_rgb(back(values, bits))
        for photometric, name in ((1, ""), (0, ", white is zero")):
            stored = values if photometric else 2**bits - 1 - values
            whole = bits in (8, 16, 32, 64)
            pixels = stored.astype(f"{order}u{bits // 8}").tobytes() if whole else packed(stored, bits)
            tags = grey_tags(width, height, bits, photometric)
            yield Drawn("TIFF", f"grey, {bits} bits{name}", tiff(pixels, tags, order), seen)
            if bits == 16:
                content, end = tiff(pixels, tags, order, big=True), "little" if order == "<" else "big"
                yield Drawn("TIFF", f"BigTIFF, {end}-endian, grey, {bits} bits{name}", content, seen)
    values = deep(grey, 24).astype(f"{order}u4")[..., None].view(np.uint8)
    pixels = (values[..., :3] if order == "<" else values[..., 1:]).tobytes()
    yield Drawn("TIFF", "grey, 24 bits", tiff(pixels, grey_tags(width, height, 24), order), grey_rgb(grey))
    values = deep(grey, 16).astype(f"{order}i4")
    tags = grey_tags(width, height, 32, tags={339: (3, [2])})
    content = tiff(values.tobytes(), tags, order)
    yield Drawn("TIFF", "grey, 32 bits signed, values of 16 bits", content, grey_rgb(grey))
    for bits in (8, 16, 32):
        values = deep(grey, bits).astype(np.int64) - 2 ** (bits - 1)
        tags = grey_tags(width, height, bits, tags={339: (3, [2])})
        content = tiff(values.astype(f"{order}i{bits // 8}").tobytes(), tags, order)
        seen = grey_rgb(back(values + 2 ** (bits - 1), bits))
        yield Drawn("TIFF", f"grey, {bits} bits signed", content, seen)
    values = deep(grey, 16)
    rows = [row.astype(f"{order}u2").tobytes() for row in values]
    tags = grey_tags(width, height, 16) | {278: (4, [1])}
    yield Drawn("TIFF", "grey, 16 bits, a strip a row", tiff(rows, tags, order), grey_rgb(back(values, 16)))
    flipped = grey.T
    turned = (grey, grey[:, ::-1], grey[::-1, ::-1], grey[::-1])
    turned += (flipped, flipped[:, ::-1], flipped[::-1, ::-1], flipped[::-1])
    for orientation, seen in enumerate(turned, start=1):
        for bits in (8, 16):
            pixels = deep(grey, bits).astype(f"{order}u{bits // 8}").tobytes()
            content = tiff(pixels, grey_tags(width, height, bits, tags={274: (3, [orientation])}), order)
            yield Drawn("TIFF", f"grey, {bits} bits, every orientation", content, grey_rgb(seen))
    reversed_bits = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1], axis=1)[:, 0]
    tags = grey_tags(width, height, 8, tags={266: (3, [2])})
    content = tiff(reversed_bits[grey].tobytes(), tags, order)
    yield Drawn("TIFF", "grey, 8 bits, lowest bit first", content, grey_rgb(grey))
    tags = grey_tags(width, height, 8)
    del tags[262], tags[277], tags[278]
    yield Drawn("TIFF", "grey, 8 bits, usual tags missing", tiff(grey.tobytes(), tags, order), grey_rgb(grey))


def _float_tiffs(width: int, height: int, order: str) -> Iterator[Drawn]:
    grey = draw_grey(width, height)
    unit = grey / 255.0
    over, below, holes = unit.copy(), unit.copy(), unit.copy()
    over[2, 3:6], below[0, 0], holes[1, 1:4] = (1.02, 7.0, 1e30), -0.001, (np.nan, np.inf, -np.inf)
    shown = {"over": grey.copy(), "holes": grey.copy()}
    shown["over"][2, 3:6], shown["holes"][1, 1:4] = 255, (0, 255, 0)
    kinds = [
        ("0 to 1", unit, grey, 1),
        ("0 to 1 with outliers above", over, shown["over"], 1),
        ("0 to 1 with one below 0", below, grey, 1),
        ("0 to 1 with values that are not finite", holes, shown["holes"], 1),
        ("0 to 255", unit * 255, grey, 1),
        ("0 to 65535", unit * 65_535, grey, 1),
        ("0 to 4000", unit * 4000, grey, 12),
        ("-3 to 5", unit * 8 - 3, grey, 12),
    ]
    for bits in (16, 32, 64):
        for name, values, seen, within in kinds:
            if bits == 16 and np.nanmax(np.abs(values)) > 60_000:
                continue
            for photometric in (1, 0) if name == "0 to 1" else (1,):
                stored = values if photometric else 1 - values
                with np.errstate(over="ignore"):
                    pixels = stored.astype(f"{order}f{bits // 8}").tobytes()
                tags = grey_tags(width, height, bits, photometric, tags={339: (3, [3])})
                kind = f"grey, {bits} bits floating, {name}" + (", white is zero" if not photometric else "")
                yield Drawn("TIFF", kind, tiff(pixels, tags, order), grey_rgb(seen), within=within)


def _color_tiffs(width: int, height: int, order: str) -> Iterator[Drawn]:
    color, grey = draw_color(width, height), draw_grey(width, height)
    for bits in (8, 16, 32):
        values = deep(color, bits)
        typed = values.astype(f"{order}u{bits // 8}")
        tags = grey_tags(width, height, bits, 2) | {258: (3, [bits] * 3), 277: (3, [3])}
        seen = back(values, bits)
        yield Drawn("TIFF", f"RGB, {bits} bits", tiff(typed.tobytes(), tags, order), seen)
        planes = [np.ascontiguousarray(typed[..., channel]).tobytes() for channel in range(3)]
        content = tiff(planes, tags | {284: (3, [2])}, order)
        yield Drawn("TIFF", f"RGB, {bits} bits, in planes", content, seen)
    values = (color / 255).astype(f"{order}f4")
    tags = grey_tags(width, height, 32, 2) | {258: (3, [32] * 3), 277: (3, [3]), 339: (3, [3] * 3)}
    yield Drawn("TIFF", "RGB, 32 bits floating", tiff(values.tobytes(), tags, order), color)
    for bits in (4, 8):
        indices = grey // (256 >> bits)
        table = np.linspace(0, 65_535, 2**bits).astype(int)
        colormap = [*table, *table[::-1], *(table // 2)]
        tags = grey_tags(width, height, bits, 3, tags={320: (3, colormap)})
        pixels = indices.tobytes() if bits == 8 else packed(indices, 4)
        seen = np.stack([np.array(colormap[channel * 2**bits :])[indices] for channel in range(3)], -1)
        content = tiff(pixels, tags, order)
        yield Drawn("TIFF", f"palette, {bits} bits", content, np.rint(seen / 257).astype(np.uint8), within=2)
    colormap = [*range(256), *range(255, -1, -1), *(value // 2 for value in range(256))]
    seen = np.stack([np.array(colormap[channel * 256 :])[grey] for channel in range(3)], -1)
    content = tiff(grey.tobytes(), grey_tags(width, height, 8, 3, tags={320: (3, colormap)}), order)
    yield Drawn("TIFF", "palette of 8 bits a color", content, seen.astype(np.uint8))
    luma = color @ (0.299, 0.587, 0.114)
    ycc = np.stack((luma, 128 + (color[..., 2] - luma) / 1.772, 128 + (color[..., 0] - luma) / 1.402), 2)
    tags = grey_tags(width, height, 8, 6, tags={530: (3, [1, 1])}) | {258: (3, [8] * 3), 277: (3, [3])}
    content = tiff(np.rint(ycc).clip(0, 255).astype(np.uint8).tobytes(), tags, order)
    yield Drawn("TIFF", "YCbCr, 8 bits", content, color, within=3)
    inks = 255 - np.concatenate((color, np.full_like(color[..., :1], 255)), 2)
    for bits in (8, 16):
        values = deep(inks, bits).astype(f"{order}u{bits // 8}")
        tags = grey_tags(width, height, bits, 5) | {258: (3, [bits] * 4), 277: (3, [4])}
        yield Drawn("TIFF", f"CMYK, {bits} bits", tiff(values.tobytes(), tags, order), color, within=2)
    lab = np.stack((grey, np.zeros_like(grey), np.zeros_like(grey)), -1).astype(np.int64)
    lightness = grey / 255 * 100
    y = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.2963)
    seen = grey_rgb(light_to_srgb(y))
    for bits, photometric, name in ((8, 8, "Lab"), (16, 8, "Lab"), (8, 9, "ICC Lab"), (16, 9, "ICC Lab")):
        values = lab << (bits - 8)
        if bits == 16:
            values[..., 0] = np.rint(grey / 255 * (0xFF00 if photometric == 9 else 0xFFFF))
        if photometric == 9:
            values[..., 1:] += 2 ** (bits - 1)
        tags = grey_tags(width, height, bits, photometric) | {258: (3, [bits] * 3), 277: (3, [3])}
        content = tiff(values.astype(f"{order}u{bits // 8}").tobytes(), tags, order)
        yield Drawn("TIFF", f"{name}, {bits} bits", content, seen, within=3)


def _alpha_tiffs(width: int, height: int, order: str) -> Iterator[Drawn]:
    color, grey, alpha = draw_color(width, height), draw_grey(width, height), draw_alpha(width, height)
    for bits in (8, 16):
        for levels, photometric in ((grey[..., None], 1), (color, 2)):
            channels = levels.shape[2]
            for extra, name in ((2, "alpha"), (1, "premultiplied alpha"), (0, "a channel without meaning")):
                shown = levels * (alpha[..., None] / 255.0) if extra == 1 else levels
                whole = deep(np.concatenate((np.rint(shown), alpha[..., None]), 2), bits)
                tags = grey_tags(width, height, bits, photometric, tags={338: (3, [extra])})
                tags |= {258: (3, [bits] * (channels + 1)), 277: (3, [channels + 1])}
                content = tiff(whole.astype(f"{order}u{bits // 8}").tobytes(), tags, order)
                seen = grey_rgb(grey) if channels == 1 else color.copy()
                if extra == 1:
                    seen[alpha == 0] = 0
                kind = f"{'grey' if channels == 1 else 'RGB'}, {bits} bits, with {name}"
                yield Drawn("TIFF", kind, content, seen, alpha if extra else None, 2)

    color_alpha = np.concatenate((color, alpha[..., None]), 2)
    for bits in (8, 16):
        typed = deep(color_alpha, bits).astype(f"{order}u{bits // 8}")
        tags = grey_tags(width, height, bits, 2, tags={284: (3, [2]), 338: (3, [2])})
        planes = [np.ascontiguousarray(typed[..., channel]).tobytes() for channel in range(4)]
        content = tiff(planes, tags | {258: (3, [bits] * 4), 277: (3, [4])}, order)
        yield Drawn("TIFF", f"RGB, {bits} bits, with alpha, in planes", content, color, alpha)
        inks = np.stack((255 - color[..., 0], 255 - color[..., 1], 255 - color[..., 2], alpha * 0, alpha), 2)
        tags = grey_tags(width, height, bits, 5, tags={338: (3, [2])}) | {258: (3, [bits] * 5), 277: (3, [5])}
        content = tiff(deep(inks, bits).astype(f"{order}u{bits // 8}").tobytes(), tags, order)
        yield Drawn("TIFF", f"CMYK, {bits} bits, with alpha", content, color, alpha, 2)
        for extra, name in ((2, "alpha"), (1, "premultiplied alpha")):
            ink = np.rint((255 - grey) * (alpha / 255.0 if extra == 1 else 1)).astype(np.uint8)
            tags = grey_tags(width, height, bits, 0, tags={338: (3, [extra])}) | {258: (3, [bits] * 2), 277: (3, [2])}
            content = tiff(deep(np.stack((ink, alpha), 2), bits).astype(f"{order}u{bits // 8}").tobytes(), tags, order)
            seen = grey_rgb(np.where((alpha == 0) & (extra == 1), 255, grey))
            yield Drawn("TIFF", f"grey, {bits} bits, white is zero, with {name}", content, seen, alpha, 2)
    for bits in (16, 32):
        for extra, name in ((2, "alpha"), (1, "premultiplied alpha")):
            unit = np.concatenate((color * (alpha[..., None] / 255.0 if extra == 1 else 1), alpha[..., None]), 2) / 255
            tags = grey_tags(width, height, bits, 2, tags={338: (3, [extra]), 339: (3, [3] * 4)})
            tags |= {258: (3, [bits] * 4), 277: (3, [4])}
            seen = np.where((alpha == 0)[..., None] & (extra == 1), 0, color).astype(np.uint8)
            content = tiff(unit.astype(f"{order}f{bits // 8}").tobytes(), tags, order)
            yield Drawn("TIFF", f"RGB, {bits} bits floating, with {name}", content, seen, alpha, 2)


def drawn_pages() -> Iterator[Drawn]:
    """TIFF whose pages are not all pictures of their own."""
    import tifffile

    for width, height in SIZES:
        color = draw_color(width, height)
        small = color[::4, ::4]
        for kind, pages, count in (
            ("a thumbnail behind the picture", ((color, 0), (small, 1)), 1),
            ("a thumbnail before the picture", ((small, 1), (color, 0)), 1),
            ("two pages and a thumbnail", ((small, 1), (color, 2), (color[::-1], 2)), 2),
        ):
            buffer = io.BytesIO()
            with tifffile.TiffWriter(buffer) as file:
                for values, subfile in pages:
                    file.write(values, photometric="rgb", subfiletype=subfile, metadata=None)
            yield Drawn("TIFF", kind, buffer.getvalue(), color, pages=count)


def drawn_compressed() -> Iterator[Drawn]:
    """TIFF in tiles and with the usual compressions, which tifffile and imagecodecs write."""
    import tifffile

    for width, height in SIZES:
        color, grey = draw_color(width, height), draw_grey(width, height)
        deep_grey, unit = deep(grey, 16).astype(np.uint16), (grey / 255).astype(np.float32)
        shown = grey_rgb(back(deep_grey, 16))
        kinds = [("tiles, RGB, 8 bits", color, color, {"photometric": "rgb", "tile": (16, 16)})]
        kinds += [("tiles, grey, 16 bits", deep_grey, shown, {"tile": (16, 16)})]
        for name in ("lzw", "deflate", "packbits", "zstd", "lerc", "jpeg2000", "jpegxl", "png"):
            if name != "packbits":
                kinds += [(f"{name}, grey, 16 bits", deep_grey, shown, {"compression": name})]
            if name not in ("png", "jpegxl"):
                kinds += [(f"{name}, RGB, 8 bits", color, color, {"compression": name, "photometric": "rgb"})]
        for name in ("lzw", "deflate", "zstd"):
            kinds += [(f"{name}, differences, grey, 16 bits", deep_grey, shown, {"compression": name, "predictor": 2})]
            options = {"compression": name, "predictor": 3}
            kinds += [(f"{name}, differences, grey, 32 bits floating", unit, grey_rgb(grey), options)]
        exactly = {"compression": "webp", "compressionargs": {"lossless": True}, "photometric": "rgb"}
        kinds += [("webp, RGB, 8 bits", color, color, exactly)]
        for name, values, seen, options in kinds:
            buffer = io.BytesIO()
            tifffile.imwrite(buffer, values, metadata=None, **options)
            yield Drawn("TIFF", name, buffer.getvalue(), seen)


def drawn_pngs() -> Iterator[Drawn]:
    for width, height in SIZES:
        color, grey, alpha = draw_color(width, height), draw_grey(width, height), draw_alpha(width, height)
        for bits in (1, 2, 4, 8, 16):
            values = deep(grey, bits)
            for adam7 in (False, True):
                kind = f"grey, {bits} bits" + ", interlaced" * adam7
                yield Drawn("PNG", kind, png(values, bits, 0, adam7=adam7), grey_rgb(back(values, bits)))
            key = int(values[-1, -1])
            mask = np.where(values == key, 0, 255).astype(np.uint8)
            content = png(values, bits, 0, [(b"tRNS", struct.pack(">H", key))])
            yield Drawn("PNG", f"grey, {bits} bits, one level transparent", content, grey_rgb(back(values, bits)), mask)
        for bits in (8, 16):
            values = deep(color, bits)
            yield Drawn("PNG", f"RGB, {bits} bits", png(values, bits, 2), back(values, bits))
            key = values[3, 5]
            mask = np.where((values == key).all(axis=2), 0, 255).astype(np.uint8)
            content = png(values, bits, 2, [(b"tRNS", struct.pack(">3H", *map(int, key)))])
            yield Drawn("PNG", f"RGB, {bits} bits, one color transparent", content, back(values, bits), mask)
            with_alpha = np.concatenate((values, deep(alpha, bits)[..., None]), 2)
            yield Drawn("PNG", f"RGB with alpha, {bits} bits", png(with_alpha, bits, 6), color, alpha)
            with_alpha = np.stack((deep(grey, bits), deep(alpha, bits)), 2)
            yield Drawn("PNG", f"grey with alpha, {bits} bits", png(with_alpha, bits, 4), grey_rgb(grey), alpha)
        for bits in (1, 2, 4):
            colors = np.linspace((0, 255, 0), (255, 0, 100), 2**bits).astype(np.uint8)
            indices, shades = grey >> (8 - bits), np.linspace(0, 255, 2**bits).astype(np.uint8)
            chunks = [(b"PLTE", colors.tobytes()), (b"tRNS", shades.tobytes())]
            content = png(indices, bits, 3, chunks)
            yield Drawn("PNG", f"palette of {2**bits} with alpha", content, colors[indices], shades[indices])
        for bits in (8, 16):
            whole = deep(np.concatenate((color, alpha[..., None]), 2), bits)
            content = png(whole, bits, 6, adam7=True)
            yield Drawn("PNG", f"RGB with alpha, {bits} bits, interlaced", content, color, alpha)
        palette = np.stack((np.arange(256), 255 - np.arange(256), np.arange(256) // 2), 1).astype(np.uint8)
        chunks = [(b"PLTE", palette.tobytes()), (b"tRNS", bytes(range(256)))]
        yield Drawn("PNG", "palette with alpha", png(grey, 8, 3, chunks), palette[grey], grey)
        big = [(b"tEXt", b"Comment\0" + b"x" * 2_000_000)]
        yield Drawn("PNG", "a text of 2 MB", png(grey, 8, 0, big), grey_rgb(grey))
        big = [(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 5_000_000))]
        yield Drawn("PNG", "a packed text of 5 MB", png(grey, 8, 0, big), grey_rgb(grey))
        big = [(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000)))]
        yield Drawn("PNG", "a profile of 3 MB that is none", png(grey, 8, 0, big), grey_rgb(grey))
        yield from _linear_pngs(color, grey, alpha)
        resolution = [(b"pHYs", struct.pack(">IIB", 11_811, 11_811, 1))]
        yield Drawn("PNG", "with a resolution", png(grey, 8, 0, resolution), grey_rgb(grey))


def _linear_pngs(color: np.ndarray, grey: np.ndarray, alpha: np.ndarray) -> Iterator[Drawn]:
    """Levels that are not those of sRGB, as gAMA and cICP say it."""
    for name, gamma in (("linear", 1.0), ("of a gamma of 1.8", 1 / 1.8), ("of a gamma of 2.2", 1 / 2.2)):
        gama = [(b"gAMA", struct.pack(">I", round(gamma * 100_000)))]
        shown = [light_to_srgb((levels / 255) ** (1 / gamma)) for levels in (grey, color)]
        if gamma == 1 / 2.2:  # as near to sRGB as whoever writes this means
            shown = [grey, color]
        for bits in (8, 16):
            content = png(deep(grey, bits), bits, 0, gama)
            yield Drawn("PNG", f"grey, {bits} bits, {name}", content, grey_rgb(shown[0]))
            content = png(deep(color, bits), bits, 2, gama)
            yield Drawn("PNG", f"RGB, {bits} bits, {name}", content, shown[1])
    gama = [(b"gAMA", struct.pack(">I", 100_000))]
    shown = [light_to_srgb(levels / 255) for levels in (grey, color)]
    content = png(np.stack((grey, alpha), 2), 8, 4, gama)
    yield Drawn("PNG", "grey with alpha, 8 bits, linear", content, grey_rgb(shown[0]), alpha)
    key = int(grey[-1, -1])
    mask = np.where(grey == key, 0, 255).astype(np.uint8)
    content = png(grey, 8, 0, [*gama, (b"tRNS", struct.pack(">H", key))])
    yield Drawn("PNG", "grey, 8 bits, one level transparent, linear", content, grey_rgb(shown[0]), mask)
    palette = np.stack((np.arange(256), 255 - np.arange(256), np.arange(256) // 2), 1).astype(np.uint8)
    content = png(grey, 8, 3, [*gama, (b"PLTE", palette.tobytes()), (b"tRNS", bytes(range(256)))])
    yield Drawn("PNG", "palette with alpha, linear", content, light_to_srgb(palette / 255)[grey], grey)
    content = png(grey, 8, 0, [(b"sRGB", b"\0"), *gama])
    yield Drawn("PNG", "grey, 8 bits, of sRGB and linear", content, grey_rgb(grey))
    content = png(grey, 8, 0, [(b"gAMA", bytes(4))])
    yield Drawn("PNG", "grey, 8 bits, of a gamma of 0", content, grey_rgb(grey))
    content = png(deep(grey, 16), 16, 0, [(b"cICP", bytes((1, 8, 0, 1)))])
    yield Drawn("PNG", "grey, 16 bits, linear by cICP", content, grey_rgb(shown[0]))


def light_to_srgb(light: np.ndarray) -> np.ndarray:
    """Levels of sRGB, uint8, of linear light from 0 to 1."""
    return np.rint(255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)).astype("u1")


def drawn_portable() -> Iterator[Drawn]:
    """PBM, PGM, PPM and PFM."""
    for width, height in SIZES:
        color, grey = draw_color(width, height), draw_grey(width, height)
        size = f"{width} {height}".encode()
        bits = (grey < 128).astype(np.uint8)
        seen = grey_rgb(np.where(bits, 0, 255).astype(np.uint8))
        yield Drawn("PBM", "1 bit", b"P4\n" + size + b"\n" + np.packbits(bits, axis=1).tobytes(), seen)
        yield Drawn("PGM", "8 bits", b"P5\n# drawn\n" + size + b"\n255\n" + grey.tobytes(), grey_rgb(grey))
        for white in (100, 1023, 4095, 65_535):
            values = np.rint(grey / 255 * white)
            shown = grey_rgb(np.rint(values / white * 255).astype(np.uint8))
            head = size + b"\n" + str(white).encode() + b"\n"
            stored = values.astype("u1" if white < 256 else ">u2").tobytes()
            yield Drawn("PGM", f"white is {white}", b"P5\n" + head + stored, shown)
            text = " ".join(str(int(value)) for value in values.ravel()).encode()
            yield Drawn("PGM", f"as text, white is {white}", b"P2\n" + head + text + b"\n", shown)
            values = np.rint(color / 255 * white)
            stored = values.astype("u1" if white < 256 else ">u2").tobytes()
            shown = np.rint(values / white * 255).astype(np.uint8)
            yield Drawn("PPM", f"white is {white}", b"P6\n" + head + stored, shown)
        for order, scale in (("<", b"-1.0"), (">", b"1.0")):
            body = (grey[::-1] / 255).astype(f"{order}f4").tobytes()
            yield Drawn("PFM", "grey, floating", b"Pf\n" + size + b"\n" + scale + b"\n" + body, grey_rgb(grey))


def drawn_others() -> Iterator[Drawn]:
    """Formats that only a library writes: lossless where there is a choice, so that the values are known."""
    for width, height in SIZES:
        color, grey, alpha = draw_color(width, height), draw_grey(width, height), draw_alpha(width, height)
        rgb, plain = Image.fromarray(color), Image.fromarray(grey)
        rgba = Image.fromarray(np.concatenate((color, alpha[..., None]), 2))

        def save(picture: Image.Image, file_format: str, **options) -> bytes:
            buffer = io.BytesIO()
            picture.save(buffer, file_format, **options)
            return buffer.getvalue()

        sure = {"quality": 97, "subsampling": 0}
        yield Drawn("JPEG", "grey", save(plain, "JPEG", **sure), grey_rgb(grey), within=4)
        yield Drawn("JPEG", "color", save(rgb, "JPEG", **sure), color, within=8)
        yield Drawn("JPEG", "progressive", save(rgb, "JPEG", progressive=True, **sure), color, within=8)
        yield Drawn("JPEG", "CMYK", save(rgb.convert("CMYK"), "JPEG", **sure), color, within=8)
        turned = Image.Exif()
        turned[274] = 7
        upright = color.swapaxes(0, 1)[::-1, ::-1]
        for name, file_format, options, within in (
            ("JPEG", "JPEG", sure, 8), ("PNG", "PNG", {}, 0), ("WebP", "WEBP", {"lossless": True}, 0),
        ):  # fmt: skip
            content = save(rgb, file_format, exif=turned.tobytes(), **options)
            yield Drawn(name, "turned by EXIF", content, upright, within=within)
        yield Drawn("JPEG", "half of the color samples", save(rgb, "JPEG", quality=97), color, within=16)
        yield Drawn("JPEG", "RGB inside", save(rgb, "JPEG", keep_rgb=True, quality=97), color, within=8)
        yield Drawn("JPEG", "restart markers", save(rgb, "JPEG", restart_marker_rows=1, **sure), color, within=8)
        yield Drawn("JPEG", "two pictures (MPO)", save(rgb, "MPO", save_all=True, append_images=[rgb], **sure), color,
                    within=8)  # fmt: skip
        yield Drawn("JPEG", "bytes behind its end", save(rgb, "JPEG", **sure) + bytes(99), color, within=8)
        yield Drawn("WebP", "lossless", save(rgb, "WEBP", lossless=True), color, within=0)
        exact = save(rgba, "WEBP", lossless=True, exact=True)
        yield Drawn("WebP", "lossless with alpha", exact, color, alpha, 0)
        yield Drawn("BMP", "24 bits", save(rgb, "BMP"), color, within=0)
        yield Drawn("BMP", "8 bits", save(plain, "BMP"), grey_rgb(grey), within=0)
        shape = (width, height, 32, b"".join(row.tobytes() for row in _bgra(color, alpha)[::-1]))
        yield Drawn("BMP", "32 bits with alpha", bmp(*shape, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)), color, alpha)
        rows = [b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in grey[::-1]]
        content = bmp(width, height, 8, b"".join(rows) + b"\0\1", compression=1)
        yield Drawn("BMP", "8 bits, run lengths", content, grey_rgb(grey), within=0)
        yield Drawn("GIF", "grey", save(plain, "GIF"), grey_rgb(grey), within=0)
        yield Drawn("AVIF", "color", save(rgb, "AVIF", quality=98, subsampling="4:4:4"), color, within=10)
        yield Drawn("JPEG 2000", "grey", save(plain, "JPEG2000"), grey_rgb(grey), within=0)
        yield Drawn("JPEG 2000", "color", save(rgb, "JPEG2000"), color, within=0)
        values = deep(grey, 16).astype(np.uint16)
        content = save(Image.fromarray(values), "JPEG2000")
        yield Drawn("JPEG 2000", "grey, 16 bits", content, grey_rgb(back(values, 16)))


def drawn_heic() -> Iterator[Drawn]:
    import pillow_heif

    for width, height in SIZES:
        color, buffer = draw_color(width, height), io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(color)).save(buffer, quality=-1)
        yield Drawn("HEIC", "color", buffer.getvalue(), color, within=8)


def drawn_deep_jpeg2000() -> Iterator[Drawn]:
    import imagecodecs

    for width, height in SIZES:
        color, grey, alpha = draw_color(width, height), draw_grey(width, height), draw_alpha(width, height)
        for kind, levels, seen, mask in (
            ("color", color, color, None),
            ("color with alpha", np.concatenate((color, alpha[..., None]), 2), color, alpha),
            ("grey with alpha", np.stack((grey, alpha), 2), grey_rgb(grey), alpha),
        ):
            for bits in (10, 12, 16):
                values = deep(levels, bits).astype(np.uint16)
                content = imagecodecs.jpeg2k_encode(values, level=0, bitspersample=bits, reversible=True)
                yield Drawn("JPEG 2000", f"{kind}, {bits} bits", content, seen, mask)


def _bgra(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.concatenate((color[..., ::-1], alpha[..., None]), 2)


def bmp(width: int, height: int, bits: int, pixels: bytes, compression: int = 3, masks: tuple[int, ...] = ()) -> bytes:
    """A BMP with a header of version 5 where it has masks, else of version 3 with a grey palette."""
    palette = b"" if masks else b"".join(bytes((level, level, level, 0)) for level in range(256))
    size = 124 if masks else 40
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    head = (head + struct.pack(f"<{len(masks)}I", *masks) + (b"BGRs" if masks else b"")).ljust(size, b"\0") + palette
    start = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels


def drawn_cut_off() -> Iterator[Drawn]:
    """Files that end too early: without an end mark, without the last rows, and without a third of the picture."""
    import tifffile

    noise = np.random.default_rng(0).normal(0, 6, (400, 48))  # so that every row takes about as many bytes
    grey = (np.linspace(20, 230, 400)[:, None] + noise).clip(0, 255).astype(np.uint8)
    color, wide = grey_rgb(grey), grey_rgb(deep(grey, 16).astype(np.uint16))

    def save(file_format: str, **options) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(color).save(buffer, file_format, **options)
        return buffer.getvalue()

    def save_tiff(values: np.ndarray, **options) -> bytes:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, metadata=None, rowsperstrip=8, photometric="rgb", **options)
        return buffer.getvalue()

    kinds = [
        ("JPEG", "", save("JPEG", quality=97, subsampling=0), 10),
        ("JPEG", "restart markers, ", save("JPEG", quality=97, restart_marker_rows=4), 10),
        ("PNG", "", save("PNG"), 0),
        ("PNG", "interlaced, ", png(grey, 8, 0, adam7=True), 0),
        ("WebP", "without loss, ", save("WEBP", lossless=True), 0),
        ("TIFF", "", save_tiff(color), 0),
        ("TIFF", "deflate, ", save_tiff(color, compression="deflate"), 0),
        ("TIFF", "16 bits, ", save_tiff(wide), 0),
        ("TIFF", "16 bits, lzw, ", save_tiff(wide, compression="lzw"), 0),
    ]
    for name, kind, content, within in kinds:
        # Interlaced, the last of seven passes is every other row.
        rows = 350 if "interlaced" not in kind else 0
        if name == "JPEG":
            yield Drawn(
                name, f"{kind}without its end mark", content[:-2], color, within=within, note="picture is whole"
            )
        cut = content[: len(content) * 95 // 100]
        note = "about [4-8] % of the picture are missing"
        yield Drawn(name, f"{kind}without the last rows", cut, color, within=within, note=note, rows=rows)
        if name in ("JPEG", "PNG", "WebP"):
            filled = cut.ljust(len(content), b"\0")
            kind_of_it = f"{kind}the last rows overwritten with zeros"
            yield Drawn(name, kind_of_it, filled, color, within=within, note=note, rows=rows)
        cut = content[: len(content) * 2 // 3]
        yield Drawn(
            name, f"{kind}without the last third", cut, reason="cut off in the middle of the picture, of which 3"
        )
    content = save("WEBP", quality=95, method=0)[:-20]
    yield Drawn("WebP", "without its last bytes", content, color, within=40, note="less than 1 %", rows=380)
    whole = save("JPEG", quality=97, progressive=True)
    note = "finest detail is missing"
    yield Drawn("JPEG", "progressive, without its last bytes", whole[:-200], color, within=24, note=note)
    yield Drawn("JPEG", "progressive, without two thirds", whole[: len(whole) // 3], reason="cut off")
    content = tiff(grey.tobytes(), grey_tags(48, 400, 8))
    yield Drawn("TIFF", "without its directory", content[:-100], reason="where this TIFF says what its picture is")


def drawn_refusals() -> Iterator[Drawn]:
    import imagecodecs

    grey = draw_grey(*SIZES[0])
    width, height = SIZES[0]
    pixels = (grey / 255).astype("<c8").tobytes()
    content = tiff(pixels, grey_tags(width, height, 64, tags={339: (3, [6])}))
    yield Drawn("TIFF", "complex numbers", content, reason="data, not a photograph")
    content = tiff(grey.tobytes() * 4, grey_tags(width, height, 8, tags={32997: (4, [4])}))
    yield Drawn("TIFF", "a volume", content, reason="a volume")
    nothing = np.full(grey.shape, np.nan, "<f4").tobytes()
    content = tiff(nothing, grey_tags(width, height, 32, tags={339: (3, [3])}))
    yield Drawn("TIFF", "nothing but holes", content, reason="not finite")
    tags = grey_tags(width, height, 8, 6, tags={530: (3, [2, 2])}) | {258: (3, [8] * 3), 277: (3, [3])}
    content = tiff(bytes(width * height * 3 // 2), tags)
    yield Drawn("TIFF", "YCbCr with fewer color samples, not compressed", content, reason="fewer samples of color")
    content = imagecodecs.jpeg8_encode(deep(grey, 12).astype(np.uint16), bitspersample=12)
    yield Drawn("JPEG", "12 bits", content, reason="of 12 bits")
    deep_grey = deep(grey, 16).astype(np.uint16)
    yield Drawn("JPEG", "without loss, 16 bits", imagecodecs.ljpeg_encode(deep_grey), reason="without loss")
    yield Drawn("JPEG", "JPEG-LS", imagecodecs.jpegls_encode(grey), reason="JPEG-LS")
    for name, start, reason in (
        ("JPEG XR", b"II\xbc\1", "JPEG XR"),
        ("PFM", b"PF\n", "PFM in color"),
        ("PAM", b"P7\n", "PAM"),
        ("QOI", b"qoif", "QOI"),
        ("FITS", b"SIMPLE  =", "FITS"),
        ("DICOM", bytes(128) + b"DICM", "DICOM"),
        ("gzip", b"\x1f\x8b\x08", "unpack"),
        ("a note of Git LFS", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("Photoshop", b"8BPS\0\1", "Photoshop"),
        ("PDF", b"%PDF-1.7\n", "PDF"),
        ("JPEG XL", b"\xff\x0a\xfa\x1f", "JPEG XL"),
        ("OpenEXR", b"\x76\x2f\x31\x01", "OpenEXR"),
        ("Radiance HDR", b"#?RADIANCE\n", "Radiance"),
        ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("a web page", b"<!DOCTYPE html><html>", "web page"),
        ("zip", b"PK\x03\x04", "zip"),
        ("a note of macOS", b"\0\x05\x16\x07\0\2\0\0Mac OS X", "macOS"),
    ):
        yield Drawn(name, "", start + bytes(100), reason=reason)


def drawn_files() -> list[Drawn]:
    return [
        *(*drawn_tiffs(), *drawn_pages(), *drawn_compressed(), *drawn_pngs(), *drawn_portable(), *drawn_others()),
        *(*drawn_heic(), *drawn_deep_jpeg2000(), *drawn_cut_off(), *drawn_refusals()),
    ]
