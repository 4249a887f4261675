"""Fine-tuning one coloured photograph: other plausible colours, colours at points, a palette, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from colorization.model.ab_bins import ab_centres
from colorization.model.color import rgb_to_lab
from colorization.model.prediction import Prediction
from space.models import PageError, ask_looks
from space.service import ColorizeService, Colouring, read_upload, read_view
from space.views import encode, write_fresh
from space.wishes import Hint, Wishes, color_values

CHOICES = 4  # colourings offered, the model's own among them
MAX_VARIANTS = 9
_TILE_SIDE = 240  # px
_TILE_QUALITY = 80
_LOOKS_KEPT = 64
_PALED = 0.35  # of the colours, under the overlay that says where the model is unsure
_NEAR = 15.0  # CIE units of ab: what is taken for one colour when shares are told


@dataclass(frozen=True)
class Suggestion:
    """A colour that the model finds plausible at a point, and the share of its probability that lies around it."""

    colour: str
    share: float


@dataclass(frozen=True)
class Tiles:
    """Small pictures of one photograph in other colours, side by side in one file.

    Attributes:
        file: JPEG, all of them in one row.
        size: (width, height) of one, px.
        names: of what they show: the numbers of variants, or looks.
    """

    file: Path
    size: tuple[int, int]
    names: tuple[str, ...]


class Guide:
    """What the panel *Fine-tune the colours* does; only :meth:`ask` and :meth:`looks` run the network."""

    def __init__(self, service: ColorizeService) -> None:
        self._service = service
        self._looks: dict[Path, Tiles] = {}  # by the grey picture: of the examples they are everybody's

    def takes_wishes(self) -> bool:
        """Whether the model takes colours at points and palettes."""
        return bool(self._service.models.pipeline().model.config.guided)

    def adopt(self, colouring: Colouring, variant: int) -> Colouring:
        """Go over to another plausible colouring; what is shown is not made anew, the download uses it from then on.

        Args:
            colouring: from the service; its ``after`` is not touched.
            variant: 1 for the model's own choice, up to ``MAX_VARIANTS``; the numbers are those of :meth:`tiles`.

        Raises:
            PageError: if there is no such variant, or the model offers none.
        """
        return replace(colouring, ab=variant_of(colouring.said, variant), variant=int(variant))

    def tiles(self, colouring: Colouring, saturation: float = 1.0, warmth: float = 0.0) -> Tiles:
        """``CHOICES`` small pictures, variants 1, 2, ... in this order; the network does not run.

        Raises:
            PageError: if the model offers no variants.
        """
        variants = _offered(colouring.said).variants(CHOICES)
        named = {str(number): ab for number, ab in enumerate(variants, 1)}
        return self._strip(colouring, named, saturation, warmth)

    def looks(self, colouring: Colouring) -> Tiles | None:
        """The photograph in every look of the model, in small; None if it has none.

        Raises:
            PageError: if they cannot be computed, or the upload has been deleted.
        """
        known = self._looks.get(colouring.before)
        if known is None or not known.file.exists():
            found = ask_looks(self._service.models, read_upload(colouring.before))
            if not found:
                return None
            # Beside the grey picture, and so for as long as that.
            known = self._strip(replace(colouring, folder=colouring.before.parent), found, 1.0, 0.0)
            if len(self._looks) >= _LOOKS_KEPT:
                self._looks.pop(next(iter(self._looks)), None)
            self._looks[colouring.before] = known
        return known

    def with_look(self, wishes: Wishes, name: str | None) -> Wishes:
        """The same points, and a look instead of another look or a palette; None takes a look away.

        Raises:
            PageError: if there is no such look.
        """
        if name is None:
            return replace(wishes, look=None, palette=None) if wishes.look else wishes
        if not self.takes_wishes():
            raise PageError("This model has no looks: it was not trained to be guided.")
        try:
            palette = self._service.models.pipeline().image_processor.make_look(name)
        except ValueError as error:
            raise PageError(str(error)) from None
        return replace(wishes, look=name, palette=palette)

    def _strip(self, colouring: Colouring, named: dict[str, torch.Tensor], saturation: float, warmth: float) -> Tiles:
        view = read_view(colouring)
        view.thumbnail((_TILE_SIDE, _TILE_SIDE), Image.Resampling.LANCZOS)
        strip = Image.new("RGB", (view.width * len(named), view.height))
        for number, ab in enumerate(named.values()):
            tile = self._service.render(colouring, view, ab, saturation, warmth).convert("RGB")
            strip.paste(tile, (number * view.width, 0))
        file = write_fresh(colouring.folder, "tiles", encode(strip, _TILE_QUALITY))
        return Tiles(file, view.size, tuple(named))

    def suggest(self, colouring: Colouring, x: float, y: float) -> list[Suggestion]:
        """Colours that the model finds plausible at a point, the most probable first.

        Args:
            colouring: from the service.
            x, y: shares of width and height, 0 to 1.

        Raises:
            PageError: if the point is in the border of a scan, or the model suggests nothing.
        """
        said, view, point = _offered(colouring.said), read_upload(colouring.before), Hint(x, y, "#000000")
        _check_inside(colouring, point)
        inside = left, top, right, bottom = colouring.inside(view)
        across, down = point.pixel(view.width, view.height)
        across, down = min(max(across, left), right - 1), min(max(down, top), bottom - 1)
        colours = replace(said, photo=view, inside=inside).suggest_colours((across, down))
        rows, columns = said.ab.shape[1:]
        row = min(int((down + 0.5 - top) / (bottom - top) * rows), rows - 1)
        column = min(int((across + 0.5 - left) / (right - left) * columns), columns - 1)
        share = said.logits[:, row, column].softmax(dim=0)  # type: ignore[index] # there, or _offered had refused
        return [Suggestion(colour, _share_of(colour, share)) for colour in colours]

    def ask(self, colouring: Colouring, wishes: Wishes) -> Colouring:
        """Run the network with these wishes; a variant that was adopted stays adopted.

        Raises:
            PageError: as ``ColorizeService.ask_again``, and if a point is in the border of a scan.
        """
        for hint in wishes.hints:
            _check_inside(colouring, hint)
        answer = self._service.ask_again(colouring, wishes)
        return answer if colouring.variant == 1 else self.adopt(answer, colouring.variant)

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
        """The picture shown again: the colours, or with ``doubt`` pale ones under magenta where the model is unsure."""
        if not doubt:
            return self._service.recolour(colouring, saturation, warmth)
        overlay = _offered(colouring.said).overlay_ab()
        self._service.check(saturation, warmth)
        mixed = colouring.ab * (_PALED * saturation) + overlay
        return self._service.recolour(colouring, 1.0, warmth, ab=mixed)

    def guided_file(
        self,
        source: str | Path,
        wishes: Wishes,
        variant: float,
        saturation: float,
        file_format: str,
        warmth: float = 0.0,
    ) -> Path:
        """File in, file out, for programs: colorized with these wishes, that variant adopted, and written."""
        choose = partial(variant_of, variant=variant)
        return self._service.colorize_file(source, saturation, file_format, warmth, wishes, choose)


def variant_of(said: Prediction, variant: float) -> torch.Tensor:
    """ab [2, h, w] of a variant."""
    if not isinstance(variant, int | float) or variant not in range(1, MAX_VARIANTS + 1):
        raise PageError(f"The colourings are numbered from 1 to {MAX_VARIANTS}, not {str(variant)[:20]}.")
    return said.ab if variant == 1 else _offered(said).variants(int(variant))[-1]


def _offered(said: Prediction) -> Prediction:
    if said.logits is None:
        raise PageError("This model gives one answer only: it knows of no other colours and not how sure it is.")
    return replace(said, logits=said.logits.float())


def _check_inside(colouring: Colouring, hint: Hint) -> None:
    x, y = hint.pixel(*colouring.size)
    left, top, right, bottom = colouring.said.inside
    if not (left <= x < right and top <= y < bottom):
        raise PageError("This point is in the plain border of the scan, which stays neutral. Choose one inside.")


def _share_of(colour: str, share: torch.Tensor) -> float:
    """The probability around a colour, of ``share`` [Q] over the bins of ab."""
    rgb = torch.tensor(color_values(colour)).float()[None, :, None, None] / 255
    ab = rgb_to_lab(rgb)[0, 1:, 0, 0]
    return float(share[(ab_centres() - ab).norm(dim=1) < _NEAR].sum())
