"""Training: recipes, what is done to pictures, and a loop that can be interrupted and watched."""

from __future__ import annotations

import dataclasses
import logging

import pytest
import torch
from PIL import Image

from colorization import ColorizationModel
from colorization.data.pictures import load_pictures
from colorization.training.checkpoints import DiskFullError
from colorization.training.loop import Machine, train
from colorization.training.losses import huber
from colorization.training.recipe import Recipe, RecipeError, list_recipes, load_recipe, save_recipe
from colorization.training.schedule import adversarial_weight, ema_decay, learning_rate_factor
from colorization.training.train import main
from colorization.training.validation import HarnessValidation
from colorization.training.watching import read_history

from ..conftest import make_tiny_model

TINY = Recipe(
    name="tiny",
    description="for tests",
    working_size=64,
    crop_sizes=(32, 48),
    pictures=64,
    batch_size=8,
    warmup=8,
    validate_every=32,
    validation_pictures=4,
    checkpoint_every=16,
)


def run(data, output, recipe=TINY, resume=False) -> ColorizationModel:
    pictures = load_pictures(str(data), "train")
    validation = HarnessValidation(load_pictures(str(data), "validation"), recipe)
    return train(make_tiny_model(), recipe, pictures, validation, output, resume=resume, machine=Machine(workers=0))


@pytest.mark.slow
def test_interrupted_and_resumed_ends_bitwise_the_same(data, tmp_path, monkeypatch):
    whole = run(data, tmp_path / "whole").state_dict()

    class Killed(BaseException):
        pass

    from colorization.training import objective

    calls = iter(range(100))

    def fragile(*arguments):
        if next(calls) == 5:  # in the middle of a step, 8 pictures after the checkpoint at 32
            raise Killed
        return huber(*arguments)

    monkeypatch.setattr(objective, "huber", fragile)
    with pytest.raises(Killed):
        run(data, tmp_path / "parts")
    monkeypatch.setattr(objective, "huber", huber)
    assert (tmp_path / "parts" / "checkpoints" / "32").is_dir()
    parts = run(data, tmp_path / "parts", resume=True).state_dict()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


@pytest.mark.slow
def test_a_run_leaves_what_is_promised(data, tmp_path):
    run(data, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"recipe.yaml", "history.csv", "training.png", "samples", "checkpoints", "model"}
    # Older ones are pruned.
    assert {path.name for path in (tmp_path / "out" / "checkpoints").iterdir()} == {"48", "64"}
    history = read_history(tmp_path / "out" / "history.csv")
    assert [row["pictures"] for row in history] == [32, 64]
    assert {"loss", "color", "psnr_rgb_mean", "ciede2000_mean", "sepia_rate"} <= history[0].keys()
    with Image.open(tmp_path / "out" / "samples" / "000000064.png") as grid:
        assert grid.size == (4 * 48, 3 * 48)  # four pictures; input, output, truth
    assert load_recipe(str(tmp_path / "out" / "recipe.yaml")) == TINY
    told = (tmp_path / "out" / "model" / "TRAINING.md").read_text()
    assert f"Recipe `{TINY.name}`, after 64 pictures" in told and (tmp_path / "out" / "recipe.yaml").read_text() in told
    model = ColorizationModel.from_pretrained(tmp_path / "out" / "model")
    assert model.dtype == torch.float16


@pytest.mark.slow
def test_frozen_layers_do_not_move(data, tmp_path):
    before = make_tiny_model().state_dict()
    after = run(data, tmp_path / "out", dataclasses.replace(TINY, frozen_encoder_layers=("conv1", "bn1"))).state_dict()
    for name, value in before.items():
        frozen = name.startswith(("network.encoder.conv1", "network.encoder.bn1"))
        if frozen or name.endswith("weight"):
            assert torch.equal(value, after[name]) == frozen, name


