"""What the buttons of the page do: a file in, pictures on disk and sentences out. Knows nothing of the layout."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from colorization.files import save_picture
from colorization.model.images import Photo, UnreadableImageError, read_photo
from space.hints import Guidance
from space.language import localized, say
from space.models import Models, PageError, ask
from space.views import encode, make_view, write_fresh

if TYPE_CHECKING:
    import torch

    from colorization.model.prediction import Prediction
    from colorization.model.scan_borders import Box

MAX_MEGAPIXELS = 100.0
MAX_SATURATION = 2.0
DELETE_EVERY, DELETE_AFTER = 600, 2 * 3600  # s; uploads and results
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}
_PLAIN = 2.0  # of 255, standard deviation of the grey picture: less is a blank page, or noise on one
_COLORED = 5.0  # CIE units of mean distance from the mean ab; toned prints stay below
_SHOWN_BY_BROWSERS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF")


@dataclass(frozen=True)
class ColoredPhoto:
    """One colored photograph as a visitor's session keeps it: small, so that many visitors fit in memory.

    Attributes:
        source: the visitor's own file, untouched.
        name: its name, for messages and for the name of the download.
        size: (width, height) in pixels of the photograph and of its download.
        prediction: what the model says of it, without the photograph: about 1 MB with a classifier, 30 kB without.
        ab: [2, h, w] float32, CIE units, ``prediction.ab`` or the variant adopted; strength and warmth come on top.
        variant: 1 for ``prediction.ab``, or the number of the variant adopted.
        guidance: what ``prediction`` is the answer to.
        folder: where this coloring's pictures are.
        before, after: JPEG, small enough to be sent over a slow line; both sides of the picture that is shown.
        shown_size: (width, height) in pixels of those two.
        sky: "yes", "no" or "uncertain", as ``colorization.sky`` sees it; None where its model is missing.
        lossless: whether the photograph came in a lossless format or has transparency, so that PNG suits it.
        in_color: whether the photograph came in color, which the model did not see.
        plain: whether there is next to nothing in it: one tone all over.
        seconds: what reading and the network took.
    """

    source: Path
    name: str
    size: tuple[int, int]
    prediction: Prediction
    ab: torch.Tensor
    folder: Path
    before: Path
    after: Path
    shown_size: tuple[int, int]
    sky: str | None
    lossless: bool
    in_color: bool
    plain: bool
    seconds: float
    variant: int = 1
    guidance: Guidance = field(default_factory=Guidance)

    @property
    def confidence(self) -> str | None:
        """How sure the model is, in words, as ``Prediction.confidence``; None of a model without a classifier."""
        return None if self.prediction.logits is None else self.prediction.confidence

    def inside(self, photo: Photo) -> Box:
        """Where the picture is in a view of the photograph: left, top, right, bottom, px; a border is outside."""
        (width, height), (left, top, right, bottom) = self.size, self.prediction.inside
        across, down = photo.width / width, photo.height / height
        return round(left * across), round(top * down), round(right * across), round(bottom * down)

    @property
    def reduced(self) -> bool:
        """Whether fewer pixels are shown than the download has."""
        return self.shown_size != self.size


class ColorizeService:
    """Colors photographs for the page. One per process."""

    def __init__(self, folder: str | Path, model: str | Path | None = None, device: str = "auto") -> None:
        """
        Args:
            folder: what the page writes goes below it; whoever owns the folder deletes old files.
            model: a folder or an id on the Hub; None for the model that comes with the project.
            device: as in ``load_pipeline``.
        """
        self._folder = Path(folder)
        self.models = Models(model, device)

    def preview(self, source: str | Path) -> Path | None:
        """Check a new upload at once, so that a broken file is named before anyone waits for it.

        Returns:
            A picture to show instead, if browsers cannot show the file itself (TIFF); else None.

        Raises:
            UnreadableImageError: if it is no picture.
        """
        photo = read_upload(Path(source))
        if photo.format in _SHOWN_BY_BROWSERS:
            return None
        folder = self.fresh_folder()
        return write_fresh(folder, safe_stem(photo.name), make_view(photo)[1])

    def colorize(
        self,
        source: str | Path,
        saturation: float = 1.0,
        warmth: float = 0.0,
        guidance: Guidance | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> ColoredPhoto:
        """Run the network on a photograph and make both pictures that are shown.

        Args:
            source: the visitor's file.
            saturation: factor on chroma, 0 to ``MAX_SATURATION``.
            warmth: shift along daylight, -1 (cool) to 1 (warm).
            guidance: colors at points and a palette; guided models only.
            check: called between the steps; what it raises ends a run that nobody waits for.

        Raises:
            UnreadableImageError: if it is no picture.
            PageError: for anything else that goes wrong, as a sentence.
        """
        source, started, guidance = Path(source), time.monotonic(), guidance or Guidance()
        self.check(saturation, warmth)
        photo = read_upload(source)
        check()
        prediction = self._ask(photo, guidance)
        check()
        folder = self.fresh_folder()
        view, content = make_view(photo)
        before = write_fresh(folder, "before", content)
        colored = ColoredPhoto(
            source=source,
            name=photo.name,
            size=(photo.width, photo.height),
            prediction=prediction,
            ab=prediction.ab,
            folder=folder,
            before=before,
            after=before,
            shown_size=view.size,
            sky=self._sky_of(photo),
            lossless=is_lossless(photo),
            in_color=_is_in_color(photo),
            plain=float(np.asarray(view).std()) < _PLAIN,
            seconds=0.0,
            guidance=guidance,
        )
        colored = replace(colored, after=self._write_after(colored, view, colored.ab, saturation, warmth))
        return replace(colored, seconds=time.monotonic() - started)

    def ask_again(self, colored: ColoredPhoto, guidance: Guidance) -> ColoredPhoto:
        """Run the network on the same photograph with other guidance; what is shown is not made anew.

        Raises:
            PageError: if the model takes no guidance, a point is out of place, or the upload has been deleted.
        """
        started = time.monotonic()
        prediction = self._ask(read_upload(colored.source), guidance)
        seconds = time.monotonic() - started
        return replace(colored, prediction=prediction, ab=prediction.ab, guidance=guidance, seconds=seconds)

    def recolor(
        self, colored: ColoredPhoto, saturation: float, warmth: float = 0.0, ab: torch.Tensor | None = None
    ) -> ColoredPhoto:
        """The same colors, stronger or weaker, warmer or cooler: the picture shown again, without the network.

        ``ab`` [2, h, w] shows other colors than ``colored.ab``.
        """
        self.check(saturation, warmth)
        view = read_view(colored)
        shown = colored.ab if ab is None else ab
        return replace(colored, after=self._write_after(colored, view, shown, saturation, warmth))

    def render(
        self,
        colored: ColoredPhoto,
        view: Photo | Image.Image,
        ab: torch.Tensor,
        saturation: float = 1.0,
        warmth: float = 0.0,
    ) -> Image.Image:
        """ab [2, h, w] of this photograph on a view of it, in the picture and not in the border of a scan."""
        photo = view if isinstance(view, Photo) else Photo(np.array(view.convert("RGB")), name=colored.name)
        pipeline = self.models.pipeline()
        inside, outline = colored.inside(photo), colored.prediction.outline
        return pipeline.apply_ab(photo, ab, saturation, warmth, inside=inside, outline=outline)

    def write(self, colored: ColoredPhoto, saturation: float, file_format: str, warmth: float = 0.0) -> Path:
        """The photograph in color with every pixel it came with, EXIF kept, as a file to download.

        Args:
            colored: from :meth:`colorize`.
            saturation: factor on chroma.
            file_format: "JPEG" or "PNG".
            warmth: as in :meth:`colorize`.

        Returns:
            For example ``beach-colorized.jpg``.

        Raises:
            PageError: if the format cannot hold the picture, or the upload has been deleted in the meantime.
        """
        self.check(saturation, warmth)
        picture = self.render(colored, read_upload(colored.source), colored.ab, saturation, warmth)
        return save(picture, colored.name, self.fresh_folder(), file_format)

    def colorize_file(
        self,
        source: str | Path,
        saturation: float,
        file_format: str,
        warmth: float = 0.0,
        guidance: Guidance | None = None,
        choose: Callable[[Prediction], torch.Tensor] = lambda prediction: prediction.ab,
    ) -> Path:
        """File in, file out, for programs: read once and written once, without the pictures to look at.

        ``choose`` takes ab [2, h, w] out of what the model says.
        """
        self.check(saturation, warmth)
        photo = read_upload(Path(source))
        prediction = self._ask(photo, guidance or Guidance())
        ab, inside, outline = choose(prediction), prediction.inside, prediction.outline
        picture = self.models.pipeline().apply_ab(photo, ab, saturation, warmth, inside=inside, outline=outline)
        return save(picture, photo.name, self.fresh_folder(), file_format)

    def check(self, saturation: float, warmth: float = 0.0) -> None:
        """Refuse settings out of range before anything is read.

        Raises:
            PageError: with a sentence.
        """
        for name, value, low, high in (("strength", saturation, 0, MAX_SATURATION), ("warmth", warmth, -1, 1)):
            if not isinstance(value, int | float) or not low <= value <= high:
                wrong = localized(str(value)[:20])
                raise PageError(say("out_of_range", name=say(name), low=low, high=f"{high:g}", value=wrong))

    def fresh_folder(self) -> Path:
        """An empty folder with an unguessable name: what is written there is served to whoever knows it."""
        folder = self._folder / secrets.token_hex(16)
        folder.mkdir(parents=True)
        return folder

    def own(self, colored: ColoredPhoto) -> ColoredPhoto:
        """An example's coloring for one visitor: what is written for them from now on goes into their own folder."""
        return replace(colored, folder=self._folder / secrets.token_hex(16))

    def _ask(self, photo: Photo, guidance: Guidance) -> Prediction:
        pipeline = self.models.pipeline()
        if guidance and not pipeline.model.config.guided:
            raise PageError(say("no_guidance"))
        hints = [(hint.pixel(photo.width, photo.height), hint.color) for hint in guidance.hints]
        return ask(self.models, photo, hints, guidance.palette)

    def _sky_of(self, photo: Photo) -> str | None:
        from colorization.sky import sky_label

        segmenter = self.models.sky()
        return sky_label(segmenter.fractions([photo.rgb])[0]) if segmenter else None

    def _write_after(
        self, colored: ColoredPhoto, view: Image.Image, ab: torch.Tensor, saturation: float, warmth: float
    ) -> Path:
        picture = self.render(colored, view, ab, saturation, warmth)
        return write_fresh(colored.folder, "after", encode(picture.convert("RGB")))


