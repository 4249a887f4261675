"""The card of a model: a template filled from ``config.json``, the weights and ``results.json``, from nothing else."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from huggingface_hub import EvalResult, ModelCardData
from safetensors import safe_open

from eval.results import SCHEMA, read

from .examples import Example

CARDS = Path(__file__).parent / "cards"
READABLE_SCHEMAS = (2, SCHEMA)
"""Of results files: what a card shows is written alike in all of them."""
_SLICES = ("all", "sky yes", "sky no")
_MISSING = (
    "psnr_rgb_mean",
    "ciede2000_mean",
    "lpips_squeeze_mean",
    "chroma_ratio_median",
    "sepia_rate",
    "one_hue_rate",
)
_BESIDE_THE_TRUTH = ("sepia_rate", "one_hue_rate", "effective_hues_mean")  # some photographs are toned


class ResultsError(ValueError):
    """A results file that says nothing about this model; the message is a sentence."""


@dataclass(frozen=True)
class Measured:
    """What a results file says about one model.

    Attributes:
        table: header and rows of cells, as text.
        index: the same figures for ``model-index``.
        facts: set, pictures, protocol, command; each may be missing in an older file.
        missing: a sentence for each thing the file does not say.
    """

    table: list[list[str]]
    index: list[EvalResult]
    facts: dict[str, str]
    missing: list[str] = field(default_factory=list)


def read_results(path: Path, weights: Path) -> Measured:
    """Figures of the model with these weights, in a ``results.json`` of the harness.

    Args:
        path: the file.
        weights: ``model.safetensors``; its hash finds the colorizer among those measured.

    Raises:
        ResultsError: if the file cannot be read or measured another model.
    """
    try:
        evaluation = read(path, READABLE_SCHEMAS)
        summaries = [entry for entry in evaluation["summaries"] if isinstance(entry, dict)]
        colorizers = evaluation["colorizers"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path}: this is no results file of the harness ({error!r}).") from error
    name, missing = _name_of(colorizers, hashlib.sha256(weights.read_bytes()).hexdigest(), path)
    by_slice = {(entry.get("slice"), entry.get("colorizer")): entry for entry in summaries}
    if ("all", name) not in by_slice:
        raise ResultsError(f"{path}: it has no summary of {name!r} over all pictures.")
    metrics = evaluation.get("metrics") or {}
    if not metrics:
        missing.append("The file does not describe its metrics; they are shown by their keys.")
    keys = [key for key, value in by_slice["all", name].items() if isinstance(value, dict) and "value" in value]
    missing += [f"`{key}` was not measured." for key in _MISSING if key not in keys]
    columns = [(part, who) for part in _SLICES for who in (name, "grey") if (part, who) in by_slice]
    header = ["figure", *(f"{part}: {'this model' if who == name else who}" for part, who in columns)]
    counts = ["pictures", *(str(by_slice[column].get("n", "?")) for column in columns)]
    truths = [by_slice.get((part, "truth"), {}) if who == name else {} for part, who in columns]
    rows = [
        [_title(key, metrics), *(_cell(by_slice[column].get(key), metrics.get(key, {})) for column in columns)]
        for key in keys
    ]
    rows += [
        [f"{_title(key, metrics)}, of the truth", *(_cell(entry.get(key), metrics.get(key, {})) for entry in truths)]
        for key in _BESIDE_THE_TRUTH
        if key in keys and any(key in entry for entry in truths)
    ]
    data = evaluation.get("data")
    data = data if isinstance(data, dict) else {"path": data}
    facts = {
        "set": Path(str(data.get("path") or "unnamed set")).name,
        "pictures": str(data.get("measured") or evaluation.get("pictures") or ""),
        "near_grey": str(data.get("near_grey_left_out", evaluation.get("near_grey_left_out", ""))),
        "sha256": str(data.get("sha256") or "")[:16],
        "input": str((evaluation.get("protocol") or {}).get("input") or ""),
        "created": str(evaluation.get("created") or "")[:10],
        "command": without_folders(str(evaluation.get("command") or "")),
    }
    missing += [f"The file does not say its {key}." for key in ("created", "command") if not facts[key]]
    index = index_of(evaluation, name)
    return Measured([header, counts, *rows], index, facts, missing)


def index_of(evaluation: dict, name: str) -> list[EvalResult]:
    """All figures of colorizer ``name`` in the contents of a ``results.json``, over all pictures and by sky.

    Raises:
        KeyError: if it was not measured over all pictures.
    """
    by_slice = {entry["slice"]: entry for entry in evaluation["summaries"] if entry.get("colorizer") == name}
    data: dict = evaluation["data"] if isinstance(evaluation.get("data"), dict) else {"path": evaluation.get("data")}
    pictures, metrics = Path(str(data.get("path") or "unnamed set")).name, evaluation.get("metrics") or {}
    return [
        _indexed(key, value, by_slice[part].get("n"), part, pictures, metrics.get(key, {}))
        for part in _SLICES
        if part in by_slice
        for key in by_slice["all"]
        if isinstance(value := by_slice[part].get(key), dict) and _finite(value.get("value"))
    ]


def write_model_card(
    repo_id: str, folder: Path, measured: Sequence[Measured], examples: Sequence[Example] = (), training: str = ""
) -> str:
    """The card of the model saved in ``folder`` (config.json, preprocessor_config.json, model.safetensors).

    Args:
        repo_id: where it will be found; empty for the model that comes with the project.
        folder: of the model.
        measured: what its results files say, one a set of pictures.
        examples: photographs that are shown.
        training: Markdown on how it was trained, from the second heading level down.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    processor = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    with safe_open(folder / "model.safetensors", "pt") as file:
        slices = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118 - not a dict
        numbers = sum(math.prod(part.get_shape()) for part in slices)
        kinds = sorted({part.get_dtype() for part in slices if part.get_dtype().startswith(("F", "BF"))})
    name = repo_id.rsplit("/", maxsplit=1)[-1] or "Landscape Colorizer"
    metadata = ModelCardData(
        language="en",
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag="image-to-image",
        tags=["image-colorization", "landscape", "colorization", "custom_code"],
        model_name=name,
        eval_results=([entry for one in measured for entry in one.index] or None) if repo_id else None,
    )
    facts = {
        "repo_id": repo_id,
        "name": name,
        "config": config,
        "processor": processor,
        "parameters": f"{numbers / 1e6:.1f} M" if numbers >= 1e5 else f"{numbers:,}",
        "kinds": ", ".join(kinds),
        "megabytes": f"{(folder / 'model.safetensors').stat().st_size / 1e6:.1f}",
        "measured": measured,
        "examples": examples,
        "training": training.strip(),
        "metadata": metadata.to_yaml(),
    }
    return fill("model.md.jinja", **facts)


