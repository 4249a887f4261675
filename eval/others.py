"""Other people's colorizers: their packages, files and services, dressed as functions from grey to color pictures.

Nothing of them is installed with the harness; a package that is missing is named with the line that installs it. Each
is called as its authors' own demo calls it. What answers at another size than it was asked at (services and most
networks) has its a* and b* enlarged and put on the input's L*, as its authors do.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from colorization.model.color import join, lightness, rgb_to_lab, to_tensor

Color = Callable[[Image.Image], Image.Image]

_DDCOLOR = "piddnad/ddcolor_modelscope"
_DDCOLOR_SIZE, _ZHANG_SIZE, _DEOLDIFY_FACTOR = 512, 256, 35  # their demos' own
_TIMEOUT = 300  # seconds for one picture of a service
_HOW_TO_INSTALL = {
    "ddcolor": "git clone https://github.com/piddnad/DDColor; pip install opencv-python-headless timm huggingface_hub; "
    "export PYTHONPATH=$PWD/DDColor",
    "colorizers": "git clone https://github.com/richzhang/colorization; pip install scikit-image ipython; "
    "export PYTHONPATH=$PWD/colorization",
    "deoldify": "git clone https://github.com/jantic/DeOldify; pip install -r DeOldify/requirements.txt; "
    "export PYTHONPATH=$PWD/DeOldify (its weights go to ./models)",
    "gradio_client": "pip install gradio_client",
    "onnxruntime": "pip install onnxruntime",
    "huggingface_hub": "pip install huggingface_hub",
}
OTHERS = {
    "ddcolor[:HUB_ID]": f"DDColor (Kang et al. 2023), {_DDCOLOR} unless another is named",
    "zhang:eccv16, zhang:siggraph17": "Zhang et al. 2016 and 2017",
    "deoldify:artistic, deoldify:stable": "DeOldify",
    "onnx:FILE": "an ONNX file: of scripts/export_onnx.py, L* to ab, or grey RGB to ab",
    "space:ORG/NAME[#/API]": "a Gradio Space, through gradio_client",
    "http://..., https://...": "a service that is sent a PNG and answers with a picture",
}


def make_other(spec: str, device: str = "auto") -> tuple[Color, str | None] | None:
    """A function from grey to color picture and the hash of its file, if any; None for a spec of another kind.

    Raises:
        ValueError: with a sentence, if it is of a kind listed in ``OTHERS`` and cannot be had.
    """
    kind, _, what = spec.partition(":")
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    match kind:
        case "ddcolor":
            return _ddcolor(what or _DDCOLOR, device), None
        case "zhang":
            return _zhang(spec, what, device), None
        case "deoldify":
            return _deoldify(spec, what, device), None
        case "onnx":
            return _onnx(Path(what))
        case "space":
            return _space(*what.partition("#")[::2]), None
        case "http" | "https":
            return _service(spec), None
    return None


def as_picture(result: Any) -> Image.Image:
    """A Pillow picture of what libraries return: a picture, an array or tensor, a list of one, or an ``.images`` of it.

    Arrays are [H, W, 3] or [3, H, W], uint8, or floating point in [0, 1].

    Raises:
        ValueError: if it is none of these.
    """
    result = getattr(result, "images", result)
    if isinstance(result, (list, tuple)) and len(result) == 1:
        result = result[0]
    if isinstance(result, torch.Tensor):
        result = result.detach().cpu().numpy()
    if isinstance(result, np.ndarray):
        array = result[0] if result.ndim == 4 and len(result) == 1 else result
        if array.ndim == 3 and array.shape[-1] != 3 and array.shape[0] == 3:
            array = array.transpose(1, 2, 0)
        if array.ndim != 3 or array.shape[-1] != 3:
            raise ValueError(f"returned an array {tuple(result.shape)}, not a picture")
        if array.dtype != np.uint8:
            array = (np.clip(array, 0, 1) * 255).round().astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(array))
    if not isinstance(result, Image.Image):
        raise ValueError(f"returned {type(result).__name__}, not a picture")
    return result


def put_on(grey: Image.Image, ab: torch.Tensor) -> Image.Image:
    """Colors [1, 2, h, w] in CIE units, enlarged bicubically, on the L* of a grey picture."""
    plane = lightness(torch.from_numpy(np.array(grey)))
    full = F.interpolate(ab.float().cpu(), size=plane.shape, mode="bicubic", align_corners=False)[0]
    return Image.fromarray(join(plane, full).numpy())


def _of_size(grey: Image.Image, picture: Image.Image) -> Image.Image:
    """A result as it is where it has the input's size; else its colors on the input."""
    picture = picture.convert("RGB")
    if picture.size == grey.size:
        return picture
    return put_on(grey, rgb_to_lab(to_tensor(picture))[:, 1:])


