"""Tables of figures as text: cells for a page, CSV and LaTeX for a paper."""

from __future__ import annotations

import csv
import io

ARROWS = {"higher": "↑", "lower": "↓", "one": "→ 1", "none": ""}
HEADLINE = (
    "psnr_rgb_mean", "lpips_squeeze_mean", "ciede2000_mean", "chroma_ratio_median", "collapse_rate",
    "oversaturation_rate", "sepia_rate", "one_hue_rate", "effective_hues_mean", "incoherence_mean",
)  # fmt: skip
_LATEX_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "one": r" $\rightarrow 1$", "none": ""}
_LATEX_SIGNS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "Δ": r"$\Delta$"}
_LATEX_SIGNS |= {sign: "\\" + sign for sign in "&%$#_{}"} | {"°": r"$^\circ$", "²": "$^2$", "|": r"$|$"}


def cell(entry: dict, key: str, digits: int) -> str:
    """Value, interval and number of pictures: ``25.09 (24.85 to 25.33; n 249)``, bold where it is best."""
    if not entry.get(key):
        return "not computed"
    value, low, high, n = numbers(entry, key)
    bold = "**" * bool(entry[key].get("best"))
    return f"{bold}{value:.{digits}f}{bold} ({low:.{digits}f} to {high:.{digits}f}; n {n})"


def numbers(entry: dict, key: str) -> tuple[float, float, float, int]:
    """Value, both ends of the interval, and the number of pictures behind it."""
    return (entry[key]["value"], *entry[key]["interval"], entry[key].get("n", entry["n"]))


def title(metric: dict) -> str:
    """A heading, with an arrow that says which way is better."""
    return f"{metric['title']} {ARROWS[metric['better']]}".strip()


def to_csv(entries: list[dict], metrics: dict[str, dict]) -> str:
    """One line a colorizer; each figure with both ends of its interval and its number of pictures."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kinds = ("", "_low", "_high", "_n")
    writer.writerow(["colorizer", *(f"{key}{kind}" for key in metrics for kind in kinds)])
    for entry in entries:
        cells = [numbers(entry, key) if entry.get(key) else ("",) * len(kinds) for key in metrics]
        writer.writerow([entry["colorizer"], *(value for values in cells for value in values)])
    return text.getvalue()


def to_latex(entries: list[dict], metrics: dict[str, dict]) -> str:
    """A ``tabular`` for the package booktabs: value ± half of the interval, the best and its ties in bold."""
    shown = {key: metric for key, metric in metrics.items() if any(entry.get(key) for entry in entries)}
    heads = [latex(metric["title"]) + _LATEX_ARROWS[metric["better"]] for metric in shown.values()]
    lines = [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * (len(shown) + 1)}}}",
        r"\toprule",
        " & ".join(["", "n", *heads]) + r" \\",
        r"\midrule",
    ]
    for entry in entries:
        cells = [latex(entry["colorizer"]), str(entry["n"])]
        for key, metric in shown.items():
            if not entry.get(key):
                cells.append("--")
                continue
            value, low, high, _ = numbers(entry, key)
            text, half = f"{value:.{metric['digits']}f}", f"{(high - low) / 2:.{metric['digits']}f}"
            text = rf"\mathbf{{{text}}}" if entry[key].get("best") else text
            cells.append(rf"${text} \pm {half}$")
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def latex(text: str) -> str:
    """Text with LaTeX's own signs escaped."""
    return "".join(_LATEX_SIGNS.get(sign, sign) for sign in text)
