"""Color photographs with ONNX Runtime, Pillow and NumPy alone: neither PyTorch nor transformers is needed.

    pip install onnxruntime pillow
    python -m FOLDER.color_with_onnx photo.jpg colored.png

FOLDER is what ``scripts/export_onnx.py`` writes: the network as ``model.onnx``, this file, and the files of the project
that find the border of a scanned plate, take the dots out of a print and paint, which PyTorch goes through, too. In a
program: ``from FOLDER.color_with_onnx import OnnxColorizer``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from .model.painting import paint, put_in_scan
from .model.scan_borders import find_outline
from .model.seeing import see, working_shape

BESIDE = Path(__file__).with_name("model.onnx")


class OnnxColorizer:
    """Colors photographs by a file that ``scripts/export_onnx.py`` wrote.

    Args:
        model: the file.
        threads: as many compute at once; by default as many as there are cores.
    """

    def __init__(self, model: str | Path = BESIDE, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        facts = self.session.get_modelmeta().custom_metadata_map
        self.working_size, self.multiple = int(facts["working_size"]), int(facts["size_multiple"])
        self.threads = threads

    def __call__(self, picture: Image.Image, strength: float = 1.0) -> Image.Image:
        """Color a picture: mode RGB, of its size and lightness; the plain border of a scan stays neutral.

        Args:
            picture: upright, of any mode of 8 bits.
            strength: factor on chroma.
        """
        scan = np.asarray(picture.convert("RGB"))
        inside, outline = find_outline(scan)
        left, top, right, bottom = inside
        part = scan[top:bottom, left:right]
        light = see(part, *working_shape(bottom - top, right - left, self.working_size, self.multiple))
        (ab,) = self.session.run(["ab"], {"lightness": light[None, None]})
        return put_in_scan(paint(part, strength * ab[0], threads=self.threads), scan, inside, outline)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Color a photograph.")
    parser.add_argument("photo", type=Path)
    parser.add_argument("colored", type=Path, help="file to write")
    parser.add_argument("--model", type=Path, default=BESIDE, help="default: %(default)s")
    parser.add_argument("--strength", type=float, default=1.0, help="factor on chroma (default: %(default)s)")
    args = parser.parse_args(arguments)
    with Image.open(args.photo) as picture:
        colored = OnnxColorizer(args.model)(ImageOps.exif_transpose(picture), args.strength)
    colored.save(args.colored)


if __name__ == "__main__":
    main()
