"""Write the card of the model that comes with the project: `python scripts/write_card.py --help`."""

import sys

from colorization.extras import need

need("train")
from colorization.publishing.embedded_card import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
