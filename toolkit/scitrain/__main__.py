"""Run the command line with ``python -m scitrain``."""

import sys

from scitrain.cli import main

if __name__ == "__main__":
    sys.exit(main())
