"""Write space/figures.json, the figures that the page tells under "When it fails", from a results.json of the harness.

    python -m eval run --data TEST --colorizer ours=embedded --output OUT
    python scripts/page_figures.py OUT/results.json [--card URL] [--harness URL]

Done at each release, after the model was measured. The colorizer is found by the hash of the embedded weights, so that
figures of another model cannot slip in. Exit status: 0 written, 1 the file does not say what is needed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from pathlib import Path

from eval.results import read

from ..files import write_text
from ..model.configuration_colorization import EMBEDDED_MODEL
from .model_card import READABLE_SCHEMAS
from .upload import ROOT

WEIGHTS = EMBEDDED_MODEL / "model.safetensors"
TARGET = ROOT / "space" / "figures.json"
SLICES = ("all", "sky yes", "sky no", "chroma low", "chroma high")
MEASURES = (
    "psnr_rgb_mean",
    "ciede2000_mean",
    "chroma_ratio_median",
    "collapse_rate",
    "oversaturation_rate",
    "sepia_rate",
    "one_hue_rate",
)
SKY_MEASURES = (
    "chroma_lost",
    "chroma_lost_control",
    "sepia_rate_whole",
    "sepia_rate_cut",
    "one_hue_rate_whole",
    "one_hue_rate_cut",
    "one_hue_rate_truth",
)
COLUMNS = {"model": None, "grey": "grey", "truth": "truth"}  # None: the colorizer with the weights
logger = logging.getLogger("page_figures")


def figures_of(results: dict, sha256: str, links: dict[str, str]) -> dict:
    """What the page needs, out of a results file.

    Args:
        results: the content of a ``results.json``.
        sha256: of the weights whose figures are wanted.
        links: name to address of what the page points to.

    Raises:
        ValueError: if the file has no figures of these weights.
    """
    names = [name for name, facts in results["colorizers"].items() if facts.get("sha256") == sha256]
    if not names:
        raise ValueError(f"no colorizer in it has the weights with sha256 {sha256[:12]}…; measure them first")
    columns = {key: name or names[0] for key, name in COLUMNS.items()}
    by_name = {(entry["slice"], entry["colorizer"]): entry for entry in results["summaries"]}
    slices = {}
    for part in SLICES:
        if (part, names[0]) not in by_name:
            raise ValueError(f"it has no slice {part!r}")
        slices[part] = {"n": by_name[part, names[0]]["n"]}
        for key, name in columns.items():
            entry = by_name.get((part, name), {})
            slices[part][key] = {measure: _short(entry[measure]) for measure in MEASURES if measure in entry}
    sky = results.get("sky_dependence") or {}
    found = next((entry for entry in sky.get("summaries", []) if entry.get("colorizer") == names[0]), None)
    return {
        "created": results["created"][:10],
        "weights_sha256": sha256,
        "set": Path(str(results["data"]["path"])).name,
        "pictures": results["data"]["measured"],
        "slices": slices,
        "sky_dependence": found and {"n": found["n"], **{key: _short(found[key]) for key in SKY_MEASURES}},
        "links": links,
    }


def figures_before(path: Path, figures: dict) -> dict | None:
    """The figures of the release before, out of the file that is about to be replaced; None if it has none.

    Only those of as many pictures of the same set are of use beside the new ones.
    """
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        if (old["set"], old["pictures"]) != (figures["set"], figures["pictures"]):
            return None
        if old["weights_sha256"] == figures["weights_sha256"]:  # written a second time for one release
            return old.get("before")
        slices = {part: {"model": columns["model"]} for part, columns in old["slices"].items()}
        return {"created": old["created"], "weights_sha256": old["weights_sha256"], "slices": slices}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _short(figure: dict) -> dict:
    """Value and 95 % interval, with as many digits as anybody will show."""
    return {
        "value": round(figure["value"], 4),
        "interval": [round(end, 4) for end in figure["interval"]] if figure.get("interval") else None,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results.json of a run with the embedded model")
    parser.add_argument("--card", metavar="URL", help="address of the model's card")
    parser.add_argument("--harness", metavar="URL", help="address of the harness's description")
    parser.add_argument("--output", type=Path, default=TARGET, help="default: space/figures.json")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    links = {name: url for name in ("card", "harness") if (url := getattr(args, name))}
    if wrong := [url for url in links.values() if not url.startswith("https://")]:
        parser.error(f"an address begins with https://, unlike {', '.join(wrong)}")
    try:
        results = read(args.results, READABLE_SCHEMAS)
        figures = figures_of(results, hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(), links)
        figures["before"] = figures_before(args.output, figures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"there is no {error} in it" if isinstance(error, KeyError) else str(error)
        logger.error("%s: %s.", args.results, reason.rstrip("."))
        return 1
    write_text(args.output, json.dumps(figures, indent=1) + "\n")
    print(f"{args.output}: {figures['pictures']} pictures, measured {figures['created']}.")
    return 0
