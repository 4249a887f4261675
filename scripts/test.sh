#!/usr/bin/env bash
# Lints, checks types and runs the tests; makes .venv and installs on first use. Arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup ".[dev]"
"$python" -m ruff format --check .
"$python" -m ruff check .
"$python" -m mypy
exec "$python" -m pytest "$@"
