"""Where the sky is: a small segmenter for color and grey pictures, and one rule from its share to a word.

    segmenter = SkySegmenter()
    mask = segmenter(picture)              # float32 [H, W] in [0, 1]
    word = sky_label(sky_fraction(mask))   # "yes", "no" or "uncertain"

The model is trained by ``scripts/train_sky.py`` on masks of a larger segmenter, half of the pictures made
grey; where that one sees next to no sky, a person has looked too (``scripts/train_sky_labels.csv``).

Known weakness: narrow gaps between trunks are missed, and surf and ice walls are now and then taken for sky.
``scripts/train_sky.py measure`` prints the confusion table against labels by hand.
"""

from .modeling_sky import SkyConfig, SkyModel, SkyOutput
from .rule import NO_BELOW, YES_FROM, sky_fraction, sky_label
from .segmenter import PRETRAINED, SkySegmenter, to_pixel_values

__all__ = [
    "NO_BELOW",
    "PRETRAINED",
    "YES_FROM",
    "SkyConfig",
    "SkyModel",
    "SkyOutput",
    "SkySegmenter",
    "sky_fraction",
    "sky_label",
    "to_pixel_values",
]
