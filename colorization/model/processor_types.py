"""What goes into a call of the image processor beside pictures, and what comes out of it."""

# Annotations here are evaluated: transformers checks arguments by them, and passes over those that are only text.
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_utils import ChannelDimension
from transformers.utils import TensorType


class ColorizationImagesKwargs(TypedDict, total=False):
    """Arguments of a call of [`ColorizationImageProcessor`]; those of ``ImagesKwargs`` that mean something here.

    Args:
        working_size: instead of the processor's.
        size_multiple: instead of the processor's.
        do_rescale: True where arrays of floating point are from 0 to 255; by default they are from 0 to 1.
        rescale_factor: of ``do_rescale``, 1/255.
        input_data_format: "channels_first" or "channels_last" of arrays; by default told by the shape.
        return_tensors: "pt" (the default) or "np" for one batch; None for a list, in which sizes may differ.
        device: where ``pixel_values`` go.
    """

    working_size: int | None
    size_multiple: int | None
    do_rescale: bool | None
    rescale_factor: float | int | None
    input_data_format: str | ChannelDimension | None
    return_tensors: str | TensorType | None
    device: str | torch.device | None


class ColorizationFeatures(BatchFeature):
    """``pixel_values``, and beside them, not among the arguments of the model, the pictures they were made of."""

    originals: Sequence[Image.Image | np.ndarray] = ()

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "originals": self.originals}

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self.originals = state.get("originals", ())
