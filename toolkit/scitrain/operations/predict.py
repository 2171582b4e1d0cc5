"""Predict with a trained model: a few inputs at once, or a file of any length."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from scitrain.contracts.operation import Job, JobResult, Skill
from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.spec import OfRun, Spec
from scitrain.workflow.inline import Row, table
from scitrain.workflow.to_label import TO_LABEL, ToLabel
from scitrain.workspace import Workspace

if TYPE_CHECKING:
    from scitrain.inference import TrainedConfig, TrainedModel
    from scitrain.inference.labelling import Candidates

__all__ = ["Predict", "PredictResult", "Prediction", "TargetPrediction"]

SHOWN = 200
"""Rows that are handed back directly; all are in the file."""
FILE_ROWS = 16_384
"""Rows of a file that are in memory at once."""
MEASURE = "rows marked as outside the training domain need a measurement before they are trusted"
LABEL = f"measure the rows of {TO_LABEL}, add their labels to the training data, and train again"
BACKGROUND_BYTES = 5_000_000
"""Files beyond this size are worked on in the background, where somebody waits for an answer."""


class TargetPrediction(Spec):
    """What is said of one target of one row."""

    target: str
    value: float | str | None
    """Number in the target's unit, or the most probable class; null where the row has an error."""
    unit: str | None = None
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None
    """Upper end of the interval."""
    probabilities: dict[str, float] | None = None
    """Calibrated probability of each class."""
    candidates: list[str] | None = None
    """Classes in the conformal set."""


class Prediction(Spec):
    """One row."""

    row: int
    """Number of the input, from 1."""
    inputs: dict[str, str]
    predictions: list[TargetPrediction]
    in_domain: bool | None
    """False where the input is unlike the training data: do not rely on the number."""
    distance: float | None = None
    """Distance to the training data, in standard deviations."""
    error: str | None = None
    """Why this row has no prediction."""


class PredictResult(JobResult):
    """Predictions of all rows."""

    rows: int
    errors: int
    """Rows without a prediction."""
    outside: int | None
    """Rows outside the training domain."""
    coverage: float
    """Share of intervals or sets that shall hold the truth."""
    predictions: list[Prediction]
    """The first rows."""
    file: str
    """All rows, as a table below the run directory or where it was asked for."""
    to_label: list[ToLabel]
    """Rows proposed for labelling, the most valuable first; all are in ``results/to_label.csv``."""

    def tables(self) -> dict[str, list[dict[str, JsonValue]]]:
        """Return none: the summary has a line a row."""
        return {}

    def summary(self) -> str:
        """Return one line a row, then what to be careful with."""
        lines = [_line(row) for row in self.predictions[:20]] or ["no rows: the file holds none"]
        more = [f"… {self.rows - 20:,} more rows"] if self.rows > 20 else []
        careful = [f"{self.errors:,} rows could not be predicted"] if self.errors else []
        careful += [f"{self.outside:,} of {self.rows:,} rows lie outside the training domain"] if self.outside else []
        meaning = f"intervals hold the truth in {self.coverage:.0%} of cases like the training data"
        said = [*lines, *more, *careful, meaning, f"file: {self.file}"]
        if self.to_label:
            said += ["label next:", *(row.words() for row in self.to_label[:20]), f"file: {TO_LABEL}"]
        return "\n".join(said)


def _line(row: Prediction) -> str:
    given = ", ".join(row.inputs.values())
    name = given if len(given) <= 60 else given[:59] + "…"
    if row.error:
        return f"{row.row}. {name}: {row.error}"
    flag = " (outside the training domain)" if row.in_domain is False else ""
    return f"{row.row}. {name}: " + "; ".join(map(_said, row.predictions)) + flag


def _said(found: TargetPrediction) -> str:
    unit = f" {found.unit}" if found.unit else ""
    if isinstance(found.value, float):
        interval = "" if found.low is None or found.high is None else f" [{found.low:.3g}, {found.high:.3g}]"
        return f"{found.target} {found.value:.3g}{interval}{unit}"
    sure = (found.probabilities or {}).get(str(found.value))
    return f"{found.target} {found.value}" + ("" if sure is None else f" (p = {sure:.2f})")


