"""Where and how figures were measured, and the file they are kept in."""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scitrain.provenance import processor
from scitrain.resources import cpu_count

__all__ = [
    "DATA_VARIABLE",
    "RESULTS",
    "add_data_option",
    "as_installed",
    "data_folder",
    "describe",
    "keep",
    "kept_before",
    "without_lightning",
]

RESULTS = Path(__file__).with_name("results")
ASKS_BY_NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"
DATA_VARIABLE = "SCITRAIN_BENCHMARK_DATA"
LIBRARIES = ("scitrain", "torch", "pytorch-lightning", "scikit-learn", "rdkit", "numpy", "onnxruntime", "optuna")


def describe() -> dict[str, Any]:
    """Return processor, cores, versions, date and load; nothing that names the machine."""
    return {
        "processor": processor(),
        "cores": cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def keep(name: str, command: str, machine: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    """Write ``results/NAME.json`` and return what stands in it; ``machine`` was described before the work began."""
    load = round(os.getloadavg()[0], 2)
    report = {"command": command, "machine": machine | {"load_after": load}, "figures": figures}
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return report


def kept_before(name: str) -> dict[str, Any]:
    """Return the figures of ``results/NAME.json``: parts that were measured before, which another part leaves as they are."""
    target = RESULTS / f"{name}.json"
    figures: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))["figures"] if target.is_file() else {}
    return figures


def as_installed() -> dict[str, str]:
    """Return the environment for a program under test: it may keep its bytecode, as it does where a person installed it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def without_lightning() -> Iterator[None]:
    """Run a peer as it runs by itself: Lightning makes torch ask for GPUs in a way that costs half a millisecond a step."""
    before = os.environ.pop(ASKS_BY_NVML, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[ASKS_BY_NVML] = before


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``, the folder with the public data sets."""
    parser.add_argument(
        "--data", type=Path, help=f"folder with esol.csv, lipo.csv, … (or the variable {DATA_VARIABLE})"
    )


def data_folder(given: Path | None) -> Path:
    """Return the folder with the data sets.

    Raises:
        SystemExit: It was not said, or is not there.
    """
    said = given or os.environ.get(DATA_VARIABLE)
    if not said:
        raise SystemExit(f"say --data FOLDER or set {DATA_VARIABLE}: a folder with esol.csv, lipo.csv, bbbp.csv, …")
    folder = Path(said)
    if not folder.is_dir():
        raise SystemExit(f"{folder} is no folder")
    return folder


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
