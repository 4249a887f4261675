"""The training loop, top to bottom: picture -> L and ab -> model -> loss -> step -> EMA -> log -> checkpoint."""

from __future__ import annotations

import csv
import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import Dataset
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from ..ab_bins import ab_histogram
from ..color import rgb_to_lab
from ..data.pictures import Crops, RunOrder, repeat_no_sky
from ..data.transforms import Degradation, degrade
from ..image_processing_colorization import ColorizationImageProcessor, normalize_lightness
from ..modeling_colorization import ColorizationModel
from .guidance import draw_hints, draw_palette
from .objective import Objective
from .recipe import Recipe, save_recipe

logger = logging.getLogger(__name__)

Validate = Callable[[ColorizationModel], dict[str, float]]


def train(
    model: ColorizationModel,
    recipe: Recipe,
    pictures: Dataset,
    validate: Validate,
    output: Path,
    resume: bool = False,
    workers: int = 2,
    mixed_precision: str = "no",
) -> ColorizationModel:
    """Train ``model`` as ``recipe`` says and return the exponential moving average of its weights.

    Args:
        model: with its encoder already loaded.
        recipe: all numbers of the run; a resolved copy is saved in ``output``.
        pictures: data set with an ``image`` column, RGB.
        validate: measures a model on validation pictures; called with the averaged weights.
        output: folder for ``recipe.yaml``, ``history.csv``, ``checkpoints/`` and the model in ``model/``.
        resume: go on from the newest checkpoint in ``output``, with the same order of data.
        workers: processes that decode pictures.
        mixed_precision: "no", "fp16" or "bf16" (Accelerate).
    """
    accelerator = Accelerator(mixed_precision=mixed_precision)
    device = accelerator.device
    set_seed(recipe.seed)
    output.mkdir(parents=True, exist_ok=True)
    save_recipe(recipe, output / "recipe.yaml")

    model.to(memory_format=torch.channels_last)
    _freeze(model, recipe)
    optimizer = torch.optim.AdamW(_parameter_groups(model, recipe), weight_decay=recipe.weight_decay)
    rates = [group["lr"] for group in optimizer.param_groups]
    decay = 0.5 ** (recipe.batch_size / recipe.ema_half_life)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True).to(device)
    for parameter in average.parameters():
        parameter.requires_grad_(False)

    checkpoints = output / "checkpoints"
    seen = _newest(checkpoints) if resume else 0
    if seen:
        state = torch.load(checkpoints / f"{seen}.pt", map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        logger.info("Continuing after %s pictures.", f"{seen:,}")

    indices = repeat_no_sky(pictures, recipe.no_sky_share) if recipe.no_sky_share else None
    order = RunOrder(
        indices or range(len(pictures)), recipe.pictures, recipe.batch_size, recipe.crop_sizes, recipe.seed, seen
    )
    crops = Crops(pictures, recipe.min_crop_scale, recipe.seed)
    loader = DataLoader(crops, batch_sampler=order, num_workers=workers, persistent_workers=workers > 0)
    network, optimizer = accelerator.prepare(model, optimizer)
    ageing = Degradation(recipe.contrast, recipe.gamma, recipe.blur, recipe.grain, recipe.degradation_probability)

    prior = _measure_prior(crops, recipe) if model.config.head in ("classification", "both") else None
    objective = Objective(recipe, prior)
    running = _RunningMean()
    with tqdm(total=recipe.pictures, initial=seen, unit="img", smoothing=0.02, mininterval=2) as bar:
        for rgb in loader:
            _freeze(model, recipe)
            factor = _schedule(seen, recipe)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            # One generator a step, from the place in the run: the same ageing when the run is continued.
            chance = torch.Generator(device).manual_seed((recipe.seed << 40) + seen + 1)

            lab = rgb_to_lab(rgb.to(device).float() / 255)
            lightness, ab = lab[:, :1], lab[:, 1:]
            colourful = ab.norm(dim=1).mean(dim=(1, 2)) >= recipe.min_chroma
            lightness, ab = degrade(lightness, ageing, chance)[colourful], ab[colourful]
            seen += len(rgb)
            bar.update(len(rgb))
            if len(ab) < 2:  # batch normalisation needs two
                continue
            inputs = normalize_lightness(lightness).contiguous(memory_format=torch.channels_last)
            guidance = {}
            if model.config.guided:
                reduced = F.avg_pool2d(ab, 4)
                guidance["hints"] = draw_hints(reduced, recipe.hint_probability, chance)
                guidance["palette"] = draw_palette(reduced, recipe.palette_probability, chance)
            with accelerator.autocast():
                predicted = network(inputs, **guidance)
            loss, _ = objective(predicted, ab)
            if not torch.isfinite(loss):
                raise RuntimeError(f"The loss is {loss.item()} after {seen:,} pictures; try a lower learning_rate.")
            optimizer.zero_grad()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimizer.step()
            average.update_parameters(accelerator.unwrap_model(network))

            running.add(loss.item())
            bar.set_postfix(loss=f"{running.value:.4f}", refresh=False)
            last = seen > recipe.pictures - recipe.batch_size
            if last or seen // recipe.validate_every > (seen - len(rgb)) // recipe.validate_every:
                metrics = validate(average.module.eval())
                _log(output / "history.csv", {"pictures": seen, "loss": running.value, **metrics})
                logger.info("%s pictures: %s", f"{seen:,}", {k: round(v, 4) for k, v in metrics.items()})
            if last or seen // recipe.checkpoint_every > (seen - len(rgb)) // recipe.checkpoint_every:
                state = {
                    "model": accelerator.unwrap_model(network).state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                _save(state, checkpoints, seen)
                export(average.module, ColorizationImageProcessor(working_size=recipe.working_size), output / "model")
    return average.module.eval()


def _measure_prior(crops: Crops, recipe: Recipe, count: int = 2_000) -> torch.Tensor:
    """Share [Q] of each bin of ab in crops of ``count`` pictures spread over the data set."""
    total, pictures = 0, len(crops.pictures)
    for number in tqdm(range(min(count, pictures)), desc="colours", unit="img", mininterval=2):
        rgb = crops[(number * pictures // min(count, pictures), number, 32)]
        total = total + ab_histogram(rgb_to_lab(rgb[None].float() / 255)[:, 1:])[0]
    return total / total.sum()


def export(model: ColorizationModel, processor: ColorizationImageProcessor, folder: Path) -> None:
    """Save model and processor in half precision, whole or not at all: written beside ``folder``, then renamed."""
    half = ColorizationModel(model.config)
    half.load_state_dict(model.state_dict())
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    half.half().save_pretrained(fresh)
    processor.save_pretrained(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _freeze(model: ColorizationModel, recipe: Recipe) -> None:
    """Training mode for all but the frozen layers, whose statistics stay too."""
    model.train()
    for name in recipe.frozen_encoder_layers:
        model.network.encoder.get_submodule(name).eval().requires_grad_(False)


def _parameter_groups(model: ColorizationModel, recipe: Recipe) -> list[dict]:
    """Two learning rates; no weight decay on biases and normalisation (they have one dimension)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("network.encoder."), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.encoder_learning_rate if encoder else recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decayed else 0.0,
        }
        for (encoder, decayed), parameters in groups.items()
    ]


def _schedule(seen: int, recipe: Recipe) -> float:
    """Factor on the learning rates: linear warm-up, then half a cosine down to 1 %."""
    if seen < recipe.warmup:
        return (seen + recipe.batch_size) / (recipe.warmup + recipe.batch_size)
    share = (seen - recipe.warmup) / max(recipe.pictures - recipe.warmup, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1)))


class _RunningMean:
    """Exponential mean of the loss, for people to read."""

    def __init__(self) -> None:
        self.value = float("nan")

    def add(self, value: float) -> None:
        self.value = value if math.isnan(self.value) else 0.98 * self.value + 0.02 * value


def _newest(checkpoints: Path) -> int:
    return max((int(path.stem) for path in checkpoints.glob("*.pt") if path.stem.isdigit()), default=0)


def _save(state: dict, checkpoints: Path, seen: int, keep: int = 2) -> None:
    checkpoints.mkdir(exist_ok=True)
    fresh = checkpoints / f"{seen}.new"
    torch.save(state, fresh)
    fresh.rename(checkpoints / f"{seen}.pt")
    for old in sorted(checkpoints.glob("*.pt"), key=lambda path: int(path.stem))[:-keep]:
        old.unlink()


def _log(path: Path, row: dict[str, float]) -> None:
    """Append a row; a table with other columns is set aside rather than mixed with."""
    header = ",".join(row)
    if path.is_file() and path.read_text(encoding="utf-8").split("\n", 1)[0] != header:
        path.rename(path.with_suffix(".old.csv"))
    fresh = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row.keys(), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
