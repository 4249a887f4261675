#!/usr/bin/env bash
# Opens the page on this machine; makes .venv and installs on first use. Arguments go to app.py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup .
exec "$python" app.py "$@"
