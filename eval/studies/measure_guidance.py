"""What help and doubt are worth: `python scripts/measure_guidance.py PART... --data PHOTOGRAPHS`.

hints       PSNR gained by one true color, at a random point and where the model is least sure, and by five; and what
            taking no hint costs against another model (--against, by default the one that comes with the project)
palette     PSNR gained by the photograph's own palette, and by that of another photograph
variants    CIEDE2000 of the best of four colorings against the ordinary one, and against the best of three fixed
            shifts of all colors (what any four different pictures gain); --sweep: for several settings
confidence  does a larger spread mean a larger error: rank correlations, a table, and thresholds for the words

Differences are paired, with a 95 % interval from the standard error. Choose on validation pictures, never on test ones.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from tqdm import tqdm

from colorization import ColorizationPipeline, load_pipeline
from colorization.files import write_text
from colorization.model import prediction, variants
from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.model.images import Photo

from ..metrics.colors import ciede2000, mean_chroma
from ..metrics.pixel import psnr_rgb
from ..pictures import open_set

PARTS = ("hints", "palette", "variants", "confidence")
_FIXED_SHIFTS = ((0.0, 8.0), (0.0, -8.0), (8.0, 0.0))  # CIE units of ab: the control of the best of four
_CLASSES = 5
_TEMPERATURES = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
_WINDOW = 5  # cells around a point over which its uncertainty is averaged, so that one odd cell does not decide


@dataclass
class Truth:
    """A color photograph, and its ab at the size of a prediction."""

    photo: Photo
    rgb: torch.Tensor  # [1, 3, H, W] in [0, 1]
    lab: torch.Tensor  # [1, 3, H, W]

    @classmethod
    def of(cls, photo: Photo) -> Truth:
        rgb = to_tensor(photo.rgb)
        return cls(photo, rgb, rgb_to_lab(rgb))

    def reduced(self, rows: int, columns: int) -> torch.Tensor:
        """Lab [3, rows, columns]."""
        return F.interpolate(self.lab, size=(rows, columns), mode="area")[0]

    def hint(self, row: int, column: int, shape: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, ...]]:
        """The middle of a cell of hints, and the true color there."""
        rows, columns = shape
        x, y = (column + 0.5) / columns * self.photo.width - 0.5, (row + 0.5) / rows * self.photo.height - 0.5
        color = F.interpolate(self.rgb, size=shape, mode="area")[0, :, row, column] * 255
        return (max(x, 0), max(y, 0)), tuple(color.tolist())

    def errors(self, pipe: ColorizationPipeline, ab: torch.Tensor) -> tuple[float, float]:
        """PSNR (dB) and mean CIEDE2000 of the photograph in these colors."""
        rgb = to_tensor(pipe.apply_ab(self.photo, ab).convert("RGB"))
        return psnr_rgb(rgb, self.rgb).item(), ciede2000(rgb_to_lab(rgb), self.lab).mean().item()


def read_truths(folder: Path, count: int, seed: int) -> Iterator[Truth]:
    pictures, _ = open_set(str(folder))
    random.Random(seed).shuffle(pictures)
    colored = (
        truth for truth in (Truth.of(picture.read()) for picture in pictures) if mean_chroma(truth.lab) >= NEAR_GREY
    )
    yield from tqdm(itertools.islice(colored, count), total=min(count, len(pictures)), unit="picture", disable=None)


class Table:
    """Values by name and picture; the first name is what the others are compared with."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        self.values[name].append(value)

    def summary(self) -> dict[str, dict[str, float]]:
        first = np.array(next(iter(self.values.values())))
        result = {}
        for name, values in self.values.items():
            gain = np.array(values) - first
            margin = 1.96 * gain.std(ddof=1) / len(gain) ** 0.5
            result[name] = {"mean": float(np.mean(values)), "gain": float(gain.mean()), "margin": float(margin)}
        return result

    def show(self, title: str) -> None:
        print(f"\n| {title} | mean | against the first | 95 % |\n|---|---|---|---|")
        for name, row in self.summary().items():
            print(f"| {name} | {row['mean']:.3f} | {row['gain']:+.3f} | ± {row['margin']:.3f} |")


