"""The named endpoint, as programs call it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from .conftest import mean_chroma

gradio_client = pytest.importorskip("gradio_client", reason="gradio is not installed: pip install .[space]")


@pytest.fixture(scope="module")
def client(page_url: str, tmp_path_factory: pytest.TempPathFactory):
    return gradio_client.Client(page_url, download_files=str(tmp_path_factory.mktemp("downloads")), verbose=False)


def _colorize(client, path: Path, **options) -> Path:
    return Path(client.predict(gradio_client.handle_file(str(path)), api_name="/colorize", **options))


def test_colorize(client, uploads: Path) -> None:
    path = _colorize(client, uploads / "beach.jpg")
    picture = Image.open(path)
    assert path.name == "beach-colorized.jpg"
    assert picture.size == (200, 300) and picture.getexif()[0x010E].startswith("A beach")
    assert mean_chroma(picture) > 3


def test_colorize_takes_tiff_and_options(client, uploads: Path) -> None:
    path = _colorize(client, uploads / "scan.tif", strength=0.0, file_format="PNG")
    picture = Image.open(path)
    assert path.name == "scan-colorized.png" and picture.format == "PNG" and picture.size == (300, 200)
    assert mean_chroma(picture) < 1


def test_only_what_is_documented_is_public(client) -> None:
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        "/colorize",
        "/colorize_guided",
        "/colorize_batch",
        "/measure",
        "/sky_experiment",
    }


def test_colorize_guided(guided_url: str, uploads: Path, tmp_path: Path) -> None:
    client = gradio_client.Client(guided_url, download_files=str(tmp_path), verbose=False)
    photo, colors = (gradio_client.handle_file(str(uploads / name)) for name in ("beach.jpg", "colors.png"))
    plain, *others = (
        np.asarray(Image.open(client.predict(photo, file_format="PNG", api_name=name, **options)).convert("RGB"))
        for name, options in (
            ("/colorize", {}),
            ("/colorize_guided", {}),
            ("/colorize_guided", {"hints": [[50, 20, "#c03030"]]}),
            ("/colorize_guided", {"reference": colors}),
            ("/colorize_guided", {"variant": 3}),
        )
    )
    assert np.array_equal(others[0], plain)
    assert all(np.abs(other.astype(int) - plain).mean() > 0.5 for other in others[1:])
    for options, sentence in (
        ({"hints": "50,20,red"}, "Hints are a list"),
        ({"variant": 12}, "numbered from 1 to 9"),
        ({"reference": photo}, "choose a photograph in color"),
    ):
        with pytest.raises(Exception, match=sentence):
            client.predict(photo, api_name="/colorize_guided", **options)


def test_warmth(client, uploads: Path) -> None:
    cool, warm = (
        np.asarray(Image.open(_colorize(client, uploads / "beach.jpg", warmth=warmth)).convert("RGB")).astype(int)
        for warmth in (-1, 1)
    )
    assert (cool[..., 2] - cool[..., 0]).mean() > (warm[..., 2] - warm[..., 0]).mean() + 2


def test_colorize_batch(client, uploads: Path) -> None:
    files = [gradio_client.handle_file(str(uploads / name)) for name in ("beach.jpg", "notes.jpg")]
    path = client.predict(files, strength=1.0, file_format="Automatic", api_name="/colorize_batch")
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"beach.jpg", "failures.csv"}
        assert b'notes.jpg,"This is not a picture' in archive.read("failures.csv")
    path = client.predict(files[:1], recipe={"strength": 0}, api_name="/colorize_batch")
    with zipfile.ZipFile(path) as archive, archive.open("beach.jpg") as file:
        assert np.ptp(np.asarray(Image.open(file)).astype(int), axis=2).max() <= 2, "grey, as the recipe says"


def test_measure(client, uploads: Path) -> None:
    facts, pictures = client.predict(gradio_client.handle_file(str(uploads / "colors.png")), api_name="/measure")
    assert facts["figures"]["This model"]["psnr"] > 5 and facts["sky"]["label"] in ("yes", "no", "uncertain")
    assert len(pictures) >= 5
    with pytest.raises(Exception, match="only"):
        client.predict(gradio_client.handle_file(str(uploads / "colors.png")), "Another model", api_name="/measure")


def test_sky_experiment(client) -> None:
    facts, pictures = client.predict(None, api_name="/sky_experiment")
    assert 0 < facts["cut"] < 1 and facts["chroma_with"] > 0 and len(pictures) == 4


@pytest.mark.parametrize(("name", "reason"), [("notes.jpg", "not a picture"), ("half.jpg", "cut off")])
def test_errors_are_sentences(client, uploads: Path, name: str, reason: str) -> None:
    with pytest.raises(Exception, match=f"{name}.*{reason}") as error:
        _colorize(client, uploads / name)
    assert "Traceback" not in str(error.value)


def test_a_wrong_strength_is_explained(client, uploads: Path) -> None:
    with pytest.raises(Exception, match=r"0.*2"):
        _colorize(client, uploads / "beach.jpg", strength=50)


@pytest.mark.parametrize("meta", [True, False])
def test_files_of_the_server_cannot_be_read(page_url: str, uploads: Path, meta: bool) -> None:
    """A path that was never uploaded is refused, with and without Gradio's mark of a file."""
    secret = {"path": str(uploads / "beach.jpg")} | ({"meta": {"_type": "gradio.FileData"}} if meta else {})
    call = httpx.post(f"{page_url}gradio_api/call/colorize", json={"data": [secret, 1, "JPEG", 0]}, timeout=30)
    answer = httpx.get(f"{page_url}gradio_api/call/colorize/{call.json()['event_id']}", timeout=30).text
    assert "event: error" in answer and "colorized" not in answer


def test_files_of_the_server_cannot_be_put_into_a_batch(page_url: str, uploads: Path) -> None:
    files = [{"path": str(uploads / "beach.jpg")}]
    call = httpx.post(
        f"{page_url}gradio_api/call/colorize_batch", json={"data": [files, 1, 0, "JPEG", None]}, timeout=30
    )
    answer = httpx.get(f"{page_url}gradio_api/call/colorize_batch/{call.json()['event_id']}", timeout=30).text
    assert "event: error" in answer and ".zip" not in answer


def test_nothing_is_fetched_from_elsewhere(page_url: str) -> None:
    config = httpx.get(f"{page_url}config", timeout=30).json()
    assert config["analytics_enabled"] is False
    assert not [sheet for sheet in config.get("stylesheets", []) if sheet.startswith("http")]
    assert "googleapis" not in json.dumps(config)
