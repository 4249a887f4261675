"""Write a model as one ONNX file that colours whole photographs: no PyTorch and no transformers are needed to run it.

    pip install onnx onnxscript onnxruntime
    python scripts/export_onnx.py --output model.onnx [--model ID_OR_PATH] [--precision fp32|fp16]
    python scripts/export_onnx.py --output model.onnx --precision int8 --calibration PICTURES
    python scripts/color_with_onnx.py model.onnx photo.jpg coloured.png     # onnxruntime and Pillow alone

The graph holds everything: sRGB to L*, the network, the enlarging of ab, the gamut and sRGB again.
Inputs: ``photo`` uint8 [H, W, 3], and ``small`` uint8 [h, w, 3], the same picture reduced (h and w multiples of the
metadata's size_multiple, about working_size squared pixels). Outputs: ``coloured`` uint8 [H, W, 3], and ``ab``
[1, 2, h/4, w/4] in CIE units. H, W, h and w are free.

fp16 stores the weights in 16 bits and computes in 32; int8 computes the convolutions in 8 bits, with ranges found on up
to 32 pictures of a folder. At the end the file is run beside PyTorch on drawn pictures of several shapes; differences,
size and time are printed. Exit status: 0 written and equal (CIEDE2000 at most 0.5 on average), 1 not.
"""

from __future__ import annotations

import argparse
import logging
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from eval.metrics.colors import ciede2000

from ..drawing import draw_landscape
from ..files import FORMATS, replace_file
from ..model.color import in_gamut, lab_to_rgb, rgb_to_lab
from ..model.image_processing_colorization import normalize_lightness
from ..model.images import read_photo
from ..model.pipeline_colorization import ColorizationPipeline, load_pipeline

OPSET = 20
BOUND = 0.5
"""Mean CIEDE2000 between PyTorch and the file that is still called equal."""
_CALIBRATION = 32  # pictures
_GAMUT_STEPS = 8  # halvings: chroma within 1/256 of the edge of the gamut
_SHAPES = ((320, 480), (480, 320), (333, 517), (64, 200), (900, 900))
logger = logging.getLogger("export_onnx")


class Photograph(nn.Module):
    """The way of a photograph through the project as one graph."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, small: torch.Tensor, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``small`` uint8 [h, w, 3] and ``photo`` uint8 [H, W, 3] to ``ab`` and ``coloured``, see the module."""
        lightness = rgb_to_lab(small.permute(2, 0, 1)[None].float() / 255)[:, :1]
        ab = self.model(normalize_lightness(lightness)).ab
        plane = rgb_to_lab(photo.permute(2, 0, 1)[None].float() / 255)[:, :1]
        full = F.interpolate(ab, size=plane.shape[-2:], mode="bicubic", align_corners=False)
        # color.fit_gamut without its way out for pictures that fit: a graph has no choice.
        inside = in_gamut(torch.cat((plane, full), dim=1), tolerance=0.0)[:, None].float()
        low, high = inside, torch.ones_like(inside)
        for _ in range(_GAMUT_STEPS):
            middle = (low + high) / 2
            fits = in_gamut(torch.cat((plane, full * middle), dim=1), tolerance=0.0)[:, None]
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        rgb = lab_to_rgb(torch.cat((plane, full * low), dim=1))
        return ab, (rgb * 255 + 0.5).to(torch.uint8)[0].permute(1, 2, 0)


def export(pipe: ColorizationPipeline, output: Path, precision: str, calibration: list[Path]) -> None:
    """Write the file, whole or not at all, with working_size and size_multiple in its metadata."""
    import onnx

    processor = pipe.image_processor
    multiple = processor.size_multiple
    small = torch.zeros(8 * multiple, 11 * multiple, 3, dtype=torch.uint8)
    photo = torch.zeros(237, 321, 3, dtype=torch.uint8)
    rows, columns = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    height, width = torch.export.Dim("H", min=2, max=65535), torch.export.Dim("W", min=2, max=65535)
    program = torch.onnx.export(
        Photograph(pipe.model).eval(),
        (small, photo),
        input_names=["small", "photo"],
        output_names=["ab", "coloured"],
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
        dynamic_shapes={
            "small": {0: multiple * rows, 1: multiple * columns},
            "photo": {0: height, 1: width},
        },
    )
    if program is None:
        raise RuntimeError("torch.onnx gave no program.")
    graph = program.model_proto
    if precision == "fp16":
        _store_in_half(graph)
    facts = {"working_size": processor.working_size, "size_multiple": multiple}
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in facts.items()})
    onnx.checker.check_model(graph)
    with replace_file(output) as fresh:
        onnx.save_model(graph, fresh)
        if precision == "int8":
            _quantize(fresh, pipe, calibration)


