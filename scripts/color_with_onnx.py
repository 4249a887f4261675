"""Colour a photograph with onnxruntime and Pillow alone: ``python color_with_onnx.py model.onnx photo.jpg out.png``.

Needs nothing of the project but the file that export_onnx.py writes; meant to be read and copied.
"""

import sys

import numpy as np  # comes with onnxruntime
import onnxruntime
from PIL import Image, ImageOps

model, source, target = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
facts = session.get_modelmeta().custom_metadata_map
multiple, area = int(facts["size_multiple"]), int(facts["working_size"]) ** 2

photo = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
scale = (area / (photo.width * photo.height)) ** 0.5
size = [min(max(round(side * scale / multiple), 1), 256) * multiple for side in photo.size]
small = photo.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
(coloured,) = session.run(["coloured"], {"small": np.array(small), "photo": np.array(photo)})
Image.fromarray(coloured).save(target)
