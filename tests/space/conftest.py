"""Pictures as visitors bring them, and one running page with a tiny model."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorization import ColorizationPipeline
from colorization.drawing import draw_landscape
from space.examples import ExampleShelf

from ..conftest import draw_landscape as draw_in_color

gradio = pytest.importorskip("gradio", reason="gradio is not installed: pip install .[space]")


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files to upload, good and bad."""
    folder = tmp_path_factory.mktemp("uploads")
    grey = draw_landscape(300, 200)
    exif = Image.Exif()
    exif[0x010E] = "A beach"
    exif[0x0112] = 6  # taken with the camera turned
    grey.save(folder / "beach.jpg", exif=exif)
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    sixteen.save(folder / "deep.png")
    sixteen.save(folder / "scan.tif")
    draw_landscape(2400, 300).save(folder / "wide.jpg")
    draw_in_color(300, 200).save(folder / "colors.png")
    veiled = Image.merge("LA", (grey, grey.point(lambda v: 255 - v)))
    veiled.save(folder / "veiled.png")
    (folder / "notes.jpg").write_text("This is not a picture.")
    (folder / "<b>bold<b>.jpg").write_text("This is not a picture either.")
    whole = io.BytesIO()
    draw_landscape(400, 300).save(whole, "JPEG")
    (folder / "half.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    return folder


@pytest.fixture(scope="session")
def guided_model_dir(guided_pipeline: ColorizationPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two looks: the tests' other guided models have none."""
    folder = tmp_path_factory.mktemp("guided-model")
    guided_pipeline.save_pretrained(folder)
    processor = folder / "preprocessor_config.json"
    looks = {"autumn": [[25.0, 45.0, 1.0]], "blue hour": [[5.0, -45.0, 1.0]]}
    processor.write_text(json.dumps(json.loads(processor.read_text()) | {"looks": looks}))
    return folder


@pytest.fixture(scope="session")
def page_url(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page, served with a tiny random model."""
    yield from _serve(tiny_model_dir, tmp_path_factory)


@pytest.fixture(scope="session")
def guided_url(guided_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As ``page_url``, with a model that has a classifier and takes hints and palettes."""
    yield from _serve(guided_model_dir, tmp_path_factory)


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that sets what the visitor's browser asks for."""

    def ask(header: str) -> None:
        from gradio.context import LocalContext

        request = SimpleNamespace(headers={"accept-language": header})
        monkeypatch.setattr(LocalContext, "request", SimpleNamespace(get=lambda default=None: request))

    return ask


_TEMPORARY: dict[str, Path] = {}


def _serve(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from space.ui import build_page, launch_options

    if "gradio" not in _TEMPORARY:  # one for both pages: Gradio reads the variable at each upload
        _TEMPORARY["gradio"] = tmp_path_factory.mktemp("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(_TEMPORARY["gradio"]))
        patch.delenv("LANDSCAPE_EXAMPLES", raising=False)
        page = build_page(model, device="cpu", shelf=ExampleShelf(2))
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        yield url
        page.close()


def mean_chroma(picture: Image.Image) -> float:
    """Mean C* of CIE Lab, by scikit-image rather than by the code under test."""
    from skimage.color import rgb2lab

    lab = rgb2lab(np.asarray(picture.convert("RGB")))
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())
