"""From values a picture to a figure of a set, with its 95 % interval: the bootstrap over pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .measures import Measure

DRAWS = 1000


_BAND = 50  # resamples that are computed with at once: those of many pictures would fill the memory


def draw_weights(count: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """How often each of ``count`` pictures is drawn in each resample: uint16 [draws, count] (Efron 1979)."""
    chance, shares = np.random.default_rng(seed), np.full(count, 1 / count)
    weights = np.empty((draws, count), np.uint16)
    for first in range(0, draws, _BAND):
        weights[first : first + _BAND] = chance.multinomial(count, shares, size=min(_BAND, draws - first))
    return weights


def estimate(measure: Measure, rows: Sequence[dict], weights: np.ndarray) -> dict | None:
    """Value and interval of a figure; None where no row has its column.

    Args:
        measure: with a column.
        rows: one a picture.
        weights: of :func:`draw_weights` for as many rows; the same for all colorizers, so that they stay paired.

    Returns:
        ``value``, ``interval`` (percentiles 2.5 and 97.5 of the resamples), and ``n`` where some rows lack the column.
    """
    drawn = draw_figure(measure, rows, weights)
    return drawn.entry if drawn else None


@dataclass(frozen=True)
class Drawn:
    """A figure (``entry``, as of :func:`estimate`) and its value in each resample, NaN where it has none."""

    entry: dict
    values: np.ndarray


def draw_figure(measure: Measure, rows: Sequence[dict], weights: np.ndarray) -> Drawn | None:
    """As :func:`estimate`, with the resamples."""
    values = np.array([np.nan if row.get(measure.column) is None else row[measure.column] for row in rows], np.float64)
    there = ~np.isnan(values)
    if not there.any():
        return None
    values = values[there]
    if not there.all():
        weights = weights[:, there]
    if measure.statistic == "median":
        value, drawn = float(np.median(values)), _weighted_median(values, weights)
    else:
        if measure.statistic in ("below", "above"):
            bound = np.float64(measure.threshold)
            values = (values < bound if measure.statistic == "below" else values > bound).astype(float)
        elif measure.statistic == "mean abs":
            values = np.abs(values)
        base = np.ones_like(values)
        if measure.statistic == "ratio":
            base = np.array([row[measure.weight] for row, kept in zip(rows, there, strict=True) if kept], np.float64)
        value = float((values * base).sum() / max(base.sum(), 1e-12))
        sums = weighted_sums(weights, np.stack((values * base, base), axis=1))
        drawn = sums[:, 0] / np.maximum(sums[:, 1], 1e-12)
        if measure.statistic == "abs mean":
            value, drawn = abs(value), np.abs(drawn)
    # A resample without a single picture of those that have the figure says nothing.
    drawn = np.where(weights.sum(axis=1) > 0, drawn, np.nan)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    found = {"value": value, "interval": [float(low), float(high)]}
    return Drawn(found if there.all() else {**found, "n": int(there.sum())}, drawn)


def best_of(measure: Measure, drawn: dict[str, Drawn]) -> set[str]:
    """The colorizer with the best figure, and those that cannot be told from it: their paired 95 % interval holds 0.

    Args:
        measure: one with a direction.
        drawn: colorizer to its figure, all of the same resamples.
    """
    turn = {"higher": lambda x: -x, "lower": lambda x: x, "one": lambda x: abs(x - 1)}.get(measure.better)
    if turn is None or len(drawn) < 2:
        return set()
    first = min(drawn, key=lambda name: turn(drawn[name].entry["value"]))
    behind = {
        name: np.nanpercentile(turn(each.values) - turn(drawn[first].values), 2.5) for name, each in drawn.items()
    }
    return {name for name, least in behind.items() if least <= 0}


def weighted_sums(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums [draws, k] of values [n, k] in each resample of weights [draws, n], float64."""
    bands = range(0, len(weights), _BAND)
    return np.concatenate([weights[first : first + _BAND].astype(np.float64) @ values for first in bands])


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    places = []
    for first in range(0, len(weights), _BAND):
        cumulative = weights[first : first + _BAND, order].cumsum(axis=1, dtype=np.float64)
        places.append((cumulative >= cumulative[:, -1:] / 2).argmax(axis=1))
    return values[order][np.concatenate(places)]
