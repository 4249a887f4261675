"""What the model says of one photograph: a color everywhere, how sure it is of it, and what else it could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from .ab_bins import ab_centers, spread
from .color import full_precision, lightness
from .images import Photo
from .modeling_colorization import ColorizationOutput
from .scan_borders import Box, Outline
from .variants import follow_hints, plausible_colors, plausible_variants

# Training counts rare colors more, so the plain distribution is wider than the truth. Sharpened by this temperature
# its spread is as large as the true distance over all pixels together; fitted on validation pictures by
# `python scripts/measure_guidance.py confidence`.
SPREAD_TEMPERATURE = 0.4
# Mean spread of a picture, CIE units: half of the validation pictures are below the first, a fifth above the second, by
# the same command.
SEVERAL_COLORS, LITTLE_TO_GO_ON = 12.4, 15.3
# Several pictures on one scan: cells of all of them as a multiple of those of one, and cells around each.
_MOST_CELLS, _MARGIN = 4, 2
# The overlay: spread where its color begins, and where it is full; the ab of that color, a magenta that no landscape
# has and that sRGB can show at most lightnesses.
_OVERLAY_RANGE = (9.0, 24.0)
_OVERLAY_AB = (55.0, -35.0)


def place_in(photo: Photo, inside: Box, point: tuple[float, float]) -> tuple[float, float]:
    """A point of a photograph, counted from the upper left of the picture inside of its border.

    Raises:
        ValueError: if the point is outside of the photograph or in the border.
    """
    (x, y), (left, top, right, bottom) = point, inside
    width, height = photo.width, photo.height
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f"The point ({x:g}, {y:g}) is outside of the picture: x goes from 0 to {width - 1}, y to {height - 1}."
        )
    if not (left <= x < right and top <= y < bottom):
        raise ValueError(
            f"The point ({x:g}, {y:g}) is in the border of the scan, which stays neutral; x of the picture goes from "
            f"{left} to {right - 1}, y from {top} to {bottom - 1}."
        )
    return x - left, y - top


def read_outputs(outputs: ColorizationOutput, place: int, model_inputs: dict) -> Prediction:
    """Take what the model says of one picture, ``model_inputs`` of the pipeline, out of the outputs of a batch."""
    ab = outputs.ab[place].float().cpu()
    logits: torch.Tensor | None = None
    spread: torch.Tensor | None = None
    if outputs.logits is not None:
        logits = outputs.logits[place].float().cpu()
        with full_precision():
            if "hints" in model_inputs:
                ab = follow_hints(ab, logits, model_inputs["hints"][0].cpu())
            spread = spread_of(logits, ab)
    photo, scan = model_inputs["photo"], model_inputs["scan"]
    return Prediction(photo, scan.inside, ab, logits, spread, scan.outline, model_inputs["notes"])


def join_pictures(parts: Sequence[Prediction], pictures: Sequence[Box]) -> Prediction:
    """One prediction of a scan of several pictures; between them it is the mean of all, which is not shown.

    Args:
        parts: of each picture, with the photograph, box and outline of all; a single one is that of all of them.
        pictures: their boxes, in pixels of the photograph.
    """
    left, top, right, bottom = parts[0].inside
    several = list(parts) * len(pictures) if len(parts) == 1 else list(parts)
    # As fine as the finest of them, but at most four times as many cells as one picture has.
    finest = max(one.ab.shape[2] / (box[2] - box[0]) for one, box in zip(several, pictures, strict=True))
    most = (_MOST_CELLS * parts[0].ab[0].numel() / ((right - left) * (bottom - top))) ** 0.5
    scale = min(finest, most)
    rows, columns = (max(1, round(side * scale)) for side in (bottom - top, right - left))
    places = []
    for one in pictures:
        first = [round((at - start) * scale) for at, start in zip(one[:2], (left, top), strict=True)]
        last = [round((at - start) * scale) for at, start in zip(one[2:], (left, top), strict=True)]
        places.append((*first, max(last[0], first[0] + 1), max(last[1], first[1] + 1)))

    def joined(planes: list[torch.Tensor]) -> torch.Tensor:
        mean = torch.stack([plane.mean(dim=(1, 2)) for plane in planes]).mean(dim=0)
        canvas = mean[:, None, None].repeat(1, rows, columns)
        for margin in (_MARGIN, 0):  # what is resampled at an edge shall be the picture's own
            for plane, (x, y, end_x, end_y) in zip(planes, places, strict=True):
                size = (end_y - y, end_x - x)
                fitted = F.interpolate(plane[None], size=size, mode="bilinear", align_corners=False, antialias=True)
                fitted = F.pad(fitted, (margin,) * 4, mode="replicate")[0]
                up, before = min(y, margin), min(x, margin)
                spot = canvas[:, y - up : end_y + margin, x - before : end_x + margin]
                begin = (margin - up, margin - before)
                spot.copy_(fitted[:, begin[0] : begin[0] + spot.shape[1], begin[1] : begin[1] + spot.shape[2]])
        return canvas

    logits = None if several[0].logits is None else joined([_known(one.logits) for one in several])
    spread = None if several[0].spread is None else joined([_known(one.spread)[None] for one in several])[0]
    return replace(parts[0], ab=joined([one.ab for one in several]), logits=logits, spread=spread)


def _known(value: torch.Tensor | None) -> torch.Tensor:
    assert value is not None
    return value


def spread_of(logits: torch.Tensor, ab: torch.Tensor, temperature: float = SPREAD_TEMPERATURE) -> torch.Tensor:
    """Spread [h, w] in CIE units of logits [Q, h, w] around ab [2, h, w], see :class:`Prediction`."""
    return spread(logits[None] / temperature, ab_centers(), ab[None])[0, 0]


@dataclass(frozen=True)
class Prediction:
    """Answer of ``ColorizationPipeline.analyze``; all tensors are float32 on the CPU.

    Attributes:
        photo: what was asked about.
        inside: left, top, right, bottom of the picture in it; less than the whole where a scan has a plain border.
        ab: [2, h, w] of that picture, CIE units; small, ``ColorizationPipeline.apply_ab`` puts it on the photograph.
        logits: [Q, h, w] over the bins of ab, or None of a model without a classifier.
        spread: [h, w], CIE units: how far the true color may be from ``ab`` (root mean square under the predicted
            distribution); None without a classifier.
        outline: corners of the picture, where it lies askew in ``inside``, or of each of several; else None.
        notes: sentences about the photograph for whoever brought it: `Photo.notes`, and where it looks like a negative.
    """

    photo: Photo
    inside: Box
    ab: torch.Tensor
    logits: torch.Tensor | None = None
    spread: torch.Tensor | None = None
    outline: Outline | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The sizes and how sure the model is; never pixels."""
        height, width = self.ab.shape[1:]
        photo = "" if self.photo is None else f"{self.photo.name!r}, {self.photo.width} × {self.photo.height} px, "
        sure = "" if self.spread is None else f", {self.confidence} (mean spread {self.mean_spread:.1f})"
        return f"Prediction({photo}ab {width} × {height}{sure})"

    @property
    def mean_spread(self) -> float:
        """Mean of the spread over the picture, CIE units. Raises ValueError without a classifier."""
        return float(self._need(self.spread, "say how sure it is").mean())

    @property
    def confidence(self) -> str:
        """The mean spread in words. Raises ValueError without a classifier."""
        mean = self.mean_spread
        if mean >= LITTLE_TO_GO_ON:
            return "little to go on here"
        return "several colorings are plausible" if mean >= SEVERAL_COLORS else "fairly sure"

    def variants(self, count: int, seed: int = 0) -> torch.Tensor:
        """Distinct plausible colorings [count, 2, h, w], the first of them ``ab``; the same seed gives the same ones.

        Raises:
            ValueError: without a classifier, or if the count is out of range.
        """
        return plausible_variants(self._need(self.logits, "offer several colorings"), self.ab, count, seed)

    def suggest_colors(self, point: tuple[float, float], count: int = 4) -> list[str]:
        """The most plausible distinct colors at a point (x, y), pixels of the photograph, at its own lightness there.

        Returns:
            At most ``count`` of "#rrggbb", most probable first.

        Raises:
            ValueError: if the point is outside of the picture or in its border, or without a classifier.
        """
        logits = self._need(self.logits, "suggest colors")
        x, y = place_in(self.photo, self.inside, point)
        left, top, right, bottom = self.inside
        rows, columns = self.ab.shape[1:]
        row, column = int((y + 0.5) / (bottom - top) * rows), int((x + 0.5) / (right - left) * columns)
        x, y = int(x) + left, int(y) + top
        own = lightness(torch.from_numpy(self.photo.rgb[y : y + 1, x : x + 1].copy())).item()
        return plausible_colors(logits[:, row, column], own, count)

    suggest_colours = suggest_colors  # as it was spelled first

    def overlay_ab(self) -> torch.Tensor:
        """ab [2, h, w] that paints uncertain places magenta and leaves sure ones grey, for ``apply_ab``.

        Raises:
            ValueError: without a classifier.
        """
        low, high = _OVERLAY_RANGE
        strength = ((self._need(self.spread, "say how sure it is") - low) / (high - low)).clamp(0, 1)
        return strength * strength.new_tensor(_OVERLAY_AB)[:, None, None]

    @staticmethod
    def _need(part: torch.Tensor | None, purpose: str) -> torch.Tensor:
        """What only a classifier gives."""
        if part is None:
            raise ValueError(
                f"Nothing here can {purpose}: the model has no classifier over colors, or it was not asked. Load one "
                "whose configuration has head 'classification' or 'both', and ask with pipe.analyze()."
            )
        return part
