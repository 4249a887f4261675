"""Plots of a report as inline SVG: readable in light and dark (they take the page's colors), no library needed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape

# Okabe and Ito (2008): told apart by color-blind readers too.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b8a800")
_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 16, 52

Point = tuple[str, float, tuple[float, float], float, tuple[float, float]]


def _ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers over a range."""
    rough = max(high - low, 1e-9) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first = -(-low // step)
    return [round((first + i) * step, 10) for i in range(int((high - first * step) / step + 1e-9) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


class _Axes:
    """A frame with ticks; ``x`` and ``y`` turn values into places."""

    def __init__(
        self, xs: tuple[float, float], ys: tuple[float, float], x_title: str, y_title: str, title: str
    ) -> None:
        self.xs, self.ys = xs, ys
        self.parts = [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}" class="plot">',
            f"<title>{escape(title)}</title>",
        ]
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for value in _ticks(*xs):
            x = self.x(value)
            self.parts.append(_line(x, _TOP, x, bottom, 'class="grid"'))
            self.parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')
        for value in _ticks(*ys):
            y = self.y(value)
            self.parts.append(_line(_LEFT, y, right, y, 'class="grid"'))
            self.parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        self.parts.append(f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(x_title)}</text>')
        self.parts.append(
            f'<text transform="translate(14 {(_TOP + _HEIGHT - _BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_title)}</text>"
        )

    def x(self, value: float) -> float:
        return _LEFT + (value - self.xs[0]) / (self.xs[1] - self.xs[0]) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.ys[0]) / (self.ys[1] - self.ys[0]) * (_HEIGHT - _TOP - _BOTTOM)

    def mark(self, value: float) -> None:
        """A dashed line over the whole height."""
        self.parts.append(_line(self.x(value), _TOP, self.x(value), _HEIGHT - _BOTTOM, 'class="ideal"'))

    def done(self) -> str:
        return "".join([*self.parts, "</svg>"])


def scatter(points: Sequence[Point], x_title: str, y_title: str, title: str, ideal: float | None = None) -> str:
    """Points with crosses of intervals: (name, x, x interval, y, y interval); ``ideal`` draws a line at that x."""
    every_x = [v for _, x, span, _, _ in points for v in (x, *span)] + ([ideal] if ideal is not None else [])
    every_y = [v for _, _, _, y, span in points for v in (y, *span)]
    axes = _Axes(_around(every_x), _around(every_y), x_title, y_title, title)
    if ideal is not None:
        axes.mark(ideal)
    for place, (name, x, x_span, y, y_span) in enumerate(points):
        color = COLORS[place % len(COLORS)]
        px, py = axes.x(x), axes.y(y)
        anchor, shift = ("end", -9) if px > _WIDTH * 0.75 else ("start", 9)
        axes.parts.append(
            f'<g stroke="{color}" fill="{color}">'
            f'<line x1="{axes.x(x_span[0]):.1f}" x2="{axes.x(x_span[1]):.1f}" y1="{py:.1f}" y2="{py:.1f}"/>'
            f'<line y1="{axes.y(y_span[0]):.1f}" y2="{axes.y(y_span[1]):.1f}" x1="{px:.1f}" x2="{px:.1f}"/>'
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4.5"/></g>'
            f'<text x="{px + shift:.1f}" y="{py + (-8 if place % 2 else 18):.1f}" text-anchor="{anchor}" class="name">'
            f"{escape(name)}</text>"
        )
    return axes.done()


def histogram(groups: Sequence[tuple[str, Sequence[float]]], x_title: str, title: str, low: float, high: float) -> str:
    """Outlines of histograms as shares; values beyond the range are counted in the last bins."""
    bins, lines, top = 24, [], 0.0
    for _, values in groups:
        counts = [0] * bins
        for value in values:
            counts[min(max(int((value - low) / (high - low) * bins), 0), bins - 1)] += 1
        shares = [100 * count / max(len(values), 1) for count in counts]
        lines.append(shares)
        top = max(top, *shares)
    axes = _Axes((low, high), (0, top * 1.08 + 1e-9), x_title, "share of pictures, %", title)
    for place, ((name, values), shares) in enumerate(zip(groups, lines, strict=True)):
        color, dash = COLORS[place // 2 % len(COLORS)], ' stroke-dasharray="5 4"' if place % 2 else ""
        path = f"M{axes.x(low):.1f} {axes.y(0):.1f}"
        for number, share in enumerate(shares):
            left, right = (axes.x(low + (high - low) * (number + end) / bins) for end in (0, 1))
            path += f"L{left:.1f} {axes.y(share):.1f}L{right:.1f} {axes.y(share):.1f}"
        axes.parts.append(f'<path d="{path}L{axes.x(high):.1f} {axes.y(0):.1f}" fill="none" stroke="{color}"{dash}/>')
        y = _TOP + 14 + 17 * place
        axes.parts.append(
            f'<line x1="{_WIDTH - 210}" x2="{_WIDTH - 184}" y1="{y - 4}" y2="{y - 4}" stroke="{color}"{dash}/>'
            f'<text x="{_WIDTH - 178}" y="{y}" class="name">{escape(name)} ({len(values)})</text>'
        )
    return axes.done()


def strips(groups: Sequence[tuple[str, Sequence[float]]], x_title: str, title: str, low: float, high: float) -> str:
    """A row of dots a group, one for each value, and a line at the median; values beyond the range lie on its edge."""
    axes = _Axes((low, high), (0, len(groups)), x_title, "", title)
    axes.parts = [part for part in axes.parts if 'text-anchor="end"' not in part]  # names stand in place of numbers
    height = (_HEIGHT - _TOP - _BOTTOM) / max(len(groups), 1)
    for place, (name, values) in enumerate(groups):
        color, middle = COLORS[place // 2 % len(COLORS)], _TOP + (place + 0.62) * height
        axes.parts.append(
            f'<text x="{_LEFT + 4}" y="{_TOP + place * height + 12:.1f}" class="name">'
            f"{escape(name)} ({len(values)})</text>"
        )
        for number, value in enumerate(values):
            x, shift = axes.x(min(max(value, low), high)), (number % 3 - 1) * min(6.0, height / 8)
            axes.parts.append(
                f'<circle cx="{x:.1f}" cy="{middle + shift:.1f}" r="3.5" fill="{color}" fill-opacity="0.55"/>'
            )
        x = axes.x(min(max(statistics.median(values), low), high))
        axes.parts.append(
            _line(x, middle - height * 0.28, x, middle + height * 0.28, f'stroke="{color}" stroke-width="2.5"')
        )
    return axes.done()


def bars(rows: Sequence[tuple[str, float, tuple[float, float], bool]], x_title: str, title: str) -> str:
    """Horizontal bars with intervals: (name, value, interval, pale)."""
    values = [v for _, x, span, _ in rows for v in (x, *span)]
    low, high = _around([*values, 0.0])
    axes = _Axes((low, high), (0, len(rows)), x_title, "", title)
    axes.parts = [part for part in axes.parts if 'text-anchor="end"' not in part]  # names stand in place of numbers
    height = (_HEIGHT - _TOP - _BOTTOM) / max(len(rows), 1)
    for place, (name, value, span, pale) in enumerate(rows):
        top = _TOP + place * height
        left, right = sorted((axes.x(0), axes.x(value)))
        middle = top + height * 0.68
        fill = f'fill="{COLORS[6]}" opacity="0.45"' if pale else f'fill="{COLORS[0]}" opacity="0.85"'
        axes.parts.append(
            f'<text x="{_LEFT + 4}" y="{top + height * 0.34:.1f}" class="name">{escape(name)}</text>'
            f'<rect x="{left:.1f}" y="{top + height * 0.45:.1f}" width="{right - left:.1f}" '
            f'height="{height * 0.46:.1f}" {fill}/>'
        )
        axes.parts.append(_line(axes.x(span[0]), middle, axes.x(span[1]), middle, 'class="whisker"'))
    axes.mark(0)
    return axes.done()


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.5
    return low - margin, high + margin
