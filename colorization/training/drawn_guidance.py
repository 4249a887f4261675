"""What a person might add, drawn from the truth: colors at a few points, and a palette. Most pictures get nothing."""

from __future__ import annotations

import torch

from ..model.ab_bins import ab_histogram


def draw_hints(ab: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """True colors at random points (Zhang et al. 2017, arXiv:1705.02999, section 3.1).

    Args:
        ab: truth [B, 2, h, w], CIE units, at the output stride of the network.
        probability: of a picture to have any; the number of points is then geometric of mean 3.
        generator: the only source of chance, on the device of ``ab``.

    Returns:
        [B, 3, h, w]: ab and 1 at the points, 0 elsewhere.
    """
    count, _, height, width = ab.shape
    given = torch.rand(count, generator=generator, device=ab.device) < probability
    points = torch.empty(count, device=ab.device).geometric_(1 / 3, generator=generator)
    # The n smallest of random numbers are n places drawn without replacement.
    order = torch.rand(count, height * width, generator=generator, device=ab.device).argsort(dim=1)
    chosen = torch.arange(height * width, device=ab.device) < (points * given)[:, None]
    mask = torch.zeros(count, height * width, device=ab.device).scatter_(1, order, chosen.float())
    mask = mask.view(count, 1, height, width)
    return torch.cat((ab * mask, mask), dim=1)


def draw_palette(ab: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """The picture's own shares of colors [B, Q] for some pictures, zeros for the others."""
    given = torch.rand(len(ab), generator=generator, device=ab.device) < probability
    return ab_histogram(ab) * given[:, None]
