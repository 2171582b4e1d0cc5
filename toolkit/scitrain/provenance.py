"""Where and with what a result was made."""

import platform
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import JsonValue

__all__ = ["PACKAGES", "provenance"]

PACKAGES = (
    "scitrain",
    "torch",
    "pytorch-lightning",
    "numpy",
    "scikit-learn",
    "rdkit",
    "pymatgen",
    "timm",
    "onnx",
    "onnxruntime",
)


def provenance() -> dict[str, JsonValue]:
    """Return versions, platform, command and the git commit of the current folder; imports nothing heavy."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else [],
        "git": _git(Path.cwd()),
    }


@lru_cache(maxsize=64)
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@lru_cache(maxsize=8)
def _git(folder: Path) -> dict[str, JsonValue] | None:
    """Return commit and cleanliness of the checkout that holds ``folder``, or None outside one or without git."""
    try:
        commit = _say(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_say(folder, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _say(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()
