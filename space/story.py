"""*When it fails*, in sentences that follow the published figures: their sign, their size and their intervals."""

from __future__ import annotations

from space.failures import Figures

_WHY = """## Why some photographs come out wrong
A grey photograph does not say what colour anything was. A program guesses from what usually goes together: over a
bright, smooth strip there is blue; under a wide sky there are green meadows and brown earth. A wall of rock, a pale
wood, still water up close could be grey, green, red or brown."""
_UNKNOWN = "How often this model fails has not been measured for this page."


def tell(figures: Figures | None) -> str:
    """The story as Markdown. Every claim is drawn from the file: with other figures it says something else."""
    if figures is None:
        return f"{_WHY}\n\n{_UNKNOWN}"
    sentences = [_one_tint(figures), _strength(figures), _nearer(figures), _before(figures)]
    return "\n\n".join([_WHY, *filter(None, sentences)])


def _one_tint(figures: Figures) -> str:
    """Single tints without a sky, against those with one and those of true photographs."""
    key, name = _tint(figures)
    without, truth = figures.figure("sky no", "model", key), figures.figure("sky no", "truth", key)
    if without is None or truth is None:
        return ""
    told = f"**Without a sky, {_percent(without)} of the results are in {name}**"
    true = f"of true photographs without a sky, {_percent(truth)} are"
    if _apart(truth, without):
        verdict = f"{told}; {true}. That is the known weakness of programs like this one."
    elif _apart(without, truth):
        verdict = f"{told}; {true}, which is more. The known weakness of such programs is not seen here."
    else:
        verdict = f"{told}; {true}. The two cannot be told apart: the known weakness of such programs is not seen here."
    with_sky = figures.figure("sky yes", "model", key)
    if with_sky is None:
        return verdict
    if _apart(with_sky, without):
        return f"{verdict} With a sky in sight it is {_percent(with_sky)}, which is less."
    if _apart(without, with_sky):
        return f"{verdict} With a sky in sight it is {_percent(with_sky)}, which is more."
    return f"{verdict} With a sky in sight it is {_percent(with_sky)}: no clear difference."


def _tint(figures: Figures) -> tuple[str, str]:
    """The widest rate that the file has: any single tint, or brown ones only."""
    if tint := figures.figure("sky no", "model", "one_hue_rate"):
        brown = figures.value("sky no", "model", "sepia_rate") or 0.0
        most = ", most often the brown of an old print" if brown > tint["value"] / 2 else ""
        return "one_hue_rate", f"one single tint{most}"
    return "sepia_rate", "one brown tone, as an old sepia print is"


def _strength(figures: Figures) -> str:
    """Too pale, or too strong: whichever is more frequent comes first."""
    pale = figures.value("all", "model", "collapse_rate")
    strong = figures.value("all", "model", "oversaturation_rate")
    if pale is None or strong is None:
        return ""
    told = [
        (pale, f"{pale:.0%} are less than half as colourful as the truth"),
        (strong, f"{strong:.0%} more than one and a half times as colourful as the truth"),
    ]
    return f"Of all results, {' and '.join(text for _, text in sorted(told, key=lambda part: -part[0]))}."


def _nearer(figures: Figures) -> str:
    """Where colours are nearer to the truth than grey is, and where not."""
    names = {"sky yes": "with a sky in sight", "sky no": "without one", "chroma low": "in the palest third"}
    better: list[str] = []
    worse: list[str] = []
    for part, name in names.items():
        ours, grey = (figures.value(part, column, "ciede2000_mean") for column in ("model", "grey"))
        if ours is not None and grey is not None:
            (better if ours < grey else worse).append(f"{name} ({ours:.1f}, left grey {grey:.1f})")
    text = f"Colours are nearer to the truth than a grey picture {', '.join(better)}." if better else ""
    if worse:
        text += f" They are not nearer {', '.join(worse)}: there, grey would have been the safer guess."
    return f"{text} The figures are CIEDE2000, the difference that the eye sees." if text else ""


def _before(figures: Figures) -> str:
    """The model before this one, where the file has its figures of the same pictures."""
    before, (key, _) = figures.content.get("before") or {}, _tint(figures)
    found = []
    for part, name in (("sky yes", "with a sky"), ("sky no", "without a sky")):
        old = before.get("slices", {}).get(part, {}).get("model", {}).get(key)
        new = figures.figure(part, "model", key)
        if old and new:
            sign = "fewer" if new["value"] < old["value"] else "more" if new["value"] > old["value"] else "as many"
            found.append(f"{name} {old['value']:.1%} before and {new['value']:.1%} now ({sign})")
    return f"**Against the model before this one**, results in one tint are: {'; '.join(found)}." if found else ""


def _percent(figure: dict) -> str:
    return f"{figure['value']:.1%}"


def _apart(low: dict, high: dict) -> bool:
    """Whether one figure lies below another by more than chance: their intervals do not meet."""
    ends = [figure.get("interval") or [figure["value"]] * 2 for figure in (low, high)]
    return ends[0][1] < ends[1][0]