def _need(name: str, spec: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        line = _HOW_TO_INSTALL[name.partition(".")[0]]
        raise ValueError(
            f"{spec}: this needs {name}, which cannot be imported ({error}). Install it: {line}"
        ) from error


def _ddcolor(hub_id: str, device: str) -> Color:
    package: Any = _need("ddcolor", "ddcolor")
    hub: Any = _need("huggingface_hub", "ddcolor")

    class FromHub(package.DDColor, hub.PyTorchModelHubMixin):
        def __init__(self, config: dict) -> None:
            super().__init__(**config)

    try:
        model = FromHub.from_pretrained(hub_id)
    except Exception as error:  # the Hub raises many kinds
        raise ValueError(f"ddcolor:{hub_id}: no weights could be loaded from there ({error}).") from error
    pipeline = package.ColorizationPipeline(model, input_size=_DDCOLOR_SIZE, device=torch.device(device))

    def color(grey: Image.Image) -> Image.Image:
        made = pipeline.process(np.ascontiguousarray(np.array(grey)[..., ::-1]))  # BGR, as OpenCV has it
        return _of_size(grey, as_picture(made[..., ::-1]))

    return color


def _zhang(spec: str, name: str, device: str) -> Color:
    if name not in ("eccv16", "siggraph17"):
        raise ValueError(f"{spec}: known are zhang:eccv16 and zhang:siggraph17.")
    package = _need("colorizers", spec)
    model = getattr(package, name)(pretrained=True).eval().to(device)

    @torch.inference_mode()
    def color(grey: Image.Image) -> Image.Image:
        whole, small = package.preprocess_img(np.array(grey), HW=(_ZHANG_SIZE, _ZHANG_SIZE))
        return as_picture(package.postprocess_tens(whole, model(small.to(device)).cpu()))

    return color


def _deoldify(spec: str, name: str, device: str) -> Color:
    if name not in ("artistic", "stable"):
        raise ValueError(f"{spec}: known are deoldify:artistic and deoldify:stable.")
    if device.startswith("cuda"):  # before anything else of it is imported; it starts on the CPU
        _need("deoldify", spec).device.set(device=_need("deoldify.device_id", spec).DeviceId.GPU0)
    made = _need("deoldify.visualize", spec).get_image_colorizer(artistic=name == "artistic")
    return lambda grey: _of_size(grey, made.filter.filter(grey, grey, render_factor=_DEOLDIFY_FACTOR))


def _onnx(path: Path) -> tuple[Color, str]:
    if not path.is_file():
        raise ValueError(f"onnx:{path}: there is no such file.")
    runtime = _need("onnxruntime", f"onnx:{path}")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {each.name: each for each in session.get_inputs()}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if "working_size" in session.get_modelmeta().custom_metadata_map:  # what scripts/export_onnx.py writes
        from colorization.color_with_onnx import OnnxColorizer

        return OnnxColorizer(path), digest
    shape = next(iter(inputs.values())).shape
    if len(inputs) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
        shapes = {name: each.shape for name, each in inputs.items()}
        raise ValueError(f"onnx:{path}: its inputs {shapes} are neither L* [1, 1, h, w] nor grey RGB [1, 3, h, w].")
    name, channels = next(iter(inputs)), shape[1]
    usual = _ZHANG_SIZE if channels == 1 else _DDCOLOR_SIZE
    height, width = (side if isinstance(side, int) else usual for side in shape[2:])

    def to_ab(grey: Image.Image) -> Image.Image:
        small = np.array(grey.resize((width, height), Image.Resampling.BICUBIC))
        if channels == 1:
            given = lightness(torch.from_numpy(small)).numpy()[None, None]
        else:
            given = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
        return put_on(grey, torch.from_numpy(session.run(None, {name: given})[0]))

    return to_ab, digest


def _space(hub_id: str, api: str) -> Color:
    package = _need("gradio_client", f"space:{hub_id}")
    try:
        client = package.Client(hub_id, verbose=False)
    except Exception as error:  # many kinds
        raise ValueError(f"space:{hub_id}: the Space cannot be reached ({error}).") from error

    def color(grey: Image.Image) -> Image.Image:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "grey.png"
            grey.save(path)
            answer = client.predict(package.handle_file(str(path)), api_name=api or None)
            found = _pictures_in(answer)
            if not found:
                raise ValueError(f"the Space answered {str(answer)[:200]!r}, in which there is no picture")
            # Spaces that show a slider answer with before and after.
            return _of_size(grey, Image.open(found[-1]))

    return color


def _pictures_in(answer: Any) -> list[Path]:
    if isinstance(answer, dict):
        answer = [answer[key] for key in ("path", "image", "value") if answer.get(key)]
    if isinstance(answer, (list, tuple)):
        return [path for part in answer for path in _pictures_in(part)]
    if isinstance(answer, str) and Path(answer).suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
        return [Path(answer)]
    return []


def _service(address: str) -> Color:
    def color(grey: Image.Image) -> Image.Image:
        body = io.BytesIO()
        grey.save(body, "PNG")
        request = urllib.request.Request(address, body.getvalue(), {"Content-Type": "image/png", "Accept": "image/*"})
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                return _of_size(grey, Image.open(io.BytesIO(answer.read())))
        except (urllib.error.URLError, OSError) as error:
            raise ValueError(f"{address} did not answer with a picture ({error})") from error

    return color
