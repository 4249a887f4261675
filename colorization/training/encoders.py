"""Pretrained encoders: which architectures have one, and how it is loaded."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, ResNet18_Weights
from transformers import Dinov2Model
from transformers.utils import logging

from ..model.modeling_colorization import ColorizationModel

logger = logging.get_logger(__name__)

IMAGENET_ENCODERS = {
    "resnet-unet": ResNet18_Weights,
    "mobilenet-unet": MobileNet_V2_Weights,
    "dinov2": ResNet18_Weights,
}
"""Architectures whose encoder can start from ImageNet, and torchvision's weights of it."""


def load_encoder(model: ColorizationModel, weights: str | Path | None = "imagenet") -> None:
    """Start the encoder from weights trained on ImageNet, and log what was loaded and what was not.

    Args:
        model: its encoder is changed in place.
        weights: ``"imagenet"`` for torchvision's ResNet-18 or MobileNetV2 (downloaded once), a safetensors or PyTorch
            file with torchvision's names, or None to leave the encoder as it is.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file has no tensor that fits the encoder.
    """
    if weights is None:
        logger.warning("Encoder: random weights, as asked.")
        return
    if model.config.architecture not in IMAGENET_ENCODERS:
        raise ValueError(f"{model.config.architecture} has no encoder of ImageNet; train it with --encoder none.")
    encoder = encoder_of(model)
    if weights == "imagenet":
        known = IMAGENET_ENCODERS[model.config.architecture]
        state = known.IMAGENET1K_V1.get_state_dict(progress=True)
        origin = f"torchvision's {known.__name__}.IMAGENET1K_V1"
    else:
        state, origin = _read_state(Path(weights)), str(weights)
    own = encoder.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    if not fitting:
        raise ValueError(f"{origin}: no tensor in it has the name and shape of one in this model's encoder.")
    missing = encoder.load_state_dict(fitting, strict=False).missing_keys
    # Batch counters are bookkeeping; older files lack them.
    missing = sorted(name for name in missing if not name.endswith("num_batches_tracked"))
    unused = sorted({name.split(".")[0] for name in state.keys() - fitting.keys()})
    logger.warning(
        f"Encoder from {origin}: {len(fitting)} tensors loaded; "
        f"missing in the file: {', '.join(missing) or 'none'}; not used: {', '.join(unused) or 'none'}; "
        "the context stage and the decoder start at random."
    )


def encoder_of(model: ColorizationModel) -> nn.Module:
    """Return the convolutional part of a model that ImageNet weights fit."""
    return model.network.detail if model.config.architecture == "dinov2" else model.network.encoder


def load_backbone(model: ColorizationModel, source: str | Path = "facebook/dinov2-small") -> None:
    """Start the frozen backbone from DINOv2; of more blocks than the model has, the first.

    Args:
        model: of the architecture "dinov2"; its backbone is changed in place.
        source: an id on the Hub, or a folder.

    Raises:
        OSError: if the source cannot be read.
        ValueError: if it is a backbone of another width.
    """
    own = model.network.backbone
    loaded = Dinov2Model.from_pretrained(source, dtype=torch.float32)
    state, wanted = loaded.state_dict(), own.state_dict()
    if missing := sorted(
        name for name, value in wanted.items() if name not in state or state[name].shape != value.shape
    ):
        raise ValueError(f"{source}: not the backbone of this model; {missing[0]} is missing or of another shape.")
    own.load_state_dict({name: state[name] for name in wanted})
    count, blocks = own.config.num_hidden_layers, loaded.config.num_hidden_layers
    logger.warning(f"Backbone from {source}: the first {count} of its {blocks} blocks; they are not trained.")


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"Encoder weights: there is no file {path}.")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)
