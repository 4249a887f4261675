"""The embedded model on real photographs: loads, keeps the luminance, and beats grey."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from colorization import load_pipeline
from colorization.model import color
from colorization.model.images import Photo, read_photo
from colorization.model.pipeline_colorization import EMBEDDED_MODEL
from eval.metrics.sepia import hue_statistics


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline(device="cpu")


def test_files(pipe):
    names = {path.name for path in EMBEDDED_MODEL.iterdir()}
    told = {"README.md", "TRAINING.md", "NOTICE", "results"}  # the card, and what it is made of
    assert names == {"config.json", "model.safetensors", "preprocessor_config.json"} | told
    assert (EMBEDDED_MODEL / "model.safetensors").stat().st_size < 70e6
    assert sum(parameter.numel() for parameter in pipe.model.parameters()) < 35e6
    with safe_open(EMBEDDED_MODEL / "model.safetensors", "pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - not a dict
    assert kinds <= {"F16", "I64"}


def grey_of(photo: Photo) -> tuple[np.ndarray, torch.Tensor]:
    lightness = color.lightness(torch.from_numpy(photo.rgb))
    return color.join(lightness, torch.zeros(2, *lightness.shape)).numpy(), lightness


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.square(one.astype(float) - other).mean())


def chroma(rgb: np.ndarray) -> float:
    return color.rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1).float() / 255)[1:].norm(dim=0).mean().item()


def test_beats_grey_on_validation_pictures(pipe, shared: Path, report):
    files = sorted((shared / "data" / "val").rglob("*.jpg"))[::30]
    gains, ratios = [], []
    for file in files:
        photo = read_photo(file)
        if chroma(photo.rgb) < 5:
            continue
        grey, _ = grey_of(photo)
        colored = np.asarray(pipe(Photo(grey)))
        gains.append(psnr(colored, photo.rgb) - psnr(grey, photo.rgb))
        ratios.append(chroma(colored) / chroma(photo.rgb))
    report(f"PSNR over grey, {len(gains)} validation pictures", f"{np.mean(gains):+.2f} dB")
    report(f"median chroma ratio, {len(gains)} validation pictures", f"{np.median(ratios):.2f}")
    assert np.mean(gains) > 1.5
    assert 0.6 < np.median(ratios) < 1.3


def test_beats_grey_on_large_photographs_without_a_sky(pipe, shared: Path, report):
    with (shared / "data" / "large.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("val_large") and row["sky"] == "no"]
    gains, tints = [], []
    for row in rows[::4]:
        photo = read_photo(shared / "data" / row["path"])
        if chroma(photo.rgb) < 5:
            continue
        grey, _ = grey_of(photo)
        colored = np.array(pipe(Photo(grey)))
        gains.append(psnr(colored, photo.rgb) - psnr(grey, photo.rgb))
        lab = color.rgb_to_lab(torch.from_numpy(colored).permute(2, 0, 1)[None].float() / 255)
        tints.append(hue_statistics(lab)["concentration"].item() > 0.96)
    report(f"PSNR over grey, {len(gains)} large validation pictures without a sky", f"{np.mean(gains):+.2f} dB")
    report("of them in one hue", f"{100 * np.mean(tints):.0f} %")
    assert np.mean(gains) > 0.2
    assert np.mean(tints) < 0.45


@pytest.mark.parametrize("lightness", [40, 128, 200, 250])
def test_a_blank_page_stays_nearly_neutral(pipe, lightness):
    assert chroma(np.array(pipe(Photo(np.full((200, 300, 3), lightness, np.uint8))))) < 4


def test_looks_differ_and_autumn_is_warm(pipe):
    rng = np.random.default_rng(0)
    grey = np.array(Image.fromarray(rng.integers(0, 255, (6, 9), np.uint8)).resize((360, 240)).convert("RGB"))
    mean = {}
    for look in pipe.image_processor.looks:
        colored = torch.from_numpy(np.array(pipe(Photo(grey), look=look))).permute(2, 0, 1).float() / 255
        mean[look] = color.rgb_to_lab(colored)[1:].mean(dim=(1, 2))
    assert len(mean) == 8
    assert mean["autumn"][1] > mean["summer"][1] + 5 > mean["blue hour"][1] + 7


def test_luminance_of_photographs_is_kept(pipe, shared: Path, report):
    shifts, forced = [], []
    for file in sorted((shared / "data" / "hires").rglob("*.jpg"))[::8]:
        with Image.open(file) as picture:
            picture.thumbnail((1024, 1024))
            photo = Photo(np.array(picture.convert("RGB")))
        grey, lightness = grey_of(photo)
        colored = pipe(Photo(grey))
        shift = (color.lightness(torch.from_numpy(np.array(colored))) - color.lightness(torch.from_numpy(grey))).abs()
        shifts.append(shift.flatten())
        ab = pipe.analyze(Photo(grey)).ab
        full = torch.nn.functional.interpolate(ab[None], size=shift.shape, mode="bicubic")[0]
        forced.append((~color.in_gamut(torch.cat((lightness[None], full)))).float().mean().item())
    shift = torch.cat(shifts)
    report("L* shift on photographs, mean / largest", f"{shift.mean():.3f} / {shift.max():.2f}")
    report("pixels whose chroma the gamut reduces", f"{100 * np.mean(forced):.1f} %")
    # Rounding to 8 bits alone moves L* by up to 0.8 near black; the gamut costs chroma here, never luminance.
    assert shift.max() < 0.8 and shift.mean() < 0.15


def test_old_photographs_get_color(pipe, shared: Path):
    for file in sorted((shared / "data" / "old").glob("*.jpg")):
        photo = read_photo(file)
        picture = pipe(photo)
        assert picture.size == (photo.width, photo.height)
        assert chroma(np.asarray(picture)) > 3, file.name
