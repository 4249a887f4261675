"""The models behind the page: loaded once a process, when the first visitor needs them, on whatever the machine has."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from colorization.model.images import Photo
from space.language import say

if TYPE_CHECKING:
    import torch

    from colorization.model.image_processing_colorization import Point
    from colorization.model.pipeline_colorization import ColorizationPipeline
    from colorization.model.prediction import Prediction
    from colorization.sky import SkySegmenter

try:  # only where the page runs as a Space that borrows its GPU
    from spaces import GPU as _borrow_gpu
except ImportError:

    def _borrow_gpu(duration: int) -> Callable[[Callable], Callable]:
        """Instead: run on one of a few threads. PyTorch keeps buffers for every thread that ever ran a network, and
        the page has forty."""

        def bind(function: Callable) -> Callable:
            @wraps(function)
            def run(*args):
                return _NETWORK_THREADS.submit(function, *args).result()

            return run

        return bind


_NETWORK_THREADS = ThreadPoolExecutor(2, "network")
# By source and device. A borrowed GPU runs its function in another process, which has these from its parent: what
# travels there and back is data only.
_LOADED: dict[tuple[str, str], ColorizationPipeline] = {}
_LOADING = threading.Lock()
logger = logging.getLogger(__name__)


class PageError(RuntimeError):
    """What the page cannot do, as a sentence for the visitor."""


class Models:
    """A color model and the sky model, each loaded at its first use; safe to ask from several threads."""

    def __init__(self, model: str | Path | None = None, device: str = "auto") -> None:
        """
        Args:
            model: a folder or an id on the Hub; None for the model that comes with the project.
            device: as in ``load_pipeline``.
        """
        self._model, self._device = model, device
        self._sky: SkySegmenter | None = None
        self._lock = threading.Lock()

    @property
    def key(self) -> tuple[str, str]:
        """What the loaded color model is known by in this process."""
        return str(self._model or ""), self._device

    def pipeline(self) -> ColorizationPipeline:
        """The color model.

        Raises:
            PageError: if it cannot be loaded.
        """
        with _LOADING:
            if self.key not in _LOADED:
                from colorization.model.pipeline_colorization import load_pipeline

                try:
                    _LOADED[self.key] = load_pipeline(model=self._model, device=self._device)
                except (OSError, ValueError) as error:
                    logger.error("The model cannot be loaded: %s", error)
                    raise PageError(say("no_model")) from None
            return _LOADED[self.key]

    def folder(self) -> Path | None:
        """Where the color model lies on this disk; None if it is one on the Hub."""
        if self._model is None:
            from colorization.model.pipeline_colorization import EMBEDDED_MODEL

            return EMBEDDED_MODEL
        return Path(self._model) if Path(self._model).is_dir() else None

    def sky(self) -> SkySegmenter | None:
        """The model that finds the sky, on the CPU (it takes milliseconds); None where it cannot be loaded."""
        with self._lock:
            if self._sky is None:
                from colorization.sky import SkySegmenter

                try:
                    self._sky = SkySegmenter()
                except (OSError, ValueError) as error:
                    logger.error("The sky model cannot be loaded: %s", error)
            return self._sky


def predict(models: Models, photo: Photo) -> torch.Tensor:
    """ab of a photograph, as ``ColorizationPipeline.analyze`` gives it.

    Raises:
        PageError: if it cannot be computed, most likely for want of memory.
    """
    return ask(models, photo).ab


def ask(models: Models, photo: Photo, hints: Sequence[Point] = (), palette: torch.Tensor | None = None) -> Prediction:
    """Everything the model says of a photograph, small enough to keep: without the photograph, in 16 bits.

    Args:
        models: the color model is guided, if there are hints or a palette.
        photo: what to color.
        hints: ((x, y), "#rrggbb"), pixels of the photograph.
        palette: [1, Q], from the pipeline's image processor.

    Returns:
        ``photo`` is None; ``logits`` are float16.

    Raises:
        PageError: if it cannot be computed, and for hints out of place.
    """
    pipeline = models.pipeline()
    try:
        # Read and reduced here: what the network sees is small, whatever the photograph's size.
        inputs = pipeline.preprocess(photo, hints=hints, palette=palette)
        prediction = run_network(models.key, {**inputs, "photo": None})
    except ValueError as error:
        raise PageError(str(error)) from None
    except (RuntimeError, MemoryError) as error:
        logger.error("The network failed on %s (%d × %d).", photo.name, photo.width, photo.height, exc_info=error)
        raise PageError(say("not_computed", name=photo.name, reason=type(error).__name__)) from None
    return replace(prediction, logits=None if prediction.logits is None else prediction.logits.half())


def ask_looks(models: Models, photo: Photo) -> dict[str, torch.Tensor]:
    """The photograph in every look of the model: name to ab [2, h, w]; nothing for a model without looks.

    What takes long, seeing the picture, is done once for all of them where the network keeps it apart from coloring.

    Raises:
        PageError: if it cannot be computed, most likely for want of memory.
    """
    import torch

    pipeline = models.pipeline()
    processor = pipeline.image_processor
    names = list(processor.looks) if pipeline.model.config.guided else []
    if not names:
        return {}
    pixel_values = pipeline.preprocess(photo)["pixel_values"]
    palettes = torch.cat([processor.make_look(name) for name in names])
    try:
        return dict(zip(names, run_looks(models.key, pixel_values, palettes), strict=True))
    except (RuntimeError, MemoryError) as error:
        logger.error("The looks failed on %s (%d × %d).", photo.name, photo.width, photo.height, exc_info=error)
        raise PageError(say("looks_not_computed", name=photo.name, reason=type(error).__name__)) from None


@_borrow_gpu(duration=10)
def run_looks(key: tuple[str, str], pixel_values: torch.Tensor, palettes: torch.Tensor) -> torch.Tensor:
    """One picture [1, 3, h, w] under each of the palettes [L, Q]: ab [L, 2, h/4, w/4], on the CPU."""
    import torch

    model, count = _LOADED[key].model, len(palettes)
    with torch.inference_mode():
        pixel_values, palettes = pixel_values.to(model.device), palettes.to(model.device)
        seen = {}
        if hasattr(model.network, "see"):
            seen["features"] = model.network.see(pixel_values).expand(count, -1, -1)
        return model(pixel_values.expand(count, -1, -1, -1), palette=palettes, classify=False, **seen).ab.cpu()


@_borrow_gpu(duration=10)
def run_network(key: tuple[str, str], inputs: dict) -> Prediction:
    """The network's answer to ``ColorizationPipeline.preprocess``'s, without the photograph.

    Args:
        key: ``Models.key`` of models whose pipeline is loaded.
        inputs: small tensors and numbers only: they may travel to another process.
    """
    return _LOADED[key].forward(inputs, classify=True)
