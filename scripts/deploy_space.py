"""Put the page on the Hub as a Space: `python scripts/deploy_space.py --help`."""

import sys

from colorization.extras import need

need("train")
from colorization.publishing.space import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
