"""Measure how stable colors are over sizes: `python scripts/measure_stability.py --help`."""

import sys

from colorization.extras import need

need("eval")
from eval.studies.measure_stability import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
