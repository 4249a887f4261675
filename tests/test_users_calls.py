"""What people do with a transformers pipeline, call by call as they write it."""

from __future__ import annotations

import base64
import copy
import functools
import http.server
import inspect
import io
import json
import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassFieldValidationError
from PIL import Image
from torch.utils.data import DataLoader
from transformers import AutoImageProcessor, AutoModel, Pipeline, pipeline
from transformers.pipelines.pt_utils import KeyDataset

from colorization import ColorizationImageProcessor, ColorizationPipeline, load_pipeline
from colorization.model.coloring import read_coloring
from colorization.model.images import UnreadableImageError, read_photo

from .conftest import draw_landscape


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Photographs of three sizes, two of which the network sees in one."""
    folder = tmp_path_factory.mktemp("files")
    sizes = [(120, 80), (80, 120), (240, 160), (120, 80), (100, 100)]
    paths = [folder / f"photo {number}.png" for number in range(len(sizes))]
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        draw_landscape(*size, seed=number).save(path)
    return paths


@pytest.fixture
def pipe(guided_pipeline) -> ColorizationPipeline:
    return guided_pipeline


def same(one: Image.Image, other: Image.Image, tolerance: int = 0) -> bool:
    return one.size == other.size and np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= tolerance


# --- One and several ---


@pytest.mark.parametrize("batch_size", [None, 1, 2, 8])
@pytest.mark.parametrize("kind", ["list", "tuple", "generator", "map", "KeyDataset", "column"])
def test_several_are_as_one_by_one(kind, batch_size, pipe, files):
    names = [str(path) for path in files]
    given = {
        "list": lambda: names,
        "tuple": lambda: tuple(names),
        "generator": lambda: (name for name in names),
        "map": lambda: map(str, files),
        "KeyDataset": lambda: KeyDataset([{"picture": name} for name in names], "picture"),
        "column": lambda: datasets.Dataset.from_dict({"picture": names})["picture"],
    }[kind]()
    results = pipe(given, batch_size=batch_size)
    assert isinstance(results, list) == (kind in ("list", "tuple"))
    if kind not in ("generator", "map"):
        assert len(results) == len(files)
    results = list(results)
    assert len(results) == len(files)
    for result, name in zip(results, names, strict=True):
        assert same(result, pipe(name), tolerance=1)


def test_pictures_of_a_data_set(pipe, files):
    pictures = datasets.Dataset.from_dict({"image": [str(path) for path in files]}).cast_column(
        "image", datasets.Image()
    )
    found = list(pipe(KeyDataset(pictures, "image"), batch_size=2))
    assert all(same(one, pipe(str(path)), 1) for one, path in zip(found, files, strict=True))


def test_batches_take_guidance_and_give_variants(pipe, files):
    options = {"hints": [((40, 30), "#3366aa")], "palette": files[2], "num_variants": 2, "strength": 1.2}
    for several, path in zip(pipe(files, batch_size=4, **options), files, strict=True):
        assert all(same(one, other, 2) for one, other in zip(several, pipe(path, **options), strict=True))


def test_a_generator_is_read_as_results_are_asked_for(pipe, files):
    read = []

    def pictures():
        for path in files:
            read.append(path)
            yield path

    results = iter(pipe(pictures()))
    next(results)
    assert len(read) == 1


def test_workers_read_ahead(pipe, files):
    found = pipe([str(path) for path in files], num_workers=2, batch_size=2)
    assert all(same(one, pipe(path), 1) for one, path in zip(found, files, strict=True))


def test_nothing_is_nothing(pipe):
    assert pipe([]) == [] and list(pipe(iter([]))) == [] and pipe([], batch_size=4) == []


@pytest.mark.parametrize("batch_size", [1, 3])
def test_one_broken_file_fails_by_itself(batch_size, pipe, files, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(files[0].read_bytes()[:900])
    results = pipe([files[0], tmp_path / "broken.jpg", tmp_path / "absent.jpg", files[1]], batch_size=batch_size)
    assert [type(result) for result in results] == [
        Image.Image, UnreadableImageError, UnreadableImageError, Image.Image,
    ]  # fmt: skip
    assert "broken.jpg" in str(results[1]) and "no such file" in str(results[2])
    with pytest.raises(UnreadableImageError, match=r"broken\.jpg"):
        pipe(tmp_path / "broken.jpg")


# --- Whatever is a picture ---


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return draw_landscape(120, 80)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


SOURCES = {
    "path": lambda p, f: str(f),
    "Path": lambda p, f: f,
    "bytes": lambda p, f: f.read_bytes(),
    "bytearray": lambda p, f: bytearray(f.read_bytes()),
    "memoryview": lambda p, f: memoryview(f.read_bytes()),
    "open file": lambda p, f: f.open("rb"),
    "BytesIO": lambda p, f: io.BytesIO(f.read_bytes()),
    "data address": lambda p, f: "data:image/png;base64," + base64.b64encode(f.read_bytes()).decode(),
    "Pillow": lambda p, f: p,
    "Pillow, not loaded": lambda p, f: Image.open(f),
    "Photo": lambda p, f: read_photo(f),
    "HWC": lambda p, f: np.asarray(p),
    "CHW": lambda p, f: np.asarray(p).transpose(2, 0, 1),
    "float32 HWC": lambda p, f: np.asarray(p, np.float32) / 255,
    "float64 CHW": lambda p, f: np.asarray(p, np.float64).transpose(2, 0, 1) / 255,
    "uint16 HWC": lambda p, f: np.asarray(p).astype(np.uint16) * 257,
    "int64 HWC": lambda p, f: np.asarray(p).astype(np.int64),
    "tensor CHW": lambda p, f: torch.from_numpy(np.array(p)).permute(2, 0, 1),
    "tensor HWC": lambda p, f: torch.from_numpy(np.array(p)),
    "float tensor": lambda p, f: torch.from_numpy(np.array(p)).permute(2, 0, 1).float() / 255,
}


@pytest.mark.parametrize("kind", SOURCES)
def test_takes(kind, pipe, picture, tmp_path):
    picture.save(tmp_path / "a.png")
    assert same(pipe(SOURCES[kind](picture, tmp_path / "a.png")), pipe(picture))
    assert same(pipe([SOURCES[kind](picture, tmp_path / "a.png")])[0], pipe(picture))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"])
def test_takes_any_mode(mode, pipe, picture):
    source = picture.convert("L") if mode in ("I", "F", "1", "LA") else picture
    assert pipe(source.convert(mode)).size == picture.size


@pytest.mark.parametrize("shape", [(80, 120), (80, 120, 1), (1, 80, 120), (80, 120, 4), (4, 80, 120), (3, 80, 3)])
def test_takes_any_layout(shape, pipe):
    values = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert pipe(values).size in ((120, 80), (3, 80), (80, 3))


def test_sixteen_bits_and_floats_of_one_plane(pipe, picture):
    grey = np.asarray(picture.convert("L"))
    for plane in (grey.astype(np.uint16) * 257, grey / 255, torch.from_numpy(grey / 255).half()):
        assert same(pipe(plane), pipe(picture.convert("L")), tolerance=2)


@pytest.mark.parametrize("nothing", [None, 3, {"a": 1}, object(), {"x"}])
def test_anything_else_is_a_type_error(nothing, pipe):
    for call in (lambda: pipe(nothing), lambda: pipe([nothing]), lambda: pipe.analyze(nothing)):
        with pytest.raises(TypeError, match=r"path, an http.* NumPy array, a PyTorch tensor"):
            call()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 3, 4, 5), np.uint8), "batch as a list"),
        (np.zeros((80, 120, 2), np.uint8), "C of 1, 3"),
        (np.zeros((0, 120, 3), np.uint8), "not .0, 120, 3"),
        (np.full((8, 8), 200.0), "do_rescale=True"),
        (np.full((8, 8), np.nan), "finite"),
        (np.full((8, 8), "a"), "numbers"),
    ],
)
def test_says_what_is_wrong_with_an_array(array, reason, pipe):
    with pytest.raises(UnreadableImageError, match=reason):
        pipe(array)


def test_a_truncated_pillow_picture_and_a_text_file(pipe, files, tmp_path):
    (tmp_path / "cut.png").write_bytes(files[2].read_bytes()[:5000])
    with pytest.raises(UnreadableImageError, match=r"cut\.png"):
        pipe(Image.open(tmp_path / "cut.png"))
    with pytest.raises(UnreadableImageError, match="base64"):
        pipe("data:image/png;base64,???")
    with pytest.raises(TypeError, match="mode 'rb'"):
        pipe(io.StringIO("text"))


class _Handler(http.server.BaseHTTPRequestHandler):
    content = b""

    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            self.server.released.wait(20)
        found = not self.path.startswith("/absent")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(self.content if found else b"<html>no</html>")

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="module")
def address(picture):
    handler = type("Handler", (_Handler,), {"content": _png(picture)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.released.set()
    server.shutdown()
    server.server_close()


def test_an_address(pipe, picture, address):
    assert same(pipe(f"{address}/beach%20one.png"), pipe(picture))
    found, absent = pipe([f"{address}/a.png?size=1", f"{address}/absent.png"], timeout=5)
    assert same(found, pipe(picture)) and "404" in str(absent)
    with pytest.raises(UnreadableImageError, match=r"no answer within 0\.2 s"):
        pipe(f"{address}/slow.png", timeout=0.2)


# --- Arguments ---


def test_the_signature_says_what_there_is(pipe):
    parameters = inspect.signature(pipe.__call__).parameters
    named = {
        "inputs",
        "strength",
        "warmth",
        "hints",
        "palette",
        "look",
        "recipe",
        "keep_tone",
        "num_variants",
        "timeout",
    }
    assert named <= parameters.keys()
    for name in parameters:
        assert name in type(pipe).__call__.__doc__


def test_a_recipe_is_repeated_on_pictures_of_any_size(pipe, files, tmp_path):
    """A coloring that was kept as a file, its text or a dictionary: one schema with the command line and the page."""
    recipe = {"points": [[50, 20, "#3355cc"]], "variant": 2, "strength": 0.7, "warmth": 0.4}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))

    def by_hand(path: Path) -> Image.Image:
        width, height = Image.open(path).size
        hints = [((0.5 * (width - 1), 0.2 * (height - 1)), "#3355cc")]
        return pipe(path, hints=hints, num_variants=2, strength=0.7, warmth=0.4)[1]

    wanted = by_hand(files[0])
    for given in (recipe, json.dumps(recipe), tmp_path / "recipe.json", str(tmp_path / "recipe.json")):
        assert same(pipe(files[0], recipe=given), wanted)
    assert same(pipe(files[0], recipe=read_coloring(recipe)), wanted)
    for found, path in zip(pipe(files[:3], recipe=recipe, batch_size=2), files, strict=False):
        assert same(found, by_hand(path), tolerance=2)
    assert same(pipe(files[0], recipe={"strength": 0.5}, strength=1.0), pipe(files[0])), "what is said beside it counts"
    assert len(pipe(files[0], recipe=recipe, num_variants=3)) == 3
    with pytest.raises(ValueError, match="unknown field stregth"):
        pipe(files[0], recipe={"stregth": 1})
    with pytest.raises(ValueError, match="it cannot be read"):
        pipe(files[0], recipe=tmp_path / "absent.json")
    with pytest.raises(ValueError, match="no look"):
        pipe(files[0], recipe={"look": "spring"})


def test_strength_is_the_name_and_saturation_is_understood(pipe, picture):
    assert same(pipe(picture, strength=0.5), pipe(picture, saturation=0.5))
    assert not same(pipe(picture, strength=0.5), pipe(picture))
    with pytest.raises(TypeError, match="one argument"):
        pipe(picture, strength=0.5, saturation=0.5)
    with pytest.raises(TypeError, match="stregth"):
        pipe(picture, stregth=0.5)
    with pytest.raises(ValueError, match="strength is a factor"):
        pipe(picture, strength=-1)
    ours = ColorizationPipeline(model=pipe.model, image_processor=pipe.image_processor, device="cpu", strength=0.5)
    assert same(ours(picture), pipe(picture, strength=0.5)) and same(ours(picture, strength=1.0), pipe(picture))


def test_analyze_says_what_the_model_sees_and_predict_is_the_base_class(pipe, picture):
    said = pipe.analyze(picture, hints=[((159.4 - 40, 79.6), "#804020")])
    assert said.ab.shape[0] == 2 and said.confidence
    assert len(repr(said)) < 200 and "array" not in repr(said) and "tensor" not in repr(said)
    assert type(pipe).predict is Pipeline.predict
    assert same(pipe.predict(picture), pipe(picture))


def test_a_hint_in_the_last_pixel(pipe, picture):
    assert pipe(picture, hints=[((119.4, 79.9), "red")]).size == picture.size
    with pytest.raises(ValueError, match="outside of the picture"):
        pipe(picture, hints=[((120, 10), "red")])


# --- Processor ---


def test_processor_arguments(picture):
    processor = ColorizationImageProcessor(working_size=64)
    assert processor(picture, working_size=128)["pixel_values"].shape[-1] > processor(picture)["pixel_values"].shape[-1]
    with pytest.raises(TypeError, match="do_reszie"):
        processor(picture, do_reszie=True)
    with pytest.raises(StrictDataclassFieldValidationError, match="working_size"):
        processor(picture, working_size="large")
    for wrong in ("a.png", None, 3):
        with pytest.raises(TypeError, match="Pillow picture, an array or a tensor"):
            processor(wrong)


def test_processor_layouts_are_one_picture(picture):
    processor = ColorizationImageProcessor(working_size=64)
    wanted = processor(picture)["pixel_values"]
    rgb = np.asarray(picture)
    first = rgb.transpose(2, 0, 1)
    for found in (
        processor(rgb),
        processor(first),
        processor(first, input_data_format="channels_first"),
        processor(rgb / 255),
        processor(rgb.astype(np.float32), do_rescale=True),
        processor(rgb / 255, do_rescale=False),
        processor(torch.from_numpy(first.copy())),
        processor(torch.from_numpy(first.copy())[None]),
        processor([picture]),
        processor(picture.convert("RGBA")),
    ):
        assert torch.equal(found["pixel_values"], wanted)
    assert np.array_equal(processor(picture, return_tensors="np")["pixel_values"], wanted.numpy())
    with pytest.raises(ValueError, match="C of 1, 3"):
        processor(rgb, input_data_format="channels_first")


def test_processor_without_tensors_takes_mixed_sizes(picture, files):
    processor = ColorizationImageProcessor(working_size=64)
    tall = Image.open(files[1])
    assert [len(value.shape) for value in processor([picture, tall], return_tensors=None)["pixel_values"]] == [3, 3]
    with pytest.raises(ValueError, match="return_tensors=None"):
        processor([picture, tall])


def test_the_originals_ride_along(pipe, picture):
    features = pipe.image_processor([picture, np.asarray(picture) / 255])
    features = pickle.loads(pickle.dumps(features)).to("cpu")
    assert set(features) == {"pixel_values"}, "what rides along is no argument of the model"
    with torch.inference_mode():
        outputs = pipe.model(**features)
        assert isinstance(pipe.model(**features, return_dict=False), tuple)
        asked = copy.deepcopy(pipe.model)
        asked.config.return_dict = False
        assert isinstance(asked(**features), tuple) and asked(**features, return_dict=True).ab is not None
    for found in pipe.image_processor.post_process_colorization(outputs, features):
        assert same(found, pipe(picture), tolerance=1)


def test_every_option_of_the_processor_is_saved(tmp_path):
    ColorizationImageProcessor(working_size=320, size_multiple=32).save_pretrained(tmp_path)
    again = ColorizationImageProcessor.from_pretrained(tmp_path)
    assert (again.working_size, again.size_multiple) == (320, 32)
    assert ColorizationImageProcessor.from_pretrained(tmp_path, working_size=128).working_size == 128


# --- Inside other programs ---


def _color(pipe, picture, results) -> None:
    results.put(np.asarray(pipe(picture)))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes(method, pipe, picture):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    large = draw_landscape(1500, 1000)
    wanted = np.asarray(pipe(large))  # PyTorch's threads and ours run before the fork
    context = multiprocessing.get_context(method)
    results = context.Queue()
    process = context.Process(target=_color, args=(pipe, large, results))
    process.start()
    try:
        assert np.array_equal(results.get(timeout=120), wanted)
        process.join(60)
        assert process.exitcode == 0
    finally:
        if process.is_alive():
            process.kill()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_os_fork(pipe):
    large = draw_landscape(1500, 1000)
    wanted = pipe(large).tobytes()
    child = os.fork()
    if not child:
        os._exit(0 if pipe(large).tobytes() == wanted else 3)
    waiter = ThreadPoolExecutor(1)
    try:
        assert waiter.submit(os.waitpid, child, 0).result(timeout=120)[1] == 0
    except TimeoutError:
        os.kill(child, 9)
        raise AssertionError("the child hangs") from None
    finally:
        waiter.shutdown(wait=False)


@pytest.mark.slow
def test_data_set_in_several_processes(pipe, files):
    pipe(draw_landscape(1500, 1000))
    rows = datasets.Dataset.from_dict({"name": [str(path) for path in files]})
    found = rows.map(functools.partial(_size_in_color, pipe), num_proc=2, load_from_cache_file=False)
    assert found["size"] == [list(Image.open(path).size) for path in files]


def _size_in_color(pipe, row: dict) -> dict:
    return {"size": list(pipe(row["name"]).size)}


class _Prepared(torch.utils.data.Dataset):
    def __init__(self, processor, paths) -> None:
        self.processor, self.paths = processor, paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self.processor(Image.open(self.paths[place]))["pixel_values"][0]


def test_processor_in_a_loader(pipe, files):
    loader = DataLoader(_Prepared(pipe.image_processor, [files[0], files[3]]), batch_size=2, num_workers=2)
    (batch,) = loader
    with torch.inference_mode():
        assert pipe.model(batch).ab.shape[0] == 2


def test_threads_share_one_pipeline(pipe, files):
    wanted = [pipe(path).tobytes() for path in files]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda path: pipe(path).tobytes(), files * 3))
    assert found == wanted * 3


def test_nothing_of_the_program_is_changed(pipe, files):
    import logging
    import random
    import warnings

    def state() -> tuple:
        return (
            torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.initial_seed(),
            torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate(),
            list(warnings.filters), logging.getLogger().level, list(logging.getLogger().handlers),
            Image.MAX_IMAGE_PIXELS, dict(os.environ),
        )  # fmt: skip

    before = state()
    pipe([str(path) for path in files], batch_size=2)
    pipe([str(path) for path in files], num_workers=1)
    pipe(files[0], num_variants=2, seed=3, palette=files[1])
    assert state() == before


# --- The Auto classes and the factory ---


def test_auto_classes_and_the_factory(pipe, picture, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asks whether to run code"))
    pipe.model.save_pretrained(tmp_path)
    pipe.image_processor.save_pretrained(tmp_path)
    ours = pipeline("image-colorization", model=str(tmp_path), device="cpu")
    assert same(ours(picture), pipe(picture))
    assert same(
        pipeline("image-colorization", model=str(tmp_path), dtype="bfloat16", device="cpu")(picture), pipe(picture), 60
    )
    model, processor = AutoModel.from_pretrained(tmp_path), AutoImageProcessor.from_pretrained(tmp_path)
    by_hand = pipeline("image-colorization", model=model, image_processor=processor, device="cpu")
    assert same(by_hand(picture), pipe(picture))
    pipe.save_pretrained(tmp_path / "whole")
    saved = [path for path in (tmp_path / "whole").iterdir() if path.is_file()]
    assert {"model.safetensors", "config.json", "preprocessor_config.json", "README.md"} <= {p.name for p in saved}
    card = (tmp_path / "whole" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n") and "trust_remote_code=True" in card
    (tmp_path / "whole" / "README.md").write_text("my own")
    pipe.save_pretrained(tmp_path / "whole")
    assert (tmp_path / "whole" / "README.md").read_text() == "my own"
    assert all(oct(path.stat().st_mode & 0o777) == "0o644" for path in saved)


def test_a_model_of_a_half_precision_file_is_saved_as_one(pipe, picture, tmp_path):
    half = copy.deepcopy(pipe.model).half()
    half.save_pretrained(tmp_path / "half")
    pipe.image_processor.save_pretrained(tmp_path / "half")
    loaded = load_pipeline(tmp_path / "half", device="cpu")
    assert loaded.model.dtype == torch.float32, "a CPU computes in full precision"
    loaded.save_pretrained(tmp_path / "again")
    assert loaded.model.dtype == torch.float32
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "again")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert same(load_pipeline(tmp_path / "again", device="cpu")(picture), loaded(picture))
    pipe.save_pretrained(tmp_path / "full")
    assert (tmp_path / "full" / "model.safetensors").stat().st_size > 1.8 * sizes[0]
