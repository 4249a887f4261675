"""From any sources to a clean data set, in steps that can each be stopped and continued.

    list      every picture and problem of the sources, without decoding      .build/items/*.parquet
    measure   decode, judge one by one, all cores                             .build/measures/*.parquet
    decide    copies of one another, splits                                   .build/plan/*.parquet
    sky       find the sky of what is kept, all cores                         .build/sky/*.parquet
    write     the bytes of what is kept                                       data/SPLIT-00000-of-00010.parquet

A finished file is never written twice. Only ``decide`` holds something of every picture at once: some numbers of it,
its hashes among them; everything else is as large as its portion.

Not ``datasets.map``: it writes one cache file a process, an interrupted one is computed anew from its start, and a
picture is decoded where a row is asked for. Here the unit is a portion of 512 pictures, done by whichever process is
free, whose file is there whole or not at all. So a build that was stopped does at most one portion a core again, parts
of it can be done by machines that share nothing but a folder, and steps pass on file names, not pictures.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import logging
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from ..files import is_disk_full
from .card import write_card
from .options import WORK, BuildError, BuildOptions
from .plan import decide
from .portions import ITEM, PORTION, copy_portion, load_segmenter, measure_portion, sky_portion
from .shards import Store
from .sources import SPLITS, find_items, hash_of, read_splits
from .writing import write_splits

logger = logging.getLogger(__name__)


def build(sources: list[str], output: str, options: BuildOptions, part: tuple[int, int] = (0, 1)) -> dict:
    """Build a data set, or part I of N of one that is merged later.

    Args:
        sources: as :func:`find_items`.
        output: folder; for parts it may be an address, shared by all machines.
        options: see :class:`BuildOptions`.
        part: (I, N) counted from 0: only pictures whose name falls into this part are read.

    Returns:
        Seconds of each step, and counts: ``{"seconds": {...}, "kept": n, "dropped": n}``.

    Raises:
        BuildError, SourceError: with a sentence.
    """
    work = Store(f"{output.rstrip('/')}/{WORK}" if part == (0, 1) else f"{output.rstrip('/')}/parts/{_part(part)}")
    facts = {"sources": sources, "part": list(part), "settings": _settings(options)}
    facts |= {name: repr(getattr(options, name)) for name in _OF_THE_WHOLE}
    fingerprint = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()
    if (before := work.read_json("build.json")) and (before["fingerprint"], before["version"]) != (fingerprint, 2):
        logger.info("The options have changed since the interrupted build; it starts afresh.")
        work.remove("")
        before = None
    runs = before.get("runs", 1) + 1 if before else 1
    if options.sky and options.sky_model:
        load_segmenter(options.sky_model)  # better refused now than after the pictures are measured
    try:
        facts = {"fingerprint": fingerprint, "version": 2, "settings": _settings(options), "runs": runs}
        work.write_json("build.json", facts)
        seconds: dict[str, float] = {}
        with _timed(seconds, "list"):
            _list_items(sources, work, options, part)
        with _timed(seconds, "measure"):
            _run(measure_portion, work, "items", "measures", options)
        if part != (0, 1):
            with _timed(seconds, "sky"):
                if options.sky:
                    _run(sky_portion, work, "measures", "sky", options)
            with _timed(seconds, "write"):
                _run(copy_portion, work, "measures", "pictures", options)
            work.write_json("complete.json", ({"seconds": seconds}))
            shutil.rmtree(_spool(work), ignore_errors=True)
            rows = sum(work.read(n, ["reason"]).num_rows for n in work.list("measures"))
            return {"seconds": seconds, "listed": rows}
        result = _finish([work], work, output, options, seconds, sources)
        shutil.rmtree(_spool(work), ignore_errors=True)
        return result
    except OSError as error:
        raise BuildError(_os_sentence(error, output)) from error


# What only the steps after measuring need: a merge may have others than the parts.
_OF_THE_WHOLE = ("shares", "share_tolerance", "same_scene_bits", "same_scene_correlation", "shard_rows")


def _settings(options: BuildOptions) -> dict:
    """What the measures and files of a part depend on; the table of splits by its content, not by its name."""
    settings = dataclasses.asdict(options)
    for name in ("workers", *_OF_THE_WHOLE):
        settings.pop(name)
    if options.splits_from and Path(options.splits_from).is_file():
        settings["splits_from"] = hashlib.sha256(Path(options.splits_from).read_bytes()).hexdigest()
    return settings


def merge(output: str, options: BuildOptions) -> dict:
    """Join the parts under ``output`` that builds with ``part`` have left there; see :func:`build`."""
    root = Store(output)
    found = sorted(p.rstrip("/").split("/")[-1] for p in root.filesystem.ls(root.path("parts"), detail=False)) \
        if root.exists("parts") else []  # fmt: skip
    if not found:
        raise BuildError(f"{output}: there are no parts here; build them first with --shard I/N.")
    total = int(found[0].rsplit("-", 1)[1])
    expected = [_part((i, total)) for i in range(total)]
    missing = [name for name in expected if not root.exists(f"parts/{name}/complete.json")]
    if missing or set(found) - set(expected):
        raise BuildError(f"{output}: parts are missing or not finished: {', '.join(missing) or 'parts of two kinds'}.")
    parts = [Store(f"{output.rstrip('/')}/parts/{name}") for name in expected]
    settings_of_parts = [(part.read_json("build.json") or {}).get("settings") for part in parts]
    other = [name for name, settings in zip(expected, settings_of_parts, strict=True) if settings != _settings(options)]
    if other:
        raise BuildError(
            f"{output}: parts were built with other options or another --splits-from than this merge "
            f"({', '.join(other)}); give --merge the same ones, or build those parts again."
        )
    work = Store(f"{output.rstrip('/')}/{WORK}")
    # What an interrupted merge has decided holds only for the same parts and shares.
    facts = [[part.read_json(name) for name in ("build.json", "complete.json")] for part in parts]
    fingerprint = hashlib.sha256(repr((facts, [getattr(options, name) for name in _OF_THE_WHOLE])).encode()).hexdigest()
    try:
        if (work.read_json("build.json") or {}).get("fingerprint") != fingerprint:
            work.remove("")
            work.write_json("build.json", {"fingerprint": fingerprint, "version": 2})
        return _finish(parts, work, output, options, {}, ["--merge"])
    except OSError as error:
        raise BuildError(_os_sentence(error, output)) from error


def _finish(
    parts: list[Store], work: Store, output: str, options: BuildOptions, seconds: dict, sources: list[str]
) -> dict:
    target = Store(output)
    with _timed(seconds, "decide"):
        decision = decide(parts, work, options)
    dropped = decision.dropped
    names = work.list("plan")
    kept = sum(work.read(name, ["file"]).num_rows for name in names)
    if not kept:
        work.move("dropped.csv", target, "dropped.csv")
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common()) or "no picture was found"
        raise BuildError(f"The result would be empty ({reasons}); {target.path('dropped.csv')} names every file.")
    with _timed(seconds, "sky"):
        if options.sky and parts == [work]:
            _run(sky_portion, work, "plan", "sky", options)
    with _timed(seconds, "write"):
        write_splits(work, options)
    with _timed(seconds, "card"):
        write_card(work, options, decision, sources, seconds)
    # Only now is an older data set in the same place touched.
    for name in ("data", "card", "dropped.csv", "README.md"):
        work.move(name, target, name)
    work.remove("")
    return {"seconds": seconds, "kept": kept, "dropped": sum(dropped.values())}


def _spool(work: Store) -> Path:
    """Folder on this machine for tars that have to be uncompressed; the same when the build is continued."""
    if work.local:
        return Path(work.path("spool"))
    return Path(tempfile.gettempdir()) / f"landscape-build-{hash_of(work.root):016x}"


def _part(part: tuple[int, int]) -> str:
    return f"{part[0]:05d}-of-{part[1]:05d}"


def _os_sentence(error: OSError, output: str) -> str:
    if is_disk_full(error):
        return f"The disk of {output} is full. What is finished is kept: make room and run the same command again."
    return f"{error.filename or output}: {error.strerror or error}. What is finished is kept; run the command again."


class _timed:
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self.seconds, self.name = seconds, name

    def __enter__(self) -> None:
        self.begin = time.perf_counter()

    def __exit__(self, *_) -> None:
        self.seconds[self.name] = round(time.perf_counter() - self.begin, 2)


# --- list


def _list_items(sources: list[str], work: Store, options: BuildOptions, part: tuple[int, int]) -> None:
    if work.exists("items.json"):
        return
    given, by_column = {}, options.splits_from == "split"
    if options.splits_from and not by_column:
        given = read_splits(Path(options.splits_from))

    def items() -> Iterator[dict]:
        for item in tqdm(
            find_items(sources, _spool(work), options.licences), desc="list", unit=" files", mininterval=1
        ):
            if part[1] > 1 and hash_of(item.file) % part[1] != part[0]:
                continue
            row = dataclasses.asdict(item)
            known = given.get(item.file.split("/", 1)[-1]) or given.get(item.file)
            if known:
                row |= {key: known[key] for key in ("source", "scene", "licence", "split") if known.get(key)}
            row["split"] = SPLITS.get(row["split"], row["split"]) if known or by_column else ""
            yield row

    stream, number = items(), 0
    while rows := list(itertools.islice(stream, PORTION)):
        work.write(f"items/{number:06d}.parquet", [pa.Table.from_pylist(rows, ITEM)], ITEM)
        number += 1
    work.write_json("items.json", ({"files": number}))


# --- all cores


def _run(task: Callable, work: Store, before: str, after: str, options: BuildOptions) -> None:
    """Do a task for every file of the step before that has no file in the step after, on all cores."""
    names = [n for n in work.list(before) if not work.exists(n.replace(before, after, 1))]
    workers = min(options.workers or len(os.sched_getaffinity(0)), max(1, len(names)))
    # Children of a process with threads of its own (PyTorch's) must not be forked.
    context = multiprocessing.get_context("forkserver")
    with tqdm(total=len(names) * PORTION, desc=after, unit=" pictures", unit_scale=True) as bar:
        if workers == 1:
            for name in names:
                bar.update(task(work.root, name, name.replace(before, after, 1), options))
            return
        try:
            with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
                queue, running = iter(names), set[Future]()
                while True:
                    for name in itertools.islice(queue, 2 * workers - len(running)):
                        running.add(pool.submit(task, work.root, name, name.replace(before, after, 1), options))
                    if not running:
                        return
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        bar.update(future.result())
        except BrokenProcessPool:
            raise BuildError(
                "A worker was ended from outside, most often for want of memory. What is finished is kept: "
                "run the same command again, with fewer --workers."
            ) from None


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
