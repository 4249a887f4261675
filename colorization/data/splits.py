"""Which picture is for training, which for validation and testing: decided by its content, not its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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


def assign(digests: np.ndarray, shares: Shares) -> np.ndarray:
    """Split of each picture from 64 bits of the SHA-256 of its group's smallest member.

    The digest is a uniform number that nothing else has a say in: re-ordering, renaming, other pictures and other
    sources change nothing, and every scene is divided in the same shares, up to chance (a scene of n pictures by about
    ``sqrt(n * p * (1 - p))``). Dividing each scene exactly would move pictures between splits whenever one is added.

    Args:
        digests: uint64 [N], equal inside a group.
    """
    place = digests.astype(np.float64) / 2**64 * 100
    return np.where(
        place < shares.train, "train", np.where(place < shares.train + shares.validation, "validation", "test")
    )
