"""Which picture is for training, which for validation and testing: decided by its content, not its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class Shares:
    """Shares of the splits, in percent; what is 0 does not exist."""

    train: float = 80
    validation: float = 10
    test: float = 10

    def __post_init__(self) -> None:
        if (
            min(self.train, self.validation, self.test) < 0
            or abs(self.train + self.validation + self.test - 100) > 1e-6
        ):
            raise ValueError(
                f"shares of the splits must not be negative and must add up to 100, not "
                f"{self.train:g}/{self.validation:g}/{self.test:g}."
            )


def parse_shares(text: str) -> Shares:
    """ "80/10/10", or "80/20" for training and testing without validation."""
    try:
        parts = [float(part) for part in text.split("/")]
        if len(parts) == 2:
            return Shares(parts[0], 0, parts[1])
        return Shares(*parts)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{text}: write splits as 80/10/10 or 80/20 ({error}).") from None


def seniority(digests: np.ndarray) -> np.ndarray:
    """A second number from each digest, uint64 [N]: the smallest in a group says who speaks for it.

    The smallest digest itself would not do. The least of several numbers is small, and groups would nearly all be for
    training. This is the finalizer of SplitMix64 (Steele, Lea and Flood 2014), a bijection that leaves no trace of
    the order.
    """
    mixed = digests.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def representatives(group: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Indices of the members that speak for their groups, one a group, in the order of the groups' numbers."""
    order = np.lexsort((seniority(digests), group))
    return order[np.diff(group[order], prepend=-1) != 0]


def assign(
    digests: np.ndarray, shares: Shares, weights: np.ndarray, scenes: np.ndarray, tolerance: float
) -> np.ndarray:
    """Split of each group of pictures, from 64 bits of the SHA-256 of the member that speaks for it.

    The digest is a uniform number that nothing else has a say in, so a group has a place of its own between 0 and 100,
    and everything below 80 is for training. Re-ordering, renaming, other sources and other pictures change nothing.
    Chance alone divides a scene of n pictures in shares that are off by ``sqrt(p (1 - p) / n)``: by 4 points of 80 at
    n = 100. Where a scene is off by more than the tolerance, its bounds between splits, and only they, move until it
    is not; then pictures between the old bound and the new one are in another split than their digest alone says. This
    is the trade: with tolerance 100 no picture ever changes its split when others are added, with 0 every scene is
    divided exactly and each picture that is added may push another one over a bound.

    Args:
        digests: uint64 [N], of the groups' representatives.
        shares: of the splits.
        weights: int [N], pictures of each group.
        scenes: int [N], equal for groups of one scene; each scene is divided for itself.
        tolerance: how many points of 100 a split's share may be off in a scene, or one picture if that is more (or one
            group, where groups are larger).

    Returns:
        int8 [N], index into :data:`NAMES`.
    """
    splits = np.zeros(len(digests), np.int8)
    order = np.lexsort((digests, scenes))
    begins = np.flatnonzero(np.diff(scenes[order], prepend=-1))
    for members in np.split(order, begins[1:]) if len(order) else []:
        places = digests[members].astype(np.float64) / 2**64 * 100
        counts = np.concatenate(([0], np.cumsum(weights[members])))
        first = _bound(places, counts, shares.train, tolerance)
        second = max(first, _bound(places, counts, shares.train + shares.validation, tolerance))
        splits[members[first:second]] = 1
        splits[members[second:]] = 2
    return splits


def _bound(places: np.ndarray, counts: np.ndarray, percent: float, tolerance: float) -> int:
    """How many of a scene's groups, by place, lie below a bound; half of the tolerance is for each side of a split."""
    bound = int(np.searchsorted(places, percent))
    exact, slack = counts[-1] * percent / 100, counts[-1] * tolerance / 200
    # Rounded outwards: rounding to the nearest would give every scene of four to training.
    low, high = np.floor(exact - slack), np.ceil(exact + slack)
    if low <= counts[bound] <= high:
        return bound
    wanted = low if counts[bound] < low else high
    after = int(np.searchsorted(counts, wanted))
    before = max(after - 1, 0)
    # A large group may leave no bound within the tolerance: then the nearest.
    near = [b for b in (before, after) if b < len(counts)]
    return min(near, key=lambda b: (not low <= counts[b] <= high, abs(counts[b] - wanted), b))
