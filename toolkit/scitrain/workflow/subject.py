"""What an explanation is about: a trained model, its data once more, the output that is explained, the rows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.data.columns import take
from scitrain.data.one_target import one_target
from scitrain.data.prepared import Prepared
from scitrain.inference import TrainedConfig, load_domain, load_predictor, read_config
from scitrain.resources import choose_device
from scitrain.runs import Run
from scitrain.training.one_target import predictor_of
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.workflow.again import prepared_again
from scitrain.workflow.network import represented
from scitrain.workflow.outputs import output_named

__all__ = ["Rows", "Show", "Subject", "subject_of"]

Show = Literal["first", "uncertain", "worst"]


@dataclass(frozen=True)
class Rows:
    """Rows that are explained one by one."""

    numbers: list[int]
    """As in the source, or of the inputs given, from 1."""
    columns: Columns
    x: np.ndarray
    """(n, …) features."""
    said: np.ndarray
    """(n, outputs) predictions."""
    errors: dict[int, str]
    """Number of the input to why it cannot be explained."""


@dataclass(frozen=True)
class Subject:
    """Model, data and the output that is explained."""

    source: Run
    config: TrainedConfig
    featuriser: Featuriser
    predictor: Predictor
    prepared: Prepared
    x: np.ndarray
    """(n, …) features of all rows of the data."""
    output: int | None
    """Column of the predictions; None takes each row's most probable class."""
    test: Outputs
    """Of the test rows."""

    def named(self, said: np.ndarray) -> np.ndarray:
        """Return which output is explained in each row of predictions (n, outputs)."""
        return said.argmax(axis=1) if self.output is None else np.full(len(said), self.output)

    def title(self, output: int) -> str:
        """Return the name of what an output says."""
        if self.config.task == "multiclass":
            return f"{self.config.targets[0].name} = {(self.config.targets[0].classes or ())[output]}"
        target = self.config.targets[output]
        return target.name if target.classes is None else f"{target.name} = {target.classes[1]}"

    @property
    def unit(self) -> str:
        """Unit of an attribution."""
        if self.config.task != "regression":
            return "log-odds"
        return self.config.targets[self.output or 0].unit or ""

    def test_rows(self, count: int, show: Show) -> Rows:
        """Return the first, the most uncertain or the worst predicted test rows."""
        test = self.prepared.held_out
        chosen = np.arange(len(test)) if show == "first" else np.argsort(-self._doubt(show), kind="stable")
        chosen = chosen[:count]
        rows = test[chosen]
        numbers = [int(number) for number in self.prepared.rows[rows]]
        return Rows(numbers, take(self.prepared.columns, rows), self.x[rows], self.test.prediction[chosen], {})

    def given(self, columns: Columns) -> Rows:
        """Return inputs of the request; one that cannot be read is left out with its reason."""
        x, bad = self.featuriser.transform(columns)
        good = np.array([i for i in range(len(x)) if i not in bad], dtype=np.int64)
        said = predict_array(self.predictor, x[good]).prediction
        errors = {i + 1: reason for i, reason in bad.items()}
        return Rows([int(i) + 1 for i in good], take(columns, good), x[good], said, errors)

    def _doubt(self, show: Show) -> np.ndarray:
        """Return how bad (worst) or how unsure (uncertain) each test row is, (n,)."""
        said = self.test.prediction
        if show == "uncertain":
            return self._uncertainty(said)
        y = self.prepared.y[self.prepared.held_out]
        if self.config.task == "multiclass":
            return np.asarray(1.0 - said[np.arange(len(y)), y.astype(int)])
        apart = np.abs(said - y)[:, self.output or 0]
        return np.where(np.isfinite(apart), apart, -1.0)

    def _uncertainty(self, said: np.ndarray) -> np.ndarray:
        at = self.output or 0
        if self.config.task == "multiclass":
            return np.asarray(1.0 - said.max(axis=1))
        if self.config.task != "regression":
            return -np.abs(said[:, at] - 0.5)
        spread = self.test.spread[:, at]
        domain = load_domain(self.source)
        # one member has no spread: what is far from the training rows is what it knows least of
        return spread if spread.any() or domain is None else domain.distance(self.test.representation)


def subject_of(source: Run, run: Run, target: str | None) -> Subject:
    """Load a trained model and its data."""
    config = read_config(source)
    prepared = prepared_again(source, run)
    if prepared.folds:
        why = "a cross-validation leaves no test rows to the network that it keeps; no weight was fitted to these"
        run.decide("rows", "validation", why)
    featuriser = config.featuriser_object()
    x = represented(prepared, featuriser, run)
    predictor = load_predictor(source).to(choose_device()[0])
    if config.task == "mixed":
        index = output_named(config, target) or 0
        slot = config.slots[index]
        predictor, prepared, target = predictor_of(predictor, slot), one_target(prepared, index), None
        config = config.model_copy(update={"task": slot.task, "targets": (config.targets[index],)})
    test = predict_array(predictor, x[prepared.held_out])
    return Subject(source, config, featuriser, predictor, prepared, x, output_named(config, target), test)
