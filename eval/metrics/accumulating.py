"""The measures of color as ``torchmetrics.Metric``: batches in, one figure of all pictures out, over processes too.

Sums are float64, so that neither the order of batches nor the number of processes shows in a figure.
"""

from __future__ import annotations

from typing import Any

import torch
from torchmetrics import Metric

from colorization.model.color import rgb_to_lab

from .colors import chroma_ratio, ciede2000
from .sepia import hue_statistics, is_one_hue


class _Mean(Metric):
    """Mean over pictures of what ``_values`` says of each."""

    full_state_update = False
    is_differentiable = False
    total: torch.Tensor
    count: torch.Tensor

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, predicted: torch.Tensor, truth: torch.Tensor) -> None:
        """Count a batch: sRGB [B, 3, H, W] in [0, 1] each."""
        values = self._values(predicted, truth)
        self.total += values.double().sum()
        self.count += len(values)

    def compute(self) -> torch.Tensor:
        """The mean over all pictures so far; NaN without one."""
        return self.total / self.count

    def _values(self, predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class CIEDE2000(_Mean):
    """Mean over pictures of the mean CIEDE2000 over their pixels."""

    higher_is_better = False

    def _values(self, predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return ciede2000(rgb_to_lab(predicted), rgb_to_lab(truth)).mean(dim=(1, 2))


class OneHueRate(_Mean):
    """Share of results that are a tint; give the truth as ``predicted`` for its own rate."""

    higher_is_better = False

    def update(self, predicted: torch.Tensor, truth: torch.Tensor | None = None) -> None:
        """Count a batch: sRGB [B, 3, H, W] in [0, 1]; the truth is not looked at."""
        super().update(predicted, predicted)

    def _values(self, predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return is_one_hue(hue_statistics(rgb_to_lab(predicted)))


class ChromaRatio(Metric):
    """Median over pictures of mean chroma over the truth's; 1 is right."""

    full_state_update = False
    is_differentiable = False
    higher_is_better = None
    ratios: Any  # a list of tensors; one tensor when processes are joined

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.add_state("ratios", [], dist_reduce_fx="cat")

    def update(self, predicted: torch.Tensor, truth: torch.Tensor) -> None:
        """Count a batch: sRGB [B, 3, H, W] in [0, 1] each."""
        self.ratios.append(chroma_ratio(rgb_to_lab(predicted), rgb_to_lab(truth)))

    def compute(self) -> torch.Tensor:
        """The median over all pictures so far, of two in the middle their mean; NaN without one."""
        ratios = torch.cat(self.ratios) if isinstance(self.ratios, list) and self.ratios else self.ratios
        return torch.quantile(ratios, 0.5) if len(ratios) else torch.tensor(torch.nan)
