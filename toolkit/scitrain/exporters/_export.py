"""Export the model of a trained run in several formats, verify each, and keep what passed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import csv
from pydantic import JsonValue

from scitrain.contracts.exporter import Exporter
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.exporters import BUNDLE, EXPORTERS
from scitrain.exporters._bundle import check_bundle, write_bundle, zip_folder
from scitrain.exporters._outputs import output_names
from scitrain.exporters._verify import Reference, verify
from scitrain.inference.config import TrainedConfig
from scitrain.inference.files import CONFIG, DOMAIN, ONNX, load_predictor, read_config
from scitrain.inference.tables import shown_inputs
from scitrain.runs import Run, atomic_write

if TYPE_CHECKING:
    from scitrain.training.predictor import Predictor

__all__ = ["export", "test_inputs"]

CHECK = "models/export_check.json"
PREDICTIONS = "results/predictions.csv"


def export(source: Run, run: Run, formats: Sequence[str], rows: np.ndarray | None, limit: int) -> dict[str, JsonValue]:
    """Do what `scitrain.exporters.export_files` says."""
    unknown = [name for name in formats if name not in EXPORTERS and name != BUNDLE]
    if unknown:
        raise UnknownNameError("export format", unknown[0], [*EXPORTERS, BUNDLE])
    config = read_config(source)
    _refuse_frozen(source, config, formats)
    x = _test_features(source, config, limit) if rows is None else rows[:limit]
    predictor = load_predictor(source)
    reference = Reference.of(predictor, x, config.task)
    wanted = list(dict.fromkeys(["onnx", *formats] if BUNDLE in formats else formats))
    check: dict[str, JsonValue] = {"rows": len(reference.rows), "source_run": source.id, "formats": {}}
    _bring_along(source, run)
    for done, name in enumerate(wanted):
        run.progress("export", done, len(wanted), name)
        if name == BUNDLE:
            entry = _bundle(source, run, test_inputs(source, config, limit))
        else:
            entry = _one(EXPORTERS[name], run, predictor, reference, _facts(source, config))
        _record(run, check, name, entry)
    run.progress("export", len(wanted), len(wanted))
    return check


def _refuse_frozen(source: Run, config: TrainedConfig, formats: Sequence[str]) -> None:
    other = [name for name in formats if name not in ("onnx", BUNDLE)]
    if config.weights == "int8" and other:
        parent = (source.record().parents or [source.id])[0]
        raise ScitrainError(
            f"run {source.id} is an int8 model, which is an ONNX file: formats={other[0]!r} cannot hold it; take onnx or bundle, "
            f"or export run={parent!r}, from which it was made"
        )


def _record(run: Run, check: dict[str, JsonValue], name: str, entry: dict[str, JsonValue]) -> None:
    formats = check["formats"]
    if isinstance(formats, dict):
        formats[name] = entry
    run.write_json(CHECK, check)
    if not entry["passed"]:
        raise ScitrainError(
            f"the {name} export of run {check['source_run']} does not predict what torch predicts: {entry['reason']}; "
            "the file was removed. Please report the model family; other formats may do"
        )


def _one(
    exporter: Exporter, run: Run, predictor: "Predictor", reference: Reference, facts: dict[str, object]
) -> dict[str, JsonValue]:
    target = run.file(f"models/{exporter.filename}")
    staging = target.with_name(f".{exporter.filename}")
    try:
        made = exporter.export(predictor, reference.rows[:2], staging)
        exporter.describe(staging, facts)
        entry: dict[str, JsonValue] = {
            "file": f"models/{exporter.filename}",
            **verify(exporter, staging, predictor, reference),
            **made,
        }
        if entry["passed"]:
            staging.replace(target)
        return entry
    finally:
        staging.unlink(missing_ok=True)


def _facts(source: Run, config: TrainedConfig) -> dict[str, object]:
    targets = [target.model_dump(mode="json") for target in config.targets]
    return {
        "run_id": source.id,
        "task": config.task,
        "targets": targets,
        "outputs": output_names(config.slots, config.targets),
        "trained_on": config.source,
        "seed": config.seed,
        "coverage": config.coverage,
        "conformal": config.conformal,
        "inputs": list(config.input_columns),
        "features": config.featuriser_object().names(),
        "shape": list(config.shape.shape),
        "dtype": "kInt64" if config.shape.kind == "tokens" else "kFloat32",
    }


def _bundle(source: Run, run: Run, raw: dict[str, list[str]]) -> dict[str, JsonValue]:
    folder = write_bundle(source, run.path / ONNX, run.file(f"models/{BUNDLE}"))
    entry = check_bundle(folder, run, raw)
    archive = zip_folder(folder, run.file(f"models/{BUNDLE}.zip"))
    return {"file": f"models/{archive.name}", "folder": f"models/{BUNDLE}", "bytes": archive.stat().st_size, **entry}


def _bring_along(source: Run, run: Run) -> None:
    """Copy configuration and domain, so that the exporting run can be predicted with by its own id."""
    if source.path == run.path:
        return
    for name in (CONFIG, DOMAIN):
        if (source.path / name).is_file():
            atomic_write(run.path / name, (source.path / name).read_bytes())


def test_inputs(source: Run, config: TrainedConfig, limit: int) -> dict[str, list[str]]:
    """Return raw input cells of the first test rows of a trained run.

    Raises:
        ScitrainError: The run has no table of test predictions.
    """
    path = source.path / PREDICTIONS
    if not path.is_file():
        raise ScitrainError(f"run {source.id} has no {PREDICTIONS}, whose rows an export is verified on; train again")
    shown = shown_inputs(config, config.input_columns)
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(shown, pa.string()), include_columns=shown, strings_can_be_null=False
    )
    table = csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=text)
    cells = [table.column(name).slice(0, limit).to_pylist() for name in shown]
    return dict(zip(config.input_columns, cells, strict=True))


def _test_features(source: Run, config: TrainedConfig, limit: int) -> np.ndarray:
    x, bad = config.featuriser_object().transform(test_inputs(source, config, limit))
    kept = [i for i in range(len(x)) if i not in bad]
    if len(kept) < 2:
        first = f"; the first: {next(iter(bad.values()))}" if bad else ""
        raise ScitrainError(
            f"{len(kept)} of {len(x)} test rows of run {source.id} can be read again, an export is verified on 2{first}"
        )
    return np.ascontiguousarray(x[kept])
