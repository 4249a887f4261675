"""Build a data set of photographs: `python scripts/build_dataset.py --help`."""

import sys

from colorization.extras import need

need("train")
from colorization.data.build_dataset import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
