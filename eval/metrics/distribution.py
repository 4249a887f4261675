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
    return float(_kernel_distances(first, second, np.ones((1, len(first))), np.ones((1, len(second))), paired)[0])


def _kernel_distances(
    first: np.ndarray, second: np.ndarray, of_first: np.ndarray, of_second: np.ndarray, paired: bool
) -> np.ndarray:
    """Kernel distances [h] of h choices of rows: each kernel is computed once for all of them.

    Args:
        first: [n, d].
        second: [m, d].
        of_first: [h, n], 1 for each chosen row, else 0.
        of_second: [h, m].
        paired: as in :func:`kernel_distance`.
    """

    def total(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> np.ndarray:
        # In bands: the whole matrix of 5,000 pictures would take 200 MB.
        across, sums, place = y.T.astype(np.float64) / x.shape[1], np.zeros(len(of_x)), 0
        for band in _bands(x):
            kernel = band @ across
            kernel += 1
            kernel *= kernel * kernel
            sums += ((of_x[:, place : place + len(band)] @ kernel) * of_y).sum(axis=1)
            place += len(band)
        return sums

    def own(x: np.ndarray, y: np.ndarray, of_x: np.ndarray) -> np.ndarray:
        pairs = zip(_bands(x), _bands(y), strict=True)
        return of_x @ np.concatenate([((one * other).sum(axis=1) / x.shape[1] + 1) ** 3 for one, other in pairs])

    n, m = of_first.sum(axis=1), of_second.sum(axis=1)
    within1 = (total(first, first, of_first, of_first) - own(first, first, of_first)) / (n * (n - 1))
    within2 = (total(second, second, of_second, of_second) - own(second, second, of_second)) / (m * (m - 1))
    across = total(first, second, of_first, of_second)
    across = (across - own(first, second, of_first)) / (n * (n - 1)) if paired else across / (n * m)
    return within1 + within2 - 2 * across


def kernel_distance_with_interval(
    first: np.ndarray, second: np.ndarray, paired: bool = False
) -> tuple[float, tuple[float, float]]:
    """:func:`with_interval` of the kernel distance, in the time of a few."""
    chosen = np.zeros((_HALVES + 1, len(first)))
    chosen[0] = 1
    for row, half in zip(chosen[1:], _random_halves(len(first), _HALVES), strict=True):
        row[half] = 1
    whole, *halves = _kernel_distances(first, second, chosen, chosen, paired)
    return _interval(float(whole), halves)


def with_interval(
    distance: Callable[[np.ndarray, np.ndarray], float], first: np.ndarray, second: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """A distance of paired sets (row i of both belongs to one photograph) and its 95 % interval."""
    count = _HALVES if first.shape[1] <= 1024 else _HALVES_OF_WIDE_FEATURES
    halves = [distance(first[half], second[half]) for half in _random_halves(len(first), count)]
    return _interval(distance(first, second), halves)


def _random_halves(length: int, count: int) -> Iterator[np.ndarray]:
    """Places of a random half of ``length`` pictures, ``count`` times."""
    chance = np.random.default_rng(0)
    return (chance.permutation(length)[: length // 2] for _ in range(count))


def _interval(whole: float, halves: list[float]) -> tuple[float, tuple[float, float]]:
    error = 1.96 * float(np.std(halves))
    return whole, (whole - error, whole + error)
