"""What a run minimises: the losses its recipe names, each with its weight, and what they need to know of the data."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..ab_bins import rarity_weights
from ..modeling_colorization import ColorizationOutput
from .losses import huber, mean_chroma, soft_cross_entropy
from .recipe import Recipe


class Objective:
    """Weighted sum of losses between an output of the model and true ab.

    Args:
        recipe: which losses, and their weights.
        prior: [Q] share of each bin in the training pictures; needed for a classifier only.
    """

    def __init__(self, recipe: Recipe, prior: torch.Tensor | None = None) -> None:
        self.recipe = recipe
        self.rarity = None if prior is None else rarity_weights(prior, recipe.uniform_share)

    def __call__(self, output: ColorizationOutput, ab: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss, and its parts for the log.

        Args:
            output: of the model, at its output stride.
            ab: truth [B, 2, H, W], CIE units, at the size of the input.
        """
        recipe, parts = self.recipe, {}
        # What a pixel of the output stands for is the mean colour of the pixels it covers.
        target = F.interpolate(ab, size=output.ab.shape[-2:], mode="area")
        loss = ab.new_zeros(())
        if output.regressed is not None:
            parts["huber"] = huber(output.regressed, target, recipe.huber_delta, recipe.chroma_weight)
            loss = loss + parts["huber"]
        if output.logits is not None:
            parts["cross_entropy"] = soft_cross_entropy(output.logits, target, self.rarity)
            loss = loss + recipe.classification_weight * parts["cross_entropy"]
        if output.log_chroma is not None:
            parts["mean_chroma"] = mean_chroma(output.log_chroma, target)
            loss = loss + recipe.mean_chroma_weight * parts["mean_chroma"]
        return loss, {name: part.detach() for name, part in parts.items()}
