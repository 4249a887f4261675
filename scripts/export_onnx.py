"""Write a model as one ONNX file: `python scripts/export_onnx.py --help`."""

import sys

from colorization.publishing.onnx_export import main

if __name__ == "__main__":
    sys.exit(main())
