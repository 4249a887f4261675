"""Arrays and tensors of pictures, in whatever layout and range programs keep them, as Pillow pictures."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_OVERSHOOT = 0.5  # of a resampled or sharpened picture in [0, 1]; beyond, the values mean something else
_LAYOUTS = "[H, W], [H, W, C] or [C, H, W] with C of 1, 3 (RGB) or 4 (RGBA)"


def is_array(picture: object) -> bool:
    """Whether this is a NumPy array or a PyTorch tensor."""
    return isinstance(picture, np.ndarray | torch.Tensor)


def to_pillow(
    picture: np.ndarray | torch.Tensor,
    input_data_format: str | None = None,
    do_rescale: bool | None = None,
    rescale_factor: float | None = None,
) -> Image.Image:
    """Turn an array or a tensor into a Pillow picture of mode L, RGB or RGBA.

    Args:
        picture: [H, W], [H, W, C] or [C, H, W], C of 1, 3 or 4. uint8 from 0 to 255, uint16 to 65535, bool, or other
            integers from 0 to 255; floating point from 0 to 1.
        input_data_format: "channels_first" or "channels_last"; by default told by the shape, and where both would fit
            a tensor is taken to have its channels first and an array last.
        do_rescale: True where floating point is from 0 to 255, and to multiply by ``rescale_factor``; by default
            integers are divided by their largest value and floating point is taken as it is.
        rescale_factor: of ``do_rescale``, 1/255.

    Raises:
        ValueError: if shape, type or range is none of these.
    """
    if isinstance(picture, torch.Tensor):
        tensor = picture.detach().cpu()
        array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    else:
        array = picture
    array = _channels_last(array, input_data_format, prefer_first=isinstance(picture, torch.Tensor))
    array = _to_8_bits(array, do_rescale, rescale_factor)
    array = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return Image.fromarray(np.ascontiguousarray(array))


def _channels_last(array: np.ndarray, input_data_format: str | None, prefer_first: bool) -> np.ndarray:
    layout = None if input_data_format is None else str(getattr(input_data_format, "value", input_data_format))
    if layout not in (None, "none", "channels_first", "channels_last"):
        raise ValueError(f"input_data_format is 'channels_first' or 'channels_last', not {layout!r}.")
    if array.ndim == 2 and array.size:
        return array
    if array.ndim != 3 or not array.size:
        raise ValueError(f"A picture is an array {_LAYOUTS}, not {list(array.shape)}; pass a batch as a list.")
    fits = {"channels_first": array.shape[0] in _MODES, "channels_last": array.shape[2] in _MODES}
    if layout in (None, "none"):
        order = ("channels_first", "channels_last") if prefer_first else ("channels_last", "channels_first")
        layout = next((each for each in order if fits[each]), "channels_last")
    if not fits[layout]:
        raise ValueError(f"A picture is an array {_LAYOUTS}, not {list(array.shape)}.")
    return array.transpose(1, 2, 0) if layout == "channels_first" else array


def _to_8_bits(array: np.ndarray, do_rescale: bool | None, rescale_factor: float | None) -> np.ndarray:
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8) * 255
    if kind not in "uif":
        raise ValueError(f"A picture is an array of numbers, not of {array.dtype}.")
    if do_rescale is False and kind != "f":
        raise ValueError(f"do_rescale=False is for floating point from 0 to 1; these values are {array.dtype}.")
    if array.dtype == np.uint8 and rescale_factor in (None, 1 / 255):
        return array
    if not np.isfinite(array).all():
        raise ValueError("The array has values that are no finite numbers.")
    if do_rescale or (rescale_factor is not None and kind != "f"):
        share = array.astype(np.float64) * (1 / 255 if rescale_factor is None else rescale_factor)
    elif array.dtype == np.uint16:
        share = array.astype(np.float64) / 65_535
    elif kind == "f":
        share = array.astype(np.float64)
    else:
        share = array.astype(np.float64) / 255
    low, high = float(share.min()), float(share.max())
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        raise ValueError(
            f"The values go from {float(array.min()):g} to {float(array.max()):g}: floating point is from 0 to 1 (or "
            "0 to 255 with do_rescale=True), integers from 0 to 255, uint16 to 65535."
        )
    return (share.clip(0, 1) * 255 + 0.5).astype(np.uint8)
