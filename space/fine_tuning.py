"""Fine-tuning one colored photograph: other plausible colors, colors at points, a palette, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from colorization.model.ab_bins import ab_centers
from colorization.model.color import rgb_to_lab
from colorization.model.prediction import Prediction
from space.hints import Guidance, Hint, color_values
from space.language import say
from space.models import PageError, ask_looks
from space.service import ColoredPhoto, ColorizeService, read_upload, read_view
from space.views import encode, write_fresh

CHOICES = 4  # colorings offered, the model's own among them
MAX_VARIANTS = 9
_TILE_SIDE = 240  # px
_TILE_QUALITY = 80
_LOOKS_KEPT = 64
_PALED = 0.35  # of the colors, under the overlay that says where the model is unsure
_NEAR = 15.0  # CIE units of ab: what is taken for one color when shares are counted


@dataclass(frozen=True)
class Suggestion:
    """A color that the model finds plausible at a point, and the share of its probability that lies around it."""

    color: str
    share: float


@dataclass(frozen=True)
class Tiles:
    """Small pictures of one photograph in other colors, side by side in one file.

    Attributes:
        file: JPEG, all of them in one row.
        size: (width, height) of one, px.
        names: of what they show: the numbers of variants, or looks.
    """

    file: Path
    size: tuple[int, int]
    names: tuple[str, ...]


class Guide:
    """What the panel *Fine-tune the colors* does; only :meth:`ask` and :meth:`looks` run the network."""

    def __init__(self, service: ColorizeService) -> None:
        self._service = service
        self._looks: dict[Path, Tiles] = {}  # by the grey picture: of the examples they are everybody's

    def is_guided(self) -> bool:
        """Whether the model takes colors at points and palettes."""
        return bool(self._service.models.pipeline().model.config.guided)

    def adopt(self, colored: ColoredPhoto, variant: int) -> ColoredPhoto:
        """Go over to another plausible coloring; what is shown is not made anew, the download uses it from then on.

        Args:
            colored: from the service; its ``after`` is not touched.
            variant: 1 for the model's own choice, up to ``MAX_VARIANTS``; the numbers are those of :meth:`tiles`.

        Raises:
            PageError: if there is no such variant, or the model offers none.
        """
        return replace(colored, ab=variant_of(colored.prediction, variant), variant=int(variant))

    def tiles(self, colored: ColoredPhoto, saturation: float = 1.0, warmth: float = 0.0) -> Tiles:
        """``CHOICES`` small pictures, variants 1, 2, ... in this order; the network does not run.

        Raises:
            PageError: if the model offers no variants.
        """
        variants = _offered(colored.prediction).variants(CHOICES)
        named = {str(number): ab for number, ab in enumerate(variants, 1)}
        return self._strip(colored, named, saturation, warmth)

    def looks(self, colored: ColoredPhoto) -> Tiles | None:
        """The photograph in every look of the model, in small; None if it has none.

        Raises:
            PageError: if they cannot be computed, or the upload has been deleted.
        """
        known = self._looks.get(colored.before)
        if known is None or not known.file.exists():
            found = ask_looks(self._service.models, read_upload(colored.before))
            if not found:
                return None
            # Beside the grey picture, and so for as long as that.
            known = self._strip(replace(colored, folder=colored.before.parent), found, 1.0, 0.0)
            if len(self._looks) >= _LOOKS_KEPT:
                self._looks.pop(next(iter(self._looks)), None)
            self._looks[colored.before] = known
        return known

    def with_look(self, guidance: Guidance, name: str | None) -> Guidance:
        """The same points, and a look instead of another look or a palette; None takes a look away.

        Raises:
            PageError: if there is no such look.
        """
        if name is None:
            return replace(guidance, look=None, palette=None) if guidance.look else guidance
        if not self.is_guided():
            raise PageError(say("no_looks"))
        try:
            palette = self._service.models.pipeline().image_processor.make_look(name)
        except ValueError as error:
            raise PageError(str(error)) from None
        return replace(guidance, look=name, palette=palette)

    def _strip(self, colored: ColoredPhoto, named: dict[str, torch.Tensor], saturation: float, warmth: float) -> Tiles:
        view = read_view(colored)
        view.thumbnail((_TILE_SIDE, _TILE_SIDE), Image.Resampling.LANCZOS)
        strip = Image.new("RGB", (view.width * len(named), view.height))
        for number, ab in enumerate(named.values()):
            tile = self._service.render(colored, view, ab, saturation, warmth).convert("RGB")
            strip.paste(tile, (number * view.width, 0))
        file = write_fresh(colored.folder, "tiles", encode(strip, _TILE_QUALITY))
        return Tiles(file, view.size, tuple(named))

    def suggest(self, colored: ColoredPhoto, x: float, y: float) -> list[Suggestion]:
        """Colors that the model finds plausible at a point, the most probable first.

        Args:
            colored: from the service.
            x, y: shares of width and height, 0 to 1.

        Raises:
            PageError: if the point is in the border of a scan, or the model suggests nothing.
        """
        prediction, view, point = _offered(colored.prediction), read_upload(colored.before), Hint(x, y, "#000000")
        _check_inside(colored, point)
        inside = left, top, right, bottom = colored.inside(view)
        across, down = point.pixel(view.width, view.height)
        across, down = min(max(across, left), right - 1), min(max(down, top), bottom - 1)
        colors = replace(prediction, photo=view, inside=inside).suggest_colors((across, down))
        rows, columns = prediction.ab.shape[1:]
        row = min(int((down + 0.5 - top) / (bottom - top) * rows), rows - 1)
        column = min(int((across + 0.5 - left) / (right - left) * columns), columns - 1)
        share = prediction.logits[:, row, column].softmax(dim=0)  # type: ignore[index] # there, or _offered had refused
        return [Suggestion(color, _share_of(color, share)) for color in colors]

    def ask(self, colored: ColoredPhoto, guidance: Guidance) -> ColoredPhoto:
        """Run the network with this guidance; a variant that was adopted stays adopted.

        Raises:
            PageError: as ``ColorizeService.ask_again``, and if a point is in the border of a scan.
        """
        for hint in guidance.hints:
            _check_inside(colored, hint)
        answer = self._service.ask_again(colored, guidance)
        return answer if colored.variant == 1 else self.adopt(answer, colored.variant)

    def palette(self, source: str | Path) -> torch.Tensor:
        """The colors of a reference photograph, for ``Guidance.palette``.

        Raises:
            UnreadableImageError: if it is no picture.
            PageError: if it is grey.
        """
        photo = read_upload(Path(source))
        try:
            return self._service.models.pipeline().image_processor.make_palette(photo.rgb)
        except ValueError as error:
            raise PageError(str(error)) from None

    def show(self, colored: ColoredPhoto, saturation: float, warmth: float, doubt: bool = False) -> ColoredPhoto:
        """The picture shown again: the colors, or with ``doubt`` pale ones under magenta where the model is unsure."""
        if not doubt:
            return self._service.recolor(colored, saturation, warmth)
        overlay = _offered(colored.prediction).overlay_ab()
        self._service.check(saturation, warmth)
        mixed = colored.ab * (_PALED * saturation) + overlay
        return self._service.recolor(colored, 1.0, warmth, ab=mixed)

    def guided_file(
        self,
        source: str | Path,
        guidance: Guidance,
        variant: float,
        saturation: float,
        file_format: str,
        warmth: float = 0.0,
    ) -> Path:
        """File in, file out, for programs: colorized with this guidance, that variant adopted, and written."""
        choose = partial(variant_of, variant=variant)
        return self._service.colorize_file(source, saturation, file_format, warmth, guidance, choose)


def variant_of(prediction: Prediction, variant: float) -> torch.Tensor:
    """ab [2, h, w] of a variant."""
    if not isinstance(variant, int | float) or variant not in range(1, MAX_VARIANTS + 1):
        raise PageError(f"The colorings are numbered from 1 to {MAX_VARIANTS}, not {str(variant)[:20]}.")
    return prediction.ab if variant == 1 else _offered(prediction).variants(int(variant))[-1]


def _offered(prediction: Prediction) -> Prediction:
    if prediction.logits is None:
        raise PageError(say("one_answer_only"))
    return replace(prediction, logits=prediction.logits.float())


def _check_inside(colored: ColoredPhoto, hint: Hint) -> None:
    x, y = hint.pixel(*colored.size)
    left, top, right, bottom = colored.prediction.inside
    if not (left <= x < right and top <= y < bottom):
        raise PageError(say("in_border"))


def _share_of(color: str, share: torch.Tensor) -> float:
    """The probability around a color, of ``share`` [Q] over the bins of ab."""
    rgb = torch.tensor(color_values(color)).float()[None, :, None, None] / 255
    ab = rgb_to_lab(rgb)[0, 1:, 0, 0]
    return float(share[(ab_centers() - ab).norm(dim=1) < _NEAR].sum())
