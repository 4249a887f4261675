"""Each measure against somebody else: published values, another library, a closed form."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import wasserstein_distance
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorization.model.color import join, rgb_to_lab
from eval.metrics import accumulating, coherence, colors, legacy, pixel, sepia
from eval.metrics.distribution import frechet, kernel_distance, kernel_distance_with_interval, with_interval
from eval.metrics.perceptual import InceptionFeatures

from ..conftest import draw_landscape

# Sharma, Wu and Dalal (2005), table 1: L1 a1 b1 L2 a2 b2 and the difference.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def rgb(count: int = 2) -> torch.Tensor:
    """sRGB [count, 3, 80, 120] in [0, 1]."""
    pictures = [np.array(draw_landscape(seed=seed)) for seed in range(count)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def lab(count: int = 2) -> torch.Tensor:
    return rgb_to_lab(rgb(count))


def uniform(hue: float, chroma: float, size: int = 32) -> torch.Tensor:
    """Lab [1, 3, size, size] of L* 50 and one color; hue in degrees."""
    plane = torch.full((1, 3, size, size), 50.0)
    plane[:, 1], plane[:, 2] = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    return plane


def test_ciede2000_gives_the_published_values():
    table = torch.tensor(
        [[float(x) for x in line.split()] for line in SHARMA.strip().splitlines()], dtype=torch.float64
    )
    assert len(table) == 34
    first, second = table[:, :3].T[:, None], table[:, 3:6].T[:, None]
    difference = (colors.ciede2000(first, second)[0] - table[:, 6]).abs()
    difference[13] = 0  # pair 14: a tie of hues, which rounding decides
    assert difference.max() < 1e-4
    assert (colors.ciede2000(first, second) - colors.ciede2000(second, first)).abs()[0].max() < 1e-4


def test_ciede2000_agrees_with_scikit_image_on_pictures():
    first, second = lab(2).double()
    theirs = deltaE_ciede2000(first.permute(1, 2, 0).numpy(), second.permute(1, 2, 0).numpy())
    assert np.abs(colors.ciede2000(first, second).numpy() - theirs).max() < 1e-4
    mean, p95 = colors.delta_e(first[None].float(), second[None].float())
    assert mean.item() == pytest.approx(theirs.mean(), abs=1e-3)
    assert p95.item() == pytest.approx(np.quantile(theirs, 0.95), abs=1e-3)


def test_psnr_and_mae_are_means_per_picture():
    truth = rgb()
    predicted = (truth + 0.05 * torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)).clamp(0, 1)
    for index in range(2):
        theirs = peak_signal_noise_ratio(truth[index].numpy(), predicted[index].numpy(), data_range=1)
        assert pixel.psnr_rgb(predicted, truth)[index].item() == pytest.approx(theirs, abs=1e-3)
        assert pixel.mae_rgb(predicted, truth)[index].item() == pytest.approx(
            (truth - predicted)[index].abs().mean().item()
        )
    assert pixel.psnr_rgb(truth, truth).tolist() == [100, 100]


def test_color_psnr_is_psnr_where_luminance_is_kept():
    truth, shares = lab(), torch.tensor([1, 0.6, 0.6]).view(3, 1, 1)
    paler = torch.stack([join(picture[0], picture[1:]) for picture in truth * shares])
    paler = paler.permute(0, 3, 1, 2).float() / 255
    ours = pixel.psnr_color(rgb_to_lab(paler), truth, rgb())
    assert torch.allclose(ours, pixel.psnr_rgb(paler, rgb()), atol=0.05) and ours.max() < 40
    assert pixel.psnr_color(truth, truth, rgb()).tolist() == [100, 100]


def test_color_psnr_does_not_blame_colors_for_the_light():
    """The right ab on a luminance that was faded, noisy or blurred: what a perfect colorizer makes of an old print."""
    truth = lab(1)
    light = truth[:, :1]
    grain = 5 * torch.randn(light.shape, generator=torch.Generator().manual_seed(0))
    for aged in (0.6 * light + 30, light + grain, F.avg_pool2d(light, 5, stride=1, padding=2, count_include_pad=False)):
        result = join(aged[0, 0].clamp(0, 100), truth[0, 1:]).permute(2, 0, 1)[None].float() / 255
        blamed, fair = pixel.psnr_rgb(result, rgb(1)), pixel.psnr_color(rgb_to_lab(result), truth, rgb(1))
        assert blamed < 30 < 34 < fair, "what is left is chroma that sRGB could not show on the aged luminance"
    grey = truth * torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    assert pixel.psnr_color(grey, truth, rgb(1)) < 30, "and wrong colors stay wrong"


def test_ssim_agrees_with_scikit_image():
    truth = rgb()
    predicted = (truth + 0.1 * torch.rand(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    for index in range(2):
        theirs = structural_similarity(
            truth[index].numpy(), predicted[index].numpy(), channel_axis=0, data_range=1.0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )  # fmt: skip
        assert pixel.ssim_rgb(predicted, truth)[index].item() == pytest.approx(theirs, abs=5e-6)
    assert pixel.ssim_rgb(truth[..., :8, :8], truth[..., :8, :8]) is None


def test_lpips_against_one_truth_is_torchmetrics_own(monkeypatch):
    from torchmetrics.functional.image import lpips

    from eval.metrics.perceptual import Lpips

    real = lpips._get_tv_model_features  # random weights: nobody can download the trained ones in a test
    monkeypatch.setattr(lpips, "_get_tv_model_features", lambda net, pretrained: real(net, False))
    torch.manual_seed(0)
    distance = Lpips()
    truth, results = rgb(1), torch.cat((rgb(3), 1 - rgb(1)))
    theirs = distance.network(results * 2 - 1, truth.expand_as(results) * 2 - 1).flatten()
    assert theirs[0] == 0 and theirs[1:].min() > 1e-3
    assert torch.allclose(distance(results, truth), theirs, atol=1e-6)
    assert torch.allclose(distance(results, truth.expand_as(results)), theirs, atol=1e-6)


def test_one_truth_for_several_results_gives_the_figures_of_pairs():
    results, truth = lab(3), lab(3)[2:]
    pairs = truth.expand_as(results)
    for measure in (colors.chroma_ratio, colors.ab_rmse, colors.auc, colors.hue_distance):
        assert torch.allclose(measure(results, truth), measure(results, pairs), atol=1e-6), measure.__name__
    assert torch.allclose(colors.delta_e(results, truth)[0], colors.delta_e(results, pairs)[0], atol=1e-6)
    assert torch.allclose(pixel.ssim_rgb(rgb(3), rgb(3)[2:]), pixel.ssim_rgb(rgb(3), rgb(3)[2:].expand(3, -1, -1, -1)))


def test_colorfulness_has_two_variants_that_differ_on_sky_over_ground():
    picture = rgb(1)
    red, green, blue = (255 * picture[0].double().numpy()).reshape(3, -1)
    rg, yb = red - green, (red + green) / 2 - blue
    signed = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    rg, yb = np.abs(rg), np.abs(yb)
    absolute = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colors.colorfulness_signed(picture).item() == pytest.approx(signed, rel=1e-4)
    assert colors.colorfulness_absolute(picture).item() == pytest.approx(absolute, rel=1e-4)
    assert signed > absolute + 5


def test_chroma_ratio_of_half_the_chroma_is_one_half():
    truth = lab(1)
    half = truth * torch.tensor([1, 0.5, 0.5]).view(3, 1, 1)
    assert colors.chroma_ratio(half, truth).item() == pytest.approx(0.5)
    assert colors.ab_rmse(half, truth).item() == pytest.approx(truth[:, 1:].square().mean().sqrt().item() / 2, rel=1e-4)


def test_hue_distance_is_the_angle_between_two_colors_either_way_round():
    for first, second, angle in ((15, 45, 30), (355, 25, 30), (5, 185, 180), (105, 105, 0)):
        found = colors.hue_distance(uniform(first, 30), uniform(second, 30)).item()
        assert found == pytest.approx(angle, abs=0.01)
    assert math.isnan(colors.hue_distance(uniform(0, 0), uniform(30, 30)).item())


def test_hue_distance_is_never_above_the_distance_along_a_line():
    first, second = colors.hue_histogram(lab(2)).double()
    centers = np.arange(36) * 10 + 5
    line = wasserstein_distance(centers, centers, first, second)
    assert colors.hue_distance(lab(2)[:1], lab(2)[1:]).item() <= line + 1e-4


def test_auc_of_a_constant_error_in_closed_form():
    truth = uniform(0, 20)
    for error in (0, 10, 75.5, 150, 200):
        predicted = truth + torch.tensor([0.0, error, 0]).view(3, 1, 1)
        assert colors.auc(predicted, truth).item() == pytest.approx(max(0, 151 - math.ceil(error)) / 151, abs=1e-5)


def test_rebalancing_makes_rare_colors_count():
    truth = uniform(0, 0)
    truth[..., :2, :] = uniform(40, 50)[..., :2, :]  # a sixteenth of the picture is orange
    predicted = uniform(0, 0)  # grey everywhere
    bins = colors.ab_bins(truth)[0]
    frequency = torch.bincount(bins, minlength=colors.AB_BINS) / len(bins)
    weights = torch.where(frequency > 0, 1 / frequency.clamp(min=1e-9), torch.zeros(()))
    raw, rebalanced = colors.auc(predicted, truth).item(), colors.auc(predicted, truth, weights).item()
    right, wrong = 1.0, 101 / 151  # an ab distance of 50
    assert raw == pytest.approx(15 / 16 * right + 1 / 16 * wrong, abs=1e-3)
    assert rebalanced == pytest.approx((right + wrong) / 2, abs=1e-3)


def test_sepia_is_one_brown_hue_and_little_of_it():
    def flagged(picture: torch.Tensor) -> bool:
        return bool(sepia.is_sepia(sepia.hue_statistics(picture)).item())

    assert flagged(uniform(80, 12))
    assert not flagged(uniform(80, 40)), "a desert has chroma"
    assert not flagged(uniform(130, 12)), "green is not brown"
    assert not flagged(uniform(0, 0)), "grey is counted as collapse"
    two = uniform(80, 12)
    two[..., 16:] = uniform(250, 12)[..., 16:]
    assert not flagged(two), "brown and blue"
    assert not flagged(lab(1))
    found = sepia.hue_statistics(uniform(80, 12))
    assert found["hue"].item() == pytest.approx(80, abs=1e-3)
    assert found["concentration"].item() == pytest.approx(1, abs=1e-5)


def test_one_hue_is_a_tint_at_any_hue_and_chroma():
    def flagged(picture: torch.Tensor) -> bool:
        return bool(sepia.is_one_hue(sepia.hue_statistics(picture)).item())

    assert flagged(uniform(80, 12)) and flagged(uniform(115, 12)), "an olive wood is a tint as a brown one is"
    assert flagged(uniform(115, 60)), "and a saturated green is no less one"
    assert not flagged(uniform(115, 0.5)), "grey is counted as collapse"
    assert not flagged(lab(1))
    fan = torch.cat([uniform(hue, 40) for hue in (85, 115, 145)], dim=3)
    assert not flagged(fan), "three greens 30 degrees apart are colors"


def test_effective_hues_count_equal_parts_and_fall_before_the_rate_moves():
    for hues in ((15,), (15, 135), (15, 135, 255), (5, 45, 85, 125, 165)):
        stripes = torch.cat([uniform(hue, 30) for hue in hues], dim=3)
        assert sepia.effective_hues(stripes).item() == pytest.approx(len(hues), rel=1e-4)
    assert math.isnan(sepia.effective_hues(uniform(0, 0)).item())
    chroma, hue = lab(1)[:, 1:].norm(dim=1), torch.atan2(lab(1)[:, 2], lab(1)[:, 1])
    found = []
    for share in (1.0, 0.5, 0.2, 0.0):  # of what each hue differs from 115 degrees
        turned = math.radians(115) + share * (hue - math.radians(115))
        tint = torch.stack((lab(1)[:, 0], chroma * turned.cos(), chroma * turned.sin()), dim=1)
        found.append(sepia.effective_hues(tint).item())
    assert found == sorted(found, reverse=True) and found[0] > found[1] > found[2] > 1
    assert found[-1] == pytest.approx(1, abs=1e-3)


def test_edge_alignment_falls_when_colors_bleed():
    sharp = torch.full((1, 3, 64, 64), 40.0)
    sharp[:, 0, :, 32:], sharp[:, 1, :, 32:], sharp[:, 2] = 80, -20, 5
    bled = sharp.clone()
    bled[:, 1] = torch.linspace(40, -20, 64)
    grey = sharp * torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    assert pixel.edge_alignment(sharp).item() == pytest.approx(1, abs=1e-3)
    assert pixel.edge_alignment(bled).item() < 0.3
    assert math.isnan(pixel.edge_alignment(grey).item())


def test_l_shift():
    assert pixel.l_shift(uniform(0, 10), uniform(90, 30) + torch.tensor([2.0, 0, 0]).view(3, 1, 1)).item() == 2


def test_the_old_psnr_of_ab_flatters_a_grey_picture():
    truth = rgb(1)
    grey = truth.mean(dim=1, keepdim=True).expand_as(truth)
    old = legacy.legacy(rgb_to_lab(grey), rgb_to_lab(truth))["legacy_psnr_ab_scaled"]
    assert old > pixel.psnr_rgb(grey, truth).item() + 1
    error = rgb_to_lab(truth)[:, 1:].square().mean() / 128**2
    assert old == pytest.approx(10 * math.log10(4 / error.item()), abs=0.05)


def test_frechet_distance_of_gaussians_in_closed_form():
    chance = np.random.default_rng(0)
    first = chance.normal(size=(400, 6)) * np.arange(1, 7)
    assert frechet(first, first) == pytest.approx(0, abs=1e-8)
    assert frechet(first, first + 2) == pytest.approx(6 * 4)
    # Commuting covariances: the squared distance of the standard deviations.
    spread = first.std(axis=0, ddof=1)
    vectors = np.linalg.svd(first - first.mean(0), full_matrices=False)
    scaled = first.mean(0) + 3 * (first - first.mean(0))
    assert frechet(first, scaled) == pytest.approx(4 * (vectors.S**2).sum() / 399)
    assert spread.sum() > 0
    few, more = first[:4], chance.normal(size=(4, 6))  # fewer pictures than features: the other way of computing
    values = np.linalg.eigvals(np.cov(few.T) @ np.cov(more.T)).astype(complex)
    slow = np.square(few.mean(0) - more.mean(0)).sum() + np.trace(np.cov(few.T) + np.cov(more.T))
    assert frechet(few, more) == pytest.approx(slow - 2 * np.sqrt(values).real.sum(), abs=1e-4)


@pytest.mark.slow
def test_both_agree_with_torch_fidelity_on_features_from_a_local_file_of_weights(tmp_path, monkeypatch):
    from torch_fidelity import feature_extractor_inceptionv3 as theirs
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import mmd2

    torch.manual_seed(0)
    with monkeypatch.context() as patched:  # an untrained network, as nobody can download the trained one in a test
        patched.setattr(theirs, "load_state_dict_from_url", lambda *a, **k: None)
        patched.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = theirs.FeatureExtractorInceptionV3("inception", ["2048"])
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    extract = InceptionFeatures(str(tmp_path / "inception.pth"))
    first, second = extract(rgb(5)), extract(1 - rgb(5))
    assert first.shape == (5, 2048)
    ours = frechet(first.numpy(), second.numpy())
    statistics = [fid_features_to_statistics(features) for features in (first, second)]
    assert ours == pytest.approx(
        float(fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]), rel=1e-3
    )
    x, y = first.double().numpy(), second.double().numpy()
    grams = [(a @ b.T / 2048 + 1) ** 3 for a, b in ((x, x), (x, y), (y, y))]
    assert kernel_distance(x, y) == pytest.approx(mmd2(*grams), rel=1e-6)
    assert kernel_distance(x, y, paired=True) == pytest.approx(mmd2(*grams, mmd_est="u-statistic"), rel=1e-6)


@pytest.mark.slow
def test_a_file_that_ends_at_mixed_6e_gives_768_features_under_another_name(tmp_path, monkeypatch):
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    torch.manual_seed(0)
    with monkeypatch.context() as patched:
        patched.setattr(theirs, "load_state_dict_from_url", lambda *a, **k: None)
        patched.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = theirs.FeatureExtractorInceptionV3("inception", ["768"])
    state = network.state_dict()
    torch.save({k: v for k, v in state.items() if not k.startswith(("Mixed_7", "fc."))}, tmp_path / "cut.pth")
    extract = InceptionFeatures(str(tmp_path / "cut.pth"))
    found = extract(rgb(3))
    assert extract.name == "inception_768" and found.shape == (3, 768)
    assert torch.allclose(found, network((rgb(3) * 255).round().byte())[0], atol=1e-5)
    torch.save({k: v for k, v in state.items() if not k.startswith(("Mixed_6e", "Mixed_7"))}, tmp_path / "less.pth")
    with pytest.raises(ValueError, match="not Inception's weights"):
        InceptionFeatures(str(tmp_path / "less.pth"))


def test_incoherence_is_color_that_varies_where_the_truth_does_not():
    sea = uniform(250, 20, size=64)
    half = sea.clone()
    half[..., 32:] = uniform(70, 20, size=64)[..., 32:]
    assert coherence.incoherence(half, sea).item() == pytest.approx(20, abs=0.1), "half blue, half orange"
    assert coherence.incoherence(uniform(70, 30, size=64), sea).item() < 1e-4, "wrong, but one color"
    assert max(coherence.incoherence(made, half).item() for made in (sea, half)) < 1e-4
    sunset = sea.clone()
    sunset[:, 1], sunset[:, 2] = torch.linspace(-20, 20, 64), torch.linspace(-30, 30, 64)
    assert coherence.incoherence(sunset, sunset).item() < 1e-4, "a gradient of the truth is no fault"
    grain = sea + 10 * torch.randn(sea.shape, generator=torch.Generator().manual_seed(0))
    assert coherence.incoherence(grain, sea).item() < 8, "nor is grain, mostly"
    chaos = uniform(0, 0, size=24)
    chaos[:, 1:] = 60 * torch.rand(1, 2, 24, 24, generator=torch.Generator().manual_seed(0))
    assert math.isnan(coherence.incoherence(chaos, chaos).item()), "nowhere is one color"
    both = coherence.incoherence(torch.cat((half, sea)), sea)
    assert both.tolist() == pytest.approx([20, 0], abs=0.1)
    pairs = coherence.incoherence(torch.cat((half, sea)), torch.cat((sea, sea)))
    assert pairs.tolist() == pytest.approx(both.tolist(), abs=1e-4)


def _on_one_process(rank: int, folder: str) -> None:
    import torch.distributed as distributed

    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    metrics = (accumulating.CIEDE2000(), accumulating.ChromaRatio(), accumulating.OneHueRate())
    for metric in metrics:
        for number in range(rank, 5, 2):
            metric.update(rgb(6)[number : number + 1] * 0.9, rgb(6)[number + 1 : number + 2])
    torch.save([float(metric.compute()) for metric in metrics], f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_accumulating_metrics_are_the_functional_ones_over_batches_and_processes(tmp_path):
    predicted, truth = rgb(6)[:5] * 0.9, rgb(6)[1:]
    made, right = rgb_to_lab(predicted), rgb_to_lab(truth)
    expected = [
        colors.delta_e(made, right)[0].double().mean().item(),
        colors.chroma_ratio(made, right).median().item(),
        sepia.is_one_hue(sepia.hue_statistics(made)).double().mean().item(),
    ]
    metrics = (accumulating.CIEDE2000(), accumulating.ChromaRatio(), accumulating.OneHueRate())
    for metric, value in zip(metrics, expected, strict=True):
        metric.update(predicted[:2], truth[:2])
        metric.update(predicted[2:], truth[2:])
        assert float(metric.compute()) == pytest.approx(value, rel=1e-6)
        metric.reset()
        with pytest.warns(UserWarning, match="before the ``update``"):
            assert math.isnan(float(metric.compute()))
    tint = accumulating.OneHueRate()
    tint.update(torch.tensor([0.2, 0.6, 0.2]).view(1, 3, 1, 1).expand(1, 3, 8, 8))
    tint.update(rgb(1))
    assert float(tint.compute()) == 0.5
    torch.multiprocessing.start_processes(_on_one_process, (str(tmp_path),), nprocs=2, start_method="forkserver")
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_is_unbiased_and_grows():
    chance = np.random.default_rng(0)
    alike = [kernel_distance(chance.normal(size=(40, 8)), chance.normal(size=(40, 8))) for _ in range(100)]
    assert abs(np.mean(alike)) < 3 * np.std(alike) / 10
    one = chance.normal(size=(40, 8))
    assert kernel_distance(one, one + 1) > 10 * np.std(alike)
    value, (low, high) = with_interval(kernel_distance, one, one + 1)
    assert low < value < high
    for paired in (False, True):
        slowly = with_interval(functools.partial(kernel_distance, paired=paired), one, one + 1)
        assert np.hstack(kernel_distance_with_interval(one, one + 1, paired)) == pytest.approx(np.hstack(slowly))
    # The same photographs twice, with a little noise: only without the pairs of one photograph is the distance nought.
    noisy = one + 0.1 * chance.normal(size=one.shape)
    assert abs(kernel_distance(one, noisy, paired=True)) < abs(kernel_distance(one, noisy))
