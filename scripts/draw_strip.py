"""Draw the picture strip of the README: `python scripts/draw_strip.py --help`."""

import sys

from colorization.publishing.strip import main

if __name__ == "__main__":
    sys.exit(main())
