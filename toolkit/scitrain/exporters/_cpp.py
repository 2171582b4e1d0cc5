"""A folder of C++ sources beside a TorchScript network, as a zip file."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scitrain.exporters._torch import load_traced, traced_bytes
from scitrain.inference.backends import Compute, torch_compute
from scitrain.inference.model import batch_size
from scitrain.runs import atomic_write
from scitrain.shipped import template

if TYPE_CHECKING:
    from scitrain.training.predictor import Predictor

__all__ = ["add_sources", "export", "load"]

FOLDER = "cpp"
MODEL, FEATURES, EXPECTED = "model.pt", "features.csv", "expected.csv"
SHOWN = 60
"""Features named in the README; all are named in the header."""


def export(predictor: "Predictor", example: np.ndarray, target: Path) -> dict[str, str | int]:
    """Write the network and the rows to try it on; `add_sources` adds the rest once names and units are known."""
    prediction, spread, _ = torch_compute(predictor)(example)
    answers = np.stack([prediction, spread], axis=2).reshape(len(example), -1)
    files = {
        MODEL: traced_bytes(predictor, example),
        FEATURES: _table(example.reshape(len(example), -1)),
        EXPECTED: _table(answers),
    }
    _write(target, files)
    return {"exporter": f"torch {torch.__version__} trace"}


def load(source: Path) -> Compute:
    """Load the TorchScript file within."""
    with zipfile.ZipFile(source) as archive:
        return load_traced(io.BytesIO(archive.read(f"{FOLDER}/{MODEL}")))


def add_sources(target: Path, facts: Mapping[str, Any]) -> None:
    """Add program, build file and README, and name the columns of both tables."""
    with zipfile.ZipFile(target) as archive:
        files = {name.removeprefix(f"{FOLDER}/"): archive.read(name) for name in archive.namelist()}
    shape, names = facts["shape"], facts["features"]
    width = int(np.prod(shape))
    words = dict(facts) | {
        "scitrain_version": _installed(),
        "torch_version": str(torch.__version__),
        "abi": int(torch.compiled_with_cxx11_abi()),
        "width": width,
        "batch_rows": batch_size(tuple(shape)),
        "header": _line(["row", *_outputs(facts)]),
        "names": names,
        "shown": SHOWN,
    }
    for name in ("main.cpp", "CMakeLists.txt", "README.md"):
        files[name] = template(f"cpp/{name}").render(words).encode()
    columns = names or [f"feature {i}" for i in range(1, width + 1)]
    files[FEATURES] = (_line(["row", *columns]) + "\n").encode() + files[FEATURES]
    files[EXPECTED] = (words["header"] + "\n").encode() + files[EXPECTED]
    _write(target, files)


def _outputs(facts: Mapping[str, Any]) -> list[str]:
    """Return the names of prediction and spread of each output, with the unit."""
    return [said[what] for said in facts["outputs"] for what in ("prediction", "spread")]


def _table(values: np.ndarray) -> bytes:
    whole = np.issubdtype(values.dtype, np.integer)
    rows = ([str(i), *(str(v) if whole else f"{v:.9g}" for v in row)] for i, row in enumerate(values, start=1))
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _line(names: Sequence[str]) -> str:
    """Return a header on one line: C++ skips it line by line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([" ".join(name.split()) for name in names])
    return text.getvalue()


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
    atomic_write(target, content.getvalue())


def _installed() -> str:
    try:
        return version("scitrain")
    except PackageNotFoundError:
        return "from source"