def measure_hints(pipe: ColorizationPipeline, truths: Iterator[Truth], against: ColorizationPipeline) -> dict:
    psnr, chance = Table(), random.Random(0)
    for truth in truths:
        plain = pipe.analyze(truth.photo)
        shape = (plain.ab.shape[1], plain.ab.shape[2])
        unsure = F.avg_pool2d(_need_spread(plain)[0][None], _WINDOW, 1, _WINDOW // 2, count_include_pad=False)[0]
        points = [divmod(place, shape[1]) for place in chance.sample(range(shape[0] * shape[1]), 5)]
        worst = divmod(int(unsure.argmax()), shape[1])
        given = {
            "no hint": [],
            "one at a random point": points[:1],
            "one where the spread is largest": [worst],
            "five at random points": points,
        }
        for name, cells in given.items():
            hints = [truth.hint(*cell, shape) for cell in cells]
            ab = pipe.analyze(truth.photo, hints=hints).ab if hints else plain.ab
            psnr.add(name, truth.errors(pipe, ab)[0])
        psnr.add("the other model", truth.errors(against, against.analyze(truth.photo).ab)[0])
    psnr.show("PSNR, dB")
    return psnr.summary()


def measure_palette(pipe: ColorizationPipeline, truths: Iterator[Truth]) -> dict:
    psnr, difference, other = Table(), Table(), None
    for truth in truths:
        own = pipe.image_processor.make_palette(truth.photo.rgb)
        given = {
            "no palette": None,
            "its own palette": own,
            "that of another photograph": own if other is None else other,
        }
        for name, palette in given.items():
            decibels, error = truth.errors(pipe, pipe.analyze(truth.photo, palette=palette).ab)
            psnr.add(name, decibels)
            difference.add(name, error)
        other = own
    psnr.show("PSNR, dB")
    difference.show("CIEDE2000")
    return {"psnr": psnr.summary(), "ciede2000": difference.summary()}


def measure_variants(pipe: ColorizationPipeline, truths: Iterator[Truth], sweep: bool) -> dict:
    settings = [(variants.SHIFT, variants.SHARPENING)]
    if sweep:
        settings += [(shift, sharp) for sharp in (0.4, 0.6, 1.0) for shift in (0.35, 0.5, 0.65, 0.8, 1.0)]
    best, between = Table(), defaultdict(list)
    for truth in truths:
        predicted = pipe.analyze(truth.photo)
        single = truth.errors(pipe, predicted.ab)[1]
        best.add("the ordinary coloring", single)
        fixed = [
            truth.errors(pipe, predicted.ab + predicted.ab.new_tensor(shift)[:, None, None])[1]
            for shift in _FIXED_SHIFTS
        ]
        best.add("best of it and three fixed shifts", min(single, *fixed))
        for shift, sharp in settings:
            variants.SHIFT, variants.SHARPENING = shift, sharp
            name = f"best of four, shift {shift:g}, sharpening {sharp:g}"
            four = predicted.variants(4)
            best.add(name, min(single, *(truth.errors(pipe, ab)[1] for ab in four[1:])))
            distances = [(a - b).norm(dim=0).mean().item() for a, b in itertools.combinations(four, 2)]
            between[name].append(min(distances))
        variants.SHIFT, variants.SHARPENING = settings[0]
    best.show("CIEDE2000")
    for name, values in between.items():
        print(f"{name}: the two nearest of the four differ by {np.mean(values):.1f} CIE units of ab on average")
    return best.summary()


def _need_spread(predicted: prediction.Prediction) -> tuple[torch.Tensor, torch.Tensor]:
    """Spread and logits of a prediction. Raises ValueError if the model has no classifier."""
    if predicted.spread is None or predicted.logits is None:
        raise ValueError("This model has no classifier, so that it does not say how sure it is.")
    return predicted.spread, predicted.logits


def measure_confidence(pipe: ColorizationPipeline, truths: Iterator[Truth]) -> dict:
    inside, pictures, parts = [], [], []
    by_temperature = defaultdict(list)
    for truth in truths:
        predicted = pipe.analyze(truth.photo)
        true = truth.reduced(*predicted.ab.shape[1:])
        error = ciede2000(torch.cat((true[:1], predicted.ab)), true)
        distance = (predicted.ab - true[1:]).norm(dim=0)
        certainty, logits = _need_spread(predicted)
        if certainty.std() > 0:
            inside.append(spearmanr(certainty.flatten(), error.flatten()).statistic)
        pictures.append((predicted.mean_spread, error.mean().item()))
        parts.append(torch.stack((certainty, distance, error)).flatten(1).T.numpy())
        for temperature in _TEMPERATURES:
            spread = prediction.spread_of(logits, predicted.ab, temperature)
            rank = spearmanr(spread.flatten(), error.flatten()).statistic
            by_temperature[temperature].append((spread.square().mean().item(), spread.mean().item(), rank))
    true_distance = np.mean([np.square(part[:, 1]).mean() for part in parts]) ** 0.5
    print(f"\nTrue distance in ab (RMS): {true_distance:.1f}. By the temperature of the spread:\n")
    print("| temperature | spread (RMS) | rank correlation within pictures | of pictures |\n|---|---|---|---|")
    for temperature, rows in by_temperature.items():
        squares, means, ranks = np.array(rows).T
        of_pictures = spearmanr(means, [error for _, error in pictures]).statistic
        print(f"| {temperature} | {squares.mean() ** 0.5:.1f} | {np.nanmean(ranks):.3f} | {of_pictures:.3f} |")
    spread, error = np.array(pictures).T
    pixels = np.concatenate(parts)
    result = {
        "pixels_within_pictures": float(np.nanmean(inside)),
        "pixels_pooled": float(spearmanr(pixels[:, 0], pixels[:, 2]).statistic),
        "pictures": float(spearmanr(spread, error).statistic),
    }
    print("\nRank correlation (Spearman) of spread and CIEDE2000:")
    for name, value in result.items():
        print(f"  {name.replace('_', ' ')}: {value:.3f}")
    print(
        "\n| fifth of all pixels, by spread | mean spread | true distance in ab (RMS) | CIEDE2000 |\n|---|---|---|---|"
    )
    for number, part in enumerate(np.array_split(pixels[pixels[:, 0].argsort()], _CLASSES), 1):
        print(
            f"| {number} | {part[:, 0].mean():.1f} | {(part[:, 1] ** 2).mean() ** 0.5:.1f} | {part[:, 2].mean():.1f} |"
        )
    middle, high = np.quantile(spread, (0.5, 0.8))
    print(f"\nThresholds at the median and at four fifths of the pictures: {middle:.1f} and {high:.1f}")
    edges = {
        "these": (middle, high),
        "those in use": (prediction.SEVERAL_COLORS, prediction.LITTLE_TO_GO_ON),
    }
    for name, (low, top) in edges.items():
        classes = np.digitize(spread, (low, top))
        shown = [
            f"{np.mean(error[classes == k]):.1f} (n = {(classes == k).sum()})" for k in range(3) if (classes == k).any()
        ]
        print(f"CIEDE2000 below, between and above {name}: {', '.join(shown)}")
    return {**result, "thresholds": [float(middle), float(high)]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="color photographs")
    parser.add_argument("--model", metavar="ID_OR_PATH", help="default: the model that comes with the project")
    parser.add_argument(
        "--against",
        metavar="ID_OR_PATH",
        help="for hints: the other model; default: the model that comes with the project",
    )
    parser.add_argument("--pictures", type=int, default=120, help="drawn by chance; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the draw; default: %(default)s")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--sweep", action="store_true", help="variants: try several settings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    args = parser.parse_args(arguments)
    pipe = load_pipeline(args.model, args.device)
    figures = {}
    for part in args.parts:
        truths = read_truths(args.data, args.pictures, args.seed)
        if part == "hints":
            figures[part] = measure_hints(pipe, truths, load_pipeline(args.against, args.device))
        elif part == "palette":
            figures[part] = measure_palette(pipe, truths)
        elif part == "variants":
            figures[part] = measure_variants(pipe, truths, args.sweep)
        else:
            figures[part] = measure_confidence(pipe, truths)
    if args.json:
        write_text(args.json, json.dumps(figures, indent=2) + "\n")
    return 0
