"""Distances between two sets of pictures, from their features [n, d]; small is alike.

Intervals come from random halves of the pictures: the deviations of a delete-half jackknife estimate the standard
error of the whole (Shao and Wu 1989), which a bootstrap with repeated pictures would not for these two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

_BAND = 512  # rows of a kernel's matrix that are held at once
_HALVES = 40
_HALVES_OF_WIDE_FEATURES = 10  # a matrix root of 2048 features takes seconds


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of two Gaussians fitted to features (Heusel et al. 2017; Dowson and Landau 1982).

    |m1 - m2|² + tr(S1) + tr(S2) - 2 tr((S1 S2)^½), in float64. The last trace is the sum of the singular values of
    X1 X2ᵀ (centered, scaled), which needs no matrix root and is exact for fewer pictures than features. Biased upward
    for small sets, and more so for worse models: compare sets of one size only.
    """
    m1, m2 = first.mean(axis=0, dtype=np.float64), second.mean(axis=0, dtype=np.float64)
    if len(first) <= first.shape[1]:
        x1, x2 = (first - m1) / np.sqrt(len(first) - 1), (second - m2) / np.sqrt(len(second) - 1)
        root = np.linalg.svd(x1 @ x2.T, compute_uv=False).sum()
        spread = np.square(x1).sum() + np.square(x2).sum()
    else:
        # tr((S1 S2)^½) = tr((R S2 R)^½) with R the root of S1: a symmetric problem.
        s1, s2 = _covariance(first, m1), _covariance(second, m2)
        values, vectors = np.linalg.eigh(s1)
        half = (vectors * np.sqrt(values.clip(0))) @ vectors.T
        root = np.sqrt(np.linalg.eigvalsh(half @ s2 @ half).clip(0)).sum()
        spread = np.trace(s1) + np.trace(s2)
    return float(np.square(m1 - m2).sum() + spread - 2 * root)


def _covariance(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Covariance [d, d] of features [n, d], in bands: all of many pictures in float64 would fill the memory."""
    total = np.zeros((len(mean), len(mean)))
    for band in _bands(features):
        band -= mean
        total += band.T @ band
    return total / (len(features) - 1)


def _bands(features: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of features [n, d] some at a time, in float64."""
    for place in range(0, len(features), _BAND):
        yield features[place : place + _BAND].astype(np.float64)


def kernel_distance(first: np.ndarray, second: np.ndarray, paired: bool = False) -> float:
    """Unbiased squared MMD with the kernel (x·y / d + 1)³ (Bińkowski et al. 2018); may be negative for equal sets.

    Args:
        first: [n, d].
        second: [m, d].
        paired: row i of both belongs to one photograph; such pairs are alike for a reason that has nothing to do with
            the sets, and are left out of the mean between them (n must be m).
    """
    n, m, d = len(first), len(second), first.shape[1]

    def total(x: np.ndarray, y: np.ndarray) -> float:
        # In bands: the whole matrix of 5,000 pictures would take 200 MB.
        across = y.T.astype(np.float64)
        return sum(((band @ across / d + 1) ** 3).sum() for band in _bands(x))

    def own(x: np.ndarray, y: np.ndarray) -> float:
        pairs = zip(_bands(x), _bands(y), strict=True)
        return sum((((one * other).sum(axis=1) / d + 1) ** 3).sum() for one, other in pairs)

    within1 = (total(first, first) - own(first, first)) / (n * (n - 1))
    within2 = (total(second, second) - own(second, second)) / (m * (m - 1))
    across = (total(first, second) - own(first, second)) / (n * (n - 1)) if paired else total(first, second) / (n * m)
    return float(within1 + within2 - 2 * across)


def with_interval(
    distance: Callable[[np.ndarray, np.ndarray], float], first: np.ndarray, second: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """A distance of paired sets (row i of both belongs to one photograph) and its 95 % interval."""
    whole = distance(first, second)
    chance = np.random.default_rng(0)
    halves = []
    for _ in range(_HALVES if first.shape[1] <= 1024 else _HALVES_OF_WIDE_FEATURES):
        chosen = chance.permutation(len(first))[: len(first) // 2]
        halves.append(distance(first[chosen], second[chosen]))
    error = 1.96 * float(np.std(halves))
    return whole, (whole - error, whole + error)
