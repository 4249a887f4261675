"""Train and measure the sky segmenter: `python scripts/train_sky.py --help`."""

import sys

from colorization.training.train_sky import main

if __name__ == "__main__":
    sys.exit(main())
