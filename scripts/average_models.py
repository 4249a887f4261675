"""Average the weights of two models: `python scripts/average_models.py --help`."""

import sys

from colorization.training.average_models import main

if __name__ == "__main__":
    sys.exit(main())
