"""Several processes, streams and caches see the same pictures as one process that reads files."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import torch
from accelerate import DistributedType, PartialState
from accelerate.state import AcceleratorState
from PIL import Image
from safetensors.torch import load_file
from torch import multiprocessing

from colorization.data.crops import Crops, RunOrder, StreamedCrops
from colorization.data.pictures import decode_once, load_pictures, read_row, repeat_no_sky
from colorization.data.transforms import View
from colorization.training.loop import Machine, train
from colorization.training.recipe import Recipe, save_recipe
from colorization.training.sharding import fit_fsdp
from colorization.training.train import main
from colorization.training.validation import HarnessValidation
from colorization.training.watching import read_history

from ..conftest import draw_landscape, make_tiny_model
from .test_training import TINY

RECIPE = dataclasses.replace(
    TINY,
    model={"encoder_widths": [8, 8, 8, 8], "context_width": 8, "decoder_widths": [8, 8, 8]},
    crop_sizes=(32,),
    batch_size=8,
    validate_every=16,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scales")
    for split, count in (("train", 20), ("val", 4)):
        (folder / split).mkdir()
        for seed in range(count):
            draw_landscape(90, 64, seed).save(folder / split / f"{seed:02d}.png")
    return folder


def losses(folder) -> list[float]:
    return [row["loss"] for row in read_history(folder / "history.csv")]


def start_two(function: Callable, runs: int, *arguments: object) -> None:
    """Call it in two processes with its rank, a free port for each of its runs, and the arguments."""
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(runs)]
        for each in free:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in free]
    multiprocessing.start_processes(function, (ports, *arguments), nprocs=2, start_method="forkserver")


def join_as(rank: int, **more: str) -> None:
    """Be one of two processes, as a launcher says it."""
    os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"})
    os.environ.update({"CUDA_VISIBLE_DEVICES": "", **more})
    torch.set_num_threads(1)


def train_shared(rank: int, ports: list[int], arguments: list[str]) -> None:
    join_as(rank, MASTER_PORT=str(ports[0]))
    assert main(arguments) == 0


def test_two_processes_learn_as_one_with_doubled_accumulation(data, tmp_path):
    save_recipe(dataclasses.replace(RECIPE, accumulation=2), tmp_path / "one.yaml")
    save_recipe(RECIPE, tmp_path / "two.yaml")

    def command(name: str) -> list[str]:
        common = ["--data", str(data), "--encoder", "none", "--workers", "0", "--track"]
        return ["--recipe", str(tmp_path / f"{name}.yaml"), "--output", str(tmp_path / name), *common]

    assert main(command("one")) == 0
    start_two(train_shared, 1, command("two"))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 4 and one == pytest.approx(two, abs=1e-4)


def train_tiny(data: Path, recipe: Recipe, output: Path, resume: bool = False) -> None:
    pictures = load_pictures(str(data), "train")
    validation = HarnessValidation(load_pictures(str(data), "validation"), recipe)
    train(make_tiny_model(), recipe, pictures, validation, output, resume, Machine(workers=0))


def train_divided(rank: int, ports: list[int], data: Path, recipe: Recipe, output: Path) -> None:
    """One of two processes between which FSDP divides the model: a whole run, and its last step done again."""
    join_as(
        rank, ACCELERATE_USE_CPU="true", ACCELERATE_USE_FSDP="true", FSDP_VERSION="2",
        FSDP_AUTO_WRAP_POLICY="TRANSFORMER_BASED_WRAP", FSDP_CPU_RAM_EFFICIENT_LOADING="true",
        FSDP_STATE_DICT_TYPE="SHARDED_STATE_DICT",
    )  # fmt: skip
    for resume, port in zip((False, True), ports, strict=True):
        os.environ["MASTER_PORT"] = str(port)
        if resume and rank == 0:  # the other one waits for this one when they meet
            shutil.move(output / "checkpoints" / "24", output / "whole")
            shutil.move(output / "model", output / "model-whole")
            shutil.copy(output / "history.csv", output / "whole")
        # PyTorch divides a model between processes of a CPU too, but Accelerate asks it to between accelerators only.
        PartialState(cpu=True)
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        train_tiny(data, recipe, output, resume)
        assert AcceleratorState().distributed_type == DistributedType.FSDP
        AcceleratorState._reset_state(reset_partial_state=True)


def test_fsdp_learns_as_one_process_does_and_is_continued_bitwise(data, tmp_path):
    recipe = dataclasses.replace(
        RECIPE, pictures=24, checkpoint_every=16, frozen_encoder_layers=("conv1", "bn1"),
        adversarial_weight=0.1, discriminator_width=8,
    )  # fmt: skip
    train_tiny(data, dataclasses.replace(recipe, accumulation=4), tmp_path / "one")
    start_two(train_divided, 2, data, dataclasses.replace(recipe, accumulation=2), tmp_path / "two")
    rows = [read_history(tmp_path / name / "history.csv") for name in ("one", "two", "two/whole")]
    assert [row["pictures"] for row in rows[0]] == [16, 24]
    for one, divided, whole in zip(*rows, strict=True):
        assert divided["psnr_rgb_mean"] == whole["psnr_rgb_mean"]
        for measure in ("loss", "adversarial", "discriminator"):
            assert divided[measure] == whole[measure] == pytest.approx(one[measure], abs=1e-4)
    one, divided, whole = (
        load_file(tmp_path / name / "model.safetensors") for name in ("one/model", "two/model", "two/model-whole")
    )
    assert all(torch.equal(weight, whole[name]) for name, weight in divided.items())
    # Weights alone: the statistics of normalization are of the pictures that the first process saw.
    names = [name for name, _ in make_tiny_model().named_parameters()]
    differences = torch.cat([(one[name].float() - divided[name].float()).abs().flatten() for name in names])
    assert differences.mean() < 1e-5  # the run moves them by 6e-4


@pytest.mark.parametrize(
    ("distributed_type", "fsdp_version", "sentence"),
    [(DistributedType.DEEPSPEED, 2, "does not run under DeepSpeed"), (DistributedType.FSDP, 1, "fsdp_version: 2")],
)
def test_what_a_run_cannot_be_divided_by_is_said(distributed_type, fsdp_version, sentence):
    plugin = SimpleNamespace(fsdp_version=fsdp_version, activation_checkpointing=False)
    accelerator = SimpleNamespace(distributed_type=distributed_type, state=SimpleNamespace(fsdp_plugin=plugin))
    with pytest.raises(ValueError, match=sentence):
        fit_fsdp(accelerator)


@pytest.fixture(scope="module")
def numbered():
    """Pictures whose color is their number, as a stream of three shards."""

    def rows(shards):
        for shard in shards:
            for number in range(shard * 10, shard * 10 + 10):
                yield {"image": Image.new("RGB", (40, 40), (number * 8, 90, 40)), "number": number}

    features = datasets.Features({"image": datasets.Image(), "number": datasets.Value("int64")})
    return datasets.Dataset.from_generator(rows, gen_kwargs={"shards": [0, 1, 2]}, features=features)


def number_of(crop: torch.Tensor) -> int:
    return round(crop[0].float().mean().item() / 8)


def test_a_stream_is_divided_without_loss_or_repetition(numbered):
    stream = numbered.to_iterable_dataset(num_shards=3)

    def seen(parts, start=0, threads=1):
        batches = []
        for own in range(parts):
            order = RunOrder(0, 90, 6, (32,), 0, start, range(90), parts=parts, own=[own])
            crops = StreamedCrops(stream, order, View(0.5), seed=0, threads=threads, buffer=12)
            batches.append([[number_of(crop) for crop in batch] for batch in crops])
        return [list(itertools.chain(*step)) for step in zip(*batches, strict=True)]

    whole = seen(1)
    places = list(itertools.chain(*whole))
    for first in (0, 30, 60):
        assert sorted(places[first : first + 30]) == list(range(30))
    assert places[:30] != places[30:60] and places[:30] != sorted(places[:30])
    assert seen(2) == whole and seen(3) == whole  # any number of processes
    assert seen(1, start=36) == whole[6:]  # continued
    assert seen(1, threads=3) == whole


def test_a_streamed_run_is_continued_bitwise(data, tmp_path, monkeypatch):
    recipe = dataclasses.replace(RECIPE, checkpoint_every=16)
    pictures = load_pictures(str(data), "train", streaming=True)
    validation = HarnessValidation(load_pictures(str(data), "validation", streaming=True), recipe)

    def run(output, resume=False):
        machine = Machine(workers=0)
        return train(make_tiny_model(), recipe, pictures, validation, output, resume, machine).state_dict()

    whole = run(tmp_path / "whole")
    from colorization.training import loop

    calls, make = iter(range(100)), loop.make_batch

    def fragile(*arguments):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return make(*arguments)

    monkeypatch.setattr(loop, "make_batch", fragile)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts")
    monkeypatch.setattr(loop, "make_batch", make)
    parts = run(tmp_path / "parts", resume=True)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_decoded_pictures_are_the_pictures(data, tmp_path):
    pictures = load_pictures(str(data), "train")
    decoded = decode_once(pictures, tmp_path / "cache")
    assert len(decoded) == 20
    assert np.array_equal(read_row(decoded[7]).rgb, read_row(pictures[7]).rgb)
    view = View(0.4)
    assert torch.equal(Crops(decoded, view, 0)[(3, 9, 32)], Crops(pictures, view, 0)[(3, 9, 32)])
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    decode_once(pictures, tmp_path / "cache")
    assert before == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}  # found
    assert len(before) == 1  # nothing temporary is left
    small = decode_once(pictures, tmp_path / "cache", max_side=45)
    assert read_row(small[0]).rgb.shape == (32, 45, 3)


def test_pictures_without_sky_are_repeated_up_to_a_share():
    def labelled(words):
        return datasets.Dataset.from_dict({"image": [None] * len(words), "sky": words})

    indices = repeat_no_sky(labelled(["yes"] * 7 + ["no"] * 2 + ["uncertain"]), 0.5)
    assert sorted(set(indices)) == list(range(10))
    assert sum(index in (7, 8) for index in indices) == len(indices) / 2 == 8
    assert repeat_no_sky(labelled(["yes", "no"]), 0.4) is None
    with pytest.raises(ValueError, match="no picture of this data set"):
        repeat_no_sky(labelled(["yes"]), 0.4)
    with pytest.raises(ValueError, match="column 'sky'"):
        repeat_no_sky(datasets.Dataset.from_dict({"image": [None]}), 0.4)


def test_an_address_is_read_as_a_folder_is(numbered, tmp_path):
    (tmp_path / "built" / "data").mkdir(parents=True)
    for split in ("train", "validation"):
        numbered.to_parquet(tmp_path / "built" / "data" / f"{split}-00000-of-00001.parquet")
    for streaming in (False, True):
        pictures = load_pictures(f"file://{tmp_path}/built", "train", streaming)
        rows = list(pictures)
        assert [row["number"] for row in rows] == list(range(30)) and read_row(rows[0]).rgb.shape == (40, 40, 3)
    with pytest.raises(ValueError, match="no pictures could be read"):
        load_pictures(f"file://{tmp_path}/nowhere", "train")
