"""Train a colorizer: `python scripts/train.py --help`."""

import sys

from colorization.training.train import main

if __name__ == "__main__":
    sys.exit(main())
