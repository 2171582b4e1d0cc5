"""Run the command line with ``python -m scitrain``."""

from scitrain.cli import program

if __name__ == "__main__":
    program()
