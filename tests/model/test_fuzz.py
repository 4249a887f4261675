"""Damaged files never end, hang or fill the process that reads them: mutated files, read in child processes."""

from __future__ import annotations

import io
import os
import selectors
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .drawn_files import draw_color, draw_grey, drawn_pngs, drawn_tiffs

ROOT = Path(__file__).parents[2]
SECONDS = 10  # longest time for one file
EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds() -> dict[str, list[bytes]]:
    """Whole files to damage, by format, with the notes and layouts that have parsers of their own."""
    exif = Image.Exif()
    exif.update({270: "a valley", 271: "a camera", 274: 6, 282: 300.0, 283: 300.0, 296: 2})
    exif.get_ifd(34665).update({36867: "2001:02:03 04:05:06", 33434: 0.01, 37386: 50.0})
    exif.get_ifd(34853).update({1: "N", 2: (47.0, 1.0, 2.0), 3: "E", 4: (8.0, 1.0, 2.0)})
    color, grey = Image.fromarray(draw_color(48, 32)), Image.fromarray(draw_grey(48, 32))
    rgba = color.convert("RGBA")
    rgba.putalpha(grey)
    profile = b"no profile at all, but long enough to look like one" * 4

    def save(picture: Image.Image, file_format: str, **options) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, file_format, **options)
        return buffer.getvalue()

    noted = {"exif": exif.tobytes(), "icc_profile": profile}
    tiffs = [drawn.content for drawn in drawn_tiffs()][::7]
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        tiffs.append(save(color, "TIFF", compression=compression, icc_profile=profile))
    tiffs.append(save(grey.convert("1"), "TIFF", compression="group4"))
    tiffs.append(save(color, "TIFF", save_all=True, append_images=[grey, rgba]))
    return {
        "jpg": [
            save(color, "JPEG", **noted),
            save(grey, "JPEG", progressive=True, xmp=b"<x/>"),
            save(color.convert("CMYK"), "JPEG"),
            save(grey, "JPEG", exif=exif.tobytes(), dpi=(300, 300)),
        ],
        "png": [
            save(color, "PNG", **noted),
            save(grey, "PNG", dpi=(300, 300), exif=exif.tobytes()),
            save(color.convert("P"), "PNG", transparency=3),
            save(color, "PNG", save_all=True, append_images=[color.rotate(9)]),
            *[drawn.content for drawn in drawn_pngs() if len(drawn.content) < 20_000][::9],
        ],
        "tif": tiffs,
        "webp": [
            save(color, "WEBP", **noted),
            save(rgba, "WEBP", lossless=True, xmp=b"<x/>"),
            save(color, "WEBP", save_all=True, append_images=[color.rotate(9)]),
        ],
    }


def mutate(content: bytes, chance: np.random.Generator) -> bytes:
    """Damage a file in one to three places: bits, fields of 2 and 4 bytes, blocks gone, doubled or swapped, the end."""
    data = bytearray(content)
    for _ in range(chance.integers(1, 4)):
        if len(data) < 9:
            break
        # Half of the damage goes to where the headers are: the first bytes, and of a TIFF its directory.
        reach = len(data) if chance.random() < 0.5 else min(len(data), 400)
        at = int(chance.integers(0, reach))
        kind = int(chance.integers(0, 8))
        if data[:2] in (b"II", b"MM") and chance.random() < 0.4:
            order = "<" if data[:2] == b"II" else ">"
            start = struct.unpack_from(f"{order}L", data, 4)[0]
            if start + 2 < len(data):
                at, kind = min(start + int(chance.integers(0, 200)), len(data) - 1), int(chance.integers(0, 4))
        if kind == 0:
            data[at] ^= 1 << int(chance.integers(0, 8))
        elif kind == 1:
            data[at] = int(chance.integers(0, 256))
        elif kind in (2, 3):
            value, order = int(chance.choice(EXTREMES)), "<" if chance.random() < 0.5 else ">"
            field = struct.pack(f"{order}H", value & 0xFFFF) if kind == 2 else struct.pack(f"{order}L", value)
            data[at : at + len(field)] = field
        elif kind == 4:
            del data[at : at + int(chance.integers(1, 64))]
        elif kind == 5:
            data[at:at] = data[at : at + int(chance.integers(1, 64))]
        elif kind == 6:
            data[at : at + 16] = chance.bytes(16)
        else:
            del data[int(chance.integers(8, len(data))) :]
    if data[:4] == b"\x89PNG" and chance.random() < 0.7:
        return with_right_sums(bytes(data))
    return bytes(data)


