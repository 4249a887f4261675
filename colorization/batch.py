"""The files of one call of the command line, colored side by side, each to results of its own."""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from PIL import Image

from .files import output_format, remove_leftovers, save_picture, source_id
from .jobs import Job, Targets, page_name, reason_of
from .model.coloring import place_on
from .model.images import Photo, read_photo
from .model.pipeline_colorization import ColorizationPipeline

logger = logging.getLogger("colorization")
_AT_ONCE = 4  # files
_LARGE = 30_000_000  # pixels; their files are colored one at a time


@dataclass
class Batch:
    """What is the same for all files of one run."""

    pipe: ColorizationPipeline
    args: argparse.Namespace
    options: dict
    targets: Targets
    _cleaned: set[Path] = field(default_factory=set)
    _naming: threading.Lock = field(default_factory=threading.Lock)
    _large: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def color_all(self, jobs: Sequence[Job]) -> Generator[tuple[Job, bool | Exception]]:
        """Color files, as many at once as there are threads for PyTorch, and answer in their order.

        A picture of usual size keeps several threads waiting for one another, and each is read and written by one.

        Returns:
            Each file with whether it was colored (False: its results are there already and are left alone), or with
            the exception, of any kind, that says what it cannot become.
        """
        self._ended.clear()
        threads = torch.get_num_threads()
        workers = max(1, min(threads, len(jobs), _AT_ONCE))
        waiting: deque[tuple[Job, Future]] = deque()

        def answer() -> tuple[Job, bool | Exception]:
            job, future = waiting.popleft()
            try:
                return job, future.result()
            except Exception as error:
                return job, error

        pool = ThreadPoolExecutor(workers, "color", torch.set_num_threads, (max(1, threads // workers),))
        try:
            for job in jobs:
                # What stands where a disk knows no case is seen when it is written.
                while len(waiting) > workers or any(_alike(job, other) for other, _ in waiting):
                    yield answer()
                waiting.append((job, self._begin(job, pool)))
            while waiting:
                yield answer()
        finally:
            self._ended.set()  # who stops a run does not wait for all pages of a book
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

    def _begin(self, job: Job, pool: Executor) -> Future:
        """Name the results of a file, one file after the other, and let it be colored."""
        future: Future = Future()
        try:
            identity = source_id(job.source) if job.source.is_file() else None
            self._clean(self.targets.output / job.folder)
            chosen = [self._choose(job, part, identity) for part in self._parts]
        except Exception as error:
            future.set_exception(error)
            return future
        if self.args.skip_existing and not self.args.all_pages and all(there for _, there in chosen):
            future.set_result(False)
            return future
        return pool.submit(self._color, job, identity, chosen)

    @property
    def _parts(self) -> list[str]:
        return ["", *(f"-variant-{number}" for number in range(2, (self.args.variants or 1) + 1))]

    def _color(self, job: Job, identity: str | None, chosen: list[tuple[Path, bool]]) -> bool:
        photo = self._read(job)
        with self._large if photo.width * photo.height > _LARGE else contextlib.nullcontext():
            return self._color_photo(job, photo, identity, chosen)

    def _color_photo(self, job: Job, photo: Photo, identity: str | None, chosen: list[tuple[Path, bool]]) -> bool:
        args, parts = self.args, self._parts
        there = args.skip_existing and all(there for _, there in chosen)
        if there and self._has_pages(job, photo.pages, chosen[0][0], identity):
            return False
        if photo.pages > 1 and not args.all_pages:
            logger.warning(
                "%s: %d pages or frames, of which the first is colored; --all-pages colors all.",
                job.source,
                photo.pages,
            )
        # What was made of the first stands there last: it says that all the others are there.
        results = self._put(photo)
        pages = range(1, photo.pages if args.all_pages else 1)
        if output_format(chosen[0][0]) == "TIFF":
            more: Iterable[list[Image.Image]] = (self._put_page(job, page) for page in pages)
            if len(parts) > 1:
                more = list(more)
            for number in reversed(range(len(parts))):
                self._save(results[number], chosen[number][0], identity, (page[number] for page in more))
            return True
        for page in pages:
            for part, picture in zip(parts, self._put_page(job, page), strict=True):
                self._save(picture, self._choose(job, page_name(page, part), identity)[0], identity)
        for number in reversed(range(len(parts))):
            self._save(results[number], chosen[number][0], identity)
        return True

    def _choose(self, job: Job, part: str, identity: str | None) -> tuple[Path, bool]:
        with self._naming:
            return self.targets.choose(job, part, identity)

    def _has_pages(self, job: Job, pages: int, target: Path, identity: str | None) -> bool:
        """Whether all pages of a file are in a result, or in results of their own."""
        if output_format(target) == "TIFF":
            return read_photo(target, max_megapixels=self.args.max_megapixels).pages == pages
        return all(self._choose(job, page_name(page), identity)[1] for page in range(1, pages))

    def _read(self, job: Job, page: int = 0) -> Photo:
        photo = read_photo(job.source, name=str(job.source), max_megapixels=self.args.max_megapixels, page=page)
        return replace(photo, rgb=255 - photo.rgb) if self.args.invert else photo

    def _put(self, photo: Photo) -> list[Image.Image]:
        self._go_on()
        hints = [place_hint(hint, photo) for hint in self.args.hint]
        pictures = self.pipe(photo, hints=hints, **self.options)
        return pictures if self.args.variants else [pictures]

    def _put_page(self, job: Job, page: int) -> list[Image.Image]:
        try:
            return self._put(self._read(job, page))
        except ValueError as error:
            raise ValueError(f"page {page + 1}: {reason_of(error, job.source)}") from error

    def _save(
        self, picture: Image.Image, target: Path, identity: str | None, more_pages: Iterable[Image.Image] = ()
    ) -> None:
        self._go_on()
        target.parent.mkdir(parents=True, exist_ok=True)
        save_picture(picture, target, provenance=self.args.provenance, source_id=identity, more_pages=more_pages)
        with self._naming:
            self.targets.written(target)

    def _go_on(self) -> None:
        if self._ended.is_set():
            raise RuntimeError("the run was stopped.")

    def _clean(self, folder: Path) -> None:
        if folder not in self._cleaned and folder.is_dir():
            remove_leftovers(folder)
        self._cleaned.add(folder)


def _alike(one: Job, other: Job) -> bool:
    """Whether two files may ask for one name, for a page or variant or on a disk that knows no case, too."""
    first, second = sorted(str(job.folder / job.stem).casefold() for job in (one, other))
    return first == second or second.startswith(f"{first}-")


def place_hint(hint: tuple[tuple[str, str], str], photo: Photo) -> tuple[tuple[float, float], str]:
    """A hint in pixels of one photograph."""
    (x, y), color = hint
    return (_pixels(x, photo.width), _pixels(y, photo.height)), color


def _pixels(place: str, length: int) -> float:
    return place_on(float(place[:-1]), length) if place.endswith("%") else float(place)
