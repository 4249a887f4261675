"""Many photographs at once: files and zip archives in; one zip with pictures and a list of failures out."""

from __future__ import annotations

import csv
import io
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from colorization.files import save_picture
from colorization.model.coloring import Coloring, ColoringError, place_on, read_coloring
from colorization.model.images import Photo, UnreadableImageError, read_photo
from space.archives import ArchiveError, files_of, opened, read_member
from space.fine_tuning import variant_of
from space.language import number, say
from space.models import ask
from space.phrasebook import translate
from space.service import MAX_MEGAPIXELS, SUFFIXES, ColorizeService, PageError, is_lossless, safe_stem

logger = logging.getLogger(__name__)

MAX_FILES = 100
MAX_FILE_BYTES = 100_000_000
MAX_TOTAL_BYTES = 1_000_000_000
"""What one batch may unpack to, and again what its pictures may take; the rest is then reported, not colored."""
AS_THEY_CAME = "Automatic"
FORMATS = (AS_THEY_CAME, *SUFFIXES)
REPORT = "failures.csv"
_RESULT = "colored-photographs.zip"


@dataclass(frozen=True)
class Item:
    """One file of a batch: its name, how far it is (waiting, working, done, failed), and what went wrong."""

    name: str
    state: str = "waiting"
    reason: str = ""


@dataclass(frozen=True)
class Batch:
    """How far a batch is; ``archive`` is the finished zip, None until all files have had their turn."""

    items: tuple[Item, ...]
    archive: Path | None = None

    def count(self, *states: str) -> int:
        return sum(item.state in states for item in self.items)


@dataclass
class _Entry:
    """A file to color. ``read`` gives a path or the bytes, for at most so many bytes, or raises ArchiveError."""

    name: str
    read: partial | None = None
    reason: str = ""


