"""What is to be colored and what its result is called: inputs of the command line to pairs of files."""

from __future__ import annotations

import csv
import glob
import os
from dataclasses import dataclass, field
from pathlib import Path

from .files import FORMATS, PLACE_DIGITS, fit_name, result_id
from .model.images import UnreadableImageError
from .model.readers import KNOWN_SUFFIXES


@dataclass(frozen=True)
class Job:
    """One file: where it is read, in which folder below the output its result goes, and the result's stem."""

    source: Path
    folder: Path
    stem: str


@dataclass(frozen=True)
class Problem:
    """A file that was not colored, and the reason as a sentence."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def collect(inputs: list[str], output: Path, recursive: bool) -> tuple[list[Job], list[Problem]]:
    """Find the files of all inputs (files, folders, globs), and say of each input that has none.

    Files below a folder keep their place below it. Hidden files, and results that were written there before, are no
    inputs; a file that is named itself always is one.
    """
    jobs: dict[Path, Job] = {}
    problems = []
    for text in inputs:
        path = Path(text)
        if path.exists() or not glob.has_magic(text):
            matches = [path]
        else:
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207 - absolute too
            if not matches:
                problems.append(Problem(text, "no file matches."))
        for match in matches:
            if not match.is_dir():
                jobs.setdefault(match, Job(match, Path(), match.stem))  # a missing file is reported when it is read
                continue
            try:
                found = _pictures_in(match, output, recursive)
            except OSError as error:
                problems.append(Problem(text, f"this folder cannot be read ({error.strerror or error})."))
                continue
            if not found:
                problems.append(Problem(str(match), "no pictures in this folder."))
            for file in found:
                jobs.setdefault(file, Job(file, file.relative_to(match).parent, file.stem))
    return list(jobs.values()), problems


def _pictures_in(folder: Path, output: Path, recursive: bool) -> list[Path]:
    top, below = folder.resolve(), output.resolve()
    inside = top in below.parents  # results below the input
    among = below == top or below in top.parents  # results where inputs are, told apart by what they say of themselves
    next(folder.iterdir(), None)  # a folder that cannot be read says so here
    found = []
    for file in sorted(folder.rglob("*") if recursive else folder.glob("*")):
        if file.suffix.lower() not in KNOWN_SUFFIXES or is_hidden(file.relative_to(folder)) or file.is_dir():
            continue
        if inside and below in file.resolve().parents:
            continue
        if among and file.suffix.lower() in FORMATS and result_id(file):
            continue
        found.append(file)
    return found


def is_hidden(path: Path) -> bool:
    """Whether a file or a folder above it is hidden, as ``._a.jpg`` of macOS; ``..jpg`` is only an odd name."""
    return any(part.startswith(".") and part.strip(".") and Path(part).stem.strip(".") != "" for part in path.parts)


@dataclass
class Targets:
    """Names of results, none of which replaces an original or the result of another file.

    Attributes:
        output: the folder for results.
        file_format: a suffix without its dot, or "same".
        sources: files that are inputs of this run.
    """

    output: Path
    file_format: str
    sources: list[Path]
    _taken: dict[Path, tuple[Path, str]] = field(default_factory=dict)
    _written: dict[tuple[int, int], tuple[Path, str]] = field(default_factory=dict)
    _originals: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for source in self.sources:
            if (place := _place(source)) is not None:
                self._originals.add(place)

    def choose(self, job: Job, part: str, identity: str | None) -> tuple[Path, bool]:
        """Where a result goes, and whether it is there already, made of the file as it is now.

        Its input's stem, where that is free; else with the input's suffix, then with numbers. What a name means does
        not depend on which other files are colored: a result says what it was made of.

        Args:
            job: the file.
            part: what is added to the stem of its second and further results, such as "-variant-2".
            identity: ``files.source_id`` of it; None if there is no such file.

        Raises:
            UnreadableImageError: if the result would replace the original.
        """
        suffix = job.source.suffix.lower() if self.file_format == "same" else f".{self.file_format}"
        suffix = suffix if suffix in FORMATS else ".png"
        own, free, number = (job.source, part), None, 0
        while True:
            kind = job.source.suffix.lower().lstrip(".")
            end = "" if number == 0 else f"-{kind}" if number == 1 and kind else f"-{max(number, 2)}"
            target = self.output / job.folder / fit_name(f"{job.stem}{part}{end}", suffix)
            number += 1
            if self._taken.get(target, own) != own:
                continue
            if (place := _place(target)) is None:
                free = free or target
                if number > 1:
                    break
                continue
            if self._written.get(place, own) != own:  # another name for it, on a disk that knows no case
                continue
            if place in self._originals:
                if place == _place(job.source):
                    raise UnreadableImageError("the result would replace the original; choose another -o.")
                continue
            known = result_id(target)
            if known and identity and known[:PLACE_DIGITS] == identity[:PLACE_DIGITS]:
                self._taken[target] = own
                return target, known == identity
        self._taken[free] = own
        return free, False

    def written(self, target: Path) -> None:
        """Remember that a result stands there."""
        if (place := _place(target)) is not None:
            self._written[place] = self._taken[target]


def page_name(page: int, part: str = "") -> str:
    """What is added to the stem of the result of a page, counted from 0."""
    return f"-page-{page + 1}{part}"


def _place(path: Path) -> tuple[int, int] | None:
    """Device and number of a file: the same for all names of it; None if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def write_report(path: Path, problems: list[Problem]) -> None:
    """Write files and reasons as CSV, only the heading if there are none.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "reason"))
        # A name that begins like a formula would be computed by a spreadsheet that opens the report.
        tame = ("'" + one.file if one.file[:1] in "=+-@\t\r" else one.file for one in problems)
        writer.writerows(zip(tame, (one.reason for one in problems), strict=True))


def reason_of(error: BaseException, source: os.PathLike) -> str:
    """The sentence of an error without the name of its file, which stands before it."""
    if isinstance(error, OSError) and error.strerror:
        return f"the result cannot be written ({error.strerror})."
    if isinstance(error, MemoryError):
        return "there is not enough memory for this picture; make it smaller first."
    text = " ".join(str(error).split()) or type(error).__name__
    if "out of memory" in text:
        return "there is not enough memory on the device for this picture; use --device cpu or make it smaller first."
    for name in (str(source), Path(source).name):
        text = text.removeprefix(f"{name}: ")
    if not isinstance(error, ValueError | RuntimeError):
        text = f"something unexpected went wrong ({type(error).__name__}: {text}); please report it with the file."
    return text
