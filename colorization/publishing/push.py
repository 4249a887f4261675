"""Publish on the Hub: the model with its processor, code, pipeline and card; a built data set; or the metric.

    python scripts/push_to_hub.py --repo-id ORG/NAME --results OUT/results.json --dry-run
    python scripts/push_to_hub.py --repo-id ORG/NAME --results OUT/results.json
    python scripts/push_to_hub.py --repo-id ORG/NAME --dataset DATA      # of build_dataset.py; private unless --public
    python scripts/push_to_hub.py --repo-id ORG/NAME --metric            # a Space for evaluate.load

--dry-run prints every file with its size, and the card, and opens no connection. After an upload a fresh process with
an empty cache loads it back by id; what it computes must be equal to the bit. Log in with `hf auth login` or set
HF_TOKEN.
Exit status: 0 done, 1 it could not be done or came back different (a sentence says why), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import yaml
from huggingface_hub import constants
from PIL import Image

from ..drawing import draw_landscape
from ..model.configuration_colorization import EMBEDDED_MODEL
from .examples import write_examples, write_strip
from .model_card import CARDS, ResultsError, fill, read_results, write_model_card
from .upload import ROOT, PublishError, Upload, describe, find_files, send

logger = logging.getLogger("push_to_hub")

# What is run to check: nothing of the project is there, everything comes by id.
_LOAD_MODEL = """
    import sys
    sys.modules["colorization"] = None
    import torch
    from PIL import Image
    from safetensors.torch import save_file
    from torchvision.transforms.functional import pil_to_tensor
    from transformers import AutoImageProcessor, AutoModel, pipeline
    name, revision, picture, out = sys.argv[1:]
    remote = {"revision": revision, "trust_remote_code": True}
    model = AutoModel.from_pretrained(name, **remote).eval()
    processor = AutoImageProcessor.from_pretrained(name, **remote)
    with torch.inference_mode():
        ab = model(**processor(Image.open(picture))).ab
    colored = pipeline("image-colorization", model=name, device="cpu", **remote)(picture)
    save_file({"ab": ab, "colored": pil_to_tensor(colored).contiguous()}, out)
"""
_LOAD_DATASET = """
    import hashlib, json, os, sys
    from datasets import Image, load_dataset
    name, revision, out = sys.argv[1:]
    found = {}
    for split, rows in load_dataset(name, revision=revision, streaming=True).items():
        first = next(iter(rows.cast_column("image", Image(decode=False))))
        found[split] = hashlib.sha256(first["image"]["bytes"]).hexdigest()
    with open(out, "w") as file:
        json.dump(found, file)
    os._exit(0)  # threads that read ahead may abort an ordinary end
"""
_LOAD_METRIC = """
    import json, sys
    import evaluate
    from PIL import Image
    name, revision, picture, out = sys.argv[1:]
    color = Image.open(picture).convert("RGB")
    metric = evaluate.load(name, revision=revision)
    figures = metric.compute(predictions=[color.convert("L").convert("RGB"), color], references=[color, color])
    with open(out, "w") as file:
        json.dump(figures, file)
