"""Where and with what a result was made."""

import platform
import re
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

from pydantic import JsonValue

__all__ = ["PACKAGES", "processor", "provenance"]

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
SECRET = re.compile(r"token|secret|passw|key|auth", re.IGNORECASE)


def provenance() -> dict[str, JsonValue]:
    """Return versions, platform, command and the git commit of the current folder; imports nothing heavy."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "command": [*_command(sys.argv)],
        "git": _git(),
    }


def processor(information: Path = Path("/proc/cpuinfo")) -> str:
    """Return what the CPU calls itself."""
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _command(words: list[str]) -> list[str]:
    """Return the command line with the values of options that sound like secrets left out."""
    told = [Path(words[0]).name] if words else []
    for before, word in pairwise(words):
        option, equals, _ = word.partition("=")
        if before.startswith("-") and "=" not in before and SECRET.search(before):
            told.append("…")
        elif equals and SECRET.search(option):
            told.append(f"{option}=…")
        else:
            told.append(word)
    return told


@lru_cache(maxsize=64)
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, JsonValue] | None:
    """Return commit and cleanliness of the checkout around the current folder, or None without one or without git."""
    commit = _say("rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _say("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _say(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=2
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
