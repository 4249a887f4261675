"""Colorizers as the harness sees them: a grey picture in, a color picture of the same size out."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorization.model.color import join, lightness
from colorization.model.images import read_photo

from .others import as_picture, make_other
from .pictures import find_files

FLOORS = ("grey", "mean")
CEILING = "truth"


@dataclass
class Colorizer:
    """A row of the table.

    ``kind`` is "floor", "ceiling", "model", "folder" or "function". ``color(grey, path)`` takes the grey picture and
    its name within the set. ``fresh`` says that it can color any picture, not only those of the set. A "function" is
    never called twice at once: nobody knows what it keeps.
    """

    spec: str
    kind: str
    color: Callable[[Image.Image, str], Image.Image] = field(repr=False)
    fresh: bool = True
    sha256: str | None = None
    unmatched: list[str] = field(default_factory=list)
    several: Callable[[list[Image.Image]], Sequence[Image.Image]] | None = field(default=None, repr=False)
    """Colors pictures of any sizes in batches, where it can."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def color_all(self, greys: list[Image.Image], paths: list[str]) -> list[Image.Image | Exception]:
        """Color several pictures, in batches where it can; what fails is answered with its exception."""
        if self.several and len(greys) > 1:
            with contextlib.suppress(Exception):  # then one by one: who has failed will show
                return [_checked(made, grey) for made, grey in zip(self.several(greys), greys, strict=True)]
        made: list[Image.Image | Exception] = []
        for grey, path in zip(greys, paths, strict=True):
            try:
                made.append(self(grey, path))
            except Exception as error:  # whatever a stranger's colorizer does, the run goes on and says so
                made.append(error)
        return made

    def __call__(self, grey: Image.Image, path: str) -> Image.Image:
        """Color one picture.

        Raises:
            ValueError: if what comes back is not an RGB picture of the same size.
        """
        with self.lock if self.kind == "function" else contextlib.nullcontext():
            picture = self.color(grey, path)
        return _checked(picture, grey)


def _checked(picture: Image.Image, grey: Image.Image) -> Image.Image:
    if not isinstance(picture, Image.Image):
        raise ValueError(f"returned {type(picture).__name__}, not a Pillow picture")
    if picture.size != grey.size or picture.mode != "RGB":
        raise ValueError(f"returned {picture.mode} {picture.size}, not RGB {grey.size}")
    return picture


def make_colorizer(spec: str, mean_ab: tuple[float, float], paths: list[str], device: str = "auto") -> Colorizer:
    """A colorizer from its name on the command line.

    Args:
        spec: ``grey``; ``mean`` (one color for all pixels of all pictures: ``mean_ab``); ``folder:DIR`` (finished
            pictures, each under the name of its reference, whatever the suffix); ``module:function`` (Python: Pillow
            picture to Pillow picture, array, or what diffusers returns); a key of ``others.OTHERS``; ``embedded``; a
            model's folder or id on the Hub.
        mean_ab: CIE units.
        paths: names of the references, for folders.
        device: of models.

    Raises:
        ValueError: with a sentence, if there is no such thing.
    """
    if spec == "grey":
        return Colorizer(spec, "floor", lambda grey, path: grey)
    if spec == "mean":
        return Colorizer(spec, "floor", lambda grey, path: _tint(grey, mean_ab))
    if spec.startswith("folder:"):
        return _of_folder(Path(spec.removeprefix("folder:")), paths)
    if not Path(spec).exists() and (other := make_other(spec, device)):
        function, digest = other
        return Colorizer(spec, "function", lambda grey, path: function(grey), sha256=digest)
    if ":" in spec and not Path(spec).exists():
        return _of_function(spec)

    import colorization.baselines  # noqa: F401 - their checkpoints are models to measure, too
    from colorization.model.pipeline_colorization import load_pipeline

    try:
        pipeline = load_pipeline(None if spec == "embedded" else spec, device=device)
    except Exception as error:  # the Hub and transformers raise many kinds
        raise ValueError(f"{spec}: no model could be loaded from there ({error}).") from error
    several = lambda greys: list(pipeline(greys, batch_size=len(greys)))  # noqa: E731
    return Colorizer(spec, "model", lambda grey, path: pipeline(grey), sha256=_hash_of_model(spec), several=several)


def _tint(grey: Image.Image, ab: tuple[float, float]) -> Image.Image:
    plane = lightness(torch.from_numpy(np.array(grey)))
    return Image.fromarray(join(plane, torch.tensor(ab).view(2, 1, 1).expand(2, *plane.shape)).numpy())


def _of_folder(folder: Path, paths: list[str]) -> Colorizer:
    if not folder.is_dir():
        raise ValueError(f"folder:{folder}: there is no such folder.")
    files: dict[str, Path] = {}
    for path in find_files(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in files:
            raise ValueError(f"folder:{folder}: {files[name].name} and {path.name} have one name; which is it?")
        files[name] = path
    expected = [Path(path).with_suffix("").as_posix() for path in paths]
    if len(set(expected)) < len(expected):
        twice = next(name for name in expected if expected.count(name) > 1)
        raise ValueError(f"folder:{folder}: several references are called {twice!r}, they cannot be paired by name.")
    missing, extra = set(expected) - files.keys(), files.keys() - set(expected)
    if len(missing) == len(expected):
        raise ValueError(
            f"folder:{folder}: no picture in it has the name of a reference "
            f"(wanted for example {expected[0]!r}, found {next(iter(sorted(files)), 'nothing')!r})."
        )

    def find(grey: Image.Image, path: str) -> Image.Image:
        name = Path(path).with_suffix("").as_posix()
        if name not in files:
            raise ValueError(f"no picture {name!r} in {folder}")
        return Image.fromarray(read_photo(files[name]).rgb)

    unmatched = sorted([f"missing: {name}" for name in missing] + [f"without a reference: {name}" for name in extra])
    return Colorizer(f"folder:{folder}", "folder", find, fresh=False, unmatched=unmatched)


def _of_function(spec: str) -> Colorizer:
    module, _, name = spec.rpartition(":")
    try:  # `python -m eval` has the current folder on Python's path: a function in a file there is found
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{spec}: no such Python function ({error}).") from error
    if not callable(function):
        raise ValueError(f"{spec} is no function.")
    return Colorizer(spec, "function", lambda grey, path: as_picture(function(grey)))


def _hash_of_model(spec: str) -> str | None:
    from colorization.model.pipeline_colorization import EMBEDDED_MODEL

    weights = (EMBEDDED_MODEL if spec == "embedded" else Path(spec)) / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else None
