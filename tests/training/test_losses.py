"""The mathematics of training: bins of color, losses, guidance, averages."""

from __future__ import annotations

import pytest
import torch

from colorization.model import color
from colorization.model.ab_bins import (
    ab_centers,
    ab_histogram,
    annealed_mean,
    rarity_weights,
    soft_encode,
    spread,
)
from colorization.training.drawn_guidance import draw_hints, draw_palette
from colorization.training.losses import discriminator_loss, generator_loss, l1, mean_chroma, mse, soft_cross_entropy


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def colors(count: int = 4, side: int = 8, seed: int = 0) -> torch.Tensor:
    return color.rgb_to_lab(torch.rand(count, 3, side, side, generator=chance(seed)))[:, 1:]


def test_centers_are_shown_by_srgb_and_their_neighbors_on_the_grid():
    centers = ab_centers()
    assert 200 < len(centers) < 313 and len(centers.unique(dim=0)) == len(centers)
    assert bool(((centers / 10).round() * 10 == centers).all())
    # sRGB's blue is the farthest from grey it has; its bin is there, and far greens that it lacks are not.
    blue = color.rgb_to_lab(torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1))[0, 1:, 0, 0]
    assert (centers - blue).norm(dim=1).min() < 10
    assert (centers - torch.tensor([-120.0, 0.0])).norm(dim=1).min() > 20
    centers.zero_()
    assert bool(ab_centers().any())  # a copy was given away


def test_soft_targets_are_five_neighbors_that_sum_to_one():
    ab = colors()
    bins, weights = soft_encode(ab)
    assert bins.shape == weights.shape == (4, 5, 8, 8)
    assert torch.allclose(weights.sum(dim=1), torch.ones(4, 8, 8))
    distance = (ab_centers()[bins].permute(0, 1, 4, 2, 3) - ab[:, None]).norm(dim=2)
    assert bool((distance[:, 0] <= distance[:, 4] + 1.5).all())  # to the rounding of the table
    assert bool((weights[:, :-1] >= weights[:, 1:] - 1e-6).all())
    center = ab_centers()[100].view(1, 2, 1, 1)
    bins, weights = soft_encode(center)
    assert int(bins[0, 0]) == 100 and float(weights[0, 0]) > 0.5
    assert torch.allclose(ab_histogram(ab).sum(dim=1), torch.ones(4), atol=1e-5)


def test_annealed_mean_goes_from_the_mean_to_the_mode():
    centers = ab_centers()
    logits = torch.randn(2, len(centers), 3, 3, generator=chance())
    mean = torch.einsum("bqhw,qc->bchw", logits.softmax(dim=1), centers)
    mode = centers[logits.argmax(dim=1)].permute(0, 3, 1, 2)
    assert torch.allclose(annealed_mean(logits, centers, 1.0), mean, atol=1e-4)
    assert torch.allclose(annealed_mean(logits, centers, 1e-4), mode, atol=1e-2)
    assert torch.equal(annealed_mean(logits, centers, 0), mode)
    chromas = [annealed_mean(logits, centers, t).norm(dim=1).mean() for t in (1.0, 0.5, 0.2)]
    assert chromas[0] < chromas[1] < chromas[2]
    with pytest.raises(ValueError, match="temperature"):
        annealed_mean(logits, centers, -1)


def test_spread_is_the_distance_that_is_expected():
    centers = ab_centers()
    sure = torch.full((1, len(centers), 1, 1), -1e4)
    sure[0, 7] = 0
    at = centers[7].view(1, 2, 1, 1)
    assert spread(sure, centers, at).item() == pytest.approx(0, abs=0.1)
    assert spread(sure, centers, at + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).item() == pytest.approx(5, abs=0.01)
    two = sure.clone()
    two[0, 200] = 0  # as likely as the other
    middle = (centers[7] + centers[200]).view(1, 2, 1, 1) / 2
    half = (centers[7] - centers[200]).norm().item() / 2
    assert spread(two, centers, middle).item() == pytest.approx(half, rel=1e-3)


