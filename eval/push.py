"""Results to the Hub: a small data set of figures, the ``model-index`` of a model's card, and the metric.

Nothing is sent without ``--send``; without it every file and every line of metadata is printed. Pictures stay here.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tempfile
from pathlib import Path

import yaml

from . import results

_CARD = """---
{metadata}---
# {title}

Figures of colorizers, measured with `python -m eval run` of Landscape Colorizer on {measured} pictures of `{pictures}`
({near_grey} near-grey references left out). The pictures are not in here.

- `figures`: a line a slice, colorizer and figure, with its 95 % bootstrap interval over pictures;
- `rows`: a line a picture and colorizer, from which each figure can be computed again;
{sky}- `results.json` holds all of it and the protocol, as `results.schema.json` (version {schema}) describes it.

Command: `{command}`
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="RESULTS.json", help="results of a run, or of a joint report")
    parser.add_argument("--dataset", metavar="ORG/NAME", help="make a data set of the figures there")
    parser.add_argument("--model", metavar="ORG/NAME", help="put the figures of --colorizer on this model's card")
    parser.add_argument("--colorizer", metavar="NAME", help="which row --model is (default: the one with its weights)")
    parser.add_argument("--metric", metavar="ORG/NAME", help="make a Space for evaluate.load there")
    parser.add_argument("--private", action="store_true", help="a new repository is private")
    parser.add_argument("--send", action="store_true", help="send it (default: only say what would be sent)")


def run(args: argparse.Namespace) -> int:
    """The command ``python -m eval push``.

    Raises:
        ValueError: if the results cannot be read, nothing is asked for, or the figures are not of that model.
    """
    from colorization.publishing.push import stage_metric
    from colorization.publishing.upload import PublishError, Upload, describe, send

    if not (args.dataset or args.model or args.metric):
        raise ValueError("Say where to: --dataset, --model or --metric ORG/NAME.")
    evaluation = results.read(args.file)
    with tempfile.TemporaryDirectory(prefix="push-") as name:
        uploads = []
        if args.dataset:
            stage_dataset(evaluation, Path(name) / "dataset", args.dataset)
            uploads.append(Upload(args.dataset, "dataset", Path(name) / "dataset", "Publish figures"))
        if args.metric:
            uploads.append(stage_metric(args.metric, Path(name) / "metric"))
        for upload in uploads:
            print(describe(upload))
        index = model_index(evaluation, _row_of(evaluation, args), args.model) if args.model else None
        if index:
            print(f"To the card of {args.model}:\n\n{yaml.safe_dump(index, sort_keys=False)}")
        if not args.send:
            print("Nothing was sent; --send sends it.")
            return 0
        try:
            for upload in uploads:
                print(f"{upload.repo_id}: commit {send(upload, private=args.private)}")
            if index:
                from huggingface_hub import metadata_update

                print(f"{args.model}: {metadata_update(args.model, index, overwrite=True)}")
        except PublishError as error:
            raise ValueError(str(error)) from error
    return 0


def stage_dataset(evaluation: dict, folder: Path, repo_id: str) -> None:
    """Write the files of a data set of figures; names of folders of this machine are left out."""
    folder.mkdir(parents=True)
    evaluation = without_folders(evaluation)
    entries = [*evaluation["summaries"], *({"slice": "sky dependence", **e} for e in _sky(evaluation)["summaries"])]
    figures = [
        {
            **{key: entry[key] for key in ("slice", "colorizer")},
            "figure": key,
            "value": value["value"],
            "low": value["interval"][0],
            "high": value["interval"][1],
            "n": value.get("n", entry["n"]),
            "best": bool(value.get("best")),
        }
        for entry in entries
        for key, value in entry.items()
        if isinstance(value, dict)
    ]
    tables = {"figures": figures, "rows": evaluation["rows"], "sky_dependence": _sky(evaluation)["rows"]}
    tables = {name: rows for name, rows in tables.items() if rows}
    for name, rows in tables.items():
        _write_csv(folder / f"{name}.csv", rows)
    (folder / "results.json").write_text(json.dumps(evaluation, indent=1, allow_nan=False), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("results.schema.json"), folder)
    metadata = {
        "pretty_name": repo_id.rpartition("/")[2],
        "tags": ["colorization", "evaluation", "landscape-colorizer"],
        "configs": [{"config_name": name, "data_files": f"{name}.csv"} for name in tables],
    }
    sky = "- `sky_dependence`: a line a picture and colorizer, colored whole and in parts;\n"
    card = _CARD.format(
        metadata=yaml.safe_dump(metadata, sort_keys=False),
        title=metadata["pretty_name"],
        measured=evaluation["data"]["measured"],
        pictures=evaluation["data"]["path"],
        near_grey=evaluation["data"]["near_grey_left_out"],
        sky=sky if "sky_dependence" in tables else "",
        schema=results.SCHEMA,
        command=evaluation["command"],
    )
    (folder / "README.md").write_text(card, encoding="utf-8", errors="backslashreplace")