def test_huber_limits_and_weight():
    target = torch.zeros(1, 2, 1, 2)
    target[0, 0, 0, 0] = 50
    near = target + torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    assert huber(near, target, delta=20, chroma_weight=0).item() == pytest.approx(0.5 / 20**2)
    far = target + torch.tensor([0.0, 200.0]).view(1, 2, 1, 1)
    assert huber(far, target, delta=20, chroma_weight=0).item() == pytest.approx((200 - 10) / 20)
    # The weight moves gradient from grey to colorful pixels, and keeps the scale.
    predicted = (target + 5).requires_grad_()
    gradients = {}
    for weight in (0.0, 2.0):
        (gradients[weight],) = torch.autograd.grad(huber(predicted, target, 20, weight), predicted)
    assert torch.allclose(gradients[0.0][..., 0], gradients[0.0][..., 1])
    assert torch.allclose(gradients[2.0][..., 0], gradients[2.0][..., 1] * 2)
    assert gradients[2.0].sum().item() == pytest.approx(gradients[0.0].sum().item())


def test_schedule_ends():
    run = dataclasses.replace(TINY, pictures=80)
    assert learning_rate_factor(0, run) == pytest.approx(0.5)
    assert learning_rate_factor(run.warmup, run) == pytest.approx(1)
    assert learning_rate_factor(run.pictures, run) == pytest.approx(0.01)
    # A run made short is not all warm-up.
    assert learning_rate_factor(8, dataclasses.replace(run, warmup=3_000)) == pytest.approx(1)
    steps = dataclasses.replace(TINY, schedule="step", warmup=0)
    assert [learning_rate_factor(seen, steps) for seen in (0, 31, 32, 53, 54, 64)] == [1, 1, 0.1, 0.1, 0.01, 0.01]
    constant = dataclasses.replace(TINY, schedule="constant", warmup=0)
    assert {learning_rate_factor(seen, constant) for seen in (0, 32, 64)} == {1.0}
    late = dataclasses.replace(TINY, adversarial_weight=0.5, adversarial_from=0.75)
    assert [adversarial_weight(seen, late) for seen in (0, 47, 48, 64)] == [0, 0, 0.5, 0.5]


def test_the_average_forgets_how_a_young_model_began():
    run = dataclasses.replace(TINY, batch_size=8, ema_half_life=5_000)
    share_of_the_first = 1.0
    for seen in range(0, 4_000, 8):
        share_of_the_first *= ema_decay(seen, run)
    assert share_of_the_first < 1e-6
    assert ema_decay(0, run) == 0
    assert ema_decay(1_000, run) == pytest.approx(0.5 ** (8 / 50))
    assert ema_decay(10**6, run) == pytest.approx(0.5 ** (8 / 5_000))


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_load_and_survive_the_round_trip(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.name == name
    save_recipe(recipe, tmp_path / "copy.yaml")
    assert load_recipe(str(tmp_path / "copy.yaml")) == recipe


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("nonsense=1", "unknown key nonsense"),
        ("batch_size=0", "batch_size must be at least 1"),
        ("batch_size=2.5", "type int"),
        ("learning_rate=fast", "type float"),
        ("crop_sizes=128", "is a list"),
        ("crop_sizes=[100]", "multiples of 16"),
        ("min_crop_scale=0", r"\(0, 1\]"),
        ("seed", "key=value"),
        ("squash=1", "type bool"),
        ("model.head=nothing", "head is one of"),
        ("model.heads=both", "unknown field heads"),
        ("model=5", "is a group"),
        ("schedule=linear", "schedule is one of"),
        ("hint_probability=0.5", "need a guided model"),
        ("patience=2", "needs select_by"),
    ],
)
def test_recipe_errors_are_sentences(override, reason):
    with pytest.raises(RecipeError, match=reason):
        load_recipe("landscape-base", [override])


def test_override_reads_what_people_write():
    recipe = load_recipe("landscape-base", ["learning_rate=1e-3", "pictures=1_000", "crop_sizes=[64, 96]"])
    assert (recipe.learning_rate, recipe.pictures, recipe.crop_sizes) == (1e-3, 1000, (64, 96))


def test_missing_data_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"no split 'train' here"):
        load_pictures(str(tmp_path), "train")


