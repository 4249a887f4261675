"""Printed pictures: the screen of dots is seen where there is one, and kept from the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorization.model.halftone import descreen
from colorization.model.image_processing_colorization import ColorizationImageProcessor
from colorization.model.srgb import lightness
from eval.inputs import DEGRADATIONS, make_input

from ..conftest import draw_landscape


def lightness_of(picture: Image.Image) -> np.ndarray:
    return lightness(np.asarray(picture))


def roughness(light: np.ndarray) -> float:
    """Mean squared difference of neighbors, which dots make large."""
    return sum(np.square(np.diff(light, axis=axis)).mean() for axis in (-1, -2))


@pytest.mark.parametrize("seed", range(4))
def test_the_dots_of_a_print_go_and_the_picture_stays(seed):
    rgb = np.array(draw_landscape(150, 120, seed=seed))
    fresh, printed = (lightness_of(make_input(rgb, degradation=name)) for name in (None, "halftone"))
    cleaned = descreen(printed)
    assert cleaned.shape == printed.shape and cleaned.min() >= 0 and cleaned.max() <= 100
    assert roughness(cleaned) < 0.05 * roughness(printed)
    assert np.abs(cleaned - fresh).mean() < 0.5 * np.abs(printed - fresh).mean()
    assert cleaned.mean() == pytest.approx(printed.mean(), abs=2)


@pytest.mark.parametrize("name", [None, *(name for name in DEGRADATIONS if name != "halftone")])
def test_what_is_no_print_comes_back_untouched(name):
    for seed in range(4):
        light = lightness_of(make_input(np.array(draw_landscape(150, 120, seed=seed)), degradation=name, seed=seed))
        assert descreen(light) is light


def test_one_wave_is_no_screen():
    """A fence, furrows, waves on a lake: strong, but in one direction only."""
    fence = np.tile(50 + 30 * np.sin(np.arange(160) * 2 * np.pi / 5), (120, 1)).astype(np.float32)
    assert descreen(fence) is fence
    crossed = fence + 20 * np.sin(np.arange(120, dtype=np.float32) * 2 * np.pi / 5)[:, None]
    assert descreen(crossed.clip(0, 100)).std() < 0.2 * crossed.std(), "but two at a right angle are one"


@pytest.mark.parametrize("value", [0.0, 50.0, 100.0])
def test_flat_and_small_pictures_are_left_alone(value):
    for shape in ((96, 96), (16, 400)):
        flat = np.full(shape, value, np.float32)
        assert descreen(flat) is flat


def test_the_processor_keeps_dots_from_the_network_and_the_result_keeps_them():
    rgb = np.array(draw_landscape(150, 150, seed=2))
    printed = make_input(rgb, degradation="halftone")
    processor = ColorizationImageProcessor(working_size=160)
    seen = processor(printed)["pixel_values"][0, 0].numpy()
    fresh = processor(make_input(rgb))["pixel_values"][0, 0].numpy()
    assert roughness(seen) < 1.5 * roughness(fresh)
    (result,) = processor.post_process_colorization(torch.zeros(1, 2, 40, 40), [printed])
    assert np.array_equal(np.array(result), np.array(printed))