class Predict(OfRun, Job):
    """Predict with a trained model, for inputs given here or for a file of any length.

    Each prediction carries an interval (or the set of possible classes) and says when the input lies outside the
    training domain; a bad row gets its reason instead of a prediction. Everything is also written as a table.
    """

    skill: ClassVar[Skill] = "deep-learning"
    title: ClassVar[str] = "Predict"
    explained_elsewhere: ClassVar[frozenset[str]] = frozenset({"mc_dropout", "output"})
    background: ClassVar[bool] = False

    inputs: list[Row] | None = Field(None, min_length=1, max_length=10_000)
    """Values to predict for: SMILES, formulas or paths, or an object of columns a row for tables."""
    data: str | None = None
    """File to predict for (CSV, TSV, Parquet, JSONL …) with the columns the model was trained on."""
    output: str | None = None
    """Where the table goes: a path ending in .csv or .parquet below the workspace; null keeps it in the run directory."""
    backend: Literal["auto", "torch", "onnx"] = "auto"
    """`onnx` needs no torch; `auto` takes it where the model was exported."""
    mc_dropout: int = Field(0, ge=0, le=1000)
    """Predict by the mean of so many passes with dropout on, intervals by how far they lie apart (calibrated); torch only. 30 is usual."""
    to_label: int = Field(0, ge=0, le=10_000)
    """Propose so many rows to label next: unsure, unlike the training rows and each other."""

    @model_validator(mode="after")
    def _one_source(self) -> "Predict":
        if (self.inputs is None) == (self.data is None):
            raise ValueError("give either inputs (values here) or data (a file), and not both")
        if self.mc_dropout and self.backend == "onnx":
            raise ValueError("mc_dropout needs torch: an ONNX file has no dropout; leave backend out, or mc_dropout")
        return self

    def in_background(self) -> bool:
        """Large files are worked on in the background."""
        path = Path(self.data) if self.data else None
        return path is not None and path.is_file() and path.stat().st_size > BACKGROUND_BYTES

    def check(self, workspace: Workspace) -> None:
        """Refuse a run without a model, a file that is not there, a place that may not be written."""
        from scitrain.inference import read_config
        from scitrain.workflow.sources import check_source

        read_config(Run.open(self.of, workspace))
        if self.data is not None:
            check_source(self.data, workspace)
        if self.output is not None and self._replaces(workspace.writable(self.output), workspace):
            raise ScitrainError(f"output {self.output!r} is the file that is predicted for; give another name")

    def _replaces(self, output: Path, workspace: Workspace) -> bool:
        builtin = self.data is None or self.data.startswith("builtin:")
        return not builtin and workspace.readable(str(self.data)) == output

    def execute(self, run: Run) -> PredictResult:
        """Load the model, predict block by block, write the table."""
        run.progress("load", message="loading the model")
        model = self._model(Run.open(self.of, run.workspace), run)
        model = replace(model, locates=self.to_label > 0)
        return self._given(run, model) if self.inputs is not None else self._file(run, model)

    def _model(self, source: Run, run: Run) -> "TrainedModel":
        from scitrain.inference import load_model

        if not self.mc_dropout:
            return load_model(source, self.backend)
        from scitrain.workflow.dropped import dropout_model

        return dropout_model(source, run, self.mc_dropout)

    def _target_path(self, run: Run) -> Path:
        return run.file("results/predictions.csv") if self.output is None else run.workspace.writable(self.output)

    def _given(self, run: Run, model: "TrainedModel") -> PredictResult:
        import numpy as np

        from scitrain.inference import write_predictions
        from scitrain.workflow.to_label import candidates

        columns = table(self.inputs or [], model.config.input_columns)
        found = model.predict(columns)
        n = len(found)
        path = write_predictions(self._target_path(run), model.config, columns, np.arange(1, n + 1), found)
        outside = None if found.inside is None else int((~found.inside).sum()) - len(found.errors)
        seen = candidates(model)
        seen.add(columns, np.arange(1, n + 1), found)
        return self._result(run, model, path, (n, len(found.errors), outside), seen)

    def _file(self, run: Run, model: "TrainedModel") -> PredictResult:
        from scitrain.data.long import latest
        from scitrain.data.read import read, stream, whole
        from scitrain.inference import predict_stream
        from scitrain.workflow.to_label import candidates

        def tick(done: int) -> None:
            run.progress("predict", done, message=f"{done:,} rows predicted")

        series = model.config.series
        if series is None:
            batches = stream(str(self.data), run.workspace, FILE_ROWS)
        else:
            batches = whole(latest(series, read(str(self.data), run.workspace)))
        seen = candidates(model)
        said = predict_stream(model, batches, self._target_path(run), tick, seen)
        return self._result(run, model, said.path, (said.rows, said.errors, said.outside), seen)

    def _result(
        self, run: Run, model: "TrainedModel", path: Path, counts: tuple[int, int, int | None], seen: "Candidates"
    ) -> PredictResult:
        from scitrain.workflow.rows import read_rows
        from scitrain.workflow.to_label import proposed

        rows, errors, outside = counts
        inputs = _inputs(model.config)
        chosen = proposed(seen, self.to_label, path, inputs, run) if self.to_label else []
        texts = [*inputs.values(), *_words(model.config)]
        return PredictResult(
            run_id=run.id,
            next_step=LABEL if chosen else MEASURE,
            to_label=chosen[:SHOWN],
            rows=rows,
            errors=errors,
            outside=outside,
            coverage=model.config.coverage,
            predictions=[_prediction(model.config, inputs, row) for row in read_rows(path, SHOWN, texts)],
            file=str(path.relative_to(run.path)) if path.is_relative_to(run.path) else str(path),
        )


