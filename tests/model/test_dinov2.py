"""The network that sees the whole picture through a frozen DINOv2, and colors any part of it."""

from __future__ import annotations

import pytest
import torch

from colorization.model.ab_bins import ab_centers
from colorization.model.configuration_colorization import ColorizationConfig
from colorization.model.dinov2_network import cells_of
from colorization.model.modeling_colorization import ColorizationModel

BACKBONE = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 56, "mlp_ratio": 2}
SMALL = {
    "architecture": "dinov2",
    "head": "both",
    "guided": True,
    "backbone": BACKBONE,
    "taps": (1, 3),
    "attention_width": 16,
    "attention_heads": 2,
    "encoder_widths": (8, 8, 8),
    "decoder_widths": (8, 8),
}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = ColorizationModel(ColorizationConfig(**SMALL)).eval()
    for parameter in model.network.guidance.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(model.network.head.weight)
    return model


def picture(height=64, width=96, count=1):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(height * width))


@torch.inference_mode()
def test_answers_at_stride_four_in_cie_units(model):
    output = model(picture(64, 96, 2))
    assert output.ab.shape == (2, 2, 16, 24)
    assert output.logits.shape == (2, len(ab_centers()), 16, 24)
    assert output.coarse.shape == (2, 2, 4, 6)
    assert output.log_chroma.shape == output.log_chroma_variance.shape == (2,)


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(16, 16), (4, 260), (37, 53), (70, 64)])
def test_takes_any_size(model, height, width):
    output = model(picture(height, width))
    assert torch.isfinite(output.ab).all()
    assert output.ab.shape[-2:] == (-(-height // 4), -(-width // 4))


@torch.inference_mode()
def test_color_without_the_classifier_is_the_same(model):
    """Only where the classifier has no share in it is it left out."""
    x = picture()
    for share in (0.0, 0.5):
        model.config.classification_share, before = share, model.config.classification_share
        whole, color = model(x), model(x, classify=False)
        model.config.classification_share = before
        assert torch.equal(whole.ab, color.ab)
        assert whole.logits is not None and (color.logits is None) == (share == 0)


@torch.inference_mode()
def test_kept_features_answer_as_the_picture_does(model):
    x = picture()
    features = model.network.see(x)
    assert features.shape == (1, 1 + 4 * 6, 48)
    again = model.network(x, features=features, window=(*cells_of(64, 96), 0, 0))
    torch.testing.assert_close(again.color, model.network(x).color)


@torch.inference_mode()
def test_a_window_sees_the_whole_picture(model):
    """Away from its edges, where convolutions see zeros, a window is colored exactly as it is in the whole."""
    x, hints = picture(320, 320), torch.zeros(1, 3, 80, 80)
    hints[:, :, 38, 42] = torch.tensor([20.0, -10.0, 1.0])
    features = model.network.see(x)
    whole = model.network(x, hints=hints, features=features, window=(20, 20, 0, 0)).color
    part = model.network(x[..., 64:288, 32:256], hints=hints, features=features, window=(20, 20, 4, 2)).color
    middle = part[..., 24:32, 24:32]
    torch.testing.assert_close(middle, whole[..., 40:48, 32:40], atol=1e-4, rtol=1e-3)
    elsewhere = model.network(x[..., 64:288, 32:256], hints=hints, features=features, window=(20, 20, 3, 2)).color
    assert (elsewhere[..., 24:32, 24:32] - middle).abs().max() > 1e-2


@torch.inference_mode()
def test_nothing_given_is_nothing_added(model):
    x = picture()
    plain = model(x).ab
    none = model(x, hints=torch.zeros(1, 3, 16, 24), palette=torch.zeros(1, len(ab_centers()))).ab
    torch.testing.assert_close(plain, none)
    palette = torch.zeros(1, len(ab_centers()))
    palette[0, 3] = 1
    assert (model(x, palette=palette).ab - plain).abs().max() > 1e-4


@torch.inference_mode()
def test_variety_moves_places_away_from_the_tint_and_leaves_the_tint(model):
    plain = model(picture()).ab
    model.config.variety = 1.5
    varied = model(picture()).ab
    model.config.variety = 1.0
    torch.testing.assert_close(varied.mean((2, 3)), plain.mean((2, 3)), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(varied.std((2, 3)), 1.5 * plain.std((2, 3)), atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_comes_back_the_same_from_a_file(model, tmp_path):
    model.save_pretrained(tmp_path)
    again = ColorizationModel.from_pretrained(tmp_path).eval()
    kept = again.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    # To rounding: convolutions choose their order of sums by where weights lie in memory.
    torch.testing.assert_close(again(picture()).ab, model(picture()).ab, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"taps": (4,)}, "taps name blocks of the backbone, 0 to 3"),
        ({"decoder_widths": (8, 8, 8)}, "two decoder_widths"),
        ({"guided": False}, "guided"),
        ({"attention_heads": 3}, "multiple of attention_heads"),
    ],
)
def test_a_configuration_without_a_network_is_refused(change, sentence):
    with pytest.raises(Exception, match=sentence):
        ColorizationConfig(**{**SMALL, **change})