def color_batch(
    service: ColorizeService,
    paths: Sequence[Path],
    saturation: float = 1.0,
    warmth: float = 0.0,
    file_format: str = AS_THEY_CAME,
    recipe: Coloring | dict | Path | str | None = None,
) -> Iterator[Batch]:
    """Color files and the files in zip archives, one after the other; a bad one is reported, the others go on.

    Nothing is unpacked to disk. Results are collected in a fresh folder of ``service``, which goes away again if the
    caller stops early.

    Args:
        service: with the model.
        paths: uploaded files.
        saturation, warmth: as in ``ColorizeService.colorize``.
        recipe: a coloring to repeat on all of them, as ``read_coloring`` takes it, instead of saturation and warmth.
        file_format: one of ``FORMATS``; "Automatic" is PNG for what came without loss or with transparency, else JPEG.

    Yields:
        The state of the whole batch, at first and after each change.

    Raises:
        PageError: if there is nothing to color, or more than ``MAX_FILES``, or the recipe is none; then nothing is
            colored.
    """
    if file_format not in FORMATS:
        raise PageError(say("bad_format", formats=", ".join(FORMATS), chosen=file_format))
    service.check(saturation, warmth)
    try:
        coloring = Coloring(strength=saturation, warmth=warmth) if recipe is None else read_coloring(recipe)
    except ColoringError as error:
        raise PageError(str(error)) from None
    service.check(coloring.strength, coloring.warmth)
    with ExitStack() as stack:
        entries = _entries(paths, stack)
        if not entries:
            raise PageError(say("batch_nothing"))
        if len(entries) > MAX_FILES:
            raise PageError(say("batch_many", count=number(len(entries)), most=MAX_FILES))
        folder = service.fresh_folder()
        stack.callback(shutil.rmtree, folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        color = partial(_repeat, service, coloring)
        items = [Item(entry.name) for entry in entries]
        unfinished = stack.enter_context(ExitStack())
        unfinished.callback(shutil.rmtree, folder, ignore_errors=True)
        with zipfile.ZipFile(folder / "work" / _RESULT, "w", zipfile.ZIP_STORED) as out:
            names, unpacked = _Names(), 0
            for place, entry in enumerate(entries):
                items[place] = replace(items[place], state="working")
                yield Batch(tuple(items))
                try:
                    if entry.read is None:
                        raise ArchiveError(entry.reason)
                    if unpacked > MAX_TOTAL_BYTES or out.fp.tell() > MAX_TOTAL_BYTES:  # type: ignore[union-attr]
                        raise ArchiveError(say("batch_large", most=f"{MAX_TOTAL_BYTES / 1e9:g}"))
                    content = entry.read()
                    unpacked += len(content) if isinstance(content, bytes) else content.stat().st_size
                    result = _color(color, content, entry.name, file_format, folder / "work")
                    out.write(result, names.fresh(entry.name, result.suffix))
                    result.unlink()
                    items[place] = replace(items[place], state="done")
                except (ArchiveError, UnreadableImageError, PageError) as error:
                    reason = translate(str(error).removeprefix(f"{PurePosixPath(entry.name).name}: "))
                    items[place] = replace(items[place], state="failed", reason=_sentence(reason))
                except Exception:  # one file may not cost the visitor the others
                    logger.exception("%s failed in a batch", entry.name)
                    items[place] = replace(items[place], state="failed", reason=say("server_failed"))
            out.writestr(REPORT, _report(items))
        archive = (folder / "work" / _RESULT).replace(folder / _RESULT)
        unfinished.pop_all()
        yield Batch(tuple(items), archive)


def _entries(paths: Sequence[Path], stack: ExitStack) -> list[_Entry]:
    """All files to color, those in archives by their path in there; what cannot be opened comes with its reason."""
    found = []
    for path in paths:
        if not path.exists():
            found.append(_Entry(path.name, reason=say("file_gone")))
        elif path.suffix.lower() != ".zip":
            found.append(_Entry(path.name, partial(_whole_file, path)))
        else:
            try:
                archive = stack.enter_context(opened(path))
            except ArchiveError as error:
                found.append(_Entry(path.name, reason=str(error)))
                continue
            files = files_of(archive)
            if not files:
                found.append(_Entry(path.name, reason=say("archive_empty")))
            found += [_Entry(info.filename, partial(read_member, archive, info, MAX_FILE_BYTES)) for info in files]
    return found


def _whole_file(path: Path) -> Path:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ArchiveError(say("file_large", most=number(MAX_FILE_BYTES / 1e6)))
    return path


def _color(
    color: Callable[[Photo], Image.Image], content: Path | bytes, name: str, file_format: str, folder: Path
) -> Path:
    photo = read_photo(content, name=PurePosixPath(name).name, max_megapixels=MAX_MEGAPIXELS)
    if file_format == AS_THEY_CAME:
        file_format = "PNG" if is_lossless(photo) else "JPEG"
    try:
        return save_picture(color(photo), folder / f"picture{SUFFIXES[file_format]}")
    except ValueError as error:
        raise PageError(str(error)) from None


def _repeat(service: ColorizeService, recipe: Coloring, photo: Photo) -> Image.Image:
    """A photograph in color, as the pipeline's ``recipe`` gives it."""
    pipeline = service.models.pipeline()
    if (recipe.points or recipe.look) and not pipeline.model.config.guided:
        raise PageError(say("no_points_or_looks"))
    palette = pipeline.image_processor.make_look(recipe.look) if recipe.look else None
    hints = [((place_on(x, photo.width), place_on(y, photo.height)), color) for x, y, color in recipe.points]
    prediction = ask(service.models, photo, hints, palette)
    ab, inside, outline = variant_of(prediction, recipe.variant), prediction.inside, prediction.outline
    return pipeline.apply_ab(photo, ab, recipe.strength, recipe.warmth, inside=inside, outline=outline)


class _Names:
    """Names in the result: those of the originals, tame and each only once (also where case does not count)."""

    def __init__(self) -> None:
        self._taken = {REPORT.lower()}

    def fresh(self, name: str, suffix: str) -> str:
        slashed = PurePosixPath(name.replace("\\", "/"))
        folders = [safe_stem(f"{part}.x") for part in slashed.parts[:-1] if part not in ("/", ".", "..")]
        stem, number = "/".join([*folders, safe_stem(slashed.name)]), 1
        while (full := f"{stem}{suffix}" if number == 1 else f"{stem} ({number}){suffix}").lower() in self._taken:
            number += 1
        self._taken.add(full.lower())
        return full


def _report(items: Sequence[Item]) -> str:
    """The failures as CSV: file and reason, only the heading if there are none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(("file", "reason"))
    # A name that begins like a formula would be computed by a spreadsheet that opens the report.
    tame = (("'" + item.name if item.name[:1] in "=+-@\t\r" else item.name, item.reason) for item in items
            if item.state == "failed")  # fmt: skip
    writer.writerows(tame)
    return text.getvalue()


def _sentence(reason: str) -> str:
    reason = reason[:1].upper() + reason[1:]
    return reason if reason.endswith(".") else reason + "."
