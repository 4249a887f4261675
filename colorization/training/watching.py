"""What a run leaves for people: ``history.csv``, ``training.png``, and where it stands."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path

from ..files import replace_file


class Progress:
    """Where a run stands; saved with each checkpoint.

    Attributes:
        loss: exponential mean of the loss, for people to read.
        parts: the same of its parts.
        best: best value of the measure that selects, nan before the first.
        stale: validations since then.
        seconds: the run has taken, those before an interruption included.
    """

    def __init__(self) -> None:
        self.loss, self.best, self.stale, self.seconds = float("nan"), float("nan"), 0, 0.0
        self.parts: dict[str, float] = {}
        self._since = time.monotonic()

    def add(self, loss: float, parts: Mapping[str, float]) -> None:
        """Take in the losses of a step."""
        self.loss = _mix(self.loss, loss)
        for name, value in parts.items():
            self.parts[name] = _mix(self.parts.get(name, float("nan")), value)

    def is_best(self, value: float, higher_is_better: bool) -> bool:
        """Whether ``value`` is the best so far, which it then is; otherwise one more validation was in vain."""
        better = math.isnan(self.best) or (value > self.best if higher_is_better else value < self.best)
        self.best, self.stale = (value, 0) if better else (self.best, self.stale + 1)
        return better

    def elapsed(self) -> float:
        """Seconds the run has taken."""
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds

    def state_dict(self) -> dict:
        self.elapsed()
        return {"loss": self.loss, "parts": self.parts, "best": self.best, "stale": self.stale, "seconds": self.seconds}

    def load_state_dict(self, state: dict) -> None:
        self.loss, self.parts, self.best = state["loss"], state["parts"], state["best"]
        self.stale, self.seconds, self._since = state["stale"], state["seconds"], time.monotonic()


def _mix(mean: float, value: float) -> float:
    return value if math.isnan(mean) else 0.98 * mean + 0.02 * value


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows of a ``history.csv``; none where there is no file. Empty cells are left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


class History:
    """``history.csv`` and ``training.png`` of a run.

    Args:
        output: folder of the run.
        title: of the drawing.
        seen: pictures seen so far; later rows, of a run that was interrupted after its last checkpoint, are forgotten.
    """

    def __init__(self, output: Path, title: str, seen: int) -> None:
        self.table, self.drawing, self.title = output / "history.csv", output / "training.png", title
        self.rows = [row for row in read_history(self.table) if row["pictures"] <= seen]

    def add(self, row: dict[str, float]) -> None:
        """Append a row; both files are written whole or not at all."""
        self.rows.append(row)
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with replace_file(self.table) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        _plot(self.rows, self.drawing, self.title)


def _plot(rows: list[dict[str, float]], path: Path, title: str) -> None:
    """Draw every column of a history over the pictures seen, a panel each, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in dict.fromkeys(n for row in rows for n in row) if name not in ("pictures", "seconds")]
    columns = 3
    figure = Figure(figsize=(12, 2.6 * math.ceil(len(names) / columns)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for number, name in enumerate(names, start=1):
        axes = figure.add_subplot(math.ceil(len(names) / columns), columns, number)
        points = [(row["pictures"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), marker=".")
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel("pictures seen", fontsize=8)
        axes.grid(alpha=0.3)
    with replace_file(path) as fresh:
        figure.savefig(fresh, format="png", dpi=100)