def with_right_sums(data: bytes) -> bytes:
    """Mend the check sums of a PNG, without which damage in its chunks is never looked at."""
    fixed, place = bytearray(data[:8]), 8
    while place + 8 <= len(data):
        length = min(struct.unpack_from(">I", data, place)[0], len(data) - place - 8)
        body = data[place + 4 : place + 8 + length]
        fixed += data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += length + 12
    return bytes(fixed)


def cpu_time(process: int) -> float:
    """Seconds of computing that a process has used; 0 where that cannot be told."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_child(folder: Path, out: Path, names: list[str]) -> tuple[dict[str, str], str | None]:
    """Outcomes by name, and the file at which the process died or hung."""
    command = [sys.executable, "-m", "tests.model.read_and_write", str(folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    outcomes, current = {}, None
    with child, selectors.DefaultSelector() as ready:
        child.stdin.write("\n".join(names).encode())
        child.stdin.close()
        ready.register(child.stdout, selectors.EVENT_READ)
        buffer, began, spent = b"", time.monotonic(), 0.0
        while True:
            if not ready.select(timeout=1):
                # What waits for others on a busy machine does not hang: its own time counts, to a limit.
                if current and (cpu_time(child.pid) - spent > SECONDS or time.monotonic() - began > 12 * SECONDS):
                    child.kill()
                    return outcomes, current
                continue
            part = os.read(child.stdout.fileno(), 65_536)
            if not part:
                break
            *lines, buffer = (buffer + part).split(b"\n")
            for line in lines:
                word, name, *rest = line.decode().split(" ", 2)
                if word == "begin":
                    current, began, spent = name, time.monotonic(), cpu_time(child.pid)
                else:
                    current = None
                if word == "end":
                    outcomes[name] = rest[0]
    return outcomes, current if child.returncode else None


def fuzz(tmp_path: Path, count: int, seed: int) -> tuple[dict[str, int], list[str]]:
    """How many files were read and refused, and what went wrong with which."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    chance = np.random.default_rng(seed)
    known = seeds()
    names = []
    for number in range(count):
        kind = list(known)[number % len(known)]
        content = known[kind][int(chance.integers(0, len(known[kind])))]
        names.append(f"{number:05}.{kind}")
        (folder / names[-1]).write_bytes(mutate(content, chance))
    counts, wrong, left = {"read": 0, "refused": 0}, [], names
    while left:
        outcomes, died = run_child(folder, out, left)
        for name, outcome in outcomes.items():
            if outcome in counts:
                counts[outcome] += 1
            else:
                wrong.append(f"{name}: {outcome}")
        if died:
            wrong.append(f"{died}: the process ended or hung")
        done = {*outcomes, died}
        rest = [name for name in left if name not in done]
        if len(rest) == len(left):
            wrong.append("no file was read at all")
            break
        left = rest
    wrong += [f"{path.name}: left behind" for path in out.rglob("*.part")]
    return counts, wrong


@pytest.mark.slow
def test_damaged_files_end_in_pictures_or_sentences(tmp_path, report):
    counts, wrong = fuzz(tmp_path, 2000, seed=1)
    report("2,000 damaged files", counts)
    assert wrong == []
    assert sum(counts.values()) == 2000 and min(counts.values()) > 200


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif("LANDSCAPE_SLOW" not in os.environ, reason="takes long; set LANDSCAPE_SLOW=1")
def test_many_damaged_files(tmp_path, report):
    counts, wrong = fuzz(tmp_path, 20_000, seed=2)
    report("20,000 damaged files", counts)
    assert wrong == []
