"""What changes over a run, as functions of the pictures seen."""

from __future__ import annotations

import math

from .recipe import Recipe


def learning_rate_factor(seen: int, recipe: Recipe) -> float:
    """Factor on the learning rates: linear warm-up, then the recipe's schedule; a cosine ends at 1 %."""
    warmup = min(recipe.warmup, recipe.pictures // 10)  # a run made short by ``pictures=`` is not all warm-up
    if seen < warmup:
        return (seen + recipe.batch_size) / (warmup + recipe.batch_size)
    if recipe.schedule == "constant":
        return 1.0
    share = min((seen - warmup) / max(recipe.pictures - warmup, 1), 1)
    if recipe.schedule == "step":
        return 1.0 if share < 1 / 2 else 0.1 if share < 5 / 6 else 0.01
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))


def ema_decay(seen: int, recipe: Recipe) -> float:
    """Factor on the average's weights in one step, by a half-life that grows with the run (Karras et al. 2022, EDM).

    At most a twentieth of what was seen: the average of a young model forgets how that model began.
    """
    half_life = min(recipe.ema_half_life, max(0.05 * seen, 1e-3))
    return 0.5 ** (recipe.batch_size / half_life)


def adversarial_weight(seen: int, recipe: Recipe) -> float:
    """Weight of the adversarial loss: 0 until its share of the run, for a generator that is good by then.

    Late and short is "NoGAN" (Antic, DeOldify): the discriminator has no time to learn the generator into orange.
    """
    return recipe.adversarial_weight if seen >= recipe.adversarial_from * recipe.pictures else 0.0


def reached(seen: int, before: int, every: int) -> bool:
    """Whether a multiple of ``every`` lies in (before, seen]."""
    return seen // every > before // every
