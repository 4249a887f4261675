"""Measure how stable colors are over sizes: `python scripts/measure_stability.py --help`."""

import sys

from eval.studies.measure_stability import main

if __name__ == "__main__":
    sys.exit(main())
