"""Other plausible colors of a picture, out of the distribution that a classifier predicts over bins of ab."""

from __future__ import annotations

import math

import torch

from .ab_bins import ab_centers
from .color import fit_gamut, full_precision, lab_to_rgb
from .limits import MAX_VARIANTS

# Chosen on validation pictures by the best of four: `python scripts/measure_guidance.py variants --sweep`.
SHIFT = 0.75  # mean shift of a variant, in standard deviations of the predicted distribution along its direction
SHARPENING = 0.6  # temperature: below 1, a variant goes over to another probable color rather than between two
# Degrees from the first principal axis: opposite ways along it, then along the second one, then between.
_ANGLES = (0, 180, 90, 270, 45, 225, 135, 315)
_MAX_TILT = 2.0  # per CIE unit: one grid step changes odds by e**20, all of the probability that there is has moved
_HALVINGS = 16
_MAX_SHIFT = 30.0  # CIE units, of one pixel: few go farther, and those are glaring spots, not another coloring
# Of hints, chosen on validation pictures: how fast a correction fades with likeness, and how much is taken for noise.
_LIKENESS_POWER, _HINT_NOISE = 2, 0.1
# Of suggestions for a point, CIE units of ab:
_MODE_RADIUS = 15.0  # what one suggestion stands for
_MODE_DISTANCE = 20.0  # between suggestions
_SAME_COLOR = 8.0  # between suggestions as sRGB can show them at the lightness of the point


