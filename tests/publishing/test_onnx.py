"""The exported file colours as PyTorch does, in a process that has neither PyTorch nor the project."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import load_pipeline
from colorization.model.color import rgb_to_lab
from eval.metrics.colors import ciede2000

from ..conftest import draw_landscape
from .conftest import ROOT

STRANGER = """
    import runpy, sys
    sys.modules.update(dict.fromkeys(("torch", "transformers", "colorization"), None))
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_colors_as_pytorch_does(run, tiny_model_dir, tmp_path, monkeypatch, capsys):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    from colorization.publishing import onnx_export

    model = tmp_path / "model.onnx"
    monkeypatch.setattr(onnx_export, "_SHAPES", ((64, 96),))
    assert onnx_export.main(["--output", str(model), "--model", str(tiny_model_dir), "--precision", "fp16"]) == 0
    assert "96×64" in capsys.readouterr().out and list(tmp_path.glob(".*.part")) == []
    monkeypatch.setattr(onnx_export, "BOUND", -1.0)
    monkeypatch.setattr(onnx_export, "export", lambda *_: None)
    assert onnx_export.main(["--output", str(model), "--model", str(tiny_model_dir)]) == 1, "too far apart is an error"
    pipe = load_pipeline(tiny_model_dir, "cpu")
    for width, height in ((150, 101), (64, 333)):
        picture = draw_landscape(width, height)
        picture.save(tmp_path / "photo.png")
        example = ROOT / "scripts" / "color_with_onnx.py"
        done = run(STRANGER, example, model, tmp_path / "photo.png", tmp_path / "coloured.png")
        assert done.returncode == 0, done.stderr
        pair = [np.array(pipe(picture)), np.array(Image.open(tmp_path / "coloured.png"))]
        assert pair[0].shape == pair[1].shape
        ours, theirs = (rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1).float() / 255) for rgb in pair)
        assert ciede2000(ours, theirs).mean() < 0.5
        assert ours[1:].norm(dim=0).mean() > 5, "a grey result would prove nothing"


def test_the_release_can_be_exported(tmp_path, monkeypatch, capsys):
    """Its network takes positions from the size of the picture, which is a symbol in a graph."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    from colorization.publishing import onnx_export

    monkeypatch.setattr(onnx_export, "_SHAPES", ((160, 240), (300, 120)))
    assert onnx_export.main(["--output", str(tmp_path / "model.onnx"), "--precision", "fp16"]) == 0
    assert "240×160" in capsys.readouterr().out
