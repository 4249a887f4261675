"""The harness in five lines of Python: the figures of a run, and sentences for what cannot be measured."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eval import evaluate_pictures
from eval.__main__ import main

from ..conftest import ROOT, draw_landscape
from . import strangers


@pytest.mark.slow
def test_the_figures_are_those_of_a_run(tmp_path):
    truths = [draw_landscape(96, 64, seed) for seed in range(6)]
    (tmp_path / "photos").mkdir()
    for number, truth in enumerate(truths):
        truth.save(tmp_path / "photos" / f"{number}.png")
    command = ["run", "--data", str(tmp_path / "photos"), "--colorizer", "s=tests.eval.strangers:steady"]
    command += ["--output", str(tmp_path / "out"), "--no-sky-dependence", "--sweep", "0", "--inception", "none"]
    assert main(command) == 0
    run = json.loads((tmp_path / "out" / "results.json").read_text())
    entry = next(e for e in run["summaries"] if (e["slice"], e["colorizer"]) == ("all", "s"))

    from eval.inputs import make_input

    results = [strangers.steady(make_input(np.array(truth))) for truth in truths]
    found = evaluate_pictures(results, [np.array(truth) for truth in truths])
    assert found["n"] == 6 and found["near_grey"] == 0 and len(found["rows"]) == 6
    for key in ("psnr_rgb_mean", "ciede2000_mean", "chroma_ratio_median", "one_hue_rate", "effective_hues_mean"):
        assert found["figures"][key]["value"] == pytest.approx(entry[key]["value"], abs=1e-6), key
        assert found["figures"][key]["interval"] == pytest.approx(entry[key]["interval"], abs=1e-6), key


def test_what_cannot_be_measured_is_a_sentence():
    picture, grey = draw_landscape(), draw_landscape().convert("L").convert("RGB")
    assert evaluate_pictures([picture, picture], [picture, grey])["near_grey"] == 1
    for results, truths, said in (
        ([picture], [picture, picture], "1 results for 2 truths"),
        ([draw_landscape(30, 30)], [picture], "differ in size"),
        ([np.zeros((4, 4, 3))], [picture], "float64"),
        ([picture], [grey], "None of the truths"),
        ([picture], [Image.new("L", (120, 80))], "None of the truths"),
    ):
        with pytest.raises(ValueError, match=said):
            evaluate_pictures(results, truths)


def test_the_front_is_light():
    code = "import sys, eval; print([m for m in ('torch', 'datasets', 'jinja2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
