"""A recipe: every number of a training run in one dataclass, as YAML, validated with sentences."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub.errors import StrictDataclassError

from ..baselines import BaselineConfig, BaselineModel
from ..data.transforms import Degradation, View
from ..model.color import NEAR_GREY
from ..model.configuration_colorization import ColorizationConfig
from ..model.modeling_colorization import ColorizationModel

RECIPES = Path(__file__).parent / "recipes"
_BASELINE_FIELDS = {field.name for field in dataclasses.fields(BaselineConfig)}


class RecipeError(ValueError):
    """A recipe that cannot be run; the message says which value and why."""


@dataclass(frozen=True)
class Recipe:
    """One training run. Lengths count pictures, so that a change of batch size changes no schedule."""

    name: str
    description: str
    # Model.
    baseline: bool = False  # whether the model is one to compare with: a BaselineModel
    model: dict = field(default_factory=dict)  # fields of its configuration that differ from the defaults
    working_size: int = 256
    # Data.
    crop_sizes: tuple[int, ...] = (128,)  # px; one after the other over equal shares of the run, small ones first
    data_shares: tuple[float, ...] = (1.0,)  # of the pictures, in use one after the other over equal shares of the run
    min_crop_scale: float = 0.25  # area of a crop, as a share of the largest square in the picture
    squash: bool = False  # the whole picture as a square, whatever its aspect, in place of an aspect-true crop
    vertical_flip: bool = False
    rotation: float = 0.0  # degrees either way; corners turn black
    jitter: float = 0.0  # brightness, contrast and saturation of the target by up to this share, hue by a tenth of it
    contrast: float = 0.25  # luminance only, as are the next three: see data.transforms.Degradation
    gamma: float = 0.25
    blur: float = 1.0
    grain: float = 4.0
    degradation_probability: float = 0.3
    film_probability: float = 0.0  # of a view to be seen as a film sees it; kept features only
    views: int = 0  # of a large picture, whose features are computed once and kept; 0 to train on crops of pictures
    small_share: float = 0.0  # of what is seen, of pictures too small for crops; kept features only; 0 for as it comes
    min_chroma: float = NEAR_GREY  # CIE units; crops with a smaller mean chroma teach grey and are left out of the loss
    min_lightness: float = 0.0  # mean L*; darker and lighter crops are left out too
    max_lightness: float = 100.0
    sky_chroma: float = (
        0.0  # CIE units; views with a sky are drawn so that their mean chroma is this; kept features only
    )
    no_sky_chroma: float = 0.0  # the same of views without a sky; 0 for as it comes
    no_sky_share: float = 0.0  # pictures without sky are shown more often until they are this share of what is seen
    hint_probability: float = 0.0  # of a picture to come with points of its true colors; guided networks only
    palette_probability: float = 0.0
    # Loss.
    color_loss: str = "huber"  # "huber", "l1" or "mse", of ab, or of RGB where the head is "rgb"
    color_weight: float = 1.0
    huber_delta: float = 20.0  # CIE units
    chroma_weight: float = 0.0
    relative_floor: float = 0.0  # squared CIE units; above 0, errors count relative to the color a picture has
    classification_weight: float = 0.0
    uniform_share: float = 0.5  # 1: all pixels count alike; 0: rare colors count as much in sum as frequent ones
    mean_chroma_weight: float = 0.0
    coarse_weight: float = 0.0  # of colors of the whole picture at stride 16, before the decoder
    moments_weight: float = 0.0  # of the covariance of ab over the picture
    adversarial_loss: str = "vanilla"  # or "hinge"
    adversarial_weight: float = 0.0
    adversarial_from: float = 0.0  # share of the run after which the discriminator comes in
    discriminator_learning_rate: float = 2e-4
    discriminator_width: int = 64
    # Optimization.
    pictures: int = 150_000  # seen in all, crops counted each time
    batch_size: int = 32  # of all processes together
    accumulation: int = 1  # parts in which a process takes its share of the batch
    learning_rate: float = 1e-3  # of the new layers
    encoder_learning_rate: float = 2e-4  # of the pretrained ones
    frozen_encoder_layers: tuple[str, ...] = ()  # kept as pretrained, with their statistics; the generic first ones
    beta1: float = 0.9  # of Adam's running mean of gradients
    schedule: str = "cosine"  # or "step" (a tenth after half, a hundredth after 5/6 of the run), or "constant"
    warmup: int = 3_000  # pictures; at most a tenth of the run
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema_half_life: int = 5_000  # pictures; at most a twentieth of what was seen
    seed: int = 0
    # Watching.
    validate_every: int = 15_000  # pictures
    validation_pictures: int = 256
    checkpoint_every: int = 10_000  # pictures
    select_by: str = ""  # validation measure whose best model is kept; empty for the last
    patience: int = 0  # validations without a better one after which the run ends; 0 for never
    set_distance: bool = False  # also measure the kernel distance of the sets of pictures, which takes a minute

    @property
    def view(self) -> View:
        """How a picture is cut and turned."""
        return View(self.min_crop_scale, self.squash, self.vertical_flip, self.rotation, self.jitter)

    @property
    def degradation(self) -> Degradation:
        """How its luminance is aged."""
        return Degradation(self.contrast, self.gamma, self.blur, self.grain, self.degradation_probability)

    @property
    def model_class(self) -> type[ColorizationModel]:
        """The class of the recipe's model."""
        return BaselineModel if self.baseline else ColorizationModel

    def config(self) -> ColorizationConfig:
        """The configuration of the recipe's model.

        Raises:
            RecipeError: if a field of ``model`` is unknown or makes no network.
        """
        kind = self.model_class.config_class
        known = {field.name for field in dataclasses.fields(kind)}
        if unknown := sorted(self.model.keys() - known):
            hint = "baseline=true has more" if set(unknown) <= _BASELINE_FIELDS else f"{kind.__name__} names them all"
            raise RecipeError(f"model: unknown field {', '.join(unknown)}; {hint}.")
        try:
            return kind(**self.model)
        except (StrictDataclassError, ValueError, TypeError) as error:
            # Its own sentence stands behind "Class validation error for ...".
            raise RecipeError(f"model: {error.__cause__ or error}") from error

    def validate(self) -> None:
        """Raise RecipeError when a value makes no sense."""
        for name in (
            "working_size", "batch_size", "accumulation", "pictures", "validate_every", "checkpoint_every",
            "ema_half_life", "validation_pictures", "discriminator_width",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not self.crop_sizes or any(size < 32 or size % 16 for size in self.crop_sizes):
            raise RecipeError(f"crop_sizes are multiples of 16 px from 32 on, not {list(self.crop_sizes)}.")
        if not self.data_shares or any(not 0 < share <= 1 for share in self.data_shares):
            raise RecipeError(f"data_shares are shares in (0, 1], not {list(self.data_shares)}.")
        if not 0 < self.min_crop_scale <= 1:
            raise RecipeError(f"min_crop_scale is a share in (0, 1], not {self.min_crop_scale}.")
        for name in (
            "degradation_probability", "no_sky_share", "hint_probability", "palette_probability", "uniform_share",
            "adversarial_from", "jitter", "film_probability", "small_share",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is in [0, 1], not {getattr(self, name)}.")
        for name in ("huber_delta", "learning_rate", "clip_norm", "discriminator_learning_rate", "color_weight"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} must be above 0, not {getattr(self, name)}.")
        for name in (
            "encoder_learning_rate", "weight_decay", "chroma_weight", "min_chroma", "warmup", "rotation",
            "classification_weight", "mean_chroma_weight", "adversarial_weight", "patience", "views", "coarse_weight",
            "moments_weight", "relative_floor",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise RecipeError(f"{name} must not be below 0, it is {getattr(self, name)}.")
        for name, choices in (
            ("color_loss", ("huber", "l1", "mse")),
            ("adversarial_loss", ("vanilla", "hinge")),
            ("schedule", ("cosine", "step", "constant")),
        ):
            if getattr(self, name) not in choices:
                raise RecipeError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}.")
        if self.batch_size > self.pictures:
            raise RecipeError(
                f"batch_size {self.batch_size} is more than the {self.pictures} pictures of the whole run."
            )
        if self.patience and not self.select_by:
            raise RecipeError("patience needs select_by: the measure that must get better.")
        config = self.config()
        if (self.hint_probability or self.palette_probability) and not config.guided:
            raise RecipeError("hint_probability and palette_probability need a guided model.")
        if self.views and config.architecture != "dinov2":
            raise RecipeError("views are for a model whose features can be kept: model.architecture 'dinov2'.")
        if config.head == "rgb" and self.color_loss == "huber":
            raise RecipeError("color_loss of a model that predicts RGB is l1 or mse.")


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
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"{override!r}: the value is not valid YAML.") from error
        group, dot, inner = key.partition(".")
        if dot and group == "model":  # model.head=both changes one field of the model
            values["model"] = {**(values.get("model") or {}), inner: value}
        else:
            values[key] = value
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
    path.write_text(describe_recipe(recipe), encoding="utf-8")


def describe_recipe(recipe: Recipe) -> str:
    """All values, defaults included, as YAML."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(recipe).items()}
    return yaml.safe_dump(values, sort_keys=False, width=120)


def list_recipes() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def _as(kind: Any, key: str, value: Any) -> Any:
    """``value`` as ``kind``; YAML reads 1e-3 as text, and 1 where 1.0 is meant."""
    if isinstance(kind, types.GenericAlias):
        if not isinstance(value, (list, tuple)):
            raise RecipeError(f"{key} is a list, not {value!r}.")
        return tuple(_as(kind.__args__[0], key, item) for item in value)
    if kind is dict:
        if not isinstance(value, dict):
            raise RecipeError(f"{key} is a group of 'key: value' lines, not {value!r}.")
        return value
    try:
        if isinstance(value, bool) != (kind is bool) or value is None:
            raise ValueError
        if kind is int and float(value) != int(float(value)):
            raise ValueError
        return kind(float(value)) if kind is int else kind(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{key} must be of type {kind.__name__}, not {value!r}.") from None
