"""What the frozen backbone says of every picture, computed once and kept, so that only the decoder costs time.

A store is a folder: ``features.i8`` (standardized features in sixteenths of a standard deviation), ``lightness.u8``
(what the network sees, L* x 2.55), ``ab.i8`` (the truth at stride 4, whole CIE units), and ``views.json``, which says
what lies where. Extraction goes on where it stopped.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tqdm.auto import tqdm

from ..data.ageing import age_print, film_lightness, random_film
from ..data.pictures import read_row
from ..files import replace_file
from ..model.ab_bins import ab_histogram
from ..model.color import rgb_to_lab, to_tensor
from ..model.dinov2_network import CELL
from ..model.image_processing_colorization import ColorizationImageProcessor, normalize_lightness
from ..model.modeling_colorization import ColorizationModel
from .batches import Batch
from .drawn_guidance import draw_hints, draw_palette
from .recipe import Recipe

logger = logging.getLogger(__name__)

LARGE = 300  # px of the long side from which a picture has enough detail for a crop to be a picture of its own
_STEP = 16  # a feature is kept in 1 / _STEP standard deviations
_LIGHTNESS_STEP = 2.55
_BATCH = 8
_SAVE_EVERY = 500
_FILES = {"features": "features.i8", "lightness": "lightness.u8", "ab": "ab.i8"}
_OPTIONS = ("views", "working_size", "film_probability", "degradation_probability", "min_chroma", "seed")  # of a store
# Shapes of crops, in cells: square twice as often as wide or tall.
_CROP_CELLS = ((16, 16), (16, 16), (13, 20), (20, 13), (14, 18), (18, 14))


@dataclass(frozen=True)
class ViewRow:
    """One view in a store."""

    picture: int
    """Index in the data set."""
    number: int
    """Of the view of that picture; even: the whole picture, odd: a crop."""
    rows: int
    columns: int
    first_cell: int
    """Cells of all views before it."""
    sky: str
    large: bool
    chroma: float
    """Mean, CIE units."""


def views_of(picture: Image.Image, recipe: Recipe) -> int:
    """How many views of a picture are kept: all that the recipe asks for of a large one, else one."""
    return recipe.views if max(picture.size) >= LARGE else 1


def make_view(
    picture: Image.Image, number: int, recipe: Recipe, seed: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut, mirror and age a picture.

    Args:
        picture: RGB.
        number: of the view; even for the whole picture, odd for a crop.
        recipe: film and ageing.
        seed: the only source of chance.

    Returns:
        L* [1, h, w] as the network sees it, sides multiples of 16 px, and the true ab [2, h/4, w/4].
    """
    rng = np.random.default_rng(seed)
    width, height = picture.size
    if number % 2:
        rows, columns = _CROP_CELLS[rng.integers(len(_CROP_CELLS))]
        aspect = columns / rows
        down = min(height, width / aspect) * rng.uniform(0.45, 0.95)
        across = down * aspect
        left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
        box = (left, top, left + across, top + down)
        picture = picture.resize((columns * CELL, rows * CELL), Image.Resampling.BICUBIC, box=box)
    else:
        rows, columns = ColorizationImageProcessor(recipe.working_size, CELL).working_shape(height, width)
        picture = picture.resize((columns, rows), Image.Resampling.BICUBIC, reducing_gap=3.0)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    rgb = to_tensor(picture)[0]
    lab = rgb_to_lab(rgb[None])[0]
    lightness = lab[:1]
    if rng.random() < recipe.film_probability:
        lightness = film_lightness(rgb, random_film(rng))
    if rng.random() < recipe.degradation_probability:
        lightness = age_print(lightness, rng)
    return lightness, F.avg_pool2d(lab[1:], 4)


