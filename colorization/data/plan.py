"""What is kept: copies dropped, splits assigned. The one step that looks at all pictures at once."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from .copies import SIGNATURE, Likeness, groups_of
from .options import BuildOptions
from .portions import PLAN, SKY
from .shards import Store
from .sources import hash_of
from .splits import NAMES, assign, representatives

_COLUMNS = ["file", "reason", "split", "scene", "width", "height", "phash", "phash_mirrored", "bytes", "digest"]
_LARGEST_SCENE = 200  # pictures, copies among them


@dataclass
class Decision:
    """Counts of a plan: files dropped by reason; kept pictures that share their scene with another, their groups, and
    the groups whose members given splits keep apart.
    """

    dropped: Counter = field(default_factory=Counter)
    groups: int = 0
    grouped: int = 0
    crossing: int = 0


@dataclass
class _Index:
    """The pictures that passed the filters, one entry each; the signatures lie in a file."""

    key: np.ndarray  # uint64, of the file's name
    digest: np.ndarray  # uint64, of the content
    phash: np.ndarray
    phash_mirrored: np.ndarray
    pixels: np.ndarray
    length: np.ndarray  # bytes
    scene: np.ndarray  # int32, number of the scene
    given: np.ndarray  # int16, index into ``splits``, -1 where no split is given
    splits: list[str]

    def __len__(self) -> int:
        return len(self.key)


def decide(parts: list[Store], work: Store, options: BuildOptions) -> Decision:
    """Drop copies, assign splits, write the plan and ``dropped.csv``."""
    if (saved := work.read_json("plan.json")) is not None:
        return Decision(Counter(saved.pop("dropped")), **saved)
    names = [(part, name) for part in parts for name in part.list("measures")]
    with tempfile.TemporaryFile(dir=work.base if work.local else None) as spool:
        index = _read_index(names, spool)
        copies, scenes = _groups(index, spool, options)
    winner = _winners(index, copies)
    best = winner[copies] == np.arange(len(index))
    split = _splits(index, copies, scenes, best, options)
    decision = Decision(Counter(), *_count_groups(scenes[best], split[best]))
    names_of_winners = _names_of(names, winner[copies[~best]])
    del scenes
    with tempfile.TemporaryFile(dir=work.base if work.local else None) as table:
        stream = io.TextIOWrapper(table, "utf-8", newline="", write_through=True)
        writer = csv.writer(stream)
        writer.writerow(("file", "reason", "value"))
        begin = 0
        for number, (part, name) in enumerate(tqdm(names, desc="plan", unit=" files", mininterval=1)):
            rows, kept = part.read(name).to_pylist(), []
            skies = (
                part.read(name.replace("measures", "sky", 1)).to_pylist() if part is not work and options.sky else None
            )
            for place, row in enumerate(rows):
                if not row["reason"]:
                    here, begin = begin, begin + 1
                    if best[here]:
                        row["split"] = index.splits[split[here]]
                        if part is not work:  # parts carry their bytes
                            pictures = f"{part.root}/{name.replace('measures', 'pictures', 1)}"
                            row |= {"kind": "parquet", "container": os.fsencode(pictures)}
                            row |= {"offset": place // 64, "size": place % 64}
                        kept.append(row | (skies[place] if skies else {}))
                        continue
                    row["reason"], row["value"] = "duplicate", f"of {names_of_winners[int(winner[copies[here]])]}"
                decision.dropped[row["reason"]] += 1
                writer.writerow((row["file"], row["reason"], row["value"]))
            if skies:
                sky = [{key: row[key] for key in SKY.names} for row in kept]
                work.write(f"sky/{number:06d}.parquet", [pa.Table.from_pylist(sky, SKY)], SKY)
            plan = [{key: row[key] for key in PLAN.names} for row in kept]
            work.write(f"plan/{number:06d}.parquet", [pa.Table.from_pylist(plan, PLAN)], PLAN)
        stream.flush()
        table.seek(0)
        work.write_bytes("dropped.csv", iter(lambda: table.read(1 << 20), b""))
    work.write_json("plan.json", vars(decision))
    return decision


def _read_index(names: list[tuple[Store, str]], spool: BinaryIO) -> _Index:
    columns: dict[str, list[np.ndarray]] = {name: [] for name in _Index.__annotations__ if name != "splits"}
    scenes: dict[str, int] = {}
    splits = {name: number for number, name in enumerate(NAMES)}
    for part, name in tqdm(names, desc="decide", unit=" files", mininterval=1):
        table = part.read(name, [*_COLUMNS, "signature"])
        table = table.filter(pc.equal(table["reason"], ""))
        columns["key"].append(np.array([hash_of(f) for f in table["file"].to_pylist()], np.uint64))
        for column in ("digest", "phash", "phash_mirrored"):
            columns[column].append(table[column].to_numpy().astype(np.uint64))
        pixels = table["width"].to_numpy().astype(np.int64) * table["height"].to_numpy()
        columns["pixels"].append(pixels.astype(np.int32))
        columns["length"].append(table["bytes"].to_numpy().astype(np.int32))
        numbers = [scenes.setdefault(scene or "", len(scenes)) for scene in table["scene"].to_pylist()]
        columns["scene"].append(np.array(numbers, np.int32))
        given = [splits.setdefault(s, len(splits)) if s else -1 for s in table["split"].to_pylist()]
        columns["given"].append(np.array(given, np.int16))
        for signature in table["signature"].to_pylist():
            spool.write(signature)
    spool.flush()
    empty = {"scene": np.int32, "given": np.int16, "pixels": np.int32, "length": np.int32}
    joined = {
        name: np.concatenate(columns.pop(name)) if names else np.empty(0, empty.get(name, np.uint64))
        for name in list(columns)
    }
    return _Index(**joined, splits=list(splits))


def _groups(index: _Index, spool: BinaryIO, options: BuildOptions) -> tuple[np.ndarray, np.ndarray]:
    """Group of each picture by what is a copy of what, and by what shows the same scene: smallest index in it."""
    if not len(index):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    filters = options.filters
    levels = [Likeness(filters.duplicate_bits, filters.duplicate_correlation)]
    if options.same_scene_bits:
        levels.append(Likeness(options.same_scene_bits, options.same_scene_correlation, mirrored=False))
    signatures = np.memmap(spool, np.uint8, "r", shape=(len(index), SIGNATURE * SIGNATURE))
    found = groups_of(index.phash, index.phash_mirrored, signatures, index.digest, tuple(levels))
    copies, scenes = found[0], found[-1]
    # In a large set look-alikes chain up. Nobody takes so many photographs of one scene.
    chain = np.bincount(scenes)[scenes] > _LARGEST_SCENE
    return copies, np.where(chain, copies, scenes)


def _winners(index: _Index, copies: np.ndarray) -> np.ndarray:
    """By the number of a group of copies, the one that is kept; int64 [N], -1 where there is no such group."""
    # Most pixels win, then most bytes (the least compressed); then content and name decide, never the sources' order.
    order = np.lexsort((index.key, index.digest, -index.length, -index.pixels, copies))
    best = order[np.diff(copies[order], prepend=-1) != 0]
    winner = np.full(len(index), -1)
    winner[copies[best]] = best
    return winner


def _splits(
    index: _Index, copies: np.ndarray, scenes: np.ndarray, best: np.ndarray, options: BuildOptions
) -> np.ndarray:
    """Index into ``index.splits`` of each picture: its own given one, that of a copy, of its scene, or assigned."""
    split = index.given.copy()
    for group in (copies, scenes):
        split = np.where(split < 0, _given_in(group, index), split)
    if (split < 0).any():
        who = representatives(scenes, index.digest)
        weights = np.bincount(scenes[best & (split < 0)], minlength=len(index))[scenes[who]]
        assigned = np.zeros(len(index), np.int16)
        assigned[scenes[who]] = assign(
            index.digest[who], options.shares, weights, index.scene[who], options.share_tolerance
        )
        split = np.where(split < 0, assigned[scenes], split)
    return split


def _given_in(group: np.ndarray, index: _Index) -> np.ndarray:
    """The given split of each picture's group, that of its senior member with one; -1 where none has."""
    placed = np.flatnonzero(index.given >= 0)
    found = np.full(len(index), -1, np.int16)
    who = placed[representatives(group[placed], index.digest[placed])]
    found[group[who]] = index.given[who]
    return found[group]


def _count_groups(scenes: np.ndarray, split: np.ndarray) -> tuple[int, int, int]:
    """Groups of more than one picture, the pictures in them, and the groups that have more than one split."""
    order = np.lexsort((split, scenes))
    begins = np.flatnonzero(np.diff(scenes[order], prepend=-1))
    ends = np.append(begins[1:], len(order))
    several = ends - begins > 1
    begins, ends = begins[several], ends[several]
    crossing = split[order[begins]] != split[order[ends - 1]]
    return len(begins), int((ends - begins).sum()), int(crossing.sum())


def _names_of(names: list[tuple[Store, str]], numbers: np.ndarray) -> dict[int, str]:
    """File names of some of the pictures that passed, by their number."""
    asked, found, begin = np.unique(numbers), {}, 0
    for part, name in names:
        table = part.read(name, ["file", "reason"])
        files = table.filter(pc.equal(table["reason"], ""))["file"]
        for number in asked[np.searchsorted(asked, begin) : np.searchsorted(asked, begin + len(files))]:
            found[int(number)] = files[int(number) - begin].as_py()
        begin += len(files)
    return found
