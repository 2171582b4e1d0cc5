#!/bin/sh
# Makes chemprop's own environment beside this file (.venv, never committed); needs uv (https://docs.astral.sh/uv).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
uv venv --quiet --python 3.11 "$here/.venv"
uv pip install --quiet --compile-bytecode --python "$here/.venv/bin/python" "chemprop==2.3.1"
"$here/.venv/bin/chemprop" --version 2>/dev/null || true
