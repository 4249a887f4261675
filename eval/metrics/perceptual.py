"""Perceptual distance, through torchmetrics."""

from __future__ import annotations

import torch
from torch import nn

_AFTER_768 = ("Mixed_7", "fc.")


class Lpips:
    """LPIPS (Zhang et al. 2018, arXiv:1801.03924), one value a picture; lower is better.

    The backbone's weights are torchvision's, downloaded once, or found below ``TORCH_HOME``.

    Args:
        net: "squeeze", "alex" or "vgg"; values of different backbones cannot be compared.
    """

    def __init__(self, net: str = "squeeze") -> None:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        # The public metric only gives the mean over all pictures; the network inside gives each.
        self.network = LearnedPerceptualImagePatchSimilarity(net_type=net).net.eval()  # type: ignore[arg-type]
        self.network.to(memory_format=torch.channels_last)

    def __call__(self, predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Compare [B, 3, H, W] in [0, 1] with as many truths, or with one [1, 3, H, W] for all: [B]."""
        return self.compare(predicted, self.look(truth))

    @torch.inference_mode()
    def look(self, rgb: torch.Tensor) -> list[torch.Tensor]:
        """Features of [B, 3, H, W] in [0, 1], one tensor a layer, each of length 1 at each place."""
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        layers = self.network.net(self.network.scaling_layer(rgb * 2 - 1))
        return [layer / (1e-8 + layer.square().sum(dim=1, keepdim=True)).sqrt() for layer in layers]

    @torch.inference_mode()
    def compare(self, predicted: torch.Tensor, truth: list[torch.Tensor]) -> torch.Tensor:
        """The distance of [B, 3, H, W] in [0, 1] from what :meth:`look` said of as many truths, or of one: [B]."""
        total = torch.zeros(len(predicted), device=predicted.device)
        for ours, theirs, weigh in zip(self.look(predicted), truth, self.network.lins, strict=True):
            total += weigh((ours - theirs).square_()).mean(dim=(1, 2, 3))
        return total


class SqueezeFeatures(nn.Module):
    """SqueezeNet 1.1's last feature map, averaged over the picture: [B, 3, H, W] in [0, 1] to [B, 512].

    Each vector is scaled to the length √512, so that no picture outweighs others by its contrast alone.

    For distances between sets of pictures where Inception's weights cannot be had. The same weights as LPIPS-squeeze.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

        from colorization.model.configuration_colorization import IMAGENET_MEAN, IMAGENET_STD

        self.features = squeezenet1_1(weights=SqueezeNet1_1_Weights.IMAGENET1K_V1).features.eval()
        self.features.to(memory_format=torch.channels_last)  # on a CPU in a third of the time
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    @torch.inference_mode()
    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        # One size for all, as Inception's preprocessing has: features of sets of other sizes stay comparable.
        rgb = nn.functional.interpolate(rgb, (224, 224), mode="bilinear", antialias=True, align_corners=False)
        found = self.features((rgb - self.mean) / self.std).mean(dim=(2, 3))
        return nn.functional.normalize(found, dim=1) * found.shape[1] ** 0.5


class InceptionFeatures:
    """The 2048 features that FID is defined on (torch-fidelity's port of the TensorFlow network), or the 768 before.

    Args:
        weights: torch-fidelity's file of weights, or None to download it. It is unpickled: use only one you trust. Of a
            file without the layers after Mixed_6e the 768 features there are taken.
        device: where it runs.

    Attributes:
        name: "inception", or "inception_768": the two cannot be compared.

    Raises:
        Exception: of many kinds, where it cannot be downloaded or torch-fidelity is not installed.
    """

    def __init__(self, weights: str | None = None, device: str = "cpu") -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        class UpTo(FeatureExtractorInceptionV3):
            """Whatever the file has, if nothing before the features asked for is missing."""

            def load_state_dict(self, state: dict, strict: bool = True, assign: bool = False) -> tuple:
                found = super().load_state_dict(state, strict=False, assign=assign)
                missing = [key for key in found.missing_keys if not key.startswith(_AFTER_768)]
                if missing or found.unexpected_keys or (found.missing_keys and self.features_list != ["768"]):
                    raise ValueError(
                        f"{weights}: these are not Inception's weights ({[*missing, *found.unexpected_keys][:2]})."
                    )
                return found

        cut = False
        if weights is not None:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            cut = not any(key.startswith(_AFTER_768[0]) for key in state)
        self.name = "inception_768" if cut else "inception"
        self.network = UpTo("inception", ["768" if cut else "2048"], weights).to(device)

    @torch.inference_mode()
    def __call__(self, rgb: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] in [0, 1] to [B, 2048] or [B, 768]."""
        return self.network((rgb * 255).round().byte())[0]
