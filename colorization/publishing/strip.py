"""Make the README's picture strip of what the project draws: grey, colored, another plausible coloring, one hint.

python scripts/draw_strip.py [--model MODEL] [--output space/strip.jpg] [--preview space/preview.jpg]

The preview is what a link to the page shows where it is shared: half in grey, half in color.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from ..drawing import draw_landscape
from ..files import save_picture
from ..model.pipeline_colorization import load_pipeline
from .upload import ROOT

_HEIGHT, _GAP = 240, 6  # px
_PREVIEW = (1200, 630)  # px
_HINT = (("30%", "33%"), "#dcae96")  # an evening sky


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or Hub id (default: the embedded one)")
    parser.add_argument("--output", type=Path, default=ROOT / "space" / "strip.jpg")
    parser.add_argument("--preview", type=Path, default=ROOT / "space" / "preview.jpg")
    args = parser.parse_args(arguments)
    grey = draw_landscape(1200, 800)
    pipe = load_pipeline(args.model)
    plain, *others = pipe(grey, num_variants=2)
    across, down = (int(text.rstrip("%")) / 100 for text in _HINT[0])
    hinted = pipe(grey, hints=[((across * grey.width, down * grey.height), _HINT[1])])
    pictures = [grey, plain, *others, hinted]
    width = round(_HEIGHT * grey.width / grey.height)
    strip = Image.new("RGB", (len(pictures) * (width + _GAP) - _GAP, _HEIGHT), "white")
    for number, picture in enumerate(pictures):
        small = picture.convert("RGB").resize((width, _HEIGHT), Image.Resampling.LANCZOS)
        strip.paste(small, (number * (width + _GAP), 0))
    save_picture(strip, args.output, quality=90, provenance=False)
    print(f"{args.output}: grey, colored, another plausible coloring, one hint.")
    save_picture(_halves(grey, plain), args.preview, quality=85, provenance=False)
    print(f"{args.preview}: half in grey, half in color.")
    return 0


def _halves(grey: Image.Image, colored: Image.Image) -> Image.Image:
    width, height = _PREVIEW
    both = colored.convert("RGB").crop((0, 0, width, height))
    both.paste(grey.convert("RGB").crop((0, 0, width // 2, height)), (0, 0))
    both.paste("white", (width // 2 - 3, 0, width // 2 + 3, height))
    return both
