"""Contrast-limited adaptive histogram equalization (CLAHE) of a batch of lightness planes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

_TILES = 8  # along each side
_BINS = 256


def equalize_locally(lightness: torch.Tensor, clip_limit: float) -> torch.Tensor:
    """Equalize the histogram of each of 8 x 8 tiles, with bounded slope, and blend between the tiles.

    K. Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV (1994).

    Args:
        lightness: [B, 1, H, W] in [0, 1], H and W at least 16.
        clip_limit: largest slope of a tile's mapping, before what was clipped is spread over all values, which adds
            at most 1; 2 to 4 is usual.

    Returns:
        [B, 1, H, W] in [0, 1]. No gradient flows through it.
    """
    count, _, height, width = lightness.shape
    # Tiles of one size: the picture is continued by its mirror image, and cut again.
    plane = F.pad(lightness.detach().float(), (0, -width % _TILES, 0, -height % _TILES), mode="reflect")
    tall, wide = plane.shape[2] // _TILES, plane.shape[3] // _TILES
    values = (plane[:, 0] * (_BINS - 1)).round().long().clamp(0, _BINS - 1)  # [B, H', W']
    tiles = values.view(count, _TILES, tall, _TILES, wide).transpose(2, 3).reshape(count, _TILES**2, tall * wide)
    histogram = plane.new_zeros(count, _TILES**2, _BINS)
    histogram.scatter_add_(2, tiles, plane.new_ones(()).expand(tiles.shape))
    share = histogram / (tall * wide)
    clipped = share.clamp(max=clip_limit / _BINS)
    mapping = (clipped + (1 - clipped.sum(dim=2, keepdim=True)) / _BINS).cumsum(dim=2)  # [B, tiles, bins]

    def neighbors(length: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The two tiles whose centers a row or column lies between, and the share of the second."""
        place = (torch.arange(length, device=plane.device) + 0.5) / size - 0.5
        first = place.floor()
        return first.long().clamp(0, _TILES - 1), (first.long() + 1).clamp(0, _TILES - 1), (place - first).to(plane)

    top, bottom, down = neighbors(plane.shape[2], tall)
    left, right, across = neighbors(plane.shape[3], wide)
    batch = torch.arange(count, device=plane.device)[:, None, None]

    def mapped(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return mapping[batch, rows[:, None] * _TILES + columns[None], values]

    above = torch.lerp(mapped(top, left), mapped(top, right), across[None, None])
    below = torch.lerp(mapped(bottom, left), mapped(bottom, right), across[None, None])
    return torch.lerp(above, below, down[None, :, None])[:, None, :height, :width].clamp(0, 1).to(lightness.dtype)
