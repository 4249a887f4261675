"""What the cores do: measure, find the sky, copy; one file of rows in, one file of rows out, in any order."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from PIL import Image

from ..model.images import UnreadableImageError, read_picture
from .archives import ArchiveError
from .clean import measure, verdict
from .options import BuildError, BuildOptions
from .shards import Store
from .sources import Item, read_item

if TYPE_CHECKING:
    from ..sky import SkySegmenter

logger = logging.getLogger(__name__)

PORTION = 512  # pictures a task, and a file of each step

ITEM = pa.schema(
    [
        (f.name, {"int": pa.int64(), "bytes": pa.binary()}.get(str(f.type), pa.string()))
        for f in dataclasses.fields(Item)
    ]
)
MEASURED = [
    ("width", pa.int32()), ("height", pa.int32()), ("lightness", pa.float32()), ("mean_chroma", pa.float32()),
    ("chroma_spread", pa.float32()), ("colorfulness", pa.float32()), ("border", pa.float32()), ("phash", pa.uint64()),
    ("phash_mirrored", pa.uint64()), ("signature", pa.binary(256)),
]  # fmt: skip
MEASURES = pa.schema([*ITEM, *MEASURED, ("bytes", pa.int64()), ("digest", pa.uint64())])
PLAN = pa.schema([*(f for f in MEASURES if f.name not in ("signature", "phash_mirrored"))])
SKY = pa.schema([("sky_fraction", pa.float32()), ("sky", pa.string())])


def measure_portion(root: str, before: str, after: str, options: BuildOptions) -> int:
    store = Store(root)
    rows = store.read(before).to_pylist()
    for row in rows:
        row |= dict.fromkeys((name for name, _ in MEASURED), None) | {"bytes": None, "digest": None}
    passed: list[dict] = []

    def pictures() -> Iterator[Image.Image]:
        for row in rows:
            if row["reason"]:
                continue
            try:
                content = read_item(item_of(row))
                picture = read_picture(content, name=row["file"].rsplit("/", 1)[-1])
            except (UnreadableImageError, ArchiveError, OSError, ValueError) as error:
                # The sentence of the system, without the path on this machine that Python puts behind it.
                row["reason"], row["value"] = "unreadable", getattr(error, "strerror", None) or str(error)
                continue
            row["digest"] = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
            row["bytes"] = len(content)
            passed.append(row)
            yield picture

    columns = measure(pictures())
    for place, row in enumerate(passed):
        row |= {n: v[place].tobytes() if n == "signature" else v[place].item() for n, v in columns.items()}
        row["reason"], row["value"] = verdict(row, options.filters)
    store.write(after, [pa.Table.from_pylist(rows, MEASURES)], MEASURES)
    return len(rows)


def item_of(row: dict) -> Item:
    return Item(**{name: row[name] for name in ITEM.names})


def copy_portion(root: str, before: str, after: str, options: BuildOptions) -> int:
    """For parts: the bytes of a portion, row by row, so that the merge needs no machine's own sources."""
    store = Store(root)
    schema = pa.schema([("image", pa.binary())])
    rows = store.read(before, [*ITEM.names]).to_pylist()
    # Row groups are what the merge reads at once; a short one keeps it light.
    tables = (
        pa.table({"image": [b"" if r["reason"] else read_item(item_of(r)) for r in rows[a : a + 64]]}, schema)
        for a in range(0, len(rows), 64)
    )
    store.write(after, tables, schema)
    return len(rows)


_SKY_SIDE = 512  # px; no segmenter sees more, and sixteen photographs need not be held at full size


def shrink(picture: Image.Image) -> Image.Image:
    picture.thumbnail((_SKY_SIDE, _SKY_SIDE), Image.Resampling.BILINEAR)
    return picture


@functools.lru_cache(maxsize=1)  # one a process, loaded with the first portion
def load_segmenter(model: str) -> SkySegmenter:
    """The segmenter of ``options.sky_model``.

    Raises:
        BuildError: if it cannot be loaded or knows no sky.
    """
    from ..sky import SkySegmenter

    try:
        return SkySegmenter(model or None)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise BuildError(f"--sky-model {model}: it cannot be used. {reason}") from error


def sky_portion(root: str, before: str, after: str, options: BuildOptions) -> int:
    from ..sky import sky_label

    segmenter = load_segmenter(options.sky_model)
    store = Store(root)
    rows = store.read(before).to_pylist()
    found: list[dict[str, float | str | None]] = [{"sky_fraction": None, "sky": None} for _ in rows]
    usable = [place for place, row in enumerate(rows) if not row["reason"]]
    for begin in range(0, len(usable), 16):
        places, pictures = [], []
        for place in usable[begin : begin + 16]:
            try:
                pictures.append(shrink(read_picture(read_item(item_of(rows[place])))))
                places.append(place)
            except (UnreadableImageError, ArchiveError, OSError, ValueError) as error:
                logger.warning("%s: %s", rows[place]["file"], error)
        for place, fraction in zip(places, segmenter.fractions(pictures) if pictures else [], strict=True):
            found[place] = {"sky_fraction": fraction, "sky": sky_label(fraction)}
    store.write(after, [pa.Table.from_pylist(found, SKY)], SKY)
    return len(rows)
