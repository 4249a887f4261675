"""What a run minimizes: the losses its recipe names, each with its weight, and what they need to know of the data."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..baselines import BaselineOutput
from ..model.ab_bins import rarity_weights
from ..model.modeling_colorization import ColorizationOutput
from .losses import chroma_likelihood, huber, l1, mean_chroma, mse, relative_weight, second_moments, soft_cross_entropy
from .recipe import Recipe

_AB_UNIT = 110.0  # CIE units that stand for 1 in systems that scale ab to [-1, 1]


class Objective:
    """Weighted sum of the losses of an output of the model, the adversarial one excepted.

    Args:
        recipe: which losses, and their weights.
        prior: [Q] share of each bin in the training pictures; needed for a classifier only.
    """

    def __init__(self, recipe: Recipe, prior: torch.Tensor | None = None) -> None:
        self.recipe = recipe
        if prior is not None:
            self.rarity = rarity_weights(prior, recipe.uniform_share)

    def __call__(
        self,
        output: ColorizationOutput,
        ab: torch.Tensor,
        rgb: torch.Tensor | None = None,
        whole_ab: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss, and its parts for the log.

        Args:
            output: of the model, at its output stride.
            ab: truth [B, 2, H, W], CIE units, at the size of the input.
            rgb: the same in sRGB [B, 3, H, W] in [0, 1]; needed for models that predict RGB.
            whole_ab: of the whole picture, where ``ab`` is that of a window.
        """
        recipe = self.recipe
        parts: dict[str, torch.Tensor] = {}
        whole = ab if whole_ab is None else whole_ab
        weight = relative_weight(whole, recipe.relative_floor) if recipe.relative_floor else None
        # What a pixel of the output stands for is the mean color of the pixels it covers.
        size = output.ab.shape[-2:]
        target = F.interpolate(ab, size=size, mode="area")
        loss = ab.new_zeros(())
        if isinstance(output, BaselineOutput) and output.rgb is not None:
            if rgb is None:
                raise ValueError("A network of RGB is judged by the truth in RGB, which is missing.")
            parts["color"] = self._color(output.rgb, F.interpolate(rgb, size=size, mode="area"), 1.0)
        elif output.regressed is not None:
            parts["color"] = self._color(output.regressed, target, _AB_UNIT, weight)
        if "color" in parts:
            loss = loss + recipe.color_weight * parts["color"]
        if output.logits is not None:
            parts["cross_entropy"] = soft_cross_entropy(output.logits, target, self.rarity)
            loss = loss + recipe.classification_weight * parts["cross_entropy"]
        if output.log_chroma is not None:
            if output.log_chroma_variance is None:
                parts["mean_chroma"] = mean_chroma(output.log_chroma, whole)
            else:
                parts["mean_chroma"] = chroma_likelihood(output.log_chroma, output.log_chroma_variance, whole)
            loss = loss + recipe.mean_chroma_weight * parts["mean_chroma"]
        if output.coarse is not None and recipe.coarse_weight:
            cells = F.interpolate(whole, size=output.coarse.shape[-2:], mode="area")
            parts["coarse"] = self._color(output.coarse, cells, _AB_UNIT, weight)
            loss = loss + recipe.coarse_weight * parts["coarse"]
        if recipe.moments_weight and output.regressed is not None:
            parts["moments"] = second_moments(output.regressed, target, recipe.huber_delta)
            loss = loss + recipe.moments_weight * parts["moments"]
        return loss, {name: part.detach() for name, part in parts.items()}

    def _color(
        self, predicted: torch.Tensor, target: torch.Tensor, unit: float, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        if self.recipe.color_loss == "huber":
            return huber(predicted, target, self.recipe.huber_delta, self.recipe.chroma_weight, weight)
        return (l1 if self.recipe.color_loss == "l1" else mse)(predicted, target, unit)
