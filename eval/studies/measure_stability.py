"""Does the same photograph get the same colors at another size, shifted by one pixel, and mirrored?

    python scripts/measure_stability.py --data PHOTOGRAPHS [--model MODEL]

Each photograph is colored at several sizes; the colors at each are compared with those at the largest, on the largest
one's luminance (mean CIEDE2000). Colors that depend on the size of a scan are not to be trusted.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tqdm.auto import tqdm

from colorization.model.color import rgb_to_lab, to_tensor
from colorization.model.images import UnreadableImageError
from colorization.model.pipeline_colorization import ColorizationPipeline, load_pipeline

from ..metrics.colors import ciede2000
from ..pictures import open_set

SIZES = (192, 256, 384, 512, 768, 1024)  # px, longest side


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of photographs, the larger the better")
    parser.add_argument("--model", help="folder or Hub id (default: the embedded one)")
    parser.add_argument("--limit", type=int, help="only so many, spread over the set")
    args = parser.parse_args(arguments)
    try:
        pipe = load_pipeline(args.model)
        pictures, _ = open_set(args.data, limit=args.limit)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows: dict[str, list[float]] = {}
    for picture in tqdm(pictures, unit="img", mininterval=2):
        try:
            rgb = Image.fromarray(picture.read().rgb)
        except UnreadableImageError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        sizes = [size for size in SIZES if size <= max(rgb.size)]
        if len(sizes) < 2:
            continue
        versions = {size: _reduce(rgb, size) for size in sizes}
        largest = versions[sizes[-1]]
        lightness = _lab(largest)[:, :1]
        colors = {size: _ab(pipe, version, largest.size) for size, version in versions.items()}
        for size in sizes[:-1]:
            rows.setdefault(f"{size} px", []).append(_difference(lightness, colors[size], colors[sizes[-1]]))
        if len(sizes) > 2:
            width, height = versions[512 if 512 in versions else sizes[-2]].size
            version = rgb.resize((width, height), Image.Resampling.LANCZOS)
            shifted = version.crop((1, 1, width, height))
            back = F.pad(_ab(pipe, shifted, shifted.size), (1, 0, 1, 0), mode="replicate")
            own = _lab(version)[:, :1]
            colored = _ab(pipe, version, version.size)
            rows.setdefault("shifted by 1 px", []).append(_difference(own, back, colored))
            mirrored = version.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            back = _ab(pipe, mirrored, mirrored.size).flip(-1)
            rows.setdefault("mirrored", []).append(_difference(own, back, colored))
    if not rows:
        parser.error(f"{args.data}: there is no photograph of more than {SIZES[0]} px.")
    print("| against the largest size | photographs | mean CIEDE2000 | worst |\n|---|---|---|---|")
    for name, values in rows.items():
        print(f"| {name} | {len(values)} | {np.mean(values):.2f} | {np.max(values):.2f} |")
    return 0


def _reduce(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    return picture.resize([max(1, round(length * scale)) for length in picture.size], Image.Resampling.LANCZOS)


def _lab(picture: Image.Image) -> torch.Tensor:
    return rgb_to_lab(to_tensor(picture.convert("RGB")))


def _ab(pipe: ColorizationPipeline, picture: Image.Image, size: tuple[int, int]) -> torch.Tensor:
    """ab [1, 2, height, width] that the model gives a picture, enlarged to ``size`` (width, height)."""
    ab = pipe.analyze(picture).ab[None]
    return F.interpolate(ab, size=size[::-1], mode="bicubic", align_corners=False)


def _difference(lightness: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> float:
    labs = [torch.cat((lightness, ab), dim=1) for ab in (first, second)]
    return ciede2000(*labs).mean().item()