def test_a_second_stage_starts_from_the_whole_model_of_the_first(data, tmp_path, tiny_model_dir, monkeypatch):
    from colorization.training import train as script

    began = []
    monkeypatch.setattr(script, "train", lambda model, *rest, **named: began.append(model))
    arguments = ["--recipe", "landscape-finish", "--data", str(data), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--start-from", str(tiny_model_dir)]) == 0
    theirs = ColorizationModel.from_pretrained(tiny_model_dir, dtype=torch.float32).state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in began[0].state_dict().items())
    with pytest.raises(SystemExit):
        main([*arguments, "--start-from", str(tmp_path / "nowhere")])


def test_train_script_dry_run_and_errors(data, tmp_path, capsys):
    common = ["--data", str(data), "--output", str(tmp_path / "out")]
    assert main([*common, "--dry-run", "pictures=64"]) == 0
    assert "12 pictures to train on, 4 to validate on" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main(["--list"]) == 0 and "landscape-base" in capsys.readouterr().out
    for wrong in (["--recipe", "nothing"], ["pictures=0"], ["--encoder", str(tmp_path / "none.safetensors")]):
        with pytest.raises(SystemExit) as stopped:
            main([*common, *wrong])
        assert stopped.value.code == 2


@pytest.mark.slow
def test_the_best_is_kept_and_a_run_without_progress_ends(data, tmp_path):
    class Scripted:
        higher_is_better = {"score": True}
        values = iter([1.0, 3.0, 2.0, 2.5, 9.0])

        def __call__(self, model):
            weights.append(model.network.head.weight.clone())
            return {"score": next(self.values)}

        def draw(self, model, path):
            pass

    weights = []
    recipe = dataclasses.replace(TINY, validate_every=8, select_by="score", patience=2)
    train(
        make_tiny_model(), recipe, load_pictures(str(data), "train"), Scripted(), tmp_path / "out",
        machine=Machine(workers=0),
    )  # fmt: skip
    assert [row["score"] for row in read_history(tmp_path / "out" / "history.csv")] == [1, 3, 2, 2.5]
    kept = ColorizationModel.from_pretrained(tmp_path / "out" / "model").network.head.weight
    assert torch.equal(kept, weights[1].half())


@pytest.mark.slow
def test_a_damaged_checkpoint_falls_back_to_the_one_before(data, tmp_path, caplog):
    whole = run(data, tmp_path / "out").state_dict()
    newest = tmp_path / "out" / "checkpoints" / "64"
    for file in newest.glob("*.bin"):
        file.write_bytes(file.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        again = run(data, tmp_path / "out", resume=True).state_dict()
    assert "after 64 pictures is damaged" in caplog.text
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    history = read_history(tmp_path / "out" / "history.csv")
    assert [row["pictures"] for row in history] == [32, 64]  # no row twice
    for folder in (tmp_path / "out" / "checkpoints").iterdir():
        for file in folder.iterdir():
            file.write_bytes(b"")
    with pytest.raises(RuntimeError, match="none of the 2 checkpoints can be read"):
        run(data, tmp_path / "out", resume=True)


@pytest.mark.slow
def test_a_full_disk_stops_with_a_sentence_and_keeps_what_is_there(data, tmp_path, monkeypatch):
    import errno

    from accelerate import Accelerator

    calls, save = iter(range(100)), Accelerator.save_state

    def fills_up(self, folder):
        save(self, folder)
        if next(calls) == 2:
            raise RuntimeError("could not write") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Accelerator, "save_state", fills_up)
    with pytest.raises(DiskFullError, match="after 48 pictures"):
        run(data, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out" / "checkpoints").iterdir()} == {"16", "32"}


def test_a_batch_that_cannot_be_divided_is_said(data, tmp_path):
    with pytest.raises(ValueError, match="8 cannot be divided into 1 processes x 3 parts"):
        run(data, tmp_path / "out", dataclasses.replace(TINY, accumulation=3))
    with pytest.raises(ValueError, match="select_by is one of psnr_rgb_mean"):
        run(data, tmp_path / "out", dataclasses.replace(TINY, select_by="beauty"))
