"""Train a colorizer: `python scripts/train.py --help`."""

import sys

from colorization.extras import need

need("train")
from colorization.training.train import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
