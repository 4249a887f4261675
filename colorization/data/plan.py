"""What is kept: copies dropped, splits assigned. The one step that looks at all pictures at once."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from .clean import groups, near_duplicates
from .options import BuildOptions
from .portions import PLAN, SKY
from .shards import Store
from .sources import hash_of
from .splits import assign


def decide(parts: list[Store], work: Store, options: BuildOptions) -> Counter:
    """Drop copies, assign splits, write the plan and ``dropped.csv``."""
    if (said := work.read_json("plan.json")) is not None:
        return Counter(said["dropped"])
    names = [(part, name) for part in parts for name in part.list("measures")]
    columns = ["file", "reason", "width", "height", "phash", "phash_mirrored", "bytes", "digest"]
    keys, plain, mirrored, digests, pixels, lengths, signatures = [], [], [], [], [], [], []
    for part, name in tqdm(names, desc="decide", mininterval=1):
        table = part.read(name, [*columns, "signature"])
        table = table.filter(pc.equal(table["reason"], ""))
        keys.append(np.array([hash_of(f) for f in table["file"].to_pylist()], np.uint64))
        plain.append(table["phash"].to_numpy())
        mirrored.append(table["phash_mirrored"].to_numpy())
        digests.append(table["digest"].to_numpy())
        pixels.append(table["width"].to_numpy().astype(np.int64) * table["height"].to_numpy())
        lengths.append(table["bytes"].to_numpy())
        packed = b"".join(table["signature"].to_pylist())
        signatures.append(np.frombuffer(packed, np.uint8).reshape(-1, 256))
    if not names:
        plain = mirrored = digests = pixels = lengths = keys = [np.empty(0, np.uint64)]
        signatures = [np.empty((0, 256), np.uint8)]
    keys, plain, mirrored = np.concatenate(keys), np.concatenate(plain), np.concatenate(mirrored)
    digests, pixels, lengths = np.concatenate(digests), np.concatenate(pixels), np.concatenate(lengths)
    count = len(keys)
    group = groups(count, near_duplicates(plain, mirrored, np.concatenate(signatures), options.filters))
    del signatures
    smallest = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, group, digests)
    # Most pixels win, then most bytes (the least compressed); then content and name decide, never the sources' order.
    order = np.lexsort((keys, digests, -lengths.astype(np.int64), -pixels.astype(np.int64), group))
    best = np.zeros(count, bool)
    best[order[np.diff(group[order], prepend=-1) != 0]] = True
    winner = np.full(count, -1)
    winner[group[best]] = np.flatnonzero(best)
    splits = assign(smallest[group], options.shares) if count else np.empty(0, str)
    winners = _names_of(names, winner[group[~best]])
    dropped, begin = Counter(), 0
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(("file", "reason", "value"))
    for number, (part, name) in enumerate(names):
        rows, kept = part.read(name).to_pylist(), []
        skies = part.read(name.replace("measures", "sky", 1)).to_pylist() if part is not work and options.sky else None
        for place, row in enumerate(rows):
            if not row["reason"]:
                here, begin = begin, begin + 1
                if best[here]:
                    row["split"] = row["split"] or str(splits[here])
                    if part is not work:  # parts carry their bytes
                        pictures = f"{part.root}/{name.replace('measures', 'pictures', 1)}"
                        row |= {"kind": "parquet", "container": os.fsencode(pictures)}
                        row |= {"offset": place // 64, "size": place % 64}
                    kept.append(row | (skies[place] if skies else {}))
                    continue
                row["reason"], row["value"] = "duplicate", f"of {winners[int(winner[group[here]])]}"
            dropped[row["reason"]] += 1
            writer.writerow((row["file"], row["reason"], row["value"]))
        if skies:
            sky = [{key: row[key] for key in SKY.names} for row in kept]
            work.write(f"sky/{number:06d}.parquet", [pa.Table.from_pylist(sky, SKY)], SKY)
        plan = [{key: row[key] for key in PLAN.names} for row in kept]
        work.write(f"plan/{number:06d}.parquet", [pa.Table.from_pylist(plan, PLAN)], PLAN)
    work.write_bytes("dropped.csv", output.getvalue().encode())
    work.write_json("plan.json", ({"dropped": dict(dropped)}))
    return dropped


def _names_of(names: list[tuple[Store, str]], wanted: np.ndarray) -> dict[int, str]:
    """File names of some of the pictures that passed, by their number."""
    asked, found, begin = np.unique(wanted), {}, 0
    for part, name in names:
        table = part.read(name, ["file", "reason"])
        files = table.filter(pc.equal(table["reason"], ""))["file"]
        for number in asked[np.searchsorted(asked, begin) : np.searchsorted(asked, begin + len(files))]:
            found[int(number)] = files[int(number) - begin].as_py()
        begin += len(files)
    return found
