"""Train the sky segmenter: ``label`` pictures with a teacher, ``train`` on its masks, ``measure`` on labels by hand.

    python scripts/train_sky.py label --data DATA --teacher TEACHER.torchscript.pt --masks runs/sky/masks --count 2000
    python scripts/train_sky.py train --data DATA --masks runs/sky/masks --encoder MOBILENET.safetensors --output DIR
    python scripts/train_sky.py measure --data DATA --model DIR [--grey]

DATA is a folder with ``manifest.csv`` (path, split, source, scene, sky, sky_source, sky_fraction). ``label`` can be
stopped and started again at any time: a mask that is there is not computed again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import logging
from collections import defaultdict
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms.functional import rgb_to_grayscale
from tqdm import tqdm

from ..files import replace_file
from ..sky import SkyConfig, SkyModel, SkySegmenter, sky_label, to_pixel_values

logger = logging.getLogger(__name__)

_TEACHER_SIZE = 384
_MASK_SIZE = 160
LABELS = Path(__file__).with_name("train_sky_labels.csv")


def read_manifest(data: Path) -> list[dict[str, str]]:
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def choose_pictures(rows: list[dict[str, str]], split: str, count: int) -> list[dict[str, str]]:
    """A list every beginning of which holds sources and scenes alike: one of each in turn, in the order of a hash."""
    groups = defaultdict(list)
    for row in rows:
        if row["split"] == split:
            groups[row["source"], row["scene"]].append(row)
    places = []
    for members in groups.values():
        members.sort(key=lambda row: (row["sky_source"] != "polygon", hashlib.sha1(row["path"].encode()).hexdigest()))
        places += [(place, row["path"], row) for place, row in enumerate(members)]
    return [row for _, _, row in sorted(places, key=lambda item: item[:2])[:count]]


def mask_path(masks: Path, path: str) -> Path:
    return masks / Path(path).with_suffix(".png")


@torch.inference_mode()
def label(data: Path, teacher_file: Path, masks: Path, count: int, val_count: int) -> None:
    """Write the teacher's masks as grey PNGs of 160 × 160 pixels (255: sky), pictures squeezed to a square."""
    teacher = torch.jit.load(str(teacher_file)).eval()
    rows = read_manifest(data)
    train, val = choose_pictures(rows, "train", count), choose_pictures(rows, "val", val_count)
    chosen = []  # some of val early: a part of the work is then already enough to choose thresholds
    step = max(1, len(train) // max(1, len(val)))
    for place, row in enumerate(train):
        chosen.append(row)
        if place % step == 0 and place // step < len(val):
            chosen.append(val[place // step])
    for row in tqdm(chosen, desc="teacher", mininterval=30):
        target = mask_path(masks, row["path"])
        if target.is_file():
            continue
        pixels = to_pixel_values([Image.open(data / row["path"])], _TEACHER_SIZE)
        mask = (teacher(pixels)[0, 0].clamp(0, 1) * 255 + 0.5).byte().numpy()
        target.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(target) as fresh:
            Image.fromarray(mask).resize((_MASK_SIZE,) * 2, Image.Resampling.BOX).save(fresh, "PNG")


def read_labels() -> dict[str, str]:
    """By hand, for pictures where the teacher sees next to no sky: path to yes, no or uncertain."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["sky"] for row in csv.DictReader(file)}


def load_masked(data: Path, masks: Path, split: str, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the teacher has labelled, less what a person finds uncertain.

    Returns:
        Pictures uint8 [N, 3, size, size], masks uint8 [N, 1, 160, 160], and bool [N]: a person sees a sky that the
        teacher has missed, so that there is one, but nobody has said where.
    """
    labels = read_labels()
    paths = sorted(
        row["path"]
        for row in read_manifest(data)
        if row["split"] == split and mask_path(masks, row["path"]).is_file() and labels.get(row["path"]) != "uncertain"
    )
    if not paths:
        raise SystemExit(f"{masks}: no mask of split {split!r} here; run `label` first.")
    pictures, targets = [], []
    missed = torch.tensor([labels.get(path) == "yes" for path in paths])
    for path in tqdm(paths, desc=split, mininterval=30):
        picture = Image.open(data / path).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        pictures.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
        mask = np.array(Image.open(mask_path(masks, path)))
        targets.append(torch.from_numpy(mask * (labels.get(path) != "no"))[None])
    return torch.stack(pictures), torch.stack(targets), missed


def augment(
    pictures: torch.Tensor, masks: torch.Tensor, whole: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Random crops and mirroring of both; grey, brightness, contrast and tint of the pictures only.

    Args:
        pictures: sRGB [B, 3, h, w] in [0, 1].
        masks: [B, 1, H, W] in [0, 1].
        whole: bool [B], pictures that must not be cropped.
        generator: the only source of chance.
    """
    count, size = len(pictures), pictures.shape[-1]

    def chance(*shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator)

    scale = 1 - 0.5 * chance(2) * (chance(1) < 0.7) * ~whole[:, None]  # of each side
    shift = (1 - scale) * (2 * chance(2) - 1)
    flip = torch.where(chance() < 0.5, -1.0, 1.0)
    transform = torch.zeros(count, 2, 3)
    transform[:, 0, 0], transform[:, 1, 1], transform[:, :, 2] = scale[:, 0] * flip, scale[:, 1], shift
    grid = F.affine_grid(transform, [count, 1, size, size], align_corners=False)
    pictures = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    masks = F.grid_sample(masks, grid, padding_mode="reflection", align_corners=False)
    grey = (chance() < 0.5)[:, None, None, None]
    pictures = torch.where(grey, rgb_to_grayscale(pictures, 3), pictures)
    tint = torch.where(grey, torch.ones(1), 1 + 0.15 * (2 * chance(3, 1, 1) - 1))
    pictures = pictures.clamp(1e-4, 1) ** (0.6 * (2 * chance(1, 1, 1) - 1)).exp()
    pictures = (pictures - 0.5) * (1 + 0.35 * (2 * chance(1, 1, 1) - 1)) + 0.5
    return (pictures * tint).clamp(0, 1), masks


def normalize(pictures: torch.Tensor) -> torch.Tensor:
    """As :func:`to_pixel_values`, for tensors [B, 3, h, w] in [0, 1]."""
    black, white = to_pixel_values([Image.new("RGB", (1, 1)), Image.new("RGB", (1, 1), "white")], 1)
    return black + pictures * (white - black)


def sky_somewhere(probability: torch.Tensor) -> torch.Tensor:
    """Loss [B] of pictures known to have a sky, nobody knows where: some of the upper two thirds must be taken for it.

    Multiple instance learning: the mean over the likeliest twelfth of these pixels stands for the picture.
    """
    upper = probability[:, :, : probability.shape[2] * 2 // 3].flatten(1)
    return -upper.topk(max(1, upper.shape[1] // 12), dim=1).values.mean(dim=1).clamp(min=1e-4).log()


def train(
    data: Path, masks: Path, encoder: Path, output: Path, seen_in_all: int, batch: int, rate: float, size: int
) -> None:
    """Fit the model to the teacher's masks, and save the averaged weights in half precision.

    Args:
        data: folder with ``manifest.csv``.
        masks: of the teacher.
        encoder: ImageNet weights, or a folder with a model to go on from.
        output: folder for the model.
        seen_in_all: pictures, counted each time they are seen.
        batch: pictures a step.
        rate: highest learning rate of the new layers; the encoder's is a third of it.
        size: of the squares that the model sees, in pixels.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = SkyModel(SkyConfig(working_size=size))
    if encoder.is_dir():
        model = SkyModel.from_pretrained(encoder, dtype=torch.float32)
        model.config.working_size = size
    else:
        weights = {name.removeprefix("features."): value for name, value in load_file(encoder).items()}
        report = model.encoder.load_state_dict(weights, strict=False)
        logger.info("Encoder: %d tensors missing, %d not used.", len(report.missing_keys), len(report.unexpected_keys))
    config = model.config
    pictures, targets, missed = load_masked(data, masks, "train", config.working_size)
    val_pictures, val_targets, val_missed = load_masked(data, masks, "val", config.working_size)
    logger.info(
        "%d pictures for training, in %d of them the teacher has missed the sky; %d for validation.",
        len(pictures), missed.sum(), len(val_pictures),
    )  # fmt: skip
    groups = [
        {"params": model.encoder.parameters(), "lr": rate / 3},
        {"params": [p for n, p in model.named_parameters() if not n.startswith("encoder.")], "lr": rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    peaks = [group["lr"] for group in optimizer.param_groups]
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98), use_buffers=True
    )
    steps, reported = max(1, seen_in_all // batch), 0.0
    model.train()
    for step in tqdm(range(steps), mininterval=10):
        done = step / steps
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1, done * 20) * (1 - done) ** 0.9
        chosen = torch.randint(len(pictures), (batch,), generator=generator)
        unplaced = missed[chosen]
        x, y = augment(pictures[chosen] / 255, targets[chosen] / 255, unplaced, generator)
        logits = model(normalize(x)).logits
        y = F.interpolate(y, size=logits.shape[-2:], mode="area")
        probability = logits.sigmoid()
        loss = F.binary_cross_entropy_with_logits(logits, y, reduction="none").mean((1, 2, 3))
        overlap, total = (probability * y).sum((1, 2, 3)), (probability + y).sum((1, 2, 3))
        loss = loss + 0.3 * (1 - (2 * overlap + 20) / (total + 20))  # Dice: small skies count as much
        loss = torch.where(unplaced, sky_somewhere(probability), loss).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        if done - reported > 0.1:
            reported = done
            logger.info("%3.0f %%, %d steps, loss %.4f", 100 * done, step, loss.item())
    averaged = cast(SkyModel, average.module)
    output.mkdir(parents=True, exist_ok=True)
    averaged.eval().half().save_pretrained(output)
    settings = json.loads((output / "config.json").read_text())
    settings["dtype"] = "float32"  # half precision is for the disk; the arithmetic is done in single
    (output / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    segmenter = SkySegmenter(output)
    val_pictures, val_targets = val_pictures[~val_missed], val_targets[~val_missed]
    for name, grey in (("color", False), ("grey", True)):
        x = val_pictures / 255
        x = rgb_to_grayscale(x, 3) if grey else x
        with torch.inference_mode():
            found = torch.cat([segmenter.model(normalize(part)).logits for part in x.split(32)]) > 0
        truth = F.interpolate(val_targets / 255, size=found.shape[-2:], mode="area") > 0.5
        iou = (found & truth).sum() / (found | truth).sum().clamp(min=1)
        logger.info("Validation against the teacher, %s: IoU %.4f", name, iou.item())
        error = (found.float().mean((1, 2, 3)) - truth.float().mean((1, 2, 3))).abs()
        logger.info("  mean error of the sky fraction %.4f", error.mean().item())


def measure(data: Path, model: Path | None) -> None:
    """Print confusion tables against the labels by hand, in color and grey, and every disagreement."""
    segmenter = SkySegmenter(model)
    rows = [r for r in read_manifest(data) if r["split"] in ("val", "test") and r["sky_source"] == "hand"]
    rows = [r for r in rows if r["sky"] in ("yes", "no")]
    for mode in ("RGB", "L"):
        table: defaultdict[tuple[str, str], int] = defaultdict(int)
        for row in tqdm(rows, desc=mode, mininterval=10):
            fraction = segmenter.fractions([Image.open(data / row["path"]).convert(mode)])[0]
            table[row["sky"], sky_label(fraction)] += 1
            if sky_label(fraction) != row["sky"]:
                logger.info("  %s>%.3f %s", row["sky"], fraction, row["path"])
        right = table["yes", "yes"] + table["no", "no"]
        decided = sum(count for (_, word), count in table.items() if word != "uncertain")
        called_no = table["yes", "no"] + table["no", "no"]
        true_no = sum(table["no", word] for word in ("yes", "no", "uncertain"))
        logger.info("%s: by hand, then the model's word", "color" if mode == "RGB" else "grey")
        for truth in ("yes", "no"):
            logger.info("  %-4s %s", truth, {word: table[truth, word] for word in ("yes", "no", "uncertain")})
        logger.info(
            "  agreement %.4f ('uncertain' counts as wrong), %.4f of those decided; no-sky precision %.3f, recall %.3f",
            right / len(rows), right / max(1, decided),
            table["no", "no"] / max(1, called_no), table["no", "no"] / max(1, true_no),
        )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    doors = parser.add_subparsers(dest="door", required=True)
    door = doors.add_parser("label", help="write the teacher's masks")
    door.add_argument("--data", type=Path, required=True)
    door.add_argument("--teacher", type=Path, required=True, help="TorchScript: [1, 3, 384, 384] to a probability")
    door.add_argument("--masks", type=Path, required=True)
    door.add_argument("--count", type=int, default=2000)
    door.add_argument("--val-count", type=int, default=250)
    door = doors.add_parser("train", help="fit the small model to the masks")
    door.add_argument("--data", type=Path, required=True)
    door.add_argument("--masks", type=Path, required=True)
    door.add_argument(
        "--encoder",
        type=Path,
        required=True,
        help="MobileNetV2 of torchvision (safetensors), or a folder with a model to go on from",
    )
    door.add_argument("--output", type=Path, required=True)
    door.add_argument("--pictures", type=int, default=80_000, help="seen in all, each counted every time")
    door.add_argument("--size", type=int, default=160, help="of the squares that the model sees, in pixels")
    door.add_argument("--batch", type=int, default=16)
    door.add_argument("--rate", type=float, default=2e-3)
    door = doors.add_parser("measure", help="compare with labels by hand")
    door.add_argument("--data", type=Path, required=True)
    door.add_argument("--model", type=Path, help="default: the embedded one")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)
    if args.door == "label":
        label(args.data, args.teacher, args.masks, args.count, args.val_count)
    elif args.door == "train":
        train(args.data, args.masks, args.encoder, args.output, args.pictures, args.batch, args.rate, args.size)
    else:
        measure(args.data, args.model)
    return 0
