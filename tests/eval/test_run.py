"""The harness on drawn pictures: planted faults are found, nothing that fails stops it, a stopped run goes on."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from colorization.model.color import rgb_to_lab, srgb_to_linear
from eval import figures, measuring, runner, sky_dependence
from eval.__main__ import main
from eval.calibration import calibrate
from eval.colorizers import Colorizer
from eval.inputs import DEGRADATIONS, FILM, make_input
from eval.measures import MEASURES
from eval.measuring import size_sweep
from eval.metrics.colors import mean_chroma
from eval.pictures import open_set
from eval.sky_dependence import find_cuts, horizon
from eval.statistics import draw_weights, estimate

from ..conftest import ROOT, draw_landscape
from ..fresh import run_fresh
from . import strangers


class BlueIsSky:
    """In place of the segmenter: on drawn pictures the sky is what is blue."""

    def __init__(self, model=None, device="cpu") -> None:
        pass

    def __call__(self, picture) -> np.ndarray:
        rgb = np.asarray(picture, np.float32)
        return (rgb[..., 2] > rgb[..., 0] + 20).astype(np.float32)

    def masks(self, pictures) -> list[np.ndarray]:
        return [self(picture) for picture in pictures]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No downloads, and a sky that drawn pictures have."""
    monkeypatch.setattr(runner, "SkySegmenter", BlueIsSky)

    def absent(*arguments):
        raise OSError("no network in tests")

    for name in ("Lpips", "SqueezeFeatures", "InceptionFeatures"):
        monkeypatch.setattr(runner, name, absent)


@pytest.fixture
def data(tmp_path) -> Path:
    """Six landscapes with sky and six crops without, described by a manifest."""
    folder = tmp_path / "data"
    (folder / "hills").mkdir(parents=True)
    rows = []
    for seed in range(12):
        picture = draw_landscape(160, 200, seed=seed)
        if seed % 2:
            picture = picture.crop((0, 90, 160, 200))
        picture.save(folder / "hills" / f"{seed}.png")
        rows.append([f"hills/{seed}.png", "drawn", "hills", "no" if seed % 2 else "yes", "hand"])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "source", "scene", "sky", "sky_source"], *rows])
    return folder


def measure(data: Path, output: Path, *more: str) -> tuple[int, dict]:
    code = main(["run", "--data", str(data), "--output", str(output), "--sweep", "3", *more])
    return code, json.loads((output / "results.json").read_text())


def entry(results: dict, colorizer: str, part: str = "all") -> dict:
    return next(e for e in results["summaries"] if (e["colorizer"], e["slice"]) == (colorizer, part))


