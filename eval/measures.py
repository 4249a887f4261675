"""Every column of a table, as told in ``measures.yaml``: what it is, and how pictures become one number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Measure:
    """A figure of a set of pictures.

    ``statistic`` turns the values of ``column`` (one a picture) into the figure: "mean", "median", "below" or "above"
    (share of pictures on that side of ``threshold``), "ratio" (values weighted by the column ``weight``), "abs mean"
    (of signed values) or "mean abs". Figures without a column are computed from the whole set.
    """

    key: str
    title: str
    better: str  # "higher", "lower", "one" (1 is right) or "none"
    digits: int
    formula: str
    source: str
    column: str | None = None
    statistic: str = "mean"
    threshold: float | None = None
    weight: str | None = None
    unit: str = ""
    range: str = ""

    def describe(self) -> dict:
        values = {key: value for key, value in asdict(self).items() if value is not None and key != "key"}
        values["statistic"] = {
            "mean": "mean over pictures",
            "median": "median over pictures",
            "below": f"share of pictures below {self.threshold}",
            "above": f"share of pictures above {self.threshold}",
            "ratio": "mean over pictures, weighted",
            "abs mean": "absolute value of the mean over pictures",
            "mean abs": "mean over pictures of the absolute value",
        }[self.statistic]
        return values


def _load(part: str) -> tuple[Measure, ...]:
    table = yaml.safe_load(Path(__file__).with_name("measures.yaml").read_text(encoding="utf-8"))
    return tuple(Measure(key=key, **values) for key, values in table[part].items())


MEASURES = _load("pictures")
SKY_CUT_MEASURES = _load("sky_dependence")
