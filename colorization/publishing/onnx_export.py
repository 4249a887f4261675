"""Write a model as a folder that colors whole photographs with ONNX Runtime: no PyTorch and no transformers.

    pip install "landscape-colorizer[onnx]"
    python scripts/export_onnx.py --output colorizer_onnx [--model ID_OR_PATH] [--precision fp32|fp16]
    python -m colorizer_onnx.color_with_onnx photo.jpg colored.png     # onnxruntime and Pillow alone

The folder holds ``model.onnx``, and the files of the project that do the rest in NumPy; the pipeline goes through the
same ones. The graph takes ``lightness``, L* [1, 1, h, w] in [0, 100], and gives ``ab`` [1, 2, h/4, w/4] in CIE units; h
and w are free multiples of the metadata's size_multiple, about working_size squared pixels.

fp16 stores the weights in 16 bits and computes in 32. At the end the folder is run beside PyTorch on drawn pictures,
printed, aged, tiny and large ones among them; differences and the time of both are printed. Exit status: 0 written and
equal (CIEDE2000 at most 0.5 on average), 1 not.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from eval.inputs import make_input
from eval.metrics.colors import ciede2000

from ..drawing import SCENES, draw_landscape
from ..files import replace_file
from ..model.color import rgb_to_lab, to_tensor
from ..model.image_processing_colorization import normalize_lightness
from ..model.pipeline_colorization import ColorizationPipeline, load_pipeline

OPSET = 20
BOUND = 0.5
"""Mean CIEDE2000 between PyTorch and the folder that is still called equal."""
_RUNTIME = (
    "color_with_onnx",
    *(f"model/{name}" for name in ("painting", "seeing", "scan_pages", "scan_borders", "halftone", "srgb")),
)
_MOST_COMPARED = 1e6  # pixels
_PICTURES = {
    "fresh": (480, 320, None),
    "upright": (333, 517, None),
    "strip": (200, 64, None),
    "tiny": (20, 17, None),
    "printed": (420, 300, "halftone"),
    "aged": (420, 300, "film"),
    "plate": (420, 300, "plate"),
    "page": (620, 300, "page"),
    "1 MP": (1225, 816, None),
    "12 MP": (4242, 2828, None),
    "24 MP": (6000, 4000, None),
}
"""Name to width, height and what is the matter with the picture."""
logger = logging.getLogger("export_onnx")


class LightnessToColor(nn.Module):
    """The model from L* on."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        """Take L* [1, 1, h, w] to ab [1, 2, h/4, w/4]."""
        return self.model(normalize_lightness(lightness)).ab


def export(pipe: ColorizationPipeline, folder: Path, precision: str) -> None:
    """Write the folder, each file whole or not at all, with working_size and size_multiple in the model's metadata."""
    import onnx

    processor = pipe.image_processor
    multiple = processor.size_multiple
    rows, columns = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    program = torch.onnx.export(
        LightnessToColor(pipe.model).eval(),
        (torch.zeros(1, 1, 8 * multiple, 11 * multiple),),
        input_names=["lightness"],
        output_names=["ab"],
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
        dynamic_shapes={"lightness": {2: multiple * rows, 3: multiple * columns}},
    )
    if program is None:
        raise RuntimeError("torch.onnx gave no program.")
    graph = program.model_proto
    if precision == "fp16":
        _store_in_half(graph)
    facts = {"working_size": processor.working_size, "size_multiple": multiple}
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in facts.items()})
    onnx.checker.check_model(graph)
    source = Path(__file__).parents[1]
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for package in (folder, folder / "model"):
        (package / "__init__.py").touch()
    for name in _RUNTIME:
        with replace_file(folder / f"{name}.py") as fresh:
            shutil.copyfile(source / f"{name}.py", fresh)
    with replace_file(folder / "model.onnx") as fresh:
        onnx.save_model(graph, fresh)


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


