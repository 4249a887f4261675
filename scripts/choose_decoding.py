"""Choose how the model's distribution becomes color: `python scripts/choose_decoding.py --help`."""

import sys

from eval.studies.choose_decoding import main

if __name__ == "__main__":
    sys.exit(main())
