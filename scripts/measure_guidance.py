"""Measure what hints, palettes and variants are worth: `python scripts/measure_guidance.py --help`."""

import sys

from colorization.extras import need

need("eval")
from eval.studies.measure_guidance import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