def test_rarity_moves_gradient_to_rare_colors_and_keeps_the_scale():
    prior = torch.zeros(len(ab_centers()))
    grey = int(ab_centers().norm(dim=1).argmin())
    red = int(ab_centers()[:, 0].argmax())
    prior[grey], prior[red] = 0.99, 0.01
    weights = rarity_weights(prior, uniform_share=0.5)
    assert (weights * prior).sum().item() == pytest.approx(1, abs=1e-4)
    assert weights[red] > 5 * weights[grey]
    assert torch.allclose(rarity_weights(prior, uniform_share=1.0), torch.ones(len(prior)), atol=1e-4)
    target = ab_centers()[[grey, red]].T.reshape(1, 2, 1, 2)
    logits = torch.zeros(1, len(prior), 1, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(soft_cross_entropy(logits, target, weights), logits)
    assert gradient[..., 1].abs().sum() > 5 * gradient[..., 0].abs().sum()
    for wrong in (prior[:-1], -prior, prior * float("nan")):
        with pytest.raises(ValueError, match="prior"):
            rarity_weights(wrong, 0.5)


def test_cross_entropy_is_least_at_the_truth():
    ab = colors()
    bins, shares = soft_encode(ab)
    truth = torch.full((4, len(ab_centers()), 8, 8), 1e-8).scatter_(1, bins, shares).log()
    even = torch.ones(len(ab_centers()))
    entropy = -(shares * shares.log()).sum(dim=1).mean().item()
    assert soft_cross_entropy(truth, ab, even).item() == pytest.approx(entropy, rel=1e-3)
    assert soft_cross_entropy(truth + torch.randn(truth.shape, generator=chance()), ab, even) > entropy


def test_plain_losses():
    predicted, target = torch.full((1, 2, 1, 1), 22.0), torch.zeros(1, 2, 1, 1)
    assert l1(predicted, target, 110).item() == pytest.approx(0.2)
    assert mse(predicted, target, 110).item() == pytest.approx(0.04)
    ab = torch.tensor([30.0, 40.0]).view(1, 2, 1, 1)
    assert mean_chroma(torch.tensor([50.0]).log(), ab).item() == pytest.approx(0, abs=1e-5)
    assert mean_chroma(torch.tensor([25.0]).log(), ab).item() == pytest.approx(0.6931, abs=1e-3)


@pytest.mark.parametrize("kind", ["vanilla", "hinge"])
def test_the_two_sides_of_a_gan_pull_opposite_ways(kind):
    real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    gradients = torch.autograd.grad(discriminator_loss(real, fake, kind), (real, fake))
    assert bool((gradients[0] < 0).all()) and bool((gradients[1] > 0).all())  # a step down: real up, fake down
    (gradient,) = torch.autograd.grad(generator_loss(fake, kind), fake)
    assert bool((gradient < 0).all())  # fake up
    good = discriminator_loss(torch.full((3,), 5.0), torch.full((3,), -5.0), kind)
    assert good < 0.01 < discriminator_loss(real, fake, kind)


def test_hints_are_true_colors_at_few_places():
    ab = colors(64)
    hints = draw_hints(ab, 0.5, chance())
    mask = hints[:, 2:]
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(hints[:, :2], ab * mask)
    points = mask.sum(dim=(1, 2, 3))
    assert 16 < (points > 0).sum() < 48 and 1.5 < points[points > 0].mean() < 5
    assert torch.equal(hints, draw_hints(ab, 0.5, chance()))
    assert not draw_hints(ab, 0.0, chance()).any()
    palette = draw_palette(ab, 0.5, chance())
    given = palette.sum(dim=1) > 0
    assert 16 < given.sum() < 48 and torch.allclose(palette[given], ab_histogram(ab)[given])