def fill(template: str, **facts: object) -> str:
    """A template of ``cards``; a name it uses and nobody gave is an error."""
    loader = jinja2.FileSystemLoader(CARDS)
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**facts)


def _name_of(colorizers: dict, sha256: str, path: Path) -> tuple[str, list[str]]:
    """The colorizer that is this model, and what the file leaves open about that."""
    known = {name: facts if isinstance(facts, dict) else {"spec": facts} for name, facts in colorizers.items()}
    for name, facts in known.items():
        if facts.get("sha256") == sha256:
            return name, []
    if any(facts.get("sha256") for facts in known.values()):
        raise ResultsError(
            f"{path}: none of the colorizers in it has the weights of this model (sha256 {sha256[:12]}…); measure it "
            "with `python -m eval run`."
        )
    models = [name for name, facts in known.items() if facts.get("spec") == "embedded" or facts.get("kind") == "model"]
    if len(models) != 1:
        raise ResultsError(f"{path}: it does not say which of {', '.join(known)} is this model.")
    return models[0], ["The file does not name the weights it measured by hash."]


def _title(key: str, metrics: dict) -> str:
    facts = metrics.get(key, {})
    arrow = {"higher": " ↑", "lower": " ↓", "one": " → 1"}.get(facts.get("better", ""), "")
    unit = f", {facts['unit']}" if facts.get("unit") else ""
    return f"{facts.get('title', key)}{unit}{arrow}"


def _cell(value: object, facts: dict) -> str:
    if not isinstance(value, dict) or not _finite(value.get("value")):
        return ""
    digits = facts.get("digits", 3)
    interval = value.get("interval")
    if isinstance(interval, list) and len(interval) == 2 and all(map(_finite, interval)):
        return f"{value['value']:.{digits}f} ± {(interval[1] - interval[0]) / 2:.{digits}f}"
    return f"{value['value']:.{digits}f}"


def _indexed(key: str, value: dict, n: object, part: str, dataset: str, facts: dict) -> EvalResult:
    digits = facts.get("digits", 3)
    arguments = {"n": n}
    if isinstance(value.get("interval"), list):
        arguments["interval_95"] = [round(bound, digits + 1) for bound in value["interval"]]
    return EvalResult(
        task_type="image-to-image",
        task_name="Image colorization",
        dataset_type=re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "pictures",
        dataset_name=dataset if part == "all" else f"{dataset} ({part})",
        dataset_config=None if part == "all" else part,  # without it the Hub takes slices for one set
        metric_type=key,
        metric_name=facts.get("title", key),
        metric_value=round(value["value"], digits + 1),
        metric_args=arguments,
    )


def without_folders(command: str) -> str:
    """A command with every path cut to its last part: where things lay on one machine is nobody's business."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return shlex.join(
        Path(word).name if "/" in word and "=" not in word else re.sub(r"=.*/", "=", word) for word in words
    )


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
