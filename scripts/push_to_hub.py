"""Publish the model, a data set or the metric on the Hub: `python scripts/push_to_hub.py --help`."""

import sys

from colorization.extras import need

need("train")
from colorization.publishing.push import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
