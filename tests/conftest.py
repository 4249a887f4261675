"""Pictures that the tests draw themselves, and a tiny model."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import ColorizationConfig, ColorizationImageProcessor, ColorizationModel, ColorizationPipeline

ROOT = Path(__file__).parents[1]
# What takes seconds to import is imported once for all processes that tests and builds start.
multiprocessing.set_forkserver_preload(["colorization.training.train", "colorization.sky", "eval.measuring", "pytest"])


def draw_landscape(width: int = 120, height: int = 80, seed: int = 0) -> Image.Image:
    """A blue sky over green and brown hills, with texture: RGB."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    horizon = 0.25 + 0.06 * np.sin(x * 9 + seed) + 0.03 * np.sin(x * 31)
    sky = np.stack((110 + 80 * y, 150 + 60 * y, np.full_like(y, 225)), axis=2)
    ground = np.stack((90 + 40 * np.sin(8 * x), 120 - 60 * y, np.full_like(y, 45)), axis=2)
    picture = np.where((y < horizon)[:, :, None], sky, ground) + chance.normal(0, 8, (height, width, 1))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


# The fast tier (`-m "not slow"`) leaves out what starts browsers, servers or processes, trains, or else takes a second
# of a core: these, and the tests that are marked.
_SLOW = {
    *(
        "publishing",
        "test_scales",
        "test_recipes",
        "test_earlier_recipes",
        "test_load",
        "test_run",
        "test_packaging",
        "test_benchmark",
    ),
    *("test_browser", "test_browser_access", "test_browser_guidance", "test_browser_trust"),
    *("test_api", "test_preview", "test_release", "test_precision"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _SLOW & {item.path.stem, item.path.parent.name}:
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write names that are no UTF-8 as numbers: several test processes exchange their reports as UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]  # fmt: skip
    return report


@pytest.fixture
def report(record_property):
    """Say a measured figure at the end of the run: ``report("L* shift", 0.1)``."""
    return lambda name, figure: record_property("measured", f"{name}: {figure}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Properties travel with the reports of the test processes; a list here would stay in its own process.
    ended = [each for name in ("passed", "failed") for each in terminalreporter.stats.get(name, [])]
    lines = [value for each in ended for name, value in each.user_properties if name == "measured"]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def landscape() -> Image.Image:
    return draw_landscape()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photographs and weights, where they are."""
    folder = Path(os.environ.get("LANDSCAPE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "val").is_dir():
        pytest.skip(f"no photographs in {folder}; set LANDSCAPE_SHARED")
    return folder


def make_tiny_model() -> ColorizationModel:
    """A network of a few thousand weights whose random colors are strong enough to see."""
    torch.manual_seed(0)
    model = ColorizationModel(
        ColorizationConfig(encoder_widths=(8, 8, 8, 8), context_width=8, decoder_widths=(8, 8, 8))
    ).eval()
    with torch.no_grad():
        model.network.head.weight.mul_(300)
    return model


@pytest.fixture(scope="session")
def tiny_pipeline() -> ColorizationPipeline:
    return ColorizationPipeline(
        model=make_tiny_model(), image_processor=ColorizationImageProcessor(working_size=64), device="cpu"
    )


@pytest.fixture(scope="session")
def guided_pipeline() -> ColorizationPipeline:
    """As ``tiny_pipeline``, with a classifier, and open to hints and palettes."""
    torch.manual_seed(0)
    model = ColorizationModel(
        ColorizationConfig(
            encoder_widths=(8, 8, 8, 8), context_width=8, decoder_widths=(8, 8, 8), head="both", guided=True
        )
    ).eval()
    with torch.no_grad():
        model.network.head.weight.mul_(300)
        model.network.classifier[-1].weight.mul_(4)
        for layer in (*model.network.guidance.joins, model.network.guidance.palette):
            torch.nn.init.normal_(layer.weight, std=0.5)
    return ColorizationPipeline(model=model, image_processor=ColorizationImageProcessor(working_size=64), device="cpu")


@pytest.fixture(scope="session")
def tiny_model_dir(tiny_pipeline: ColorizationPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-model")
    tiny_pipeline.save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of small pictures to train on and to validate with."""
    for split, count in (("train", 12), ("val", 4)):
        (tmp_path / "data" / split / "hills").mkdir(parents=True)
        for seed in range(count):
            draw_landscape(90, 64, seed).save(tmp_path / "data" / split / "hills" / f"{seed}.png")
    return tmp_path / "data"


@pytest.fixture
def run(tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]):
    """The command line in this process, with the tiny model: arguments to exit code, output and errors."""
    from colorization.__main__ import main

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([*map(str, arguments), "--model", str(tiny_model_dir), "--device", "cpu"])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
