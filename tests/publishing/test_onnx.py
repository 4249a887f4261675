"""The exported folder colors as the pipeline does, in a process that has neither PyTorch nor the project."""

from __future__ import annotations

import contextlib
import io
import sys
from importlib.util import find_spec

import pytest
from PIL import Image

from colorization import load_pipeline
from colorization.model.color import rgb_to_lab, to_tensor
from colorization.publishing import onnx_export
from eval.metrics.colors import ciede2000

STRANGER = """
    import runpy, sys
    sys.modules.update(dict.fromkeys(("torch", "transformers", "colorization"), None))
    folder, *arguments = sys.argv[1:]
    sys.path.insert(0, folder)
    sys.argv = ["", *arguments]
    runpy.run_module("colorizer_onnx.color_with_onnx", run_name="__main__")
"""
KINDS = {
    "fresh": (150, 101, None),
    "strip": (64, 333, None),
    "printed": (160, 120, "halftone"),
    "aged": (160, 120, "film"),
    "plate": (300, 220, "plate"),
    "tiny": (20, 17, None),
}


pytestmark = [
    pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed: pip install .[onnx]")
    for name in ("onnx", "onnxscript", "onnxruntime")
]


def distance(one: Image.Image, other: Image.Image) -> float:
    return ciede2000(*(rgb_to_lab(to_tensor(each)) for each in (one, other))).mean().item()


@pytest.fixture(scope="module")
def exported(tiny_model_dir, tmp_path_factory):
    """The folder of the tiny model, and the pipeline; the program has found the two too far apart."""
    folder = tmp_path_factory.mktemp("onnx") / "colorizer_onnx"
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setattr(onnx_export, "_PICTURES", {"fresh": (96, 64, None)})
        patch.setattr(onnx_export, "BOUND", -1.0)
        arguments = ["--output", str(folder), "--model", str(tiny_model_dir), "--precision", "fp16"]
        assert onnx_export.main(arguments) == 1, "too far apart is an error"
    assert "fresh" in printed.getvalue()
    assert list(folder.rglob("*.part")) == []
    return load_pipeline(tiny_model_dir, "cpu"), folder


@pytest.mark.parametrize("kind", KINDS)
def test_colors_as_the_pipeline_does(kind, exported):
    from colorization.color_with_onnx import OnnxColorizer

    pipe, folder = exported
    picture = onnx_export.draw_input(*KINDS[kind])
    wanted = pipe(picture)
    colored = OnnxColorizer(folder / "model.onnx")(picture)
    assert colored.size == wanted.size == picture.size
    assert distance(colored, wanted) < 0.1
    assert distance(picture, wanted) > 2, "a grey result would prove nothing"
    if kind == "plate":
        assert len(set(colored.getpixel((2, 2)))) == 1, "the border stays neutral"


def test_a_stranger_needs_neither_pytorch_nor_the_project(run, exported, tmp_path):
    pipe, folder = exported
    picture = onnx_export.draw_input(160, 120, "halftone")
    picture.save(tmp_path / "photo.png")
    done = run(STRANGER, folder.parent, tmp_path / "photo.png", tmp_path / "colored.png")
    assert done.returncode == 0, done.stderr
    assert distance(Image.open(tmp_path / "colored.png"), pipe(picture)) < 0.1


def test_a_folder_that_python_cannot_import_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        onnx_export.main(["--output", str(tmp_path / "model.onnx")])
    assert "name that Python can import" in capsys.readouterr().err


def test_the_release_can_be_exported(tmp_path, monkeypatch, capsys):
    """Its network takes positions from the size of the picture, which is a symbol in a graph."""
    # A page is here and not above: the pipeline resamples the colors of several pictures, and those of an untrained
    # network change from cell to cell.
    pictures = {"wide": (240, 160, None), "printed": (200, 300, "halftone"), "page": (620, 300, "page")}
    monkeypatch.setattr(onnx_export, "_PICTURES", pictures)
    assert onnx_export.main(["--output", str(tmp_path / "colorizer_onnx"), "--precision", "fp16"]) == 0
    assert "printed" in capsys.readouterr().out


def test_what_is_missing_is_said_in_a_sentence(exported, tmp_path, monkeypatch):
    from colorization.color_with_onnx import OnnxColorizer, main

    model = exported[1] / "model.onnx"
    onnx_export.draw_input(40, 30, None).save(tmp_path / "photo.png")
    (tmp_path / "text.png").write_text("no picture")
    for photo, out, reason in (
        ("none.png", "out.png", "No such file"),
        ("text.png", "out.png", "cannot identify"),
        ("photo.png", "out.abc", "unknown file extension"),
        ("photo.png", "nowhere/out.png", "No such file"),
    ):
        with pytest.raises(SystemExit, match=reason):
            main([str(tmp_path / photo), str(tmp_path / out), "--model", str(model)])
    with pytest.raises(SystemExit, match="There is no model"):
        main([str(tmp_path / "photo.png"), str(tmp_path / "out.png"), "--model", str(tmp_path / "none.onnx")])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime pillow"):
        OnnxColorizer(model)
