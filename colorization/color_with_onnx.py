"""Color photographs with ONNX Runtime, Pillow and NumPy alone: neither PyTorch nor transformers is needed.

    pip install onnxruntime pillow
    python -m FOLDER.color_with_onnx photo.jpg colored.png

FOLDER is what ``scripts/export_onnx.py`` writes: the network as ``model.onnx``, this file, and the files of the project
that find the pictures of a scan, take the dots out of a print and paint, which PyTorch goes through, too. In a
program: ``from FOLDER.color_with_onnx import OnnxColorizer``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .model.painting import paint, put_in_scan
from .model.scan_pages import find_scan
from .model.seeing import see, working_shape

BESIDE = Path(__file__).with_name("model.onnx")


class OnnxColorizer:
    """Colors photographs by a file that ``scripts/export_onnx.py`` wrote.

    Args:
        model: the file.
        threads: as many compute at once; by default as many as there are cores.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: without ONNX Runtime.
    """

    def __init__(self, model: str | Path = BESIDE, threads: int = 0) -> None:
        if not Path(model).is_file():
            raise FileNotFoundError(f"There is no model {model}; scripts/export_onnx.py writes one.")
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("Coloring without PyTorch needs ONNX Runtime: pip install onnxruntime pillow") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        facts = self.session.get_modelmeta().custom_metadata_map
        self.working_size, self.multiple = int(facts["working_size"]), int(facts["size_multiple"])
        self.threads = threads

    def __call__(self, picture: Image.Image, strength: float = 1.0) -> Image.Image:
        """Color a picture: mode RGB, of its size and lightness; what a scan shows around its pictures stays neutral.

        Args:
            picture: upright, of any mode of 8 bits.
            strength: factor on chroma.
        """
        rgb = np.asarray(picture.convert("RGB"))
        scan = find_scan(rgb)
        ab, painted = None, []
        for left, top, right, bottom in scan.pictures or (scan.inside,):
            part = rgb[top:bottom, left:right]
            if ab is None or not scan.alike:
                ab = self._predict(part)
            painted.append((paint(part, strength * ab, threads=self.threads), (left, top)))
        if not scan.pictures:
            return put_in_scan(painted[0][0], rgb, scan.inside, scan.outline)
        whole = paint(rgb, np.zeros((2, 1, 1), np.float32), threads=self.threads)
        for picture, place in painted:
            whole.paste(picture, place)
        return whole

    def _predict(self, picture: np.ndarray) -> np.ndarray:
        """ab [2, h, w] float32, CIE units, of uint8 [H, W, 3]."""
        height, width = picture.shape[:2]
        light = see(picture, *working_shape(height, width, self.working_size, self.multiple))
        return self.session.run(["ab"], {"lightness": light[None, None]})[0][0]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Color a photograph.")
    parser.add_argument("photo", type=Path)
    parser.add_argument("colored", type=Path, help="file to write")
    parser.add_argument("--model", type=Path, default=BESIDE, help="default: %(default)s")
    parser.add_argument("--strength", type=float, default=1.0, help="factor on chroma (default: %(default)s)")
    args = parser.parse_args(arguments)
    try:
        colorizer = OnnxColorizer(args.model)
        with Image.open(args.photo) as picture:
            colored = colorizer(ImageOps.exif_transpose(picture), args.strength)
        colored.save(args.colored)
    except (ImportError, OSError, ValueError) as error:  # ValueError: a suffix that Pillow knows no format for
        raise SystemExit(f"{args.photo} is not colored: {error}") from None


if __name__ == "__main__":
    main()
