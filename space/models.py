"""The models behind the page: loaded once, when the first visitor needs them, on whatever the machine has."""

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
logger = logging.getLogger(__name__)


class PageError(RuntimeError):
    """What the page cannot do, as a sentence for the visitor."""


class Models:
    """A colour model and the sky model, each loaded at its first use; safe to ask from several threads."""

    def __init__(self, model: str | Path | None = None, device: str = "auto") -> None:
        """
        Args:
            model: a folder or an id on the Hub; None for the model that comes with the project.
            device: as in ``load_pipeline``.
        """
        self._model, self._device = model, device
        self._pipeline: ColorizationPipeline | None = None
        self._sky: SkySegmenter | None = None
        self._lock = threading.Lock()

    def pipeline(self) -> ColorizationPipeline:
        """The colour model.

        Raises:
            PageError: if it cannot be loaded.
        """
        with self._lock:
            if self._pipeline is None:
                from colorization.model.pipeline_colorization import load_pipeline

                try:
                    self._pipeline = load_pipeline(model=self._model, device=self._device)
                except (OSError, ValueError) as error:
                    logger.error("The model cannot be loaded: %s", error)
                    raise PageError("The colour model could not be loaded on this server, so nothing works.") from None
            return self._pipeline

    def folder(self) -> Path | None:
        """Where the colour model lies on this disk; None if it is one on the Hub."""
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


@_borrow_gpu(duration=10)
def predict(pipeline: ColorizationPipeline, photo: Photo) -> torch.Tensor:
    """ab of a photograph, as ``ColorizationPipeline.predict_ab`` gives it.

    Raises:
        PageError: if it cannot be computed, most likely for want of memory.
    """
    try:
        return pipeline.predict_ab(photo)
    except (RuntimeError, MemoryError) as error:
        raise _failed(photo, error) from None


@_borrow_gpu(duration=10)
def ask(
    pipeline: ColorizationPipeline, photo: Photo, hints: Sequence[Point] = (), palette: torch.Tensor | None = None
) -> Prediction:
    """Everything the model says of a photograph, small enough to keep: without the photograph, in 16 bits.

    Args:
        pipeline: its model is guided, if there are hints or a palette.
        photo: what to colour.
        hints: ((x, y), "#rrggbb"), pixels of the photograph.
        palette: [1, Q], from the pipeline's image processor.

    Returns:
        ``photo`` is None (a borrowed GPU sends its answer from another process); ``logits`` are float16.

    Raises:
        PageError: as :func:`predict`, and for hints out of place.
    """
    try:
        said = pipeline.predict(photo, hints=hints or None, palette=palette)
    except ValueError as error:
        raise PageError(str(error)) from None
    except (RuntimeError, MemoryError) as error:
        raise _failed(photo, error) from None
    return replace(said, photo=None, logits=None if said.logits is None else said.logits.half())


def _failed(photo: Photo, error: Exception) -> PageError:
    logger.error("The network failed on %s (%d × %d).", photo.name, photo.width, photo.height, exc_info=error)
    return PageError(f"{photo.name}: the colours could not be computed ({type(error).__name__}).")