def plausible_variants(logits: torch.Tensor, ab: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
    """Distinct colorings of one picture, each as coherent in space as the prediction itself.

    Each variant but the first tilts the distributions of all pixels in the same sense, p'(q) ~ p(q) exp(t u c_q)
    (exponential tilting, the change of measure of Esscher 1932), with a direction u in the ab plane and the t at which
    the mean over the picture moves by a stated share of its uncertainty. So pixels that could be otherwise change most,
    sure ones stay, and neighbors change alike. Directions are the principal axes of that uncertainty, the covariance
    of the predicted distributions averaged over the picture.

    Args:
        logits: [Q, h, w] over the bins of ab.
        ab: [2, h, w], CIE units; the ordinary result.
        count: number of variants, 1 to 9; the first is ``ab``.
        seed: 0 for the principal axes; any other number turns all directions by an angle of its own.

    Returns:
        [count, 2, h, w] float32, CIE units.

    Raises:
        ValueError: if the count is out of range.
    """
    if not 1 <= count <= MAX_VARIANTS:
        raise ValueError(f"The number of variants is from 1 to {MAX_VARIANTS}, not {count}.")
    with full_precision(logits.device.type):
        return _tilted(logits, ab, count, seed)


def _tilted(logits: torch.Tensor, ab: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    centers = ab_centers().to(logits.device)
    flat = logits.detach().float().flatten(1).T / SHARPENING  # [N, Q]
    share = flat.softmax(dim=1)
    mean = share @ centers
    covariance = (share.mean(dim=0)[:, None] * centers).T @ centers - mean.T @ mean / len(mean)
    axes = _principal_axes(covariance.cpu()).to(logits.device)
    turn = 0.0 if seed == 0 else _random_share(seed) * 2 * math.pi
    variants = [ab.detach().float()]
    for degrees in _ANGLES[: count - 1]:
        angle = math.radians(degrees) + turn
        direction = axes @ axes.new_tensor((math.cos(angle), math.sin(angle)))
        target = SHIFT * (direction @ covariance @ direction).clamp(min=0).sqrt()
        tilt = _tilt(flat, mean, centers, direction, float(target))
        shift = (flat + tilt * (centers @ direction)).softmax(dim=1) @ centers - mean
        shift = shift * (_MAX_SHIFT / shift.norm(dim=1, keepdim=True).clamp(min=1e-6)).clamp(max=1)
        variants.append(variants[0] + shift.T.view_as(ab))
    return torch.stack(variants)


def _random_share(seed: int) -> float:
    """A number in [0, 1) that follows from the seed alone, whatever PyTorch's default device and type."""
    chance = torch.Generator("cpu").manual_seed(seed)
    return torch.rand((), generator=chance, dtype=torch.float32, device="cpu").item()


def _principal_axes(covariance: torch.Tensor) -> torch.Tensor:
    """Unit columns [2, 2], larger variance first, signs so that each points to warmer (yellow, then red) colors."""
    axes = torch.linalg.eigh(covariance.double()).eigenvectors.flip(1).float()
    # The sign of an eigenvector is arbitrary and differs between machines.
    return torch.where(axes.sum(dim=0) < 0, -axes, axes)


def _tilt(
    flat: torch.Tensor, mean: torch.Tensor, centers: torch.Tensor, direction: torch.Tensor, target: float
) -> float:
    """The tilt at which the mean over the picture moves by ``target`` CIE units; the mean grows with it (bisection)."""
    step = max(1, len(flat) // 1024)  # some thousand pixels say enough about the mean
    flat, before = flat[::step], (mean[::step] @ direction).mean()
    along = centers @ direction
    low, high = 0.0, _MAX_TILT
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        moved = ((flat + middle * along).softmax(dim=1) @ along).mean() - before
        low, high = (middle, high) if moved < target else (low, middle)
    return (low + high) / 2


def follow_hints(ab: torch.Tensor, logits: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
    """Correct pixels that the model takes for the same thing as those at the hints by what it still misses there.

    A Gaussian process over the picture (Rasmussen and Williams 2006, equation 2.25) whose kernel is the likeness of two
    pixels' predicted distributions, their Bhattacharyya coefficient squared: 1 for equal ones, 0 for disjoint ones.

    Args:
        ab: [2, h, w], CIE units, of the guided network.
        logits: [Q, h, w] of the same answer.
        hints: [3, h, w], CIE ab and 1 at points, 0 elsewhere.

    Returns:
        [2, h, w] CIE units; ``ab`` itself where no point is given.
    """
    rows, columns = hints[2].nonzero(as_tuple=True)
    if not len(rows):
        return ab
    amplitude = (logits.float() / SHARPENING).softmax(dim=0).sqrt()
    points = amplitude[:, rows, columns]
    likeness = torch.einsum("qn,qhw->nhw", points, amplitude) ** _LIKENESS_POWER
    among = (points.T @ points) ** _LIKENESS_POWER + _HINT_NOISE * torch.eye(
        len(rows), dtype=points.dtype, device=points.device
    )
    missed = hints[:2, rows, columns] - ab[:, rows, columns]
    return ab + torch.einsum("cn,nhw->chw", torch.linalg.solve(among, missed.T).T, likeness)


def plausible_colors(logits: torch.Tensor, lightness: float, count: int = 4) -> list[str]:
    """The most probable distinct colors of one pixel, at its own lightness.

    Args:
        logits: [Q] over the bins of ab, at the pixel.
        lightness: its L*, 0 to 100.
        count: how many at most; fewer where sRGB shows no more that differ (near black and white), or where no more
            are probable.

    Returns:
        "#rrggbb", most probable first.
    """
    centers = ab_centers().to(logits.device)
    left = logits.detach().float().softmax(dim=0)
    found: list[torch.Tensor] = []
    while len(found) < count and left.sum() > 0.01:
        # A mode is where most probability lies around, not one bin that is a little above its neighbors.
        near = torch.cdist(centers, centers) < _MODE_RADIUS
        peak = int((near.float() @ left).argmax())
        share = left * near[peak]
        color = torch.cat((share.new_tensor([lightness]), share @ centers / share.sum()))
        shown = fit_gamut(color[:, None, None])
        if all((shown - other)[1:].norm() > _SAME_COLOR for other in found):
            found.append(shown)
        left = left.masked_fill((centers - centers[peak]).norm(dim=1) < _MODE_DISTANCE, 0)
    codes = [(lab_to_rgb(lab).flatten() * 255).round().int().tolist() for lab in found]
    return ["#{:02x}{:02x}{:02x}".format(*code) for code in codes]
