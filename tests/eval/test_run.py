"""The harness on drawn pictures: the floor is the floor, and nothing that fails stops it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from eval.__main__ import main
from eval.metrics.colour import ab_rmse, chroma_ratio
from eval.metrics.pixel import psnr_rgb
from eval.results import interval

from ..conftest import draw_landscape


def tensors(count: int = 2) -> torch.Tensor:
    pictures = [np.array(draw_landscape(seed=seed)) for seed in range(count)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def test_psnr_agrees_with_scikit_image_and_is_a_mean_per_picture():
    truth = tensors()
    predicted = (truth + 0.05 * torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)).clamp(0, 1)
    ours = psnr_rgb(predicted, truth)
    for index in range(2):
        theirs = peak_signal_noise_ratio(truth[index].numpy(), predicted[index].numpy(), data_range=1)
        assert ours[index].item() == pytest.approx(theirs, abs=1e-3)
    assert (psnr_rgb(truth, truth) == 100).all()


def test_colour_measures_of_truth_and_grey():
    truth = tensors()
    grey = truth.mean(dim=1, keepdim=True).expand_as(truth)
    assert torch.allclose(chroma_ratio(truth, truth), torch.ones(2))
    assert chroma_ratio(grey, truth).max() < 1e-3
    assert (ab_rmse(truth, truth) == 0).all() and (ab_rmse(grey, truth) > 5).all()


def test_interval_holds_the_mean_and_shrinks():
    values = np.random.default_rng(0).normal(5, 1, 400).tolist()
    wide, narrow = interval(values[:40], np.mean), interval(values, np.mean)
    assert wide[0] < np.mean(values[:40]) < wide[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_run_writes_results_and_names_failures(tiny_model_dir, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for seed in range(3):
        draw_landscape(seed=seed).save(data / f"{seed}.png")
    draw_landscape().convert("L").save(data / "grey.png")
    (data / "broken.jpg").write_bytes(b"no picture")
    code = main(
        ["run", "--data", str(data), "--colorizer", f"tiny={tiny_model_dir}", "--output", str(tmp_path / "out")]
    )
    assert code == 1
    assert "broken.jpg" in capsys.readouterr().err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["near_grey_left_out"] == 1 and len(results["rows"]) == 6
    floor = next(entry for entry in results["summaries"] if entry["colorizer"] == "grey")
    assert floor["n"] == 3 and floor["collapse"]["value"] == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "results.csv", "REPORT.md"}


def test_wrong_usage_is_2(tmp_path):
    for wrong in (["--data", str(tmp_path / "no")], ["--data", str(tmp_path), "--colorizer", "x"]):
        with pytest.raises(SystemExit) as stopped:
            main(["run", *wrong, "--output", str(tmp_path / "out")])
        assert stopped.value.code == 2