def test_the_planted_failure_is_found_and_the_steady_colorizer_is_not_blamed(data, tmp_path):
    code, results = measure(
        data, tmp_path / "out", "--colorizer", "bad=tests.eval.strangers:sepia_without_sky",
        "--colorizer", "good=tests.eval.strangers:steady",
    )  # fmt: skip
    assert code == 0
    assert entry(results, "bad", "sky no")["sepia_rate"]["value"] == 1
    assert entry(results, "bad", "sky yes")["sepia_rate"]["value"] == 0
    assert entry(results, "good", "sky no")["sepia_rate"]["value"] == 0
    assert entry(results, "bad", "sky no, by hand")["n"] == 6
    cut = {e["colorizer"]: e for e in results["sky_dependence"]["summaries"]}
    assert cut["bad"]["n"] == cut["good"]["n"] == 6
    assert cut["bad"]["chroma_lost"]["value"] > 0.5 > 0.05 > abs(cut["good"]["chroma_lost"]["value"])
    assert cut["bad"]["one_hue_rate_cut"]["value"] == 1 and cut["bad"]["one_hue_rate_truth"]["value"] < 0.5
    assert cut["bad"]["sepia_rate_cut"]["value"] == 1 and cut["bad"]["sepia_rate_whole"]["value"] == 0
    assert abs(cut["bad"]["chroma_lost_control"]["value"]) < 0.05, "the control keeps the sky"
    assert cut["bad"]["chroma_gained"]["value"] > 0.5 > abs(cut["good"]["chroma_gained"]["value"])
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_name_that_is_no_utf8_and_tiny_references_end_nothing(data, tmp_path, capsys):
    strange = os.fsdecode(b"caf\xe9.png")
    try:
        draw_landscape(seed=3).save(data / strange)
    except OSError:
        pytest.skip("this file system refuses such names")
    for size in ((1, 1), (2, 1), (2, 2), (1, 300), (3, 3), (12, 9)):
        Image.new("RGB", size, (30, 160, 60)).save(data / f"tiny-{size[0]}x{size[1]}.png")
    spec = ("--colorizer", "good=tests.eval.strangers:steady")
    for _ in range(2):  # and again, going on
        code, results = measure(data, tmp_path / "out", *spec)
        said = capsys.readouterr().err
        assert code == 1 and len(results["failures"]) == 4 and all("too small" in text for text in results["failures"])
        assert "tiny-2x1.png: 2 × 1 px" in said and results["data"]["measured"] == 15
        assert any(row["path"] == strange for row in results["rows"])
    assert "caf\\udce9.png" in (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")


def test_a_log_says_how_much_how_long_and_how_far(data, tmp_path, caplog):
    caplog.set_level("INFO", "eval")
    measure(data, tmp_path / "out", "--colorizer", "good=tests.eval.strangers:steady")
    lines = [record.message for record in caplog.records if record.name == "eval.progress"]
    first = [
        line for line in lines if re.fullmatch(r"12 pictures, 4 rows \(grey, mean, good, truth\): about \d+ s", line)
    ]
    assert len(first) == 1 and lines.index(first[0]) <= 3
    assert "50 % (6 of 12 pictures)" in " ".join(lines) and "100 % (12 of 12 pictures)" in lines[-1]
    assert 9 <= len(lines) <= 11
    caplog.clear()
    measure(data, tmp_path / "out", "--colorizer", "good=tests.eval.strangers:steady")
    assert "12 pictures were measured before" in caplog.text and " % (" not in caplog.text


def test_functions_are_never_called_twice_at_once_and_models_keep_all_cores_busy(data, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    code, results = measure(data, tmp_path / "out", "--colorizer", "alone=tests.eval.strangers:alone")
    assert code == 0 and results["data"]["measured"] == 12


def test_floors_and_truth_are_what_they_are_called(data, tmp_path):
    _, results = measure(data, tmp_path / "out", "--legacy")
    grey, mean, truth = (entry(results, name) for name in ("grey", "mean", "truth"))
    assert list(results["colorizers"]) == ["grey", "mean", "truth"]
    assert grey["collapse_rate"]["value"] == 1 and grey["chroma_ratio_median"]["value"] < 1e-3
    assert truth["psnr_rgb_mean"]["value"] == 100 and truth["ciede2000_mean"]["value"] == 0
    assert truth["delta_cf_signed_set"]["value"] == 0 and grey["delta_cf_signed_set"]["value"] > 5
    assert mean["chroma_ratio_median"]["value"] > 0
    assert grey["legacy_psnr_ab_scaled"]["value"] > grey["psnr_rgb_mean"]["value"]
    assert "hue_distance_mean" not in grey, "a grey picture has no hue"
    assert set(results["metrics"]) <= {m.key for m in MEASURES}
    assert any("FID" in note for note in results["notes"]) and "fid" not in grey
    assert results["data"]["described"] == 12 and results["data"]["measured"] == 12
    assert len(results["rows"]) == 36 and {r["chroma_tercile"] for r in results["rows"]} == {"low", "middle", "high"}


def test_a_finished_folder_is_paired_by_name_and_strangers_are_listed(data, tmp_path):
    done = tmp_path / "done"
    (done / "hills").mkdir(parents=True)
    for path in (data / "hills").iterdir():
        if path.stem != "3":
            Image.open(path).save(done / "hills" / f"{path.stem}.tiff")
    Image.new("RGB", (4, 4)).save(done / "other.png")
    code, results = measure(data, tmp_path / "out", "--colorizer", f"theirs=folder:{done}")
    assert code == 1 and len(results["failures"]) == 1 and "hills/3" in results["failures"][0]
    assert results["colorizers"]["theirs"]["unmatched"] == ["missing: hills/3", "without a reference: other"]
    assert entry(results, "theirs")["n"] == 11 and entry(results, "theirs")["psnr_rgb_mean"]["value"] == 100
    assert results["sky_dependence"] is None, "finished pictures cannot be cut and colored again"


def test_one_bad_picture_and_one_bad_colorizer_do_not_end_a_run(data, tmp_path, capsys, tiny_model_dir):
    draw_landscape().convert("L").save(data / "grey.png")
    (data / "broken.jpg").write_bytes(b"no picture")
    code, results = measure(data, tmp_path / "out", "--colorizer", f"tiny={tiny_model_dir}")
    assert code == 1 and "broken.jpg" in capsys.readouterr().err
    assert results["data"]["near_grey_left_out"] == 1 and entry(results, "tiny")["n"] == 12
    assert results["colorizers"]["tiny"]["sha256"]
    for fault, word in (("raises", "out of crayons"), ("half_of_the_size", "not RGB")):
        with pytest.raises(SystemExit):
            main(["run", "--data", str(data), "--output", str(tmp_path / fault), "--colorizer",
                  f"bad=tests.eval.strangers:{fault}"])  # fmt: skip
        assert word in capsys.readouterr().err


def test_a_stopped_run_goes_on_and_ends_the_same(data, tmp_path, monkeypatch):
    spec = ("--colorizer", "good=tests.eval.strangers:steady")
    _, whole = measure(data, tmp_path / "whole", *spec)
    calls = []
    monkeypatch.setattr(runner, "_GROUP", 1)
    real = runner.measure_group

    def killed_after_five(group, *arguments):
        if len(calls) + len(group) > 5:
            raise KeyboardInterrupt
        calls.extend(group)
        return real(group, *arguments)

    monkeypatch.setattr(runner, "measure_group", killed_after_five)
    with pytest.raises(KeyboardInterrupt):
        measure(data, tmp_path / "out", *spec)
    with (tmp_path / "out" / "records-0.jsonl").open("a") as file:
        file.write('{"picture": "half a li')  # what a kill in the middle of a line leaves
    monkeypatch.setattr(runner, "measure_group", lambda group, *a: calls.extend(group) or real(group, *a))
    calls.clear()
    _, resumed = measure(data, tmp_path / "out", *spec)
    assert len(calls) == 7
    assert resumed["summaries"] == whole["summaries"] and resumed["data"]["sha256"] == whole["data"]["sha256"]
    with pytest.raises(SystemExit):  # records of another run are not mixed in
        measure(data, tmp_path / "out", "--degradation", "fade")
    assert measure(data, tmp_path / "out", "--degradation", "fade", "--fresh")[0] == 0


def test_figures_of_other_weights_under_the_same_name_are_not_mixed_in(data, tmp_path, tiny_pipeline, capsys):
    """A model that was trained on and saved where it was is another model."""
    folder = tmp_path / "model"
    tiny_pipeline.save_pretrained(folder)
    spec = ("--limit", "2", "--no-sky-dependence", "--sweep", "0", "--colorizer", f"mine={folder}")
    before = measure(data, tmp_path / "out", *spec)[1]
    weights = load_file(folder / "model.safetensors")
    save_file({name: value * 0 for name, value in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(SystemExit):
        measure(data, tmp_path / "out", *spec)
    assert "another weights" in capsys.readouterr().err
    after = measure(data, tmp_path / "out", *spec, "--fresh")[1]
    assert entry(after, "mine")["psnr_rgb_mean"] != entry(before, "mine")["psnr_rgb_mean"]


def test_two_processes_share_the_work(data, tmp_path, monkeypatch):
    """Each takes every second picture and writes a file of its own; together they are the whole."""
    pictures, _ = open_set(str(data))
    options = runner.Options(data=str(data), colorizers={}, sweep=0)

    class Alone:
        def __init__(self, **options) -> None:
            pass

        def wait_for_everyone(self) -> None:
            pass

    monkeypatch.setattr("accelerate.PartialState", Alone)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        runner.run(pictures, options, tmp_path, "cpu")
    parts = [len((tmp_path / f"records-{rank}.jsonl").read_text().splitlines()) for rank in (0, 1)]
    assert parts == [6, 6] and len(list(runner.read_records(tmp_path))) == 12


def test_two_processes_give_the_figures_of_one(data, tmp_path, monkeypatch):
    """For real: two processes, gloo between them, one table in the end, and nobody is left behind."""
    monkeypatch.undo()  # they have what this one would lack
    command = ["run", "--data", str(data), "--colorizer", "good=tests.eval.strangers:steady_but_late"]
    command += ["--sweep", "0", "--no-sky-dependence", "--inception", "none"]
    # `accelerate launch` starts several processes only on GPUs or under MPI; torchrun starts them anywhere.
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "eval"]
    two = run_fresh(
        [*launch, *command, "--output", tmp_path / "two"], ROOT, os.environ | {"OMP_NUM_THREADS": "1"}
    )  # fmt: skip
    assert two.returncode == 0, two.stderr[-2000:]
    assert main([*command, "--output", str(tmp_path / "one")]) == 0
    assert len(list((tmp_path / "two").glob("records-*.jsonl"))) == 2
    one, two = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two"))
    assert one["summaries"] == two["summaries"] and one["rows"] == two["rows"]


def test_a_data_set_is_read_like_a_folder(data, tmp_path):
    import datasets

    files = sorted((data / "hills").iterdir())
    table = datasets.Dataset.from_dict(
        {"image": [str(f) for f in files], "scene": ["hills"] * 12, "sky": ["yes"] * 12}
    ).cast_column("image", datasets.Image())
    datasets.DatasetDict({"test": table}).save_to_disk(str(tmp_path / "set"))
    pictures, described = open_set(str(tmp_path / "set"), limit=4)
    assert len(pictures) == described == 4
    assert np.array_equal(pictures[0].read().rgb, np.array(Image.open(files[0])))
    assert pictures[0].sky == "yes" and pictures[0].scene == "hills"
    with pytest.raises(ValueError, match="split 'train'"):
        open_set(str(tmp_path / "set"), split="train")


@pytest.mark.parametrize("degradation", [None, *DEGRADATIONS])
def test_inputs_are_grey_of_the_same_size_and_repeatable(degradation):
    rgb = np.array(draw_landscape())
    first, second = (make_input(rgb, "lab-l", degradation, seed=3) for _ in range(2))
    assert first.size == (120, 80) and np.ptp(np.array(first), axis=2).max() == 0
    assert np.array_equal(np.array(first), np.array(second))
    if degradation:
        assert not np.array_equal(np.array(first), np.array(make_input(rgb)))
    luma = np.array(make_input(rgb, "rec601"))[..., 0]
    assert np.array_equal(luma, np.array(draw_landscape().convert("L")))


@pytest.mark.parametrize("film", FILM)
@pytest.mark.parametrize("degradation", [None, *DEGRADATIONS])
def test_film_ages_as_other_inputs_do(film, degradation):
    rgb = np.array(draw_landscape())
    first, second = (np.array(make_input(rgb, film, degradation, seed=3)) for _ in range(2))
    assert first.shape == rgb.shape and np.ptp(first, axis=2).max() == 0 and np.array_equal(first, second)
    assert not np.array_equal(first, np.array(make_input(rgb, "lab-l", degradation, seed=3)))


def test_film_sees_linear_shares_of_the_channels_and_keeps_greys():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    patch = np.array([[[200, 90, 30]]], np.uint8)
    linear = srgb_to_linear(torch.from_numpy(patch[0, 0]) / 255).numpy()
    for film, shares in FILM.items():
        assert sum(shares) == pytest.approx(1)
        assert np.array_equal(np.array(make_input(ramp, film)), ramp), "white stays white, and every grey itself"
        assert light_of(make_input(patch, film)).item() == pytest.approx(float(linear @ np.array(shares)), abs=0.005)
    red, sky = (np.full((1, 1, 3), color, np.uint8) for color in ((200, 40, 30), (90, 140, 220)))
    light = {film: [light_of(make_input(color, film)).item() for color in (red, sky)] for film in FILM}
    for film in ("blue-plate", "orthochromatic"):
        assert light[film][0] < 0.05 < 0.3 < light[film][1], "red is black, the sky is bright"
    assert light["red-filter"][0] > light["red-filter"][1] > 0, "and behind a red filter the other way round"
    plain = light_of(make_input(sky)).item()
    assert light["red-filter"][1] < light["yellow-filter"][1] < plain


def test_a_film_run_reports_the_colors_on_the_luminance_of_the_truth(data, tmp_path):
    """The same color on what a red filter saw: the light is blamed, the colors are not."""
    _, fresh = measure(data, tmp_path / "fresh", "--limit", "4")
    _, seen = measure(data, tmp_path / "film", "--limit", "4", "--input", "red-filter", "--degradation", "fade")
    before, after = entry(fresh, "mean"), entry(seen, "mean")
    assert after["psnr_rgb_mean"]["value"] < before["psnr_rgb_mean"]["value"] - 2
    assert after["psnr_colour_mean"]["value"] == pytest.approx(before["psnr_colour_mean"]["value"], abs=1)
    assert seen["protocol"]["input"] == "red-filter"


def test_a_manifest_of_another_name_tells_the_sky(data, tmp_path):
    (data / "manifest.csv").rename(data / "large.csv")
    assert open_set(str(data / "hills"))[1] == 0
    pictures, described = open_set(str(data / "hills"), manifest=data / "large.csv")
    assert described == 12 and {p.sky for p in pictures} == {"yes", "no"}
    with pytest.raises(ValueError, match="is not in it"):
        open_set(str(tmp_path), manifest=data / "large.csv")


def test_evidence_counts_tints_of_any_chroma_and_by_sky(data):
    for place in sorted((data / "hills").glob("*.png"))[:3]:
        Image.fromarray(np.array([[[20, 200, 40], [15, 150, 30]]], np.uint8)).resize((64, 64)).save(place)
    lines = calibrate(str(data / "hills"), "test").splitlines()
    head = next(number for number, line in enumerate(lines) if "sky in sight (6)" in line)
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines[head + 2 :]}
    assert rows["0.96"][0].strip() == "25.0%" and len(rows["0.96"]) == 3


def light_of(grey: Image.Image) -> np.ndarray:
    """Linear light [H, W] in [0, 1]."""
    return srgb_to_linear(torch.from_numpy(np.array(grey)[..., 0]) / 255).numpy()


def test_a_vignette_leaves_half_of_the_light_in_the_corners():
    light = light_of(make_input(np.full((120, 160, 3), 200, np.uint8), degradation="vignette"))
    share = light / light_of(make_input(np.full((1, 1, 3), 200, np.uint8)))
    assert share[60, 80] == pytest.approx(1, abs=0.01) and share[0, 0] == pytest.approx(0.5, abs=0.02)
    assert share[60, 0] == pytest.approx((1 + (2**0.5 - 1) * 0.64) ** -2, abs=0.02), "(1 + tan^2)^-2 at 4/5 of the way"
    for turned in (share[::-1], share[:, ::-1]):
        assert np.abs(share - turned).max() < 1e-6


@pytest.mark.parametrize("grey", [30, 90, 160, 230])
def test_a_halftone_has_dots_at_45_degrees_and_keeps_the_light(grey):
    flat = np.full((96, 96, 3), grey, np.uint8)
    light = light_of(make_input(flat, degradation="halftone"))
    assert light[12:84, 12:84].mean() == pytest.approx(light_of(make_input(flat)).mean(), abs=0.02)
    spectrum = np.abs(np.fft.fft2(light[12:84, 12:84] - light[12:84, 12:84].mean()))
    down, across = (np.fft.fftfreq(72)[i] for i in np.unravel_index(spectrum.argmax(), spectrum.shape))
    assert abs(down) == abs(across), "the strongest wave goes along a diagonal"
    assert 1 / np.hypot(down, across) == pytest.approx(6 / 2**0.5)


def test_ageing_depends_on_the_picture_alone(data, tmp_path):
    """A picture is aged alike whatever else is measured, and two of the same content not alike where chance plays."""
    flat = np.full((64, 64, 3), 120, np.uint8)
    for name in DEGRADATIONS:
        one, other = (np.array(make_input(flat, degradation=name, seed=seed)) for seed in (1, 2))
        assert np.array_equal(one, other) == (name not in ("noise", "film")), name
    for folder, limit in (("all", "6"), ("few", "3")):
        measure(data, tmp_path / folder, "--degradation", "film", "--limit", limit, "--no-sky-dependence")
    first, second = (
        {p.parent.name: p.read_bytes() for p in (tmp_path / folder / "pictures").glob("*/input.jpg")}
        for folder in ("all", "few")
    )
    assert len(second) == 3 and all(first[name] == picture for name, picture in second.items())


def test_an_aged_run_blames_the_light_but_not_the_colors(data, tmp_path):
    _, fresh = measure(data, tmp_path / "fresh", "--limit", "4")
    _, faded = measure(data, tmp_path / "faded", "--limit", "4", "--degradation", "fade")
    before, after = entry(fresh, "mean"), entry(faded, "mean")  # the same color on either luminance
    assert before["psnr_colour_mean"]["value"] == pytest.approx(before["psnr_rgb_mean"]["value"], abs=0.05)
    assert after["psnr_rgb_mean"]["value"] < before["psnr_rgb_mean"]["value"] - 2
    assert after["psnr_colour_mean"]["value"] == pytest.approx(before["psnr_colour_mean"]["value"], abs=0.5)


def test_lab_l_keeps_the_luminance():
    rgb = np.array(draw_landscape())
    grey = torch.from_numpy(np.array(make_input(rgb))).permute(2, 0, 1).float() / 255
    truth = torch.from_numpy(rgb).permute(2, 0, 1).float() / 255
    assert (rgb_to_lab(grey)[0] - rgb_to_lab(truth)[0]).abs().max() < 0.25
    assert mean_chroma(rgb_to_lab(grey)[None]).item() < 1e-3


def test_the_horizon_is_below_the_last_of_the_sky():
    mask = np.zeros((100, 60))
    assert horizon(mask) is None
    mask[:40] = 1
    assert horizon(mask) == 42
    mask[:80] = 1
    assert horizon(mask) is None, "too little would remain"
    picture = np.array(draw_landscape(160, 200))
    cut = find_cuts([picture], [None], BlueIsSky())[0]
    assert cut and not BlueIsSky()(picture[cut:]).mean() > 0.02


def test_size_sweep_of_a_steady_and_of_a_fickle_colorizer():
    grey = draw_landscape().convert("L").convert("RGB")

    def steady(picture):
        return (np.asarray(picture) * np.array([1.0, 0.9, 0.7])).astype(np.uint8)

    def fickle(picture):
        return steady(picture) if picture.width > 400 else np.asarray(picture)

    assert size_sweep(grey, lambda several: [*map(steady, several)]) < 1
    assert size_sweep(grey, lambda several: [*map(fickle, several)]) > 3


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    chance = np.random.default_rng(0)
    held = {"psnr_rgb_mean": 0, "chroma_ratio_median": 0}
    for _ in range(100):
        rows = [{"psnr_rgb": x, "chroma_ratio": x} for x in chance.normal(5, 1, 60)]
        for key in held:
            measure_ = next(m for m in MEASURES if m.key == key)
            low, high = estimate(measure_, rows, draw_weights(60, 400))["interval"]
            held[key] += low < 5 < high
    assert all(85 <= count <= 100 for count in held.values()), held


def test_rates_ratios_and_missing_values():
    by_key = {m.key: m for m in MEASURES}
    rows = [{"chroma_ratio": r, "auc_rebalanced": r, "auc_weight": w} for r, w in ((0.2, 3), (0.6, 1), (2.0, 0))]
    weights = draw_weights(3)
    assert estimate(by_key["collapse_rate"], rows, weights)["value"] == pytest.approx(1 / 3)
    assert estimate(by_key["oversaturation_rate"], rows, weights)["value"] == pytest.approx(1 / 3)
    assert estimate(by_key["auc_rebalanced"], rows, weights)["value"] == pytest.approx((0.2 * 3 + 0.6) / 4)
    assert estimate(by_key["lpips_alex_mean"], rows, weights) is None
    assert estimate(by_key["psnr_rgb_mean"], [{"psnr_rgb": 1.0}, {"psnr_rgb": None}], draw_weights(2))["n"] == 1
    shifts = [{"cf_signed_shift": s} for s in (-10.0, 10.0)]
    assert estimate(by_key["delta_cf_signed_set"], shifts, draw_weights(2))["value"] == 0
    assert estimate(by_key["delta_cf_signed_picture"], shifts, draw_weights(2))["value"] == 10


def test_wrong_usage_is_a_sentence_and_2(tmp_path, data, capsys):
    wrong = {
        "no data set with a split": ["--data", str(tmp_path / "no")],
        "no picture in it": ["--data", str(tmp_path)],
        "written NAME=SPEC": ["--data", str(data), "--colorizer", "x"],
        "a name of its own": ["--data", str(data), "--colorizer", "grey=embedded"],
        "no such folder": ["--data", str(data), "--colorizer", "x=folder:nowhere"],
        "no such Python function": ["--data", str(data), "--colorizer", "x=tests.eval.strangers:nobody"],
        "is no function": ["--data", str(data), "--colorizer", "x=tests.eval.strangers:not_a_function"],
        "no model could be loaded": ["--data", str(data), "--colorizer", f"x={tmp_path}"],
        "at least 1": ["--data", str(data), "--limit", "0"],
    }
    (tmp_path / "empty").mkdir()
    wrong["no picture in it"] = ["--data", str(tmp_path / "empty")]
    for sentence, arguments in wrong.items():
        with pytest.raises(SystemExit) as stopped:
            main(["run", *arguments, "--output", str(tmp_path / "out")])
        assert stopped.value.code == 2
        assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_what_is_alike_is_computed_once(data, monkeypatch):
    """Calls are counted, for seconds depend on the machine: one truth, one sky, models in batches."""
    pictures, _ = open_set(str(data))
    pictures = [dataclasses.replace(picture, sky="") for picture in pictures]
    calls: dict[str, list] = {"lab": [], "sky": [], "look": [], "batch": [], "one": []}

    class Counted(BlueIsSky):
        def masks(self, pictures):
            calls["sky"].append(len(pictures))
            return super().masks(pictures)

    class Distance:
        def look(self, rgb):
            calls["look"].append(len(rgb))
            return [rgb]

        def compare(self, predicted, truth):
            return (predicted - truth[0]).square().mean(dim=(1, 2, 3))

    def several(greys):
        calls["batch"].append(len(greys))
        return [strangers.steady(grey) for grey in greys]

    def alone(grey, path):
        calls["one"].append(path)
        return strangers.steady(grey)

    for module in (figures, measuring, sky_dependence):
        real = module.rgb_to_lab
        monkeypatch.setattr(module, "rgb_to_lab", lambda rgb, real=real: calls["lab"].append(len(rgb)) or real(rgb))
    options = runner.Options(data=str(data), colorizers={})
    made = runner.make_all(options, runner.set_statistics(pictures), [p.path for p in pictures], "cpu")
    made["ours"] = Colorizer("ours", "model", alone, several=several)
    bench = figures.Bench(made, sky=Counted(), lpips={"squeeze": Distance()})
    group = [measuring.open_picture(picture) for picture in pictures]
    records = measuring.measure_group(group, bench)
    assert all(len(record["rows"]) == 4 and record["sky_dependence"] for record in records)
    assert calls["one"] == [] and calls["batch"] == [12, 6 * 2 + 6], "whole; cut, its control, and under a drawn sky"
    assert calls["sky"] == [12, 6], "once for all pictures, and once for what is left of those with sky"
    assert calls["look"] == [1] * 12, "each truth once, whatever the number of rows"
    # Truth, grey input and all results of a picture; then a conversion for each part.
    assert len(calls["lab"]) == 12 * 3 + 18 and sum(calls["lab"]) == 12 * (1 + 1 + 4) + 18
    alike = measuring.measure_picture(pictures[0], figures.Bench({**made, "ours": Colorizer("ours", "model", alone)}))
    for key, value in alike["rows"]["ours"].items():
        assert records[0]["rows"]["ours"][key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


def test_a_failure_in_a_batch_is_of_one_picture(data, monkeypatch):
    """Who has failed is asked one by one, and the others are measured."""
    pictures, _ = open_set(str(data), limit=4)

    def several(greys):
        raise RuntimeError("one of you is wrong")

    def one(grey, path):
        if path.endswith(pictures[1].path):
            raise RuntimeError("out of crayons")
        return strangers.steady(grey)

    truth = Colorizer("truth", "ceiling", lambda picture, path: picture)
    bench = figures.Bench({"ours": Colorizer("ours", "model", one, several=several), "truth": truth})
    records = measuring.measure_group([measuring.open_picture(picture) for picture in pictures], bench)
    assert [("failure" in record, len(record.get("rows", ()))) for record in records] == [
        (False, 2), (True, 0), (False, 2), (False, 2)
    ]  # fmt: skip
    assert "ours failed" in records[1]["failure"] and "out of crayons" in records[1]["failure"]
