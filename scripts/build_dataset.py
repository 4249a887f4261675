"""Build a data set of photographs: `python scripts/build_dataset.py --help`."""

import sys

from colorization.data.build_dataset import main

if __name__ == "__main__":
    sys.exit(main())