def _store_in_half(graph) -> None:
    """Keep large weights as float16, with a cast behind each; ONNX Runtime undoes it once, when it loads."""
    import onnx
    from onnx import numpy_helper

    casts = []
    for weight in graph.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and np.prod(weight.dims) > 1000:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _quantize(path: Path, pipe: ColorizationPipeline, pictures: list[Path]) -> None:
    """Convolutions in 8 bits, in place; each weight channel has its own scale, activations have the range seen."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.inputs = (_inputs(pipe, Image.fromarray(read_photo(picture).rgb).convert("L")) for picture in pictures)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.inputs, None)

    quantize_static(
        path,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _inputs(pipe: ColorizationPipeline, grey: Image.Image) -> dict[str, np.ndarray]:
    """A picture of mode L as the graph wants it, reduced as the processor reduces it."""
    rows, columns = pipe.image_processor.working_shape(grey.height, grey.width)
    small = grey.resize((columns, rows), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return {"small": np.array(small.convert("RGB")), "photo": np.array(grey.convert("RGB"))}


def compare(pipe: ColorizationPipeline, output: Path) -> float:
    """Print, shape by shape, what the file computes against PyTorch, and the time of both.

    Returns:
        The largest mean CIEDE2000 of the pictures.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(output, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    print(f"{'picture':>11}  {'|ab| most':>9}  {'CIEDE2000 mean':>14}  {'most':>5}  {'PyTorch':>8}  {'ONNX':>8}")
    for height, width in _SHAPES:
        grey = draw_landscape(width, height)
        given = _inputs(pipe, grey)
        ours, ours_ms = _timed(lambda grey=grey: pipe(grey))
        (ab, coloured), theirs_ms = _timed(lambda given=given: session.run(["ab", "coloured"], given))
        with torch.inference_mode():
            expected = pipe.model(pipe.image_processor(grey)["pixel_values"]).ab
        pair = [torch.from_numpy(np.array(p)).permute(2, 0, 1).float() / 255 for p in (ours, coloured)]
        difference = ciede2000(*(rgb_to_lab(picture) for picture in pair))
        worst = max(worst, difference.mean().item())
        print(
            f"{width:>5}×{height:<5}  {np.abs(ab - expected.numpy()).max():>9.5f}  {difference.mean():>14.4f}  "
            f"{difference.max():>5.2f}  {ours_ms:>5.0f} ms  {theirs_ms:>5.0f} ms"
        )
    return worst


def _timed(function, times: int = 3):
    """The result and the median time in ms, after a first run."""
    result, spent = function(), []
    for _ in range(times):
        start = time.perf_counter()
        function()
        spent.append(1000 * (time.perf_counter() - start))
    return result, sorted(spent)[times // 2]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--model", metavar="ID_OR_PATH", help="folder or Hub id (default: the embedded model)")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), default="fp32", help="default: %(default)s")
    parser.add_argument("--calibration", type=Path, metavar="PICTURES", help="folder of landscapes, for int8")
    args = parser.parse_args(arguments)
    if (args.precision == "int8") != bool(args.calibration):
        parser.error("int8 and --calibration belong together")
    pictures = []
    if args.calibration:
        found = sorted(path for path in args.calibration.rglob("*") if path.suffix.lower() in FORMATS)
        pictures = found[:: max(1, len(found) // _CALIBRATION)][:_CALIBRATION]
        if not pictures:
            parser.error(f"{args.calibration}: there are no pictures in this folder.")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        logger.error("%s: not installed; run `pip install %s`.", ", ".join(missing), " ".join(missing))
        return 1
    if not args.output.parent.is_dir():
        parser.error(f"{args.output.parent} is not a folder.")
    try:
        pipe = load_pipeline(args.model, "cpu")
    except (OSError, ValueError) as error:
        logger.error("The model cannot be loaded: %s", error)
        return 1
    pipe.model.to(memory_format=torch.contiguous_format)
    export(pipe, args.output, args.precision, pictures)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB, {args.precision}, opset {OPSET}")
    worst = compare(pipe, args.output)
    if worst > BOUND:
        logger.error("%s: CIEDE2000 of %.2f against PyTorch, more than %s.", args.output, worst, BOUND)
        return 1
    return 0
