"""Write the card of the model that comes with the project, from measured figures, beside its weights.

    python -m eval run --data TEST --colorizer ours=embedded --output OUT
    python scripts/write_card.py test=OUT/results.json hires=OUT2/results.json

Done at each release, after the model was measured. The summaries (no single pictures, no folders of this machine) stay
as ``results/NAME.json`` beside the weights, and ``README.md`` is written from them and from ``TRAINING.md``; without
arguments from those that are there. Exit status: 0 written, 1 a file does not say what is needed, 2 wrong usage.
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
from .model_card import READABLE_SCHEMAS, ResultsError, read_results, without_folders, write_model_card

logger = logging.getLogger("write_card")


def summary_of(results: dict, sha256: str) -> dict:
    """What a card needs of a results file: the model of these weights and the fixed rows, without single pictures."""
    kept = {
        name: {key: facts[key] for key in ("kind", "sha256") if key in facts}
        for name, facts in results["colorizers"].items()
        if facts.get("sha256") == sha256 or facts["kind"] == "floor"
    }
    return {
        **{key: results[key] for key in ("schema", "created", "protocol", "metrics")},
        "command": without_folders(results["command"]),
        "data": {**results["data"], "path": Path(results["data"]["path"]).name},
        "colorizers": kept,
        "summaries": [
            {key: _rounded(value) for key, value in entry.items()}
            for entry in results["summaries"]
            if entry["colorizer"] in kept and entry["slice"] in ("all", "sky yes", "sky no")
        ],
    }


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return round(value, 5) if isinstance(value, float) else value


def card_of(model: Path) -> str:
    """The card of an embedded model, from what lies beside its weights.

    Raises:
        ResultsError: if figures there are not of these weights.
    """
    measured = [read_results(path, model / "model.safetensors") for path in sorted((model / "results").glob("*.json"))]
    training = model / "TRAINING.md"
    return write_model_card("", model, measured, (), training.read_text("utf-8") if training.is_file() else "")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", metavar="NAME=results.json", help="a set, and its results")
    parser.add_argument("--model", type=Path, default=EMBEDDED_MODEL, help="folder (default: the embedded model)")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    pairs = [entry.partition("=") for entry in args.results]
    if any(not name.isidentifier() or not path for name, _, path in pairs):
        parser.error("results are written NAME=FILE, with a name of letters and digits")
    sha256 = hashlib.sha256((args.model / "model.safetensors").read_bytes()).hexdigest()
    try:
        for name, _, path in pairs:
            read_results(Path(path), args.model / "model.safetensors")
            summary = summary_of(read(Path(path), READABLE_SCHEMAS), sha256)
            _write(args.model / "results" / f"{name}.json", json.dumps(summary, indent=1) + "\n")
        _write(args.model / "README.md", card_of(args.model))
    except (ResultsError, OSError, KeyError) as error:
        logger.error("%s", error)
        return 1
    return 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    write_text(path, text)
    print(path)
