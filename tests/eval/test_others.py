"""Other people's colorizers, each through a stand-in of the interface that its authors' own demo uses."""

from __future__ import annotations

import http.server
import io
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from colorization.model.color import rgb_to_lab
from eval.colorizers import make_colorizer
from eval.others import as_picture

from ..conftest import draw_landscape

GREEN = (-20.0, 25.0)  # ab, CIE units


@pytest.fixture
def grey() -> Image.Image:
    return draw_landscape(90, 60).convert("L").convert("RGB")


def lab_of(picture: Image.Image) -> torch.Tensor:
    return rgb_to_lab(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255)


def assert_green(made: Image.Image, grey: Image.Image) -> None:
    """The input's size and L*, and the green of the stand-ins."""
    assert made.size == grey.size and made.mode == "RGB"
    lab, given = lab_of(made), lab_of(grey)
    assert (lab[:, 0] - given[:, 0]).abs().median() < 0.5
    assert abs(lab[:, 1].median() - GREEN[0]) < 2 and abs(lab[:, 2].median() - GREEN[1]) < 2


def ask(spec: str, grey: Image.Image) -> Image.Image:
    return make_colorizer(spec, (0, 0), [])(grey, "")


@pytest.mark.parametrize(
    "spec, package",
    [
        ("ddcolor", "ddcolor"),
        ("zhang:eccv16", "colorizers"),
        ("deoldify:artistic", "deoldify"),
        ("space:somebody/colors", "gradio_client"),
    ],
)
def test_what_is_not_installed_is_refused_with_the_line_that_installs_it(spec, package, monkeypatch):
    for name in (package, f"{package}.visualize"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"Install it: (pip install|git clone)"):
        make_colorizer(spec, (0, 0), [])


def test_unknown_names_and_missing_files_are_sentences(tmp_path):
    for spec, said in (
        ("zhang:eccv18", "zhang:siggraph17"),
        ("deoldify:old", "deoldify:stable"),
        (f"onnx:{tmp_path / 'no.onnx'}", "no such file"),
    ):
        with pytest.raises(ValueError, match=said):
            make_colorizer(spec, (0, 0), [])


def test_ddcolor(grey, monkeypatch, tmp_path):
    """By the mixin of huggingface_hub itself, from a folder of the form that its repositories have."""
    asked = {}

    class DDColor(torch.nn.Module):
        def __init__(self, encoder_name: str = "convnext-l") -> None:
            super().__init__()
            asked["encoder"] = encoder_name
            self.layer = torch.nn.Linear(1, 1)

    class ColorizationPipeline:
        def __init__(self, model, *, input_size, device) -> None:
            asked.update(model=type(model).__mro__, size=input_size)

        def process(self, bgr: np.ndarray) -> np.ndarray:
            assert bgr.dtype == np.uint8 and bgr.flags.c_contiguous
            rgb = np.array(ask_green(Image.fromarray(bgr[..., ::-1])))
            return rgb[..., ::-1]

    package = types.SimpleNamespace(DDColor=DDColor, ColorizationPipeline=ColorizationPipeline)
    monkeypatch.setitem(sys.modules, "ddcolor", package)
    save_file(DDColor().state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"encoder_name": "convnext-t"}')
    assert_green(ask(f"ddcolor:{tmp_path}", grey), grey)
    assert asked["encoder"] == "convnext-t" and asked["size"] == 512 and DDColor in asked["model"]
    (tmp_path / "config.json").unlink()
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="no weights"):
        make_colorizer(f"ddcolor:{tmp_path}", (0, 0), [])


def ask_green(grey: Image.Image) -> Image.Image:
    from eval.others import put_on

    return put_on(grey, torch.tensor(GREEN).view(1, 2, 1, 1))


@pytest.mark.parametrize("name", ["eccv16", "siggraph17"])
def test_zhang(grey, monkeypatch, name):
    class Net(torch.nn.Module):
        def forward(self, light: torch.Tensor) -> torch.Tensor:
            assert light.shape == (1, 1, 256, 256) and light.max() > 10, "L* in [0, 100]"
            return torch.tensor(GREEN).view(1, 2, 1, 1).expand(1, 2, 256, 256)

    def preprocess_img(rgb: np.ndarray, HW) -> tuple[torch.Tensor, torch.Tensor]:
        small = Image.fromarray(rgb).resize(HW[::-1])
        return tuple(lab_of(picture)[:, :1] for picture in (Image.fromarray(rgb), small))

    def postprocess_tens(light: torch.Tensor, ab: torch.Tensor) -> np.ndarray:
        """Float64 [H, W, 3] in [0, 1], as skimage gives it."""
        from skimage.color import lab2rgb

        full = torch.nn.functional.interpolate(ab, size=light.shape[2:], mode="bilinear")
        return lab2rgb(torch.cat((light, full), dim=1)[0].permute(1, 2, 0).numpy())

    def load(pretrained: bool) -> Net:
        assert pretrained
        return Net()

    package = types.SimpleNamespace(preprocess_img=preprocess_img, postprocess_tens=postprocess_tens, **{name: load})
    monkeypatch.setitem(sys.modules, "colorizers", package)
    assert_green(ask(f"zhang:{name}", grey), grey)


