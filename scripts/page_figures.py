"""Write the figures that the page tells: `python scripts/page_figures.py --help`."""

import sys

from colorization.publishing.page_figures import main

if __name__ == "__main__":
    sys.exit(main())
