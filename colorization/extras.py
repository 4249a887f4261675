"""What an extra of the package brings, asked for by a door before it imports any of that."""

from __future__ import annotations

import sys
from importlib.util import find_spec

EXTRAS = {
    "eval": ("datasets", "jinja2", "torchmetrics", "yaml"),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "space": ("gradio", "torchmetrics"),
    "train": ("accelerate", "datasets", "fsspec", "jinja2", "packaging", "pyarrow", "torchmetrics", "yaml"),
}
"""Extra -> modules without which nothing of it works."""


def need(extra: str) -> None:
    """End the program with one sentence where a module of an extra is not installed; nothing is imported."""
    if missing := [name for name in EXTRAS[extra] if find_spec(name) is None]:
        sys.exit(
            f"Not installed, and needed here: {', '.join(missing)}. Run: pip install 'landscape-colorizer[{extra}]' "
            f"(in a checkout: pip install '.[{extra}]')."
        )
