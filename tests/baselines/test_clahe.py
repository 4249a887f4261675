"""Local equalization: its mathematics, and that a model applies it by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.exposure import equalize_adapthist

from colorization.baselines import BaselineConfig, BaselineModel
from colorization.baselines.clahe import equalize_locally
from colorization.model.image_processing_colorization import normalize_lightness

from ..conftest import draw_landscape


def lightness_of(width: int = 128, height: int = 96) -> torch.Tensor:
    """[1, 1, H, W] in [0.3, 0.5]: a faded print."""
    grey = np.asarray(draw_landscape(width, height).convert("L"), dtype=np.float32) / 255
    return torch.from_numpy(0.3 + 0.2 * grey)[None, None]


def test_faded_contrast_comes_back_and_the_limit_bounds_it():
    faded = lightness_of()
    spread = [equalize_locally(faded, limit).std().item() for limit in (1.0, 2.0, 4.0, 40.0)]
    assert spread == sorted(spread) and spread[1] > 1.3 * faded.std().item()
    # One mapping for all where every tile is alike, and its slope is bounded.
    ramp = torch.linspace(0.3, 0.5, 16).repeat(8)[None, None, None].expand(1, 1, 128, 128)
    for limit in (1.0, 2.0, 4.0):
        mapped = equalize_locally(ramp, limit)
        slope = (mapped[..., 1:16] - mapped[..., :15]) / (ramp[..., 1:16] - ramp[..., :15])
        assert slope.min() > 0 and slope.mean() <= limit + 1


@pytest.mark.parametrize("size", [(256, 256), (250, 190)])
def test_like_scikit_image(size):
    faded = lightness_of(*size)
    ours = equalize_locally(faded, 3.0)[0, 0].numpy()
    tile = (-(-size[1] // 8), -(-size[0] // 8))
    theirs = equalize_adapthist(faded[0, 0].numpy(), kernel_size=tile, clip_limit=3 / 256, nbins=256)
    assert ours.shape == theirs.shape
    # scikit-image stretches the range of the whole picture before and after; the order and the local shape agree.
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9


def test_pictures_of_a_batch_do_not_mix():
    first, second = lightness_of(), 1 - lightness_of()
    together = equalize_locally(torch.cat((first, second)), 2.0)
    assert torch.equal(together[:1], equalize_locally(first, 2.0))
    assert torch.equal(together[1:], equalize_locally(second, 2.0))


@pytest.mark.parametrize("raw", [False, True])
def test_a_model_applies_it_by_itself(raw):
    small = {"architecture": "unet", "widths": (8, 8, 8, 8), "raw_lightness": raw}
    torch.manual_seed(0)
    plain = BaselineModel(BaselineConfig(**small)).eval()
    local = BaselineModel(BaselineConfig(**small, clahe=3.0)).eval()
    local.load_state_dict(plain.state_dict())
    lightness = lightness_of()
    with torch.no_grad():
        expected = plain(normalize_lightness(100 * equalize_locally(lightness, 3.0))).ab
        found = local(normalize_lightness(100 * lightness)).ab
    assert torch.allclose(found, expected, atol=2e-3) and found.std() > 0
    with pytest.raises(Exception, match="clip limit from 1 on"):
        BaselineConfig(clahe=0.5)
