# Sourced by demo.sh and test.sh: makes .venv on first use and leaves its interpreter in $python.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
    [ "$candidate" = "${PYTHON:-}" ] && break # asked for by name: no other will do
  done
  {
    echo "Landscape Colorizer needs Python 3.11 or newer; ${candidate} is $("$candidate" --version 2>&1 | head -n 1 || true)."
    echo "Install one from python.org, or name one: PYTHON=/path/to/python3.12 bash scripts/demo.sh"
  } >&2
  return 1
}

# setup WHAT: WHAT is what pip installs besides requirements.txt, for example ".[dev]".
setup() {
  local found stamp=.venv/installed wanted
  python=.venv/bin/python
  if [ ! -x "$python" ]; then
    found=$(find_python) || exit 1
    echo "Making .venv with $("$found" --version) ..."
    "$found" -m venv .venv || { echo "python -m venv failed; on Debian: apt install python3-venv" >&2; exit 1; }
  fi
  # Installed again when what is wanted has changed.
  wanted="$1 $(cat requirements.txt pyproject.toml | cksum)"
  if ! grep -qxF "$wanted" "$stamp" 2>/dev/null; then
    echo "Installing what the project needs (with PyTorch this is some gigabytes the first time) ..."
    "$python" -m pip install --quiet --disable-pip-version-check -r requirements.txt -e "$1" || exit 1
    echo "$wanted" >>"$stamp"
  fi
}
