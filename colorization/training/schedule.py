"""What changes over a run, as functions of the pictures seen."""

from __future__ import annotations

import math

from .recipe import Recipe


def learning_rate_factor(seen: int, recipe: Recipe) -> float:
    """Factor on the learning rates: linear warm-up, then the recipe's schedule; a cosine ends at 1 %."""
    if seen < recipe.warmup:
        return (seen + recipe.batch_size) / (recipe.warmup + recipe.batch_size)
    if recipe.schedule == "constant":
        return 1.0
    share = min((seen - recipe.warmup) / max(recipe.pictures - recipe.warmup, 1), 1)
    if recipe.schedule == "step":
        return 1.0 if share < 1 / 2 else 0.1 if share < 5 / 6 else 0.01
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))


def adversarial_weight(seen: int, recipe: Recipe) -> float:
    """Weight of the adversarial loss: 0 until its share of the run, for a generator that is good by then.

    Late and short is "NoGAN" (Antic, DeOldify): the discriminator has no time to learn the generator into orange.
    """
    return recipe.adversarial_weight if seen >= recipe.adversarial_from * recipe.pictures else 0.0


def reached(seen: int, before: int, every: int) -> bool:
    """Whether a multiple of ``every`` lies in (before, seen]."""
    return seen // every > before // every