def read_upload(path: Path) -> Photo:
    if not path.exists():
        raise PageError(say("gone"))
    return read_photo(path, max_megapixels=MAX_MEGAPIXELS)


def is_lossless(photo: Photo) -> bool:
    """Whether the file lost nothing when it was written, or is transparent in places: PNG then suits the result."""
    return photo.alpha is not None or photo.format not in ("JPEG", "MPO", "WEBP", "AVIF")


def read_view(colored: ColoredPhoto) -> Image.Image:
    """The grey picture that is shown of a photograph, mode L."""
    if not colored.before.exists():
        raise PageError(say("gone"))
    with Image.open(colored.before) as view:
        view.load()
        return view


def _is_in_color(photo: Photo) -> bool:
    """Whether a photograph has several hues; a toned print has one."""
    from colorization.model.color import rgb_to_lab, to_tensor

    small = Image.fromarray(photo.rgb)
    small.thumbnail((128, 128), reducing_gap=2.0)
    lab = rgb_to_lab(to_tensor(small))[0]
    return float((lab[1:] - lab[1:].mean(dim=(1, 2), keepdim=True)).norm(dim=0).mean()) > _COLORED


def save(picture: Image.Image, name: str, folder: Path, file_format: str) -> Path:
    suffix = SUFFIXES.get(file_format)
    if suffix is None:
        raise PageError(say("bad_format", formats=", ".join(SUFFIXES), chosen=file_format))
    try:
        return save_picture(picture, folder / f"{safe_stem(name)}-colorized{suffix}")
    except ValueError as error:
        raise PageError(str(error)) from None


def safe_stem(name: str) -> str:
    """A file name without its suffix and without anything a file system or a header could stumble over."""
    stem = re.sub(r"[^\w.() -]+", "_", Path(name).stem).strip(" ._")
    return stem[:80] or "photograph"


__all__ = [
    "DELETE_AFTER",
    "DELETE_EVERY",
    "SUFFIXES",
    "ColoredPhoto",
    "ColorizeService",
    "PageError",
    "UnreadableImageError",
    "is_lossless",
    "read_view",
    "safe_stem",
    "save",
]
