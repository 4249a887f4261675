"""The bytes of what is kept, as Parquet shards that ``datasets`` reads."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
from PIL import Image
from tqdm import tqdm

from ..files import is_disk_full
from ..model.images import read_picture
from .archives import ArchiveError
from .options import WORK, BuildError, BuildOptions
from .portions import item_of
from .shards import Store
from .sources import read_item


def features():
    """The columns of a built data set, as ``datasets.Features``."""
    from datasets import Features, Image, Value

    return Features(
        {
            "image": Image(), "source": Value("string"), "scene": Value("string"), "width": Value("int32"),
            "height": Value("int32"), "colorfulness": Value("float32"), "mean_chroma": Value("float32"),
            "sky_fraction": Value("float32"), "sky": Value("string"), "phash": Value("string"),
            "licence": Value("string"),
        }
    )  # fmt: skip


def write_splits(work: Store, options: BuildOptions) -> None:
    counts: Counter[str] = Counter()
    for name in work.list("plan"):
        counts.update(work.read(name, ["split"])["split"].to_pylist())
    schema = features().arrow_schema
    with tqdm(total=sum(counts.values()), desc="write", unit=" pictures", unit_scale=True) as bar:
        for split, count in sorted(counts.items()):
            shards = -(-count // options.shard_rows)
            rows = _planned(work, split)
            for number in range(shards):
                name = f"data/{split}-{number:05d}-of-{shards:05d}.parquet"
                portion = list(itertools.islice(rows, options.shard_rows))
                if not work.exists(name):
                    tables = (_table(portion[a : a + 64], options, schema) for a in range(0, len(portion), 64))
                    work.write(name, tables, schema)
                bar.update(len(portion))


def _planned(work: Store, split: str) -> Iterator[dict]:
    for name in work.list("plan"):
        rows = work.read(name).to_pylist()
        sky = work.read(name.replace("plan", "sky", 1)).to_pylist() if work.exists(
            name.replace("plan", "sky", 1)) else [{"sky_fraction": None, "sky": None}] * len(rows)  # fmt: skip
        yield from (row | found for row, found in zip(rows, sky, strict=True) if row["split"] == split)


def _table(rows: Iterable[dict], options: BuildOptions, schema: pa.Schema) -> pa.Table:
    written = []
    for row in rows:
        try:
            content = read_item(item_of(row))
        except (ArchiveError, OSError, ValueError) as error:
            if is_disk_full(error):
                raise
            raise BuildError(
                f"{row['file']}: it was readable before and is not any more ({error}). Remove the folder "
                f"{WORK} in the output and build again."
            ) from None
        if options.reencode:
            content, row["width"], row["height"] = _encode(content, options.reencode, options.max_side)
        row["image"] = {"bytes": content, "path": _file_name(row["file"])}
        row["phash"] = f"{row['phash']:016x}"
        written.append({name: row[name] for name in schema.names})
    return pa.Table.from_pylist(written, schema)


def _file_name(file: str) -> str:
    """The last part of a name; of rows of a Parquet file, which have only numbers, the last three."""
    parts = file.split("/")
    return "-".join(parts[-3:] if parts[-1].isdigit() else parts[-1:])[-200:]


def _encode(content: bytes, quality: int, max_side: int) -> tuple[bytes, int, int]:
    picture = read_picture(content)
    if max_side and max(picture.size) > max_side:
        picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue(), *picture.size
