"""Pictures with one planted fault each: the measure for it flags it, and no other measure does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from colorization.model.color import lab_to_rgb, rgb_to_lab
from eval.figures import Bench, Truth, figures

from ..conftest import draw_landscape


def truth_lab(count: int = 4) -> torch.Tensor:
    """Lab [count, 3, 96, 128] of drawn landscapes, their chroma reduced so that there is room for more of it."""
    rgb = np.stack([np.array(draw_landscape(128, 96, seed=seed)) for seed in range(count)])
    lab = rgb_to_lab(torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255)
    lab[:, 0] = 35 + 0.4 * lab[:, 0]
    return lab * torch.tensor([1, 0.5, 0.5]).view(3, 1, 1)


def rgb_of(lab: torch.Tensor) -> torch.Tensor:
    """As 8-bit pictures have it."""
    return (lab_to_rgb(lab) * 255).round() / 255


def turned(lab: torch.Tensor, degrees: float) -> torch.Tensor:
    angle = math.radians(degrees)
    a, b = lab[:, 1], lab[:, 2]
    return torch.stack(
        (lab[:, 0], a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle)), 1
    )


def bled(lab: torch.Tensor) -> torch.Tensor:
    """Colors smeared far over edges; their mean chroma is kept."""
    smeared = F.avg_pool2d(F.pad(lab[:, 1:], (0, 0, 20, 20), mode="replicate"), (41, 1), stride=1)
    scale = lab[:, 1:].norm(dim=1).mean() / smeared.norm(dim=1).mean()
    return torch.cat((lab[:, :1], smeared * scale), dim=1)


def sepia(lab: torch.Tensor) -> torch.Tensor:
    chroma = 0.7 * lab[:, 1:].norm(dim=1).mean()
    plane = torch.ones_like(lab[:, 0])
    return torch.stack(
        (lab[:, 0], plane * chroma * math.cos(math.radians(75)), plane * chroma * math.sin(math.radians(75))), 1
    )


PLANTS = {
    "nothing": lambda lab: lab,
    "collapse": lambda lab: lab * torch.tensor([1, 0.2, 0.2]).view(3, 1, 1),
    "oversaturation": lambda lab: lab * torch.tensor([1, 1.8, 1.8]).view(3, 1, 1),
    "hue": lambda lab: turned(lab, 60),
    "bleeding": bled,
    "luminance": lambda lab: lab + torch.tensor([6.0, 0, 0]).view(3, 1, 1),
}


def flags(rows: list[dict], truths: list[dict]) -> set[str]:
    """What the figures say is wrong."""

    def mean(key: str, of: list[dict] = rows) -> float:
        return float(np.mean([row[key] for row in of if row[key] is not None] or [0]))

    said = {
        "collapse": np.mean([row["chroma_ratio"] < 0.5 for row in rows]) > 0.5,
        "oversaturation": np.mean([row["chroma_ratio"] > 1.5 for row in rows]) > 0.5,
        "sepia": mean("sepia") > 0.5,
        "hue": mean("hue_distance") > 30,
        "bleeding": mean("edge_alignment") < mean("edge_alignment", truths) - 0.2,
        "luminance": mean("l_shift") > 1,
    }
    return {name for name, wrong in said.items() if wrong}


def measured(lab: torch.Tensor) -> list[dict]:
    truth = rgb_of(truth_lab())
    given = rgb_to_lab(rgb_of(truth_lab() * torch.tensor([1.0, 0, 0]).view(3, 1, 1)))
    parts = [slice(i, i + 1) for i in range(len(truth))]
    return [figures(rgb_of(lab)[i], Truth.of(truth[i]), given[i], Bench({}))[0] for i in parts]


@pytest.mark.parametrize("plant", PLANTS)
def test_the_right_measure_flags_a_fault_and_only_it(plant):
    found = flags(measured(PLANTS[plant](truth_lab())), measured(truth_lab()))
    assert found == ({plant} if plant != "nothing" else set())


def test_sepia_is_flagged_as_sepia_whatever_else_it_is():
    """One brown hue for all is also the wrong hue, and has no edges of color."""
    found = flags(measured(sepia(truth_lab())), measured(truth_lab()))
    assert "sepia" in found and not found & {"collapse", "oversaturation", "luminance"}


def test_figures_do_not_depend_on_company_or_order():
    truth = Truth.of(rgb_of(truth_lab(1)))
    given = rgb_to_lab(rgb_of(truth_lab(1) * torch.tensor([1.0, 0, 0]).view(3, 1, 1)))
    results = torch.cat([rgb_of(PLANTS[plant](truth_lab(1))) for plant in PLANTS])
    bench = Bench({})
    together = figures(results, truth, given, bench)
    backwards = figures(results.flip(0), truth, given, bench)[::-1]
    alone = [figures(results[i : i + 1], truth, given, bench)[0] for i in range(len(results))]
    for one, two, three in zip(together, backwards, alone, strict=True):
        for key, value in one.items():
            assert two[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key
            assert three[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key


def test_less_color_is_never_nearer_to_the_truth():
    last = None
    for share in (1.0, 0.75, 0.5, 0.25, 0.0):
        rows = measured(truth_lab() * torch.tensor([1, share, share]).view(3, 1, 1))
        now = [
            float(np.mean([row[key] for row in rows])) for key in ("psnr_rgb", "ciede2000_mean", "chroma_ratio", "auc")
        ]
        if last:
            assert now[0] < last[0] and now[1] > last[1] and now[2] < last[2] and now[3] <= last[3]
        last = now
