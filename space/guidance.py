"""Fine-tuning one coloured photograph: other plausible colours, colours at points, a palette, and how sure it is."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from colorization.model.images import Photo
from colorization.model.prediction import Prediction
from space.models import PageError
from space.service import ColorizeService, Colouring, read_upload
from space.wishes import Hint, Wishes

CHOICES = 4  # colourings offered, the model's own among them
MAX_VARIANTS = 9
_THUMBNAIL_SIDE = 320  # px
_MARKED_SIDE = 900  # px, of the picture in which points are clicked


class Guide:
    """What the panel *Fine-tune the colours* does; only :meth:`ask` runs the network."""

    def __init__(self, service: ColorizeService) -> None:
        self._service = service

    def takes_wishes(self) -> bool:
        """Whether the model takes colours at points and palettes."""
        return bool(self._service.models.pipeline().model.config.guided)

    def adopt(self, colouring: Colouring, variant: int) -> Colouring:
        """Go over to another plausible colouring; slider and download use it from then on.

        Args:
            colouring: from the service; its ``after`` is not touched.
            variant: 1 for the model's own choice, up to ``MAX_VARIANTS``; the numbers are those of :meth:`thumbnails`.

        Raises:
            PageError: if there is no such variant, or the model offers none.
        """
        if not isinstance(variant, int | float) or variant not in range(1, MAX_VARIANTS + 1):
            raise PageError(f"The colourings are numbered from 1 to {MAX_VARIANTS}, not {str(variant)[:20]}.")
        variant = int(variant)
        ab = colouring.said.ab if variant == 1 else _offered(colouring).variants(variant)[-1]
        return replace(colouring, ab=ab, variant=variant)

    def thumbnails(self, colouring: Colouring, saturation: float = 1.0, warmth: float = 0.0) -> list[Path]:
        """``CHOICES`` small pictures, variants 1, 2, ... in this order; the network does not run.

        Raises:
            PageError: if the model offers no variants.
        """
        variants = _offered(colouring).variants(CHOICES)
        view = _reduced(read_upload(colouring.before), _THUMBNAIL_SIDE)
        paths = []
        for ab in variants:
            paths.append(_fresh(colouring, "choice", ".jpg"))
            self._service.render(colouring, view, ab, saturation, warmth).convert("RGB").save(paths[-1], quality=88)
        return paths

    def suggest(self, colouring: Colouring, x: float, y: float) -> list[str]:
        """Colours that the model finds plausible at a point, "#rrggbb", the most probable first.

        Args:
            colouring: from the service.
            x, y: shares of width and height, 0 to 1.

        Raises:
            PageError: if the point is in the border of a scan, or the model suggests nothing.
        """
        said, view = _offered(colouring), read_upload(colouring.before)
        point = self._inside(colouring, view, Hint(x, y, "#000000"))
        return replace(said, photo=view, inside=colouring.inside(view)).suggest_colours(point)

    def ask(
        self, colouring: Colouring, wishes: Wishes, saturation: float, warmth: float, doubt: bool = False
    ) -> Colouring:
        """Run the network with these wishes.

        Raises:
            PageError: as ``ColorizeService.ask_again``, and if a point is in the border of a scan.
        """
        view = read_upload(colouring.before)
        for hint in wishes.hints:
            self._inside(colouring, view, hint)
        result = self._service.ask_again(colouring, wishes, saturation, warmth)
        return self.show(result, saturation, warmth, doubt) if doubt else result

    def palette(self, source: str | Path) -> torch.Tensor:
        """The colours of a reference photograph, for ``Wishes.palette``.

        Raises:
            UnreadableImageError: if it is no picture.
            PageError: if it is grey.
        """
        photo = read_upload(Path(source))
        try:
            return self._service.models.pipeline().image_processor.make_palette(photo.rgb)
        except ValueError as error:
            raise PageError(str(error)) from None

    def show(self, colouring: Colouring, saturation: float, warmth: float, doubt: bool = False) -> Colouring:
        """The slider's picture again: the colours, or with ``doubt`` magenta where the model is not sure of them."""
        if not doubt:
            return self._service.recolour(colouring, saturation, warmth)
        overlay = _offered(colouring).overlay_ab()
        shown = self._service.recolour(replace(colouring, ab=overlay), 1.0)
        return replace(colouring, after=shown.after)

    def mark(self, colouring: Colouring, chosen: tuple[float, float] | None = None) -> Path:
        """The slider's picture with a numbered ring at each point and a cross-hair at the one being chosen.

        Args:
            colouring: from the service.
            chosen: x and y, shares of width and height, 0 to 1.
        """
        view = read_upload(colouring.after)
        picture = Image.fromarray(view.rgb).resize(self.marked_size(colouring), Image.Resampling.LANCZOS)
        pen, radius = ImageDraw.Draw(picture), max(6, max(picture.size) // 60)
        for number, hint in enumerate(colouring.wishes.hints, start=1):
            x, y = hint.pixel(*picture.size)
            for grow, ink in ((3, "black"), (1.5, "white")):
                _ring(pen, x, y, radius + grow, fill=ink)
            _ring(pen, x, y, radius, fill=hint.colour)
            pen.text(
                (x, y),
                str(number),
                fill="white",
                stroke_fill="black",
                stroke_width=2,
                anchor="mm",
                font_size=radius * 1.4,
            )
        if chosen is not None:
            x, y = Hint(*chosen, "#000000").pixel(*picture.size)
            for width, ink in ((5, "black"), (2, "white")):
                _ring(pen, x, y, radius, outline=ink, width=width)
                for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    far = radius * 2
                    pen.line((x + dx * radius, y + dy * radius, x + dx * far, y + dy * far), fill=ink, width=width)
        path = _fresh(colouring, "points", ".jpg")
        picture.save(path, quality=90)
        return path

    def marked_size(self, colouring: Colouring) -> tuple[int, int]:
        """Width and height of what :meth:`mark` draws, px."""
        scale = _MARKED_SIDE / max(colouring.size)  # small photographs are enlarged: fingers are not small
        width, height = (max(1, round(side * scale)) for side in colouring.size)
        return width, height

    def guided_file(
        self,
        source: str | Path,
        wishes: Wishes,
        variant: int,
        saturation: float,
        file_format: str,
        warmth: float = 0.0,
    ) -> Path:
        """File in, file out, for programs: colorized with these wishes, that variant adopted, and written."""
        colouring = self._service.colorize(source, saturation, warmth, wishes)
        return self._service.write(self.adopt(colouring, variant), saturation, file_format, warmth)

    def _inside(self, colouring: Colouring, view: Photo, hint: Hint) -> tuple[int, int]:
        x, y = hint.pixel(view.width, view.height)
        left, top, right, bottom = colouring.inside(view)
        if not (left <= x < right and top <= y < bottom):
            raise PageError("This point is in the plain border of the scan, which stays neutral. Choose one inside.")
        return x, y


def _offered(colouring: Colouring) -> Prediction:
    said = colouring.said
    if said.logits is None:
        raise PageError("This model gives one answer only: it knows of no other colours and not how sure it is.")
    return replace(said, logits=said.logits.float())


def _reduced(view: Photo, side: int) -> Photo:
    picture = Image.fromarray(view.rgb)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return replace(view, rgb=np.array(picture), alpha=None, exif=None)


def _fresh(colouring: Colouring, what: str, suffix: str) -> Path:
    """A new name each time: browsers keep pictures by name."""
    colouring.folder.mkdir(parents=True, exist_ok=True)
    return colouring.folder / f"{what}-{secrets.token_hex(4)}{suffix}"


def _ring(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, **paint: object) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), **paint)