class FeatureStore:
    """Views of pictures with their features, on the disk.

    Args:
        folder: of the store.

    Raises:
        FileNotFoundError: if there is none.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "views.json").is_file():
            raise FileNotFoundError(f"{folder}: there are no extracted features here.")
        content = json.loads((folder / "views.json").read_text(encoding="utf-8"))
        self.folder, self.channels, self.done = folder, content["channels"], content["pictures"]
        self.views = [ViewRow(**row) for row in content["views"]]
        self.maps = {
            name: np.memmap(folder / file, dtype=np.uint8 if file.endswith("u8") else np.int8, mode="r")
            for name, file in _FILES.items()
        }

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features [1 + cells, C] int8, lightness [h, w] uint8 and ab [2, h/4, w/4] int8 of a view, as kept."""
        view = self.views[index]
        cells, first = view.rows * view.columns, view.first_cell
        start = (first + index) * self.channels  # each view before it has one token more than it has cells
        features = self.maps["features"][start : start + (cells + 1) * self.channels].reshape(-1, self.channels)
        lightness = self.maps["lightness"][first * CELL**2 : (first + cells) * CELL**2]
        ab = self.maps["ab"][first * 32 : (first + cells) * 32]
        height, width = view.rows * CELL, view.columns * CELL
        return features, lightness.reshape(height, width), ab.reshape(2, height // 4, width // 4)

    def weights(self, recipe: Recipe) -> np.ndarray:
        """Weigh each view: [N] probabilities that give small pictures and those without sky the recipe's shares.

        Where the recipe names a mean chroma for views with or without a sky, theirs is that.
        """
        small = np.array([not view.large for view in self.views])
        without = np.array([view.sky == "no" for view in self.views])
        weights = np.full(len(self.views), 1 / len(self.views))
        groups = [(small, recipe.small_share), (without, recipe.no_sky_share)]
        groups = [(group, share) for group, share in groups if share and group.any() and not group.all()]
        for _ in range(20):  # iterative proportional fitting of two margins
            for group, share in groups:
                for part, sum_of_part in ((group, share), (~group, 1 - share)):
                    if total := weights[part].sum():  # none is left of small pictures, say, when they are to be all
                        weights[part] *= sum_of_part / total
        chroma, sky = np.array([view.chroma for view in self.views]), np.array([view.sky for view in self.views])
        for label, mean in (("yes", recipe.sky_chroma), ("no", recipe.no_sky_chroma)):
            if mean and weights[sky == label].any():
                weights[sky == label] = _tilted(weights[sky == label], chroma[sky == label], mean)
        return weights / weights.sum()

    def prior(self, recipe: Recipe, count: int = 1_500) -> torch.Tensor:
        """Share [Q] of each bin of ab in views drawn as training draws them."""
        total, rng = torch.zeros(()), np.random.default_rng(recipe.seed)
        for index in rng.choice(len(self.views), count, p=self.weights(recipe)):
            total = total + ab_histogram(torch.from_numpy(self.read(int(index))[2].copy()).float()[None])[0]
        return total / total.sum()

    def batches(self, recipe: Recipe, seen: int, own: range, parts: int, device: torch.device) -> Iterator[Batch]:
        """Draw parts of batches without end; all chance comes from the place in the run.

        Args:
            recipe: shares, size of the window, guidance.
            seen: pictures seen so far.
            own: numbers of the parts of a batch that are this process's.
            parts: into how many a batch is divided.
            device: of what is returned.

        Raises:
            ValueError: if no view is as large as a window.
        """
        window, weights = recipe.crop_sizes[-1] // CELL, self.weights(recipe)
        shapes = defaultdict(list)
        for index, view in enumerate(self.views):
            if min(view.rows, view.columns) >= window:
                shapes[view.rows, view.columns].append(index)
        if not shapes:
            raise ValueError(f"No view is as large as a window of {recipe.crop_sizes[-1]} px.")
        kinds = [(shape, np.array(indices)) for shape, indices in shapes.items()]
        shares = np.array([weights[indices].sum() for _, indices in kinds])
        shares = shares / shares.sum()
        while True:
            for number in own:
                place = (recipe.seed << 40) + seen + number + 1
                torch.manual_seed(place)  # dropout
                rng = np.random.default_rng(place)
                shape, indices = kinds[rng.choice(len(kinds), p=shares)]
                odds = weights[indices] / weights[indices].sum()
                chosen = rng.choice(indices, recipe.batch_size // parts, p=odds)
                corner = (int(rng.integers(shape[0] - window + 1)), int(rng.integers(shape[1] - window + 1)))
                yield self._batch(chosen, shape, corner, window, recipe, device, place)
            seen += recipe.batch_size

    def _batch(self, chosen, shape, corner, window, recipe: Recipe, device: torch.device, seed: int) -> Batch:
        features, lightness, ab = (
            torch.from_numpy(np.stack(each)).to(device).float()
            for each in zip(*map(self.read, map(int, chosen)), strict=True)
        )
        features, lightness = features / _STEP, lightness[:, None] / _LIGHTNESS_STEP
        generator = torch.Generator(device).manual_seed(seed)
        hints = draw_hints(ab, recipe.hint_probability, generator)
        palette = draw_palette(ab, recipe.palette_probability, generator)
        top, left = corner
        lightness = lightness[..., top * CELL : (top + window) * CELL, left * CELL : (left + window) * CELL]
        part = ab[..., top * 4 : (top + window) * 4, left * 4 : (left + window) * 4]
        inputs = {
            "pixel_values": normalize_lightness(lightness).contiguous(memory_format=torch.channels_last),
            "hints": hints,
            "palette": palette,
            "features": features,
            "window": (*shape, *corner),
        }
        return Batch(inputs, lightness, part, None, ab)


def _tilted(weights: np.ndarray, values: np.ndarray, mean: float) -> np.ndarray:
    """Weights of the same sum under which ``values`` have that mean, changed as little as can be (exponential tilting).

    A mean that no weights give, as it lies outside of the values, is approached.
    """
    low, high = -1.0, 1.0
    spread = values - mean
    for _ in range(40):
        rate = (low + high) / 2
        tilted = weights * np.exp(rate * spread - (rate * spread).max())
        low, high = (low, rate) if (tilted * spread).sum() > 0 else (rate, high)
    return tilted * weights.sum() / tilted.sum()


@torch.inference_mode()
def extract_features(
    model: ColorizationModel, pictures: datasets.Dataset, recipe: Recipe, folder: Path, dtype: torch.dtype
) -> FeatureStore:
    """Ask the model's backbone about views of all pictures, and keep what it says; go on where it stopped.

    Sets the ``feature_mean`` and ``feature_std`` of a model that has none, measured on the first few hundred views of a
    new store and kept in it.

    Args:
        model: with its backbone loaded, of the architecture "dinov2".
        pictures: of ``load_pictures``, with a column ``sky`` where that is known.
        recipe: how pictures are seen and aged.
        folder: of the store; some 0.5 MB a view.
        dtype: in which the backbone computes.

    Raises:
        ValueError: if the store was made with another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "views.json"
    options = {name: getattr(recipe, name) for name in _OPTIONS}
    content = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else None
    # Another seed learns anew from the same views.
    if content and content["options"] | {"seed": recipe.seed} != options:
        raise ValueError(f"{folder} holds features of another recipe: {content['options']}, not {options}.")
    network = model.network.eval()
    if content is None:
        # A model that has learned from features goes on with the scale that it knows.
        learned = not bool((network.feature_std == 1).all())
        scale = (network.feature_mean, network.feature_std) if learned else _measure_scale(network, pictures, recipe)
        mean, std = (each.float().cpu() for each in scale)
        content = {"options": options, "channels": len(mean), "pictures": 0, "views": []}
        content |= {"mean": mean.tolist(), "std": std.tolist()}
    network.feature_mean.copy_(torch.tensor(content["mean"]))
    network.feature_std.copy_(torch.tensor(content["std"]))
    views, cells = content["views"], sum(row["rows"] * row["columns"] for row in content["views"])
    sizes = {"features": (cells + len(views)) * content["channels"], "lightness": cells * CELL**2, "ab": cells * 32}
    files = {}
    for name, path in _FILES.items():
        (folder / path).touch()
        files[name] = (folder / path).open("r+b")
        files[name].truncate(sizes[name])  # what was written after the last save is written again
        files[name].seek(sizes[name])
    sky = pictures["sky"] if "sky" in (pictures.column_names or ()) else None

    def save(done: int) -> None:
        for file in files.values():
            file.flush()
        with replace_file(stored) as fresh:
            fresh.write_text(json.dumps({**content, "pictures": done}), encoding="utf-8")

    waiting: dict[tuple[int, ...], list] = defaultdict(list)

    def flush(batch: list) -> None:
        nonlocal cells
        x = normalize_lightness(torch.stack([lightness for lightness, _, _ in batch])).to(model.device)
        with torch.autocast(model.device.type, dtype, enabled=dtype != torch.float32):
            features = network.see(x)
        kept = (features.float() * _STEP).round().clamp(-127, 127).to(torch.int8).cpu()
        for row, (lightness, ab, view) in zip(kept, batch, strict=True):
            files["features"].write(row.numpy().tobytes())
            files["lightness"].write((lightness * _LIGHTNESS_STEP).round().clamp(0, 255).byte().numpy().tobytes())
            files["ab"].write(ab.round().clamp(-127, 127).to(torch.int8).numpy().tobytes())
            views.append(asdict(ViewRow(first_cell=cells, **view)))
            cells += view["rows"] * view["columns"]
        batch.clear()

    try:
        first = content["pictures"]
        for index in tqdm(range(first, len(pictures)), initial=first, total=len(pictures), unit="img", mininterval=2):
            picture = Image.fromarray(read_row(pictures[index]).rgb)
            for number in range(views_of(picture, recipe)):
                lightness, ab = make_view(picture, number, recipe, (content["options"]["seed"], index, number))
                view: dict[str, Any] = {
                    "picture": index, "number": number,
                    "rows": lightness.shape[1] // CELL, "columns": lightness.shape[2] // CELL,
                    "sky": sky[index] if sky else "", "large": max(picture.size) >= LARGE,
                    "chroma": float(ab.norm(dim=0).mean()),
                }  # fmt: skip
                if view["chroma"] < recipe.min_chroma:
                    continue  # nearly grey pictures teach grey
                batch = waiting[tuple(lightness.shape)]
                batch.append((lightness, ab, view))
                if len(batch) == _BATCH:
                    flush(batch)
            if (index + 1) % _SAVE_EVERY == 0 or index + 1 == len(pictures):
                for batch in waiting.values():
                    if batch:
                        flush(batch)
                save(index + 1)
    finally:
        for file in files.values():
            file.close()
    return FeatureStore(folder)


def _measure_scale(network, pictures: datasets.Dataset, recipe: Recipe, count: int = 400) -> tuple[torch.Tensor, ...]:
    """Mean and standard deviation [C] of each channel of the features, over views spread over the data set."""
    some, generator = [], torch.Generator().manual_seed(recipe.seed)
    for index in np.unique(np.linspace(0, len(pictures) - 1, count).astype(int)).tolist():
        picture = Image.fromarray(read_row(pictures[index]).rgb)
        lightness, _ = make_view(picture, 0, recipe, (recipe.seed, index, 0))
        x = normalize_lightness(lightness[None]).to(network.feature_mean.device)
        cells = network.look(x)[0, 1:].float().cpu()
        some.append(cells[torch.randperm(len(cells), generator=generator)[:64]])
    every = torch.cat(some)
    return every.mean(dim=0), every.std(dim=0).clamp(min=1e-3)