def _inputs(config: "TrainedConfig") -> dict[str, str]:
    """Return what each input column is called in the table, which needs some names for itself."""
    from scitrain.inference.tables import shown_inputs

    names = config.input_columns
    return dict(zip(names, shown_inputs(config, names, labelled=False), strict=True))


def _words(config: "TrainedConfig") -> list[str]:
    """Return the columns of the table that hold names of classes or the reason, whatever these look like."""
    named = [target.name for target in config.targets if target.classes is not None]
    return [*(f"{name}_{what}" for name in named for what in ("predicted", "set")), "error"]


def _prediction(config: "TrainedConfig", inputs: Mapping[str, str], row: dict[str, JsonValue]) -> Prediction:
    """Turn a row of the table back into an object."""
    error = row.get("error")
    return Prediction(
        row=int(str(row["row"])),
        inputs={name: str(row[shown] or "") for name, shown in inputs.items() if shown in row},
        predictions=[] if error else [_of_target(config, i, row) for i in range(len(config.targets))],
        in_domain=None if error else _flag(row.get("in_domain")),
        distance=None if error else _number(row.get("distance")),
        error=None if error is None else str(error),
    )


def _of_target(config: "TrainedConfig", i: int, row: dict[str, JsonValue]) -> TargetPrediction:
    target = config.targets[i]
    said = row.get(f"{target.name}_predicted")
    if target.classes is None:
        low, high = (_number(row.get(f"{target.name}_{end}")) for end in ("low", "high"))
        return TargetPrediction(target=target.name, value=_number(said), unit=target.unit, low=low, high=high)
    shown = {name: _number(row.get(f"{target.name}_probability_{name}")) for name in target.classes}
    known = {name: p for name, p in shown.items() if p is not None}
    if len(known) == 1 and len(target.classes) == 2:
        [(name, p)] = known.items()
        known = {target.classes[0]: 1 - p, name: p}
    members = str(row[f"{target.name}_set"]).split("|") if row.get(f"{target.name}_set") else None
    return TargetPrediction(target=target.name, value=str(said), probabilities=known, candidates=members)


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _flag(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None
