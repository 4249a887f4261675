"""A recipe: every number of a training run in one flat dataclass, as YAML, validated with sentences."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(ValueError):
    """A recipe that cannot be run; the message says which value and why."""


@dataclass(frozen=True)
class Recipe:
    """One training run. Lengths count pictures, so that a change of batch size changes no schedule."""

    name: str
    description: str
    # Model.
    working_size: int = 256
    head: str = "regression"  # see ColorizationConfig, as for the next two
    guided: bool = False
    # Data.
    crop_sizes: tuple[int, ...] = (128,)  # px; one after the other over equal shares of the run, small ones first
    min_crop_scale: float = 0.25  # area of a crop, as a share of the largest square in the picture
    contrast: float = 0.25  # luminance only, as are the next three: see data.transforms.Degradation
    gamma: float = 0.25
    blur: float = 1.0
    grain: float = 4.0
    degradation_probability: float = 0.3
    min_chroma: float = 3.0  # CIE units; crops with a smaller mean chroma teach grey and are left out of the loss
    no_sky_share: float = 0.0  # pictures without sky are shown more often until they are this share of what is seen
    hint_probability: float = 0.0  # of a picture to come with points of its true colours; guided networks only
    palette_probability: float = 0.0
    # Loss.
    huber_delta: float = 20.0  # CIE units
    chroma_weight: float = 0.0
    classification_weight: float = 0.0
    uniform_share: float = 0.5  # 1: all colours weigh alike; 0: rare colours weigh as much in sum as frequent ones
    mean_chroma_weight: float = 0.0
    # Optimisation.
    pictures: int = 150_000  # seen in all, crops counted each time
    batch_size: int = 32  # of all processes together
    learning_rate: float = 1e-3  # of the new layers
    encoder_learning_rate: float = 2e-4  # of the pretrained ones
    frozen_encoder_layers: tuple[str, ...] = ()  # kept as pretrained, with their statistics; the generic first ones
    warmup: int = 3_000  # pictures
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema_half_life: int = 5_000  # pictures
    seed: int = 0
    # Watching.
    validate_every: int = 15_000  # pictures
    validation_pictures: int = 256
    checkpoint_every: int = 10_000  # pictures

    def validate(self) -> None:
        """Raise RecipeError when a value makes no sense."""
        for name in ("working_size", "batch_size", "pictures", "validate_every", "checkpoint_every", "ema_half_life"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not self.crop_sizes or any(size < 32 or size % 16 for size in self.crop_sizes):
            raise RecipeError(f"crop_sizes are multiples of 16 px from 32 on, not {list(self.crop_sizes)}.")
        if not 0 < self.min_crop_scale <= 1:
            raise RecipeError(f"min_crop_scale is a share in (0, 1], not {self.min_crop_scale}.")
        if not 0 <= self.degradation_probability <= 1:
            raise RecipeError(f"degradation_probability is in [0, 1], not {self.degradation_probability}.")
        for name in ("huber_delta", "learning_rate", "clip_norm"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} must be above 0, not {getattr(self, name)}.")
        for name in ("encoder_learning_rate", "weight_decay", "chroma_weight", "min_chroma", "warmup"):
            if getattr(self, name) < 0:
                raise RecipeError(f"{name} must not be below 0, it is {getattr(self, name)}.")
        for name in ("no_sky_share", "hint_probability", "palette_probability", "uniform_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is in [0, 1], not {getattr(self, name)}.")
        if (self.hint_probability or self.palette_probability) and not self.guided:
            raise RecipeError("hint_probability and palette_probability need guided: true.")
        if self.batch_size > self.pictures:
            raise RecipeError(
                f"batch_size {self.batch_size} is more than the {self.pictures} pictures of the whole run."
            )


def load_recipe(name_or_file: str, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe by its name here or from a YAML file, and apply ``key=value`` overrides.

    Raises:
        RecipeError: if there is no such recipe, a key is unknown, a value has the wrong type or makes no sense.
    """
    path = RECIPES / f"{name_or_file}.yaml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        raise RecipeError(f"There is no recipe {name_or_file!r}; known are: {', '.join(list_recipes())}.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a recipe is a list of 'key: value' lines.")
    for override in overrides or []:
        key, equals, text = override.partition("=")
        if not equals:
            raise RecipeError(f"{override!r}: an override is written key=value.")
        values[key] = yaml.safe_load(text)
    types_of = typing.get_type_hints(Recipe)
    unknown = sorted(values.keys() - types_of.keys())
    if unknown:
        raise RecipeError(f"{path.name}: unknown key {', '.join(unknown)}; known are: {', '.join(types_of)}.")
    missing = sorted({"name", "description"} - values.keys())
    if missing:
        raise RecipeError(f"{path.name}: {' and '.join(missing)} missing.")
    recipe = Recipe(**{key: _as(types_of[key], key, value) for key, value in values.items()})
    recipe.validate()
    return recipe


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write all values, defaults included, as YAML that :func:`load_recipe` reads back to the same recipe."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(recipe).items()}
    path.write_text(yaml.safe_dump(values, sort_keys=False, width=120), encoding="utf-8")


def list_recipes() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def _as(kind: Any, key: str, value: Any) -> Any:
    """``value`` as ``kind``; YAML reads 1e-3 as text, and 1 where 1.0 is meant."""
    if isinstance(kind, types.GenericAlias):
        if not isinstance(value, (list, tuple)):
            raise RecipeError(f"{key} is a list, not {value!r}.")
        return tuple(_as(kind.__args__[0], key, item) for item in value)
    try:
        if isinstance(value, bool) != (kind is bool) or value is None:
            raise ValueError
        if kind is int and float(value) != int(float(value)):
            raise ValueError
        return kind(float(value)) if kind is int else kind(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{key} must be of type {kind.__name__}, not {value!r}.") from None
