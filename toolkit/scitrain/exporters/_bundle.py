"""A folder that predicts with numpy, onnxruntime and the featuriser's own library: no torch, no scitrain."""

import csv
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.errors import ScitrainError
from scitrain.evaluation.domain import FARTHEST
from scitrain.inference.backends import onnx_session
from scitrain.inference.config import TrainedConfig
from scitrain.inference.files import DOMAIN, read_config
from scitrain.inference.model import NOT_FINITE, batch_size, load_model
from scitrain.inference.tables import write_predictions
from scitrain.runs import Run, atomic_write
from scitrain.shipped import template

__all__ = ["check_bundle", "write_bundle", "zip_folder"]

CARD = "MODEL_CARD.md"
SCRIPT = "inference.py"
SERVER = "serve.py"
OWN_OPTIONS = ("--help", "--output", "--features", "--serve")
EXAMPLES = {
    "smiles": ("CCO", "c1ccccc1O"),
    "formula": ("Fe2O3", "NaCl"),
    "image": ("picture.png",),
    "sequence": ("MKTAYIAKQR",),
    "text": ("'a text'",),
}
CHECK_ROWS = 64
TOLERANCE = 1e-5
"""Largest difference of a number in the bundle's table from scitrain's, relative to that number (never below 1)."""
BLOCKED = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "scitrain", "scitrain_server"):
            raise ImportError(f"a bundle must not import {name}")
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script where torch and scitrain cannot be imported, whatever is installed."""


def write_bundle(source: Run, onnx: Path, folder: Path) -> Path:
    """Write the bundle of a trained run; an older one in its place is replaced when the new one is whole.

    Args:
        source: Trained run.
        onnx: Its verified ONNX file.
        folder: Bundle to write.
    """
    config = read_config(source)
    featuriser = config.featuriser_object()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for file in (featuriser.module(), *featuriser.data_files()):
            shutil.copyfile(file, staging / file.name)
        shutil.copyfile(onnx, staging / "model.onnx")
        for name in (DOMAIN, CARD):
            if (source.path / name).is_file():
                shutil.copyfile(source.path / name, staging / Path(name).name)
        _write_texts(staging, source.id, config, featuriser)
        staging.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        staging.replace(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return folder


def _write_texts(folder: Path, run_id: str, config: TrainedConfig, featuriser: Featuriser) -> None:
    settings = json.dumps(_settings(folder, run_id, config, featuriser), indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(folder / "preprocessing.json", settings + "\n")
    words = _words(run_id, config, featuriser)
    for name in (SCRIPT, SERVER):
        atomic_write(folder / name, template(name).render(words))
    atomic_write(folder / "README.md", template("bundle_readme.md").render(words, card=(folder / CARD).is_file()))
    atomic_write(folder / "requirements.txt", "".join(f"{_pinned(name)}\n" for name in _requirements(featuriser)))


def _settings(folder: Path, run_id: str, config: TrainedConfig, featuriser: Featuriser) -> dict[str, object]:
    representation = onnx_session(folder / "model.onnx").get_outputs()[2].shape[1]
    return {
        "schema_version": 1,
        "run_id": run_id,
        "task": config.task,
        "slots": [{"task": slot.task, "start": slot.start, "end": slot.end} for slot in config.slots],
        "modality": config.modality,
        "targets": [target.model_dump(mode="json") for target in config.targets],
        "input_columns": list(config.input_columns),
        "featuriser": {
            "module": featuriser.module().name,
            "kind": config.featuriser["kind"],
            "options": featuriser.options(),
        },
        "shape": list(config.shape.shape),
        "outputs": config.n_outputs,
        "head": config.head,
        "representation": representation,
        "batch_rows": batch_size(config.shape.shape),
        "coverage": config.coverage,
        "conformal": config.conformal,
        "domain_threshold": config.domain_threshold,
        "farthest": FARTHEST,
    }


def _words(run_id: str, config: TrainedConfig, featuriser: Featuriser) -> dict[str, object]:
    """Return what the templates name."""
    options = cli_options(config.input_columns)
    cells = EXAMPLES.get(config.modality, ("1.5",))
    return {
        "run_id": run_id,
        "scitrain_version": _installed("scitrain") or "from source",
        "targets": config.targets,
        "modality": config.modality,
        "input_columns": config.input_columns,
        "requirements": featuriser.requirements,
        "options": options,
        "inline": " ".join(f"{option} {' '.join(cells)}" for option in options.values()),
        "example": json.dumps([_example(config.input_columns, cells)], ensure_ascii=False),
        "percent": f"{config.coverage:.0%}",
        "not_finite": NOT_FINITE,
    }


def _example(columns: tuple[str, ...], cells: tuple[str, ...]) -> "str | dict[str, str]":
    """Return an input as JSON has it; quotes of a shell stay out of it."""
    cell = cells[0].strip("'")
    return cell if len(columns) == 1 else {name.replace("'", "’"): cell for name in columns}


def cli_options(columns: tuple[str, ...]) -> dict[str, str]:
    """Return a command line option for each input column, such as ``--mean-radius``; no two are alike."""
    found: dict[str, str] = {}
    for column in columns:
        words = "".join(c if c.isascii() and c.isalnum() else " " for c in column).split()
        option = "--" + ("-".join(words).lower() or "input")
        while option in OWN_OPTIONS or option in found.values():
            option += "-input" if option in OWN_OPTIONS else "-2"
        found[column] = option
    return found


def _requirements(featuriser: Featuriser) -> tuple[str, ...]:
    return ("numpy", "onnxruntime", *featuriser.requirements)


def _pinned(name: str) -> str:
    """Pin the version that was trained with: another may describe the same molecule with other numbers."""
    found = _installed(name)
    return f"{name}=={found}" if found else name


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_bundle(folder: Path, run: Run, raw: Columns) -> dict[str, JsonValue]:
    """Run the bundle as a stranger would, without torch and scitrain, and compare its table with scitrain's.

    Args:
        folder: The bundle.
        run: Run whose ``models/`` holds configuration, domain and the ONNX file.
        raw: Input cells.

    Returns:
        ``passed``, ``reason``, ``rows``, ``tolerance`` and ``max_difference``, of any number, relative to it, never below 1.
    """
    columns = {name: list(cells[:CHECK_ROWS]) for name, cells in raw.items()}
    n = len(next(iter(columns.values())))
    model = load_model(run, "onnx")
    with tempfile.TemporaryDirectory() as scratch:
        given, said, expected = (Path(scratch) / name for name in ("input.csv", "said.csv", "expected.csv"))
        with given.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        write_predictions(expected, model.config, columns, np.arange(1, n + 1), model.predict(columns))
        done = subprocess.run(
            [sys.executable, "-B", "-c", BLOCKED, str(folder / SCRIPT), str(given), "-o", str(said)],
            capture_output=True, text=True, cwd=scratch, check=False,
        )  # fmt: skip
        if done.returncode:
            return {"passed": False, "reason": f"the bundle's script failed: {done.stderr.strip()[-500:]}"}
        reason, apart = _differences(_table(said), _table(expected))
    return {"passed": reason is None, "reason": reason, "rows": n, "max_difference": apart, "tolerance": TOLERANCE}


Table = dict[str, list[str]]


def _table(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def _differences(said: Table, expected: Table) -> tuple[str | None, float | None]:
    """Return what differs, and the largest relative difference of the numbers."""
    if list(said) != list(expected):
        return f"columns {list(said)}, expected {list(expected)}", None
    worst = 0.0
    for name, cells in expected.items():
        for row, (a, b) in enumerate(zip(said[name], cells, strict=True), start=1):
            if a == b or (name == "error" and a and b.startswith(a)):  # scitrain may explain a mistake further
                continue
            x, y = _number(a), _number(b)
            if x is None or y is None or abs(x - y) > TOLERANCE * max(1.0, abs(y)):
                return f"row {row}, {name}: {a!r}, scitrain says {b!r}", None
            worst = max(worst, abs(x - y) / max(1.0, abs(y)))
    return None, worst


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def zip_folder(folder: Path, target: Path) -> Path:
    """Write ``target`` with the folder's files under the folder's name; the same files give the same bytes."""
    staging = target.with_name(f".{target.name}")
    try:
        with zipfile.ZipFile(staging, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
                entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
        staging.replace(target)
    except OSError as error:
        raise ScitrainError(f"cannot write {target}: {error.strerror or error}; free some space") from error
    finally:
        staging.unlink(missing_ok=True)
    return target