"""


def stage_model(
    model: Path, folder: Path, repo_id: str, results: Sequence[Path] | None, examples: Path | None
) -> Upload:
    """Put everything of a model repository into ``folder``.

    Figures come from ``results`` or from those in ``model/results``; how it was trained from ``model/TRAINING.md``.

    The weights are the local file, byte for byte. The configuration says float32, so that a half-precision file is
    computed in full precision everywhere: most processors are slow and inexact in half precision.

    Raises:
        PublishError: if ``model`` has no safetensors weights, or an example has no credit.
        ResultsError: if the results are not of this model.
    """
    # Here and not above: a data set and the metric are sent without waiting for PyTorch.
    from transformers.utils.logging import disable_progress_bar

    from ..model import load_pipeline

    disable_progress_bar()
    weights = model / "model.safetensors"
    if not weights.is_file():
        raise PublishError(f"{model}: there is no model.safetensors in it; --model names a folder with a saved model.")
    measured = [read_results(path, weights) for path in results or sorted((model / "results").glob("*.json"))]
    pipe = load_pipeline(model, "cpu")
    pipe.save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(weights.read_bytes())
    grey = draw_landscape(480, 320)
    write_strip([grey, pipe(grey)], folder / "example.png")
    shown = write_examples(examples, pipe, folder) if examples else []
    training = model / "TRAINING.md"
    notes = training.read_text(encoding="utf-8") if training.is_file() else ""
    (folder / "README.md").write_text(write_model_card(repo_id, folder, measured, shown, notes), encoding="utf-8")
    return Upload(repo_id, "model", folder, "Publish model, processor, pipeline and card")


def stage_dataset(folder: Path, repo_id: str) -> Upload:
    """Files of a data set made by ``build_dataset.py``.

    Raises:
        PublishError: if it is none, or not finished.
    """
    files = find_files(folder)
    shards = [path for path in files if path.startswith("data/") and path.endswith(".parquet")]
    if not shards or "README.md" not in files:
        raise PublishError(
            f"{folder}: there is no finished data set in it (data/*.parquet and README.md); make one with "
            "scripts/build_dataset.py."
        )
    for path in shards:
        total = int(path.rsplit("-of-", 1)[-1].removesuffix(".parquet")) if "-of-" in path else 1
        split = path.removesuffix(".parquet").rsplit("-", 3)[0]
        if sum(other.startswith(f"{split}-") for other in shards) != total:
            raise PublishError(f"{folder}: {split} has not all of its {total} files; build it again.")
    return Upload(repo_id, "dataset", folder, "Publish data set and card")


def stage_metric(repo_id: str, folder: Path) -> Upload:
    """Put what ``evaluate.load`` takes into ``folder``: the metric, called as the repository, and what it imports."""
    name = repo_id.rsplit("/", maxsplit=1)[-1]
    if name in ("color", "colors", "pixel", "sepia", "srgb"):
        raise PublishError(f"{repo_id}: {name} is the name of a file the metric imports; choose another.")
    metrics = ROOT / "eval" / "metrics"
    measures = yaml.safe_load((ROOT / "eval" / "measures.yaml").read_text(encoding="utf-8"))["pictures"]
    source = (CARDS / "metric" / "metric.py").read_text(encoding="utf-8")
    facts = {
        "repo_id": repo_id,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "measures": {key: value for key, value in measures.items() if f'"{key}"' in source},
    }
    folder.mkdir()
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    for file in (
        *(ROOT / "colorization" / "model" / f"{part}.py" for part in ("color", "srgb")),
        *(metrics / f"{part}.py" for part in ("colors", "pixel", "sepia")),
    ):
        text = file.read_text(encoding="utf-8")  # there all files lie in one folder, without this package
        (folder / file.name).write_text(text.replace("from colorization.model.", "from ."), encoding="utf-8")
    for page in ("README.md", "index.html"):
        (folder / page).write_text(fill(f"metric/{page}.jinja", **facts), encoding="utf-8")
    needed = ("evaluate>=0.4.6", "datasets>=4.4", "torch>=2.8", "numpy>=2", "pillow>=11.3")
    (folder / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    return Upload(repo_id, "space", folder, "Publish metric", sdk="static")


def run_isolated(code: str, home: Path, *arguments: str) -> None:
    """Run a program in a fresh process, in an empty folder, with an empty cache, logged in as this one is.

    Raises:
        PublishError: with the end of its errors, if it fails.
    """
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    caches = ("HF_HUB_CACHE", "HF_MODULES_CACHE", "HF_DATASETS_CACHE", "HF_EVALUATE_CACHE", "HF_XET_CACHE")
    inherited = {key: value for key, value in os.environ.items() if key not in (*caches, "HF_HUB_OFFLINE")}
    own = {"HF_HOME": str(home / "hf"), "HF_TOKEN_PATH": constants.HF_TOKEN_PATH, "PYTHONWARNINGS": "ignore"}
    result = subprocess.run(command, cwd=home, env=inherited | own, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = " / ".join(result.stderr.strip().splitlines()[-3:])
        raise PublishError(f"It was sent, but cannot be loaded back by id: {reason}")


def check_model(upload: Upload, revision: str, scratch: Path) -> str:
    """Load the model by id and compare ab and picture with the local model's, to the bit.

    Raises:
        PublishError: if they differ or it cannot be loaded.
    """
    import torch
    from safetensors.torch import load_file

    from ..model import ColorizationImageProcessor, ColorizationModel, ColorizationPipeline

    picture, out = scratch / "picture.png", scratch / "out.safetensors"
    draw_landscape(300, 200).save(picture)
    run_isolated(_LOAD_MODEL, scratch / "isolated", upload.repo_id, revision, str(picture), str(out))
    theirs = load_file(out)
    model = ColorizationModel.from_pretrained(upload.folder, dtype=torch.float32).eval()
    processor = ColorizationImageProcessor.from_pretrained(upload.folder)
    with torch.inference_mode():
        ab = model(**processor(Image.open(picture))).ab
    colored = ColorizationPipeline(model=model, image_processor=processor, device="cpu")(str(picture))
    same = torch.equal(ab, theirs["ab"])
    if not same or colored.tobytes() != theirs["colored"].permute(1, 2, 0).contiguous().numpy().tobytes():
        apart = (ab - theirs["ab"]).abs().max().item() if ab.shape == theirs["ab"].shape else float("nan")
        raise PublishError(
            f"{upload.repo_id}: loaded back, it colors differently (ab up to {apart:g} CIE units apart)."
        )
    return f"loaded back by id in a fresh process: ab {list(ab.shape)} and the picture are equal to the bit"


def check_dataset(upload: Upload, revision: str, scratch: Path) -> str:
    """Load the first row of every split by id and compare its picture, to the bit."""
    import pyarrow.parquet as pq

    out = scratch / "out.json"
    run_isolated(_LOAD_DATASET, scratch / "isolated", upload.repo_id, revision, str(out))
    theirs, ours = json.loads(out.read_text()), {}
    for path in sorted(path for path in upload.files if path.startswith("data/") and path.endswith(".parquet")):
        split = path.removeprefix("data/").removesuffix(".parquet").rsplit("-", 3)[0]
        if split not in ours:
            batch = next(pq.ParquetFile(upload.files[path]).iter_batches(1, columns=["image"]))
            ours[split] = hashlib.sha256(batch.to_pylist()[0]["image"]["bytes"]).hexdigest()
    if ours != theirs:
        raise PublishError(f"{upload.repo_id}: loaded back, splits {sorted(theirs)} differ from {sorted(ours)} here.")
    return f"loaded back by id in a fresh process: {', '.join(ours)}, first pictures equal to the bit"


def check_metric(upload: Upload, revision: str, scratch: Path) -> str:
    """Load the metric by id; a picture against itself and against grey must get the figures that follow from theory."""
    picture, out = scratch / "picture.png", scratch / "out.json"
    Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * turn) for turn in range(3)]).save(picture)
    run_isolated(_LOAD_METRIC, scratch / "isolated", upload.repo_id, revision, str(picture), str(out))
    figures = json.loads(out.read_text())
    # One picture has no chroma at all, the other exactly its own: the median of 0 and 1, and one collapse in two.
    if figures["n"] != 2 or abs(figures["chroma_ratio_median"] - 0.5) > 1e-3 or figures["collapse_rate"] != 0.5:
        raise PublishError(f"{upload.repo_id}: loaded back, the metric says {figures}.")
    return "loaded back by id in a fresh process: chroma ratio of grey and truth as it has to be"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo-id", required=True, metavar="ORG/NAME")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", type=Path, default=EMBEDDED_MODEL, help="folder (default: the embedded model)")
    what.add_argument("--dataset", type=Path, metavar="DIR", help="a data set made by build_dataset.py")
    what.add_argument("--metric", action="store_true", help="the metric, as a Space")
    parser.add_argument(
        "--results", type=Path, nargs="+", metavar="results.json",
        help="figures for the card, of this very model (default: those beside its weights)",
    )  # fmt: skip
    parser.add_argument("--examples", type=Path, metavar="DIR", help="photographs for the card, with a credits.csv")
    parser.add_argument("--revision", metavar="BRANCH", help="branch, made where it is missing (default: the main one)")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--private", action="store_true", help="a new repository is private (data sets always are)")
    seen.add_argument("--public", action="store_true", help="a new data set is public: every picture may be shared")
    parser.add_argument("--dry-run", action="store_true", help="print the files and the card; send nothing")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if args.repo_id.count("/") != 1:
        parser.error(f"--repo-id is ORG/NAME, not {args.repo_id!r}")
    if (args.results or args.examples) and (args.dataset or args.metric):
        parser.error("--results and --examples belong to a model")
    try:
        with tempfile.TemporaryDirectory(prefix="push-") as name:
            return publish(args, Path(name))
    except (PublishError, ResultsError, OSError, ValueError) as error:
        logger.error("%s", error)
        return 1


def publish(args: argparse.Namespace, scratch: Path) -> int:
    """Stage, print or send, and check. Raises what the steps raise."""
    staged = scratch / "staged"
    if args.dataset:
        upload = stage_dataset(args.dataset, args.repo_id)
    elif args.metric:
        upload = stage_metric(args.repo_id, staged)
    else:
        upload = stage_model(args.model, staged, args.repo_id, args.results, args.examples)
    print(describe(upload))
    if args.dry_run:
        card = (upload.folder / "README.md").read_text(encoding="utf-8")
        print(f"\nThe card, README.md:\n\n{card}\nNothing was sent.")
        return 0
    private = args.private or bool(args.dataset and not args.public)
    revision = send(upload, private=private, revision=args.revision)
    if args.dataset:
        checked = check_dataset(upload, revision, scratch)
    elif args.metric:
        checked = check_metric(upload, revision, scratch)
    else:
        checked = check_model(upload, revision, scratch)
    print(f"Sent as commit {revision}; {checked}.")
    return 0
