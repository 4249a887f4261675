"""A data set, the metric and the page go to the Hub and come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi
from PIL import Image

from colorization.data.build import build
from colorization.data.options import BuildOptions
from colorization.model.color import join, lightness, rgb_to_lab
from colorization.publishing import space
from colorization.publishing.upload import ROOT
from eval.measures import MEASURES
from eval.measuring import Bench, Truth, figures
from eval.statistics import draw_weights, estimate

from ..data.landscapes import landscape

OWNER = "hf_of_the_owner"
LOAD_DATASET = """
    import sys
    from datasets import load_dataset
    for split, rows in load_dataset(sys.argv[1]).items():
        print(split, len(rows), rows[0]["image"].size, rows[0]["source"])
"""
MEASURE = """
    import json, sys
    import evaluate
    from PIL import Image
    name, out, *paths = sys.argv[1:]
    pictures = [Image.open(path) for path in paths]
    half = len(pictures) // 2
    metric = evaluate.load(name)
    figures = metric.compute(predictions=pictures[:half], references=pictures[half:])
    try:
        metric.compute(predictions=pictures[:1], references=[pictures[0].resize((9, 9))])
    except ValueError as error:
        figures["refused"] = str(error)
    assert not any(module.partition(".")[0] in ("colorization", "eval") for module in sys.modules), "strangers lack it"
    json.dump(figures, open(out, "w"))
"""


def test_dataset(hub, run, tmp_path):
    source, built = tmp_path / "photos" / "hills", tmp_path / "built"
    source.mkdir(parents=True)
    for seed in range(24):
        landscape(seed).save(source / f"{seed}.png")
    build([str(tmp_path / "photos")], str(built), BuildOptions(sky=False, workers=1))
    (built / ".build").mkdir(exist_ok=True)
    (built / ".build" / "state.json").write_text("{}")
    push = ("scripts/push_to_hub.py", "--repo-id", "valley/photos", "--dataset", built)
    pushed = run(*push, token=OWNER)
    assert pushed.returncode == 0, pushed.stderr
    repository = hub.repositories["dataset", "valley/photos"]
    assert repository.private and not any(".build" in path for path in repository.tree("main"))
    home = tmp_path / "stranger"
    loaded = run(LOAD_DATASET, "valley/photos", token=OWNER, home=home)
    assert loaded.returncode == 0, loaded.stderr
    counts = {line.split()[0]: int(line.split()[1]) for line in loaded.stdout.splitlines()}
    assert set(counts) <= {"train", "validation", "test"} and sum(counts.values()) == 24
    assert "(192, 144)" in loaded.stdout and "hills" not in counts
    offline = run(LOAD_DATASET, "valley/photos", home=home, HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")
    assert offline.returncode == 0 and offline.stdout == loaded.stdout, offline.stderr
    shard = next((built / "data").glob("train-*.parquet"))
    shard.rename(shard.with_name("train-00000-of-00002.parquet"))
    unfinished = run(*push, "--dry-run")
    assert unfinished.returncode == 1 and "has not all of its 2 files" in unfinished.stderr


def test_metric_says_what_the_harness_says(hub, run, tmp_path):
    truths, results = [], []
    for seed in range(4):
        rgb = np.array(landscape(seed))
        plane = lightness(torch.from_numpy(rgb))
        tint = torch.tensor((6.0, 9.0) if seed % 2 else (0.0, 0.0)).view(2, 1, 1).expand(2, *plane.shape)
        truths.append(rgb)
        results.append(join(plane, tint).numpy())
    rows, of_truth = [], []
    for result, truth in zip(results, truths, strict=True):
        pair = [torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255 for rgb in (result, truth)]
        truth_facts, given = Truth.of(pair[1]), rgb_to_lab(pair[0])
        rows += figures(pair[0], truth_facts, given, Bench({}))
        of_truth += figures(pair[1], truth_facts, given, Bench({}))
    paths = []
    for number, rgb in enumerate(results + truths):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(rgb).save(paths[-1])
    pushed = run("scripts/push_to_hub.py", "--repo-id", "valley/color-measures", "--metric", token=OWNER)
    assert pushed.returncode == 0, pushed.stderr
    measured = run(MEASURE, "valley/color-measures", tmp_path / "out.json", *paths)
    assert measured.returncode == 0, measured.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found.pop("n") == 4 and found.pop("near_grey_left_out") == 0
    assert "must be of one size" in found.pop("refused")
    known = {measure.key: measure for measure in MEASURES}
    assert len(found) == 13
    for key, value in found.items():
        measured = of_truth if key.endswith("_truth") else rows
        measure = known[key.removesuffix("_truth")]
        assert value == pytest.approx(estimate(measure, measured, draw_weights(len(rows)))["value"], abs=1e-4), key


BUILD_PAGE = """
    import colorization, space
    from pathlib import Path
    from space.ui import build_page
    assert all(Path(package.__file__).is_relative_to(Path.cwd()) for package in (colorization, space))
    build_page()
    import app
"""


def test_page_is_deployed_whole_and_starts(hub, run, tmp_path):
    deploy = ("scripts/deploy_space.py", "--repo-id", "valley/page", "--model-id", "valley/tiny")
    rehearsed = run(*deploy, "--dry-run")
    assert rehearsed.returncode == 0 and ("space", "valley/page") not in hub.repositories, rehearsed.stderr
    deployed = run(*deploy, token=OWNER)
    assert deployed.returncode == 0, deployed.stderr
    tree = hub.repositories["space", "valley/page"].tree("main")
    listing = rehearsed.stdout.split("  bytes in")[0].splitlines()[:-1]
    assert {line.split()[1] for line in listing} == set(tree)
    assert {"app.py", "requirements.txt", "README.md", "LICENSE"} == {path for path in tree if "/" not in path}
    weights = [file.sha256 for path, file in tree.items() if path.endswith(".safetensors")]
    assert weights and len(weights) == len(set(weights))
    for path in tree:
        assert path.split("/")[0] in {"space", "colorization", "eval"} or "/" not in path
        assert not {"tests", "cards", "__pycache__", ".git", "runs"} & set(Path(path).parts)
    copy = HfApi(endpoint=hub.url).snapshot_download(
        "valley/page", repo_type="space", local_dir=tmp_path / "space-copy", token=OWNER
    )
    assert "models:\n- valley/tiny" in (Path(copy) / "README.md").read_text()
    started = run(f"import os; os.chdir({copy!r})\n" + BUILD_PAGE.replace("\n    ", "\n"), HF_HUB_OFFLINE="1")
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sdk_version": "5.1.0"}, "is not in requirements.txt"),
        ({"sdk_version": 6.3}, "version in quotes"),
        ({"python_version": "3.9"}, "pyproject.toml"),
        ({"license": "mit"}, "the project's is"),
        ({"colorTo": "teal"}, "colorTo"),
        ({"short_description": "x" * 61}, "61 characters"),
        ({"suggested_hardware": "abacus"}, "none the Hub has"),
        ({"models": ["tiny"]}, "ORG/NAME"),
        ({"app_file": "main.py"}, "does not exist"),
        ({"emoji": None}, "emoji is missing"),
    ],
)
def test_wrong_front_matter_is_named(change, reason):
    facts, _ = space.split_front_matter((ROOT / "space" / "README.md").read_text())
    assert space.problems_of(facts, ROOT) == []
    assert reason in " ".join(space.problems_of(facts | change, ROOT))
