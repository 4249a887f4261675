"""Printed pictures: the screen of dots is seen where there is one, and kept from the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorization.model import color
from colorization.model.halftone import descreen
from colorization.model.image_processing_colorization import ColorizationImageProcessor
from eval.inputs import DEGRADATIONS, make_input

from ..conftest import draw_landscape


def lightness_of(picture: Image.Image) -> torch.Tensor:
    return color.lightness(torch.from_numpy(np.array(picture)))[None, None]


def roughness(light: torch.Tensor) -> float:
    """Mean squared difference of neighbours, which dots make large."""
    return sum(light.diff(dim=dim).square().mean().item() for dim in (2, 3))


@pytest.mark.parametrize("seed", range(4))
def test_the_dots_of_a_print_go_and_the_picture_stays(seed):
    rgb = np.array(draw_landscape(150, 120, seed=seed))
    fresh, printed = (lightness_of(make_input(rgb, degradation=name)) for name in (None, "halftone"))
    cleaned = descreen(printed)
    assert cleaned.shape == printed.shape and cleaned.min() >= 0 and cleaned.max() <= 100
    assert roughness(cleaned) < 0.05 * roughness(printed)
    assert (cleaned - fresh).abs().mean() < 0.5 * (printed - fresh).abs().mean()
    assert cleaned.mean() == pytest.approx(printed.mean().item(), abs=2)


@pytest.mark.parametrize("name", [None, *(name for name in DEGRADATIONS if name != "halftone")])
def test_what_is_no_print_comes_back_untouched(name):
    for seed in range(4):
        light = lightness_of(make_input(np.array(draw_landscape(150, 120, seed=seed)), degradation=name, seed=seed))
        assert descreen(light) is light


def test_one_wave_is_no_screen():
    """A fence, furrows, waves on a lake: strong, but in one direction only."""
    fence = 50 + 30 * torch.sin(torch.arange(160) * 2 * torch.pi / 5).expand(1, 1, 120, 160)
    assert descreen(fence) is fence
    crossed = fence + 20 * torch.sin(torch.arange(120) * 2 * torch.pi / 5)[:, None]
    assert descreen(crossed.clamp(0, 100)).std() < 0.2 * crossed.std(), "but two at a right angle are one"


@pytest.mark.parametrize("value", [0.0, 50.0, 100.0])
def test_flat_and_small_pictures_are_left_alone(value):
    for shape in ((1, 1, 96, 96), (1, 1, 16, 400)):
        flat = torch.full(shape, value)
        assert descreen(flat) is flat


def test_a_batch_is_treated_picture_by_picture():
    rgb = np.array(draw_landscape(150, 120, seed=1))
    both = torch.cat([lightness_of(make_input(rgb, degradation=name)) for name in (None, "halftone")])
    cleaned = descreen(both)
    assert torch.equal(cleaned[0], both[0]) and torch.equal(cleaned[1:], descreen(both[1:]))


def test_the_processor_keeps_dots_from_the_network_and_the_result_keeps_them():
    rgb = np.array(draw_landscape(150, 150, seed=2))
    printed = make_input(rgb, degradation="halftone")
    processor = ColorizationImageProcessor(working_size=160)
    seen = processor(printed)["pixel_values"][:, :1]
    fresh = processor(make_input(rgb))["pixel_values"][:, :1]
    assert roughness(seen) < 1.5 * roughness(fresh)
    (result,) = processor.post_process_colorization(torch.zeros(1, 2, 40, 40), [printed])
    assert np.array_equal(np.array(result), np.array(printed))
