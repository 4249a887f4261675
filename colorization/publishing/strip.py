"""Make the README's picture strip of what the project draws: grey, coloured, another plausible colouring, one hint.

python scripts/draw_strip.py [--model MODEL] [--output space/strip.jpg]
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
_HINT = (("60%", "26%"), "#d8a47a")  # an evening sky


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or Hub id (default: the embedded one)")
    parser.add_argument("--output", type=Path, default=ROOT / "space" / "strip.jpg")
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
    print(f"{args.output}: grey, coloured, another plausible colouring, one hint.")
    return 0