def test_deoldify(grey, monkeypatch):
    class Filter:
        def filter(self, original, filtered, render_factor) -> Image.Image:
            assert original is filtered and render_factor == 35
            return ask_green(original)

    def get_image_colorizer(artistic: bool):
        assert artistic is False
        return types.SimpleNamespace(filter=Filter())

    where = []
    package = types.SimpleNamespace(device=types.SimpleNamespace(set=lambda device: where.append(device)))
    ids = types.SimpleNamespace(DeviceId=types.SimpleNamespace(GPU0=0))
    monkeypatch.setitem(sys.modules, "deoldify", package)
    monkeypatch.setitem(sys.modules, "deoldify.device_id", ids)
    monkeypatch.setitem(
        sys.modules, "deoldify.visualize", types.SimpleNamespace(get_image_colorizer=get_image_colorizer)
    )
    assert_green(ask("deoldify:stable", grey), grey)
    assert where == []
    make_colorizer("deoldify:stable", (0, 0), [], device="cuda:0")
    assert where == [0], "on the card, if that is asked for"


@pytest.mark.parametrize("answer", ["path", "slider", "dict"])
def test_a_gradio_space(grey, monkeypatch, tmp_path, answer):
    """Whatever the size of the answer: its colors come on the input."""
    called = {}

    class Client:
        def __init__(self, hub_id: str, verbose: bool) -> None:
            called["id"] = hub_id

        def predict(self, handle, api_name):
            called["api"] = api_name
            with Image.open(handle["path"]) as picture:
                ask_green(picture.convert("RGB").resize((64, 64))).save(tmp_path / "made.png")
            made = str(tmp_path / "made.png")
            return {"path": made, "slider": (handle["path"], made), "dict": {"path": made, "url": None}}[answer]

    package = types.SimpleNamespace(Client=Client, handle_file=lambda path: {"path": path})
    monkeypatch.setitem(sys.modules, "gradio_client", package)
    assert_green(ask("space:somebody/colors#/colorize", grey), grey)
    assert called == {"id": "somebody/colors", "api": "/colorize"}


def test_a_gradio_space_without_a_picture_is_a_sentence(grey, monkeypatch):
    client = types.SimpleNamespace(predict=lambda *a, **k: "queue full")
    package = types.SimpleNamespace(Client=lambda *a, **k: client, handle_file=str)
    monkeypatch.setitem(sys.modules, "gradio_client", package)
    with pytest.raises(ValueError, match="queue full"):
        ask("space:somebody/colors", grey)


def test_a_service_over_http(grey):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/colorize":
                self.send_error(503)
                return
            picture, made = Image.open(io.BytesIO(body)), io.BytesIO()
            ask_green(picture.convert("RGB")).save(made, "PNG")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(made.getvalue())

        def log_message(self, *words) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        assert_green(ask(f"{address}/colorize", grey), grey)
        with pytest.raises(ValueError, match="did not answer with a picture"):
            ask(f"{address}/down", grey)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("channels, side", [(1, "free"), (3, 64)])
def test_an_onnx_file_to_ab(grey, tmp_path, channels, side):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install .[onnx]")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install .[onnx]")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    size = [f"{axis}" if side == "free" else side for axis in "hw"]
    green = onnx.numpy_helper.from_array(np.array(GREEN, np.float32).reshape(1, 2, 1, 1), "green")
    zero = onnx.numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "zero")
    axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        make.make_node("ReduceMean", ["input", "axes"], ["one"], keepdims=1),
        make.make_node("Mul", ["one", "zero"], ["nought"]),
        make.make_node("Add", ["nought", "green"], ["ab"]),
    ]
    graph = make.make_graph(
        nodes, "stand-in",
        [make.make_tensor_value_info("input", kind, [1, channels, *size])],
        [make.make_tensor_value_info("ab", kind, [1, 2, *size])],
        [green, zero, axes],
    )  # fmt: skip
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    colorizer = make_colorizer(f"onnx:{tmp_path / 'model.onnx'}", (0, 0), [])
    assert_green(colorizer(grey, ""), grey)
    assert len(colorizer.sha256) == 64


def test_an_exported_model_sees_and_paints_as_the_pipeline_does(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install .[onnx]")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install .[onnx]")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    info = {
        name: make.make_tensor_value_info(name, kind, [1, n, "h", "w"]) for name, n in (("lightness", 1), ("ab", 2))
    }
    share = onnx.numpy_helper.from_array(np.array([0.1, 0.4], np.float32).reshape(1, 2, 1, 1), "share")
    nodes = [make.make_node("Mul", ["lightness", "share"], ["ab"])]
    graph = make.make_graph(nodes, "warmer where lighter", [info["lightness"]], [info["ab"]], [share])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9)
    onnx.helper.set_model_props(model, {"size_multiple": "16", "working_size": "64"})
    onnx.save(model, tmp_path / "model.onnx")
    grey = draw_landscape(90, 60).convert("L").convert("RGB")
    lab = lab_of(ask(f"onnx:{tmp_path / 'model.onnx'}", grey))[0]
    assert (lab[0] - lab_of(grey)[0, 0]).abs().mean() < 0.2
    assert lab[2].mean() / lab[0].mean() == pytest.approx(0.4, abs=0.05)


def test_what_libraries_return_becomes_a_picture():
    picture = draw_landscape(12, 9)
    array = np.array(picture)
    for result in (
        picture,
        [picture],
        types.SimpleNamespace(images=[picture]),
        array,
        array / 255,
        torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255,
    ):
        assert np.array_equal(np.array(as_picture(result)), array)
    for result in (3, np.zeros((4, 4)), [picture, picture]):
        with pytest.raises(ValueError, match="not a picture"):
            as_picture(result)


def test_a_file_of_that_name_is_not_taken_for_a_kind(tmp_path, monkeypatch, tiny_model_dir):
    monkeypatch.chdir(tmp_path)
    Path("ddcolor").symlink_to(tiny_model_dir)
    assert make_colorizer("ddcolor", (0, 0), []).kind == "model"
