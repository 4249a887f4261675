"""Choose how a trained model's distribution is turned into color: measures over the decoding, on validation pictures.

    python scripts/choose_decoding.py --model RUN/model --data VAL --temperature 0.2,0.4,1 --share 0,0.5,1

Each picture goes through the network once a working size; every combination of temperature, share of the classifier,
calibration and factor on chroma is then read from the same output. Prints a table, best PSNR over grey first; nothing
is written to the model. Never choose on test pictures.
"""

from __future__ import annotations

import argparse
import itertools
import sys

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from colorization.model.ab_bins import ab_centers, annealed_mean
from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.model.images import UnreadableImageError
from colorization.model.modeling_colorization import calibrate, vary
from colorization.model.pipeline_colorization import load_pipeline
from colorization.sky import SkySegmenter, sky_label

from ..inputs import make_input
from ..metrics import colors, pixel, sepia
from ..metrics.perceptual import Lpips
from ..pictures import open_set


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder or Hub id")
    parser.add_argument("--data", required=True, help="folder or data set of validation pictures")
    parser.add_argument("--limit", type=int, default=160, help="pictures, spread over the set (default: %(default)s)")
    parser.add_argument("--max-side", type=int, default=0, help="reduce longer pictures first, px")
    parser.add_argument("--size", type=_numbers, help="working sizes, px (default: the model's)")
    parser.add_argument("--temperature", type=_numbers, help="default: the model's")
    parser.add_argument("--share", type=_numbers, help="of the classifier in the color (default: the model's)")
    parser.add_argument("--calibration", type=_numbers, help="default: the model's")
    parser.add_argument("--variety", type=_numbers, help="default: the model's")
    parser.add_argument("--factor", type=_numbers, default=[1.0], help="on chroma, after all else")
    args = parser.parse_args(arguments)

    try:
        pipe = load_pipeline(args.model)
        pictures, _ = open_set(args.data, split="validation", limit=args.limit)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    config, processor = pipe.model.config, pipe.image_processor
    sizes = [int(size) for size in args.size or [processor.working_size]]
    decodings = list(
        itertools.product(
            args.temperature or [config.temperature],
            args.share or [config.classification_share],
            args.variety or [config.variety],
            args.calibration or [config.calibration],
            args.factor,
        )
    )
    lpips, segmenter, centers = Lpips(), SkySegmenter(), ab_centers()
    rows: dict[tuple, list[list[float]]] = {}
    base, without = [], []
    for picture in tqdm(pictures, unit="img", mininterval=2):
        try:
            rgb = picture.read().rgb
        except UnreadableImageError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if args.max_side and max(rgb.shape[:2]) > args.max_side:
            small = Image.fromarray(rgb)
            small.thumbnail((args.max_side, args.max_side), Image.Resampling.LANCZOS)
            rgb = np.array(small)
        truth = to_tensor(rgb)
        true_lab = rgb_to_lab(truth)
        if colors.mean_chroma(true_lab).item() < NEAR_GREY:
            continue
        grey = make_input(rgb)
        base.append(pixel.psnr_rgb(to_tensor(grey), truth).item())
        without.append(sky_label(segmenter.fractions([rgb])[0]) == "no")
        for size in sizes:
            processor.working_size = size
            with torch.inference_mode():
                output = pipe.model(processor(grey)["pixel_values"])
                decoded = [_decode(output, centers, *decoding) for decoding in decodings]
                made = [to_tensor(processor.post_process_colorization(ab, [grey])[0]) for ab in decoded]
                for decoding, picture_made in zip(decodings, made, strict=True):
                    lab = rgb_to_lab(picture_made)
                    hues = sepia.hue_statistics(lab)
                    rows.setdefault((size, *decoding), []).append(
                        [
                            pixel.psnr_rgb(picture_made, truth).item(),
                            lpips(picture_made, truth).item(),
                            colors.delta_e(lab, true_lab)[0].item(),
                            colors.chroma_ratio(lab, true_lab).item(),
                            float(sepia.is_sepia(hues).item()),
                            float(sepia.is_one_hue(hues).item()),
                        ]
                    )
    if not base:
        parser.error(f"{args.data}: no color picture could be read.")
    _print(rows, np.array(base), np.array(without))
    return 0


def _decode(
    output,
    centers: torch.Tensor,
    temperature: float,
    share: float,
    variety: float,
    calibration: float,
    factor: float,
) -> torch.Tensor:
    ab = output.regressed if output.regressed is not None else output.ab
    if output.logits is not None:
        read = annealed_mean(output.logits, centers, temperature)
        ab = torch.lerp(ab, read, share) if output.regressed is not None else read
    ab = vary(ab, variety)
    if output.log_chroma is not None:
        ab = calibrate(ab, output.log_chroma, calibration)
    return ab * factor


def _print(rows: dict[tuple, list[list[float]]], base: np.ndarray, without: np.ndarray) -> None:
    print(f"{len(base)} pictures, {int(without.sum())} without sky; grey: PSNR {base.mean():.2f} dB")
    print(
        "| size | temperature | share | variety | calibration | factor "
        "| PSNR over grey | LPIPS | CIEDE2000 | chroma ratio ",
        end="",
    )
    print("| collapse | over-saturated | sepia | no sky: PSNR over grey | ratio | collapse | over | sepia | one hue |")
    print("|---" * 19 + "|")

    def part(values: np.ndarray, grey: np.ndarray) -> tuple[float, ...]:
        ratio = values[:, 3]
        rates = (
            np.median(ratio),
            (ratio < colors.COLLAPSED).mean(),
            (ratio > colors.OVERSATURATED).mean(),
            values[:, 4].mean(),
        )
        return ((values[:, 0] - grey).mean(), *rates)

    for key, measured in sorted(rows.items(), key=lambda item: -np.mean([value[0] for value in item[1]])):
        values = np.array(measured)
        gain, ratio, collapse, over, sepia_rate = part(values, base)
        line = f"| {' | '.join(f'{number:g}' for number in key)} | {gain:+.2f} | {values[:, 1].mean():.4f} | "
        line += f"{values[:, 2].mean():.2f} | {ratio:.2f} | {collapse:.1%} | {over:.1%} | {sepia_rate:.1%} |"
        if without.any():
            gain, ratio, collapse, over, sepia_rate = part(values[without], base[without])
            line += f" {gain:+.2f} | {ratio:.2f} | {collapse:.1%} | {over:.1%} | {sepia_rate:.1%} | "
            line += f"{values[without, 5].mean():.1%} |"
        print(line)
