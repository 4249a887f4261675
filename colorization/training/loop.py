"""The training loop, top to bottom: crops -> Lab -> model -> losses -> step -> average -> log -> checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import datasets
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from ..data.crops import Crops, RunOrder, StreamedCrops
from ..data.pictures import decode_once, repeat_no_sky
from ..model.ab_bins import ab_histogram
from ..model.color import rgb_to_lab
from ..model.modeling_colorization import ColorizationModel
from .batches import Batch, make_batch
from .checkpoints import export, load_checkpoint, save_checkpoint
from .discriminator import PatchDiscriminator
from .encoders import IMAGENET_ENCODERS, encoder_of
from .features import FeatureStore
from .losses import discriminator_loss, generator_loss
from .objective import Objective
from .recipe import Recipe, save_recipe
from .schedule import adversarial_weight, ema_decay, learning_rate_factor, reached
from .sharding import WholeWeights, fit_fsdp
from .watching import History, Progress

logger = logging.getLogger(__name__)


class Validation(Protocol):
    """Measures a model while it is trained; see ``validation.py``."""

    higher_is_better: Mapping[str, bool]
    """What of the measures is better: more, or less."""

    def __call__(self, model: ColorizationModel) -> dict[str, float]:
        """Measures of the model, in evaluation mode, on fixed pictures."""

    def draw(self, model: ColorizationModel, path: Path) -> None:
        """Write a grid of pictures, input, output and truth."""


@dataclass(frozen=True)
class Machine:
    """How a run is carried out; changes nothing of what is learned but rounding."""

    workers: int = 2
    """Processes (threads, for a stream) that decode pictures."""
    mixed_precision: str = "no"
    """ "no", "fp16" or "bf16"."""
    trackers: tuple[str, ...] = ()
    """Names that Accelerate knows: "tensorboard", "wandb", "trackio"."""
    cache: Path | None = None
    """Folder for pictures decoded once."""


def train(
    model: ColorizationModel,
    recipe: Recipe,
    pictures: datasets.Dataset | datasets.IterableDataset | FeatureStore,
    validation: Validation,
    output: Path,
    resume: bool = False,
    machine: Machine | None = None,
) -> ColorizationModel:
    """Train ``model`` as ``recipe`` says and return the exponential moving average of its weights.

    Args:
        model: with its encoder already loaded.
        recipe: all numbers of the run; a resolved copy is saved in ``output``.
        pictures: data set with an ``image`` column, of the disk or streamed, or features kept of one.
        validation: measures the averaged weights.
        output: folder for ``recipe.yaml``, ``history.csv``, ``training.png``, ``samples/``, ``checkpoints/`` and the
            model in ``model/`` (the best, where the recipe says by what).
        resume: go on from the newest whole checkpoint in ``output``, with the same order of data.
        machine: how the run is carried out.

    Raises:
        ValueError: if batch, processes and accumulation do not fit, or the data lacks what the recipe needs.
        RuntimeError: if the loss is no number, or the disk is full (:class:`DiskFullError`).
    """
    machine = machine or Machine()
    accelerator = Accelerator(
        cpu=not torch.accelerator.is_available(),  # else processes on CPUs alone would not find each other
        mixed_precision=machine.mixed_precision,
        log_with=list(machine.trackers) or None,
        project_dir=str(output),
    )
    parts = accelerator.num_processes * recipe.accumulation
    if recipe.batch_size % parts or recipe.batch_size // parts < 2:
        raise ValueError(
            f"batch_size {recipe.batch_size} cannot be divided into {accelerator.num_processes} processes x "
            f"{recipe.accumulation} parts of at least two pictures."
        )
    if recipe.select_by and recipe.select_by not in validation.higher_is_better:
        raise ValueError(f"select_by is one of {', '.join(validation.higher_is_better)}, not {recipe.select_by!r}.")
    set_seed(recipe.seed)
    output.mkdir(parents=True, exist_ok=True)
    if accelerator.is_main_process:
        save_recipe(recipe, output / "recipe.yaml")
    accelerator.init_trackers("logs", config={"recipe": recipe.name, "pictures": recipe.pictures})

    memory_format = fit_fsdp(accelerator)
    model.to(memory_format=memory_format)
    _freeze(model, recipe)
    optimizer = torch.optim.AdamW(_parameter_groups(model, recipe), betas=(recipe.beta1, 0.999))
    average = AveragedModel(model, use_buffers=True).to(accelerator.device)
    average.requires_grad_(False)
    averaged = cast(ColorizationModel, average.module)
    network, optimizer = accelerator.prepare(model, optimizer)
    rates = [group["lr"] for group in optimizer.param_groups]
    critic = _Critic(accelerator, recipe, memory_format) if recipe.adversarial_weight else None
    progress = Progress()
    accelerator.register_for_checkpointing(average, progress)
    seen = load_checkpoint(accelerator, output / "checkpoints") if resume else 0
    history = History(output, recipe.name, seen)

    # The parts of each batch that are this process's, so that all together see what one process would.
    first = accelerator.process_index * recipe.accumulation
    own = range(first, first + recipe.accumulation)
    if isinstance(pictures, FeatureStore):
        objective = Objective(recipe, pictures.prior(recipe))
        batches = pictures.batches(recipe, seen, own, parts, accelerator.device)
    else:
        loader, crops = load_crops(pictures, recipe, machine, seen, parts, own)
        objective = Objective(recipe, _measure_prior(crops, recipe) if _classifies(model) else None)
        batches = _batches(loader, recipe, model.config.guided, accelerator.device, seen, own)

    bar = tqdm(
        total=recipe.pictures, initial=seen, unit="img", smoothing=0.02, mininterval=2,
        disable=not accelerator.is_main_process,
    )  # fmt: skip
    while seen + recipe.batch_size <= recipe.pictures:
        _freeze(model, recipe)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * learning_rate_factor(seen, recipe)
        adversarial = adversarial_weight(seen, recipe)
        optimizer.zero_grad()
        total = torch.zeros((), device=accelerator.device)
        details: dict[str, float] = {}
        for part in range(recipe.accumulation):
            batch = next(batches)
            last = part == recipe.accumulation - 1
            with nullcontext() if last else accelerator.no_sync(network):
                with accelerator.autocast():
                    predicted = network(**batch.inputs)
                loss, terms = objective(predicted, batch.ab, batch.rgb, batch.whole_ab)
                if critic is not None and adversarial:
                    terms["adversarial"] = critic.judge(batch, predicted.ab)
                    loss = loss + adversarial * terms["adversarial"]
                accelerator.backward(loss / recipe.accumulation)
            if critic is not None and adversarial:
                terms["discriminator"] = critic.learn(batch, predicted.ab.detach(), recipe.accumulation, last)
            total = total + accelerator.reduce(loss.detach(), "mean") / recipe.accumulation
            for name, value in terms.items():
                value = accelerator.reduce(value.detach(), "mean").item() / recipe.accumulation
                details[name] = details.get(name, 0.0) + value
        if not torch.isfinite(total):
            raise RuntimeError(f"The loss is {total.item()} after {seen:,} pictures; try a lower learning_rate.")
        accelerator.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
        average.multi_avg_fn = get_ema_multi_avg_fn(ema_decay(seen, recipe))
        average.update_parameters(WholeWeights(accelerator.unwrap_model(network)))  # type: ignore[arg-type]

        before, seen = seen, seen + recipe.batch_size
        progress.add(total.item(), details)
        bar.update(recipe.batch_size)
        bar.set_postfix(loss=f"{progress.loss:.4f}", refresh=False)
        end = seen + recipe.batch_size > recipe.pictures
        if end or reached(seen, before, recipe.validate_every):
            if accelerator.is_main_process:
                metrics = validation(averaged.eval())
                row = {"seconds": round(progress.elapsed(), 1), "loss": progress.loss, **progress.parts, **metrics}
                history.add({"pictures": seen, **row})
                validation.draw(averaged, output / "samples" / f"{seen:09d}.png")
                accelerator.log(row, step=seen)
                logger.info("%s pictures: %s", f"{seen:,}", {k: round(v, 4) for k, v in metrics.items()})
                if _is_kept(metrics, recipe, validation, progress):
                    export(averaged, recipe, seen, output / "model")
                if recipe.patience and progress.stale >= recipe.patience:
                    logger.info("No better %s in %s validations: the run ends.", recipe.select_by, progress.stale)
                    accelerator.set_trigger()
            accelerator.wait_for_everyone()
            end = accelerator.check_trigger() or end
        if end or reached(seen, before, recipe.checkpoint_every):
            broadcast(list(model.buffers()))  # FSDP leaves the statistics of normalization to each process
            save_checkpoint(accelerator, output / "checkpoints", seen)
        if end:
            break
    bar.close()
    accelerator.end_training()
    return averaged.eval()


class _Critic:
    """The discriminator with its optimizer."""

    def __init__(self, accelerator: Accelerator, recipe: Recipe, memory_format: torch.memory_format) -> None:
        self.accelerator, self.kind = accelerator, recipe.adversarial_loss
        discriminator = PatchDiscriminator(recipe.discriminator_width).to(memory_format=memory_format)
        optimizer = torch.optim.Adam(
            discriminator.parameters(), recipe.discriminator_learning_rate, betas=(recipe.beta1, 0.999)
        )
        self.network, self.optimizer = accelerator.prepare(discriminator, optimizer)

    def _score(self, batch: Batch, ab: torch.Tensor) -> torch.Tensor:
        # Judged at the size of the input, whatever the stride of the generator.
        ab = F.interpolate(ab, size=batch.lightness.shape[-2:], mode="bilinear", align_corners=False)
        with self.accelerator.autocast():
            return self.network(batch.lightness, ab).float()

    def judge(self, batch: Batch, ab: torch.Tensor) -> torch.Tensor:
        """Loss of the generator; the discriminator gets no gradient from it."""
        self.network.requires_grad_(False)
        return generator_loss(self._score(batch, ab), self.kind)

    def learn(self, batch: Batch, ab: torch.Tensor, accumulation: int, last: bool) -> torch.Tensor:
        """One step of the discriminator after the last part of a batch; returns its loss."""
        self.network.requires_grad_(True)  # not sooner: FSDP would forget it when the generator's gradient is done
        with nullcontext() if last else self.accelerator.no_sync(self.network):
            loss = discriminator_loss(self._score(batch, batch.ab), self._score(batch, ab), self.kind)
            self.accelerator.backward(loss / accumulation)
        if last:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.detach()


def load_crops(
    pictures: datasets.Dataset | datasets.IterableDataset,
    recipe: Recipe,
    machine: Machine,
    seen: int,
    parts: int,
    own: range,
) -> tuple[Iterable[torch.Tensor], Crops | StreamedCrops]:
    """The loader of this process's parts of each batch, and the crops behind it.

    Args:
        pictures: of the disk or streamed.
        recipe: what is cut from them, and in which order.
        machine: how they are decoded.
        seen: places of the run that are done.
        parts: into how many a batch is divided.
        own: those of this process.

    Raises:
        ValueError: if the data lacks what the recipe needs.
    """
    streamed = isinstance(pictures, datasets.IterableDataset)
    count = recipe.pictures if streamed else len(pictures)
    indices = None
    if recipe.no_sky_share:
        if streamed:
            raise ValueError("no_sky_share needs to know all pictures beforehand; it does not go with streaming.")
        indices = repeat_no_sky(pictures, recipe.no_sky_share)
    order = RunOrder(
        count, recipe.pictures, recipe.batch_size, recipe.crop_sizes, recipe.seed, seen,
        indices, recipe.data_shares, parts, own,
    )  # fmt: skip
    if streamed:
        stream = StreamedCrops(pictures, order, recipe.view, recipe.seed, machine.workers)
        return stream, stream
    decoded = decode_once(pictures, machine.cache) if machine.cache else pictures
    crops = Crops(decoded, recipe.view, recipe.seed)
    workers = machine.workers
    return DataLoader(crops, batch_sampler=order, num_workers=workers, persistent_workers=workers > 0), crops


def _batches(
    loader: Iterable[torch.Tensor], recipe: Recipe, guided: bool, device: torch.device, seen: int, own: range
) -> Iterator[Batch]:
    """Parts of batches. All chance comes from the place in the run: the same when it is continued or divided."""
    rgb = iter(loader)
    while True:
        for number in own:
            place = (recipe.seed << 40) + seen + number + 1
            torch.manual_seed(place)  # dropout
            yield make_batch(next(rgb).to(device), recipe, guided, torch.Generator(device).manual_seed(place))
        seen += recipe.batch_size


def _is_kept(metrics: dict[str, float], recipe: Recipe, validation: Validation, progress: Progress) -> bool:
    """Whether the model that was just measured is the one to keep: the best so far, or simply the last."""
    by = recipe.select_by
    return not by or progress.is_best(metrics[by], validation.higher_is_better[by])


def _classifies(model: ColorizationModel) -> bool:
    return model.config.head in ("classification", "both")


def _measure_prior(crops: Crops | StreamedCrops, recipe: Recipe, count: int = 2_000) -> torch.Tensor:
    """Share [Q] of each bin of ab in ``count`` crops: spread over the data set, or the first of a stream."""
    total = torch.zeros(())
    if isinstance(crops, StreamedCrops):
        few = RunOrder(count, count, 1, (32,), recipe.seed, 0)
        found = (batch[0] for batch in StreamedCrops(crops.pictures, few, recipe.view, recipe.seed, buffer=1))
    else:
        count = min(count, len(crops.pictures))
        found = (crops[(number * len(crops.pictures) // count, number, 32)] for number in range(count))
    for rgb in tqdm(found, total=count, desc="colors", unit="img", mininterval=2):
        total = total + ab_histogram(rgb_to_lab(rgb[None].float() / 255)[:, 1:])[0]
    return total / total.sum()


def _freeze(model: ColorizationModel, recipe: Recipe) -> None:
    """Training mode for all but the frozen layers, whose statistics stay too."""
    model.train()
    if model.config.architecture == "dinov2":
        model.network.backbone.eval().requires_grad_(False)
    for name in recipe.frozen_encoder_layers:
        encoder_of(model).get_submodule(name).eval().requires_grad_(False)


def _parameter_groups(model: ColorizationModel, recipe: Recipe) -> list[dict]:
    """Two learning rates; no weight decay on biases and normalization (they have one dimension)."""
    pretrained = model.config.architecture in IMAGENET_ENCODERS
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            encoder = pretrained and name.startswith(("network.encoder.", "network.detail."))
            groups.setdefault((encoder, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.encoder_learning_rate if encoder else recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decayed else 0.0,
        }
        for (encoder, decayed), parameters in groups.items()
    ]
