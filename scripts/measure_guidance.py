"""Measure what hints, palettes and variants are worth: `python scripts/measure_guidance.py --help`."""

import sys

from eval.studies.measure_guidance import main

if __name__ == "__main__":
    sys.exit(main())