def model_index(evaluation: dict, colorizer: str, repo_id: str) -> dict:
    """Metadata for the card of a model: ``model-index`` with all figures of a row."""
    from huggingface_hub.repocard_data import eval_results_to_model_index

    from colorization.publishing.model_card import index_of

    name = repo_id.rpartition("/")[2]
    return {"model-index": eval_results_to_model_index(name, index_of(evaluation, colorizer))}


def without_folders(evaluation: dict) -> dict:
    """Results whose command, data and colorizers are named without the folders of the machine that measured."""
    from colorization.publishing.model_card import without_folders as cut

    colorizers = {name: {**c, "spec": _without_folder(c["spec"])} for name, c in evaluation["colorizers"].items()}
    data = {**evaluation["data"], "path": Path(evaluation["data"]["path"]).name}
    return {**evaluation, "command": cut(evaluation["command"]), "data": data, "colorizers": colorizers}


def _without_folder(spec: str) -> str:
    """Leave names of the Hub (one slash) and addresses as they are, and the last part of a path."""
    kind, colon, what = spec.rpartition(":") if spec.startswith(("folder:", "onnx:")) else ("", "", spec)
    is_path = not what.startswith(("http:", "https:", "space:")) and (what[:1] in "/.~" or what.count("/") > 1)
    return f"{kind}{colon}{Path(what).name if is_path else what}"


def _sky(evaluation: dict) -> dict:
    return evaluation["sky_dependence"] or {"summaries": [], "rows": []}


def _row_of(evaluation: dict, args: argparse.Namespace) -> str:
    """The row that is the model ``args.model``, by its weights' hash where the Hub and the results know it.

    Raises:
        ValueError: if there is none, or it has other weights than the model on the Hub.
    """
    names = [name for name in evaluation["colorizers"] if name not in results.ALWAYS]
    if args.colorizer is not None and args.colorizer not in names:
        raise ValueError(f"There is no colorizer {args.colorizer!r} here; known are: {', '.join(names)}.")
    if not args.send and args.colorizer is not None:
        return args.colorizer  # a rehearsal opens no connection
    weights = _weights_on_hub(args.model) if args.send else None
    same = [name for name in names if weights and evaluation["colorizers"][name].get("sha256") == weights]
    if args.colorizer is None:
        names = same or names
        if len(names) != 1:
            raise ValueError(f"Which of {', '.join(names)} is {args.model}? Say it with --colorizer.")
        return names[0]
    theirs = evaluation["colorizers"][args.colorizer].get("sha256")
    if weights and theirs and theirs != weights:
        raise ValueError(f"{args.model} has other weights on the Hub than {args.colorizer!r} had when it was measured.")
    return args.colorizer


def _weights_on_hub(repo_id: str) -> str | None:
    """Hash of a model's ``model.safetensors`` on the Hub; None where it has none."""
    from huggingface_hub import HfApi, RepoFile
    from huggingface_hub.errors import HfHubHTTPError

    try:
        files = HfApi().get_paths_info(repo_id, ["model.safetensors"])
    except (HfHubHTTPError, OSError) as error:
        raise ValueError(f"{repo_id}: the Hub does not show this model ({error}).") from error
    return next((file.lfs.sha256 for file in files if isinstance(file, RepoFile) and file.lfs), None)


def _write_csv(path: Path, rows: list[dict]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
