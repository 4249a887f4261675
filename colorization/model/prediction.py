"""What the model says of one photograph: a colour everywhere, how sure it is of it, and what else it could be."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .ab_bins import ab_centres, spread
from .color import lightness
from .images import Photo
from .scan_borders import Box, Corners
from .variants import plausible_colours, plausible_variants

# Training counts rare colours more, so the plain distribution is wider than the truth. Sharpened by this temperature
# its spread is as large as the true distance over all pixels together; fitted on validation pictures by
# `python scripts/measure_guidance.py confidence`.
SPREAD_TEMPERATURE = 0.4
# Mean spread of a picture, CIE units: half of the validation pictures are below the first, a fifth above the second, by
# the same command.
SEVERAL_COLOURS, LITTLE_TO_GO_ON = 13.3, 16.5
# The overlay: spread where its colour begins, and where it is full; the ab of that colour, a magenta that no landscape
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


def spread_of(logits: torch.Tensor, ab: torch.Tensor, temperature: float = SPREAD_TEMPERATURE) -> torch.Tensor:
    """Spread [h, w] in CIE units of logits [Q, h, w] around ab [2, h, w], see :class:`Prediction`."""
    return spread(logits[None] / temperature, ab_centres(), ab[None])[0, 0]


@dataclass(frozen=True)
class Prediction:
    """Answer of ``ColorizationPipeline.analyze``; all tensors are float32 on the CPU.

    Attributes:
        photo: what was asked about.
        inside: left, top, right, bottom of the picture in it; less than the whole where a scan has a plain border.
        ab: [2, h, w] of that picture, CIE units; small, ``ColorizationPipeline.apply_ab`` puts it on the photograph.
        logits: [Q, h, w] over the bins of ab, or None of a model without a classifier.
        spread: [h, w], CIE units: how far the true colour may be from ``ab`` (root mean square under the predicted
            distribution); None without a classifier.
        outline: corners of the picture, where it lies askew in ``inside``, else None.
    """

    photo: Photo
    inside: Box
    ab: torch.Tensor
    logits: torch.Tensor | None = None
    spread: torch.Tensor | None = None
    outline: Corners | None = None

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
        return "several colourings are plausible" if mean >= SEVERAL_COLOURS else "fairly sure"

    def variants(self, count: int, seed: int = 0) -> torch.Tensor:
        """Distinct plausible colourings [count, 2, h, w], the first of them ``ab``; the same seed gives the same ones.

        Raises:
            ValueError: without a classifier, or if the count is out of range.
        """
        return plausible_variants(self._need(self.logits, "offer several colourings"), self.ab, count, seed)

    def suggest_colours(self, point: tuple[float, float], count: int = 4) -> list[str]:
        """The most plausible distinct colours at a point (x, y), pixels of the photograph, at its own lightness there.

        Returns:
            At most ``count`` of "#rrggbb", most probable first.

        Raises:
            ValueError: if the point is outside of the picture or in its border, or without a classifier.
        """
        logits = self._need(self.logits, "suggest colours")
        x, y = place_in(self.photo, self.inside, point)
        left, top, right, bottom = self.inside
        rows, columns = self.ab.shape[1:]
        row, column = int((y + 0.5) / (bottom - top) * rows), int((x + 0.5) / (right - left) * columns)
        x, y = int(x) + left, int(y) + top
        own = lightness(torch.from_numpy(self.photo.rgb[y : y + 1, x : x + 1].copy())).item()
        return plausible_colours(logits[:, row, column], own, count)

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
                f"This model cannot {purpose}: it has no classifier over colours. Load one whose configuration has "
                "head 'classification' or 'both'."
            )
        return part
