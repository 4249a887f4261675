"""Write a model as a folder for ONNX Runtime: `python scripts/export_onnx.py --help`."""

import sys

from colorization.extras import need

need("onnx")
from colorization.publishing.onnx_export import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
