"""Figures as earlier landscape colorizers printed them, under names that cannot be mistaken for the usual measures.

They are computed on a* and b* divided by 128, so that most values lie within [-0.3, 0.3] of a range said to be
[-1, 1]: PSNR comes out near 26 dB for an ordinary result and 18 to 25 dB for a grey picture; SSIM compares planes
without texture; "accuracy" is what Keras computes when a regression is compiled with ``metrics=["accuracy"]``: the
share of pixels where the larger of the two channels is the same one, which means nothing.
"""

from __future__ import annotations

import torch


def legacy(predicted: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
    """The five figures of one picture, CIE Lab [1, 3, H, W] each."""
    a, b = predicted[:, 1:] / 128, truth[:, 1:] / 128
    squared = (a - b).square().mean()
    figures = {
        "legacy_mae_ab_scaled": (a - b).abs().mean().item(),
        "legacy_rmse_ab_scaled": squared.sqrt().item(),
        "legacy_psnr_ab_scaled": (10 * torch.log10(4 / squared)).clamp(max=100).item(),
        "legacy_keras_accuracy_ab": (a.argmax(dim=1) == b.argmax(dim=1)).float().mean().item(),
    }
    if min(a.shape[-2:]) >= 11:
        from torchmetrics.functional.image import structural_similarity_index_measure

        similarity = structural_similarity_index_measure(a, b, data_range=2.0)
        figures["legacy_ssim_ab_scaled"] = float(similarity)  # type: ignore[arg-type] # a tuple only if asked for
    return figures
