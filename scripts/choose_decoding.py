"""Choose how the model's distribution becomes color: `python scripts/choose_decoding.py --help`."""

import sys

from colorization.extras import need

need("eval")
from eval.studies.choose_decoding import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
