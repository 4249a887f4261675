"""Training's part of the benchmark: our loop beside the plain loop that notebooks of colorizers use."""

from __future__ import annotations

import copy
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, Image
from PIL import Image as Pillow
from torchvision import transforms

from colorization import ColorizationModel, load_pipeline
from colorization.training.batches import Batch, make_batch
from colorization.training.features import extract_features
from colorization.training.loop import Machine, load_crops, train
from colorization.training.objective import Objective
from colorization.training.recipe import load_recipe

from .network import has_fast_bf16
from .timing import compare, draw_photograph, take_turns

_BATCH = 16


def benchmark_training(data: Path | None, rounds: int) -> list[dict]:
    """Measure images a second of the recipe ``landscapecolorizer`` at 256 px, and of its data path alone.

    In fp32 and, where the processor computes it itself, under bf16 autocast.

    The plain side is what such notebooks do: torchvision's transforms, then scikit-image's ``rgb2lab`` picture by
    picture in the loader, and a step in contiguous memory. Ours cuts and turns in the loader and does the rest batched.
    Both without worker processes, with the same network, batches and optimizer.

    Args:
        data: folder of pictures; None for drawn ones of 400 px.
        rounds: counted rounds of two batches.
    """
    from skimage.color import rgb2lab

    recipe = dataclasses.replace(
        load_recipe("landscapecolorizer"), crop_sizes=(256,), batch_size=_BATCH, pictures=_BATCH * 10_000
    )
    with tempfile.TemporaryDirectory() as folder:
        if data is None:
            files = [Path(folder) / f"{number}.jpg" for number in range(4 * _BATCH)]
            for file in files:
                draw_photograph(400, 300, "RGB").save(file, quality=90)
        else:
            files = sorted(path for path in data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        pictures = Dataset.from_dict({"image": [str(file) for file in files]}).cast_column("image", Image())
        loader, _ = load_crops(pictures, recipe, Machine(workers=0), 0, 1, range(1))
        ours, generator = iter(loader), torch.Generator().manual_seed(0)

        def our_data() -> tuple[dict, torch.Tensor, torch.Tensor | None]:
            batch = make_batch(next(ours), recipe, False, generator)
            return batch.inputs, batch.ab, batch.rgb

        place = iter(range(10**9))
        augment = transforms.Compose(  # what the recipe asks for, as notebooks write it
            [
                transforms.RandomResizedCrop(256, scale=(recipe.min_crop_scale, 1.0)),
                transforms.RandomHorizontalFlip(),
                transforms.RandomVerticalFlip(),
                transforms.RandomRotation(recipe.rotation),
                transforms.ColorJitter(recipe.jitter, recipe.jitter, recipe.jitter, recipe.jitter / 10),
            ]
        )

        def plain_data() -> tuple[dict, torch.Tensor, torch.Tensor]:
            rows = []
            for _ in range(_BATCH):
                with Pillow.open(files[next(place) % len(files)]) as picture:
                    small = augment(picture.convert("RGB"))
                rows.append(torch.from_numpy(rgb2lab(np.asarray(small)).astype(np.float32)).permute(2, 0, 1))
            lab = torch.stack(rows)
            return {"pixel_values": (lab[:, :1] / 100).repeat(1, 3, 1, 1)}, lab[:, 1:], lab

        def stepper(get: Callable, layout: torch.memory_format, bf16: bool = False) -> Callable[[], None]:
            torch.manual_seed(0)
            model = ColorizationModel(recipe.config()).train().to(memory_format=layout)
            optimizer, objective = torch.optim.AdamW(model.parameters(), 1e-4), Objective(recipe)

            def step() -> None:
                inputs, ab, rgb = get()
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    output = model(**inputs)
                loss, _ = objective(output, ab, rgb)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

            return step

        sides = {
            "ours": stepper(our_data, torch.channels_last),
            "plain": stepper(plain_data, torch.contiguous_format),
            "our data": our_data,
            **({"ours in bf16": stepper(our_data, torch.channels_last, bf16=True)} if has_fast_bf16() else {}),
            "plain data": plain_data,
        }
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name, side in sides.items():
                start = time.perf_counter()
                side()
                if number:  # the first warms up
                    seconds[name].append(time.perf_counter() - start)
        took = {name: float(np.median(values)) / _BATCH for name, values in seconds.items()}
    what = "training landscapecolorizer at 256 px, {}, a picture / the plain loop (Pillow, scikit-image)"
    in_bf16 = [compare(what.format("bf16"), took["ours in bf16"], took["plain"], 0.5)] if "ours in bf16" in took else []
    return [
        compare(what.format("fp32"), took["ours"], took["plain"], round(1 / 3, 2)),
        *in_bf16,
        compare("the data path of it alone, a picture / the plain one", took["our data"], took["plain data"]),
    ]


class _NoValidation:
    """Nothing is measured, so that only the steps are timed."""

    higher_is_better: Mapping[str, bool] = {}

    def __call__(self, model: ColorizationModel) -> dict[str, float]:
        return {}

    def draw(self, model: ColorizationModel, path: Path) -> None:
        pass


def benchmark_step(rounds: int) -> list[dict]:
    """Time a step of the release's recipe on kept features, against forward and backward of a batch at hand.

    Args:
        rounds: counted steps.
    """
    recipe = load_recipe("landscape-large", ["views=1", "degradation_probability=0"])
    model = load_pipeline(None, "cpu").model.float()
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / f"{number}.jpg" for number in range(6)]
        for file in files:
            draw_photograph(400, 300, "RGB").save(file, quality=90)
        columns = {"image": [str(file) for file in files]}
        pictures = Dataset.from_dict(columns).cast_column("image", Image(decode=False))
        store = extract_features(model, pictures, recipe, Path(name) / "store", torch.float32)
        asked: list[float] = []  # when the loop wants a batch: from one to the next is a whole step
        draw = store.batches

        def batches(*arguments) -> Iterator[Batch]:
            for batch in draw(*arguments):
                asked.append(time.perf_counter())
                yield batch

        store.batches = batches  # type: ignore[method-assign, assignment]
        run = dataclasses.replace(recipe, pictures=(rounds + 2) * recipe.batch_size, checkpoint_every=10**9)
        train(copy.deepcopy(model), run, store, _NoValidation(), Path(name) / "run")
        objective = Objective(recipe, store.prior(recipe))
        batch = next(draw(recipe, 0, range(1), 1, torch.device("cpu")))
        for part, parameter in model.named_parameters():
            parameter.requires_grad_("backbone" not in part)
        model.train()

        def bare() -> None:
            loss, _ = objective(model(**batch.inputs), batch.ab, batch.rgb, batch.whole_ab)
            loss.backward()

        alone = take_turns({"bare": bare}, rounds)["bare"]
    ours = float(np.median(np.diff(asked)[1:]))  # the first step warms up
    return [compare("a step of the release's recipe on kept features / forward and backward alone", ours, alone, 1.15)]