def draw_input(width: int, height: int, matter: str | None) -> Image.Image:
    """Draw a grey photograph as somebody brings it.

    Args:
        width, height: of the picture, px.
        matter: a key of ``eval.inputs.DEGRADATIONS``, "plate" for a print that lies askew on black, "page"
            for two prints on the page of an album, or None.
    """
    # Large ones are enlarged: to draw them takes longer than to color them.
    factor = max(1, round((width * height / 1e6) ** 0.5))
    drawn = np.array(draw_landscape(max(width // factor, 16), max(height // factor, 16)).convert("RGB"))
    if matter == "page":
        page = Image.new("L", (width, height), 225)
        for number, name in enumerate(("Lake in a valley", "Slope without a sky")):
            view = draw_landscape(width * 2 // 5, height * 3 // 5, SCENES[name])
            page.paste(view, (width // 20 + number * width // 2, height // 5))
        return page.convert("RGB")
    if matter != "plate":
        return make_input(drawn, degradation=matter).resize((width, height))
    print_ = make_input(drawn).resize((width * 4 // 5, height * 4 // 5))
    plate = Image.new("RGB", (width, height), (12, 12, 12))
    plate.paste(print_, (width // 10, height // 10))
    return plate.rotate(1.5, Image.Resampling.BICUBIC, fillcolor=(12, 12, 12))


def compare(pipe: ColorizationPipeline, folder: Path) -> float:
    """Print, picture by picture, what the folder computes against PyTorch, and the time of both, measured in turns.

    Returns:
        The largest mean CIEDE2000 of the pictures.
    """
    from ..color_with_onnx import OnnxColorizer

    color = OnnxColorizer(folder / "model.onnx", torch.get_num_threads())
    worst = 0.0
    print(f"{'picture':>8}  {'CIEDE2000 mean':>14}  {'most':>5}  {'PyTorch':>8}  {'ONNX':>8}  {'ratio':>5}")
    for name, (width, height, matter) in _PICTURES.items():
        picture = draw_input(width, height, matter)
        both, times = _timed(lambda picture=picture: pipe(picture), lambda picture=picture: color(picture))
        step = int(max(1, (width * height / _MOST_COMPARED) ** 0.5))
        pair = [rgb_to_lab(to_tensor(np.asarray(each)[::step, ::step])) for each in both]
        difference = ciede2000(*pair)
        worst = max(worst, difference.mean().item())
        print(
            f"{name:>8}  {difference.mean():>14.4f}  {difference.max():>5.2f}  {times[0]:>5.0f} ms  {times[1]:>5.0f} ms"
            f"  {times[1] / times[0]:>5.2f}",
            flush=True,
        )
    return worst


def _timed(*functions, rounds: int = 3):
    """Call functions in turns, a first round uncounted; give their results and the median times in ms."""
    results = [function() for function in functions]
    spent: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, times in zip(functions, spent, strict=True):
            start = time.perf_counter()
            function()
            times.append(1000 * (time.perf_counter() - start))
    return results, [sorted(times)[rounds // 2] for times in spent]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="a Python package, too")
    parser.add_argument("--model", metavar="ID_OR_PATH", help="folder or Hub id (default: the embedded model)")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32", help="default: %(default)s")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not args.output.name.isidentifier():
        parser.error(f"{args.output.name}: choose a name that Python can import, such as colorizer_onnx.")
    if args.output.is_file():
        parser.error(f"{args.output} is a file; a folder is written.")
    try:
        pipe = load_pipeline(args.model, "cpu")
    except (OSError, ValueError) as error:
        logger.error("The model cannot be loaded: %s", error)
        return 1
    pipe.model.to(memory_format=torch.contiguous_format)
    export(pipe, args.output, args.precision)
    size = (args.output / "model.onnx").stat().st_size
    print(f"{args.output}: {size / 1e6:.1f} MB, {args.precision}, opset {OPSET}")
    worst = compare(pipe, args.output)
    if worst > BOUND:
        logger.error("%s: CIEDE2000 of %.2f against PyTorch, more than %s.", args.output, worst, BOUND)
        return 1
    return 0
