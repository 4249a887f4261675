"""*When it fails*, in sentences that follow the published figures: their sign, their size and their intervals."""

from __future__ import annotations

from space.failures import Figures
from space.language import number, percent, say


def tell(figures: Figures | None) -> str:
    """The story as Markdown. Every claim is drawn from the file: with other figures it says something else."""
    if figures is None:
        return f"{say('why')}\n\n{say('not_measured')}"
    return "\n\n".join([say("why"), *filter(None, [_one_tint(figures), _before(figures)])])


def tell_more(figures: Figures) -> str:
    """What a small screen folds away, as HTML; "" if the file says nothing of it."""
    sentences = "".join(f"<p>{each}</p>" for each in (_strength(figures), _nearer(figures)) if each)
    summary = say("how_strong_how_near")
    return sentences and f"<details class='more'><summary>{summary}</summary>{sentences}</details>"


def _one_tint(figures: Figures) -> str:
    """Single tints without a sky, against those with one and those of true photographs."""
    key, name = _tint(figures)
    without, truth = figures.figure("sky no", "model", key), figures.figure("sky no", "truth", key)
    if without is None or truth is None:
        return ""
    verdict = "tint_weak" if _apart(truth, without) else "tint_fewer" if _apart(without, truth) else "tint_same"
    text = say(verdict, share=percent(without["value"], 1), tint=name, truth=percent(truth["value"], 1))
    with_sky = figures.figure("sky yes", "model", key)
    if with_sky is None:
        return text
    change = "sky_less" if _apart(with_sky, without) else "sky_more" if _apart(without, with_sky) else "sky_same"
    return f"{text} {say(change, share=percent(with_sky['value'], 1))}"


def _tint(figures: Figures) -> tuple[str, str]:
    """The widest rate that the file has: any single tint, or brown ones only."""
    if tint := figures.figure("sky no", "model", "one_hue_rate"):
        brown = figures.value("sky no", "model", "sepia_rate") or 0.0
        return "one_hue_rate", say("one_brown_tint" if brown > tint["value"] / 2 else "one_tint")
    return "sepia_rate", say("one_sepia")


def _strength(figures: Figures) -> str:
    """Too pale, or too strong: whichever is more frequent comes first."""
    pale = figures.value("all", "model", "collapse_rate")
    strong = figures.value("all", "model", "oversaturation_rate")
    if pale is None or strong is None:
        return ""
    order = "pale_then_strong" if pale >= strong else "strong_then_pale"
    return say(order, pale=percent(pale), strong=percent(strong))


def _nearer(figures: Figures) -> str:
    """Where colors are nearer to the truth than grey is, and where not."""
    better: list[str] = []
    worse: list[str] = []
    for part in ("sky yes", "sky no", "chroma low"):
        ours, grey = (figures.value(part, column, "ciede2000_mean") for column in ("model", "grey"))
        if ours is not None and grey is not None:
            where = say(f"near {part}", ours=number(ours, 1), grey=number(grey, 1))
            (better if ours < grey else worse).append(where)
    sentences = [say("nearer", where=", ".join(better))] if better else []
    if worse:
        sentences.append(say("not_nearer", where=", ".join(worse)))
    return " ".join([*sentences, say("ciede")]) if sentences else ""


def _before(figures: Figures) -> str:
    """The model before this one, where the file has its figures of the same pictures."""
    before, (key, _) = figures.content.get("before") or {}, _tint(figures)
    found = []
    for part in ("sky yes", "sky no"):
        old = before.get("slices", {}).get(part, {}).get("model", {}).get(key)
        new = figures.figure(part, "model", key)
        if old and new:
            sign = "fewer" if new["value"] < old["value"] else "more" if new["value"] > old["value"] else "as_many"
            shares = {"old": percent(old["value"], 1), "new": percent(new["value"], 1)}
            found.append(say(f"change {part}", **shares, sign=say(sign)))
    return say("against_before", changes="; ".join(found)) if found else ""


def _apart(low: dict, high: dict) -> bool:
    """Whether one figure lies below another by more than chance: their intervals do not meet."""
    ends = [figure.get("interval") or [figure["value"]] * 2 for figure in (low, high)]
    return ends[0][1] < ends[1][0]
