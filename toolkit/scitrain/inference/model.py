"""A trained model at work: raw columns in; values, intervals, sets, domain flags and row errors out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from scitrain.contracts.modality import Columns, Featuriser
from scitrain.errors import DataError, ScitrainError, UnknownNameError, listed
from scitrain.inference.backends import Compute, onnx_compute, torch_compute
from scitrain.inference.config import TrainedConfig
from scitrain.inference.files import ONNX, load_domain, load_predictor, read_config
from scitrain.inference.predictions import Predictions, joined
from scitrain.runs import Run
from scitrain.training.outputs import Outputs

if TYPE_CHECKING:
    from scitrain.evaluation.conformal import Conformal
    from scitrain.evaluation.domain import Domain

__all__ = ["Backend", "TrainedModel", "load_model"]

Backend = Literal["auto", "torch", "onnx"]
BLOCK = 16_384
"""Rows whose features are in memory at once."""
CELLS = 2_000_000
"""Numbers in one batch through the network: some megabytes, near enough to the caches."""
NOT_FINITE = "the model gives no finite value for this row; its input is far from anything it was trained on"


@dataclass(frozen=True)
class TrainedModel:
    """ŷ = network(featurise(columns)), with what calibration and domain say of it; see `load_model`.

    Featurisers take the text as it stands and bring it to standard form themselves, which is what the bundle does too.
    """

    config: TrainedConfig
    featuriser: Featuriser
    backend: Literal["torch", "onnx"]
    compute: Compute
    conformal: "Conformal | None"
    domain: "Domain | None"
    locates: bool = False
    """True where it shall say as well where rows lie."""

    def predict(self, columns: Columns, tick: Callable[[int, int], None] | None = None) -> Predictions:
        """Predict rows of raw text columns; columns that the model does not read are left aside.

        A bad row gets an entry in ``errors``. Features are held for `BLOCK` rows at a time.

        Args:
            columns: Text by column; needs ``config.input_columns``.
            tick: Told (rows done, rows in all).

        Raises:
            DataError: A column is missing, or the columns differ in length.
        """
        needed, n = self._needed(columns)
        parts = []
        for start in range(0, max(n, 1), BLOCK):
            parts.append(self._predict_block({name: cells[start : start + BLOCK] for name, cells in needed.items()}))
            if tick is not None:
                tick(min(start + BLOCK, n), n)
        return joined(parts)

    def predict_features(self, x: np.ndarray) -> Predictions:
        """Predict rows (n, …) of features that are there already.

        Raises:
            DataError: A row has another shape than the model was trained on.
        """
        outputs = self.outputs(x)
        finite = np.asarray(np.isfinite(outputs.prediction).all(axis=1))
        found = self._judged(outputs.take(finite))
        return found.scattered(len(x), np.flatnonzero(finite), {int(i): NOT_FINITE for i in np.flatnonzero(~finite)})

    def outputs(self, x: np.ndarray, batch_rows: int | None = None) -> Outputs:
        """Run the network alone on features (n, …), in batches."""
        expected = self.config.shape.shape
        if x.shape[1:] != expected:
            raise DataError(f"rows of features have the shape {x.shape[1:]}, the model was trained on {expected}")
        step = batch_rows or batch_size(expected)
        parts = [self.compute(x[i : i + step]) for i in range(0, len(x), step)]
        return (
            self._empty()
            if not parts
            else Outputs(*(np.concatenate(p) if len(p) > 1 else p[0] for p in zip(*parts, strict=True)))
        )

    def _needed(self, columns: Columns) -> tuple[dict[str, Sequence[str]], int]:
        missing = [name for name in self.config.input_columns if name not in columns]
        if missing:
            raise UnknownNameError("column", missing[0], list(columns))
        needed = {name: columns[name] for name in self.config.input_columns}
        lengths = {name: len(cells) for name, cells in needed.items()}
        if len(set(lengths.values())) != 1:
            raise DataError(f"input columns of different lengths: {listed(f'{k} {v}' for k, v in lengths.items())}")
        return needed, next(iter(lengths.values()))

    def _predict_block(self, columns: Mapping[str, Sequence[str]]) -> Predictions:
        n = len(next(iter(columns.values())))
        if n == 0:
            return self._judged(self._empty())
        x, bad = self.featuriser.transform(columns)
        good = np.array([i for i in range(n) if i not in bad], dtype=np.int64)
        return self.predict_features(x if not bad else x[good]).scattered(n, good, bad)

    def _judged(self, outputs: Outputs) -> Predictions:
        """Add intervals or sets and the domain to finite outputs."""
        low, high, sets = self._intervals(outputs)
        distance = None if self.domain is None else self.domain.distance(outputs.representation)
        return Predictions(
            prediction=outputs.prediction,
            spread=outputs.spread,
            low=low,
            high=high,
            sets=sets,
            inside=None if self.domain is None or distance is None else distance <= self.domain.threshold,
            distance=distance,
            ends=outputs.ends,
            place=self._place(outputs.representation) if self.locates else None,
        )

    def _place(self, representation: np.ndarray) -> np.ndarray:
        """Return where rows lie in the space of the domain; without a domain, their representation as it is."""
        return representation if self.domain is None else self.domain.place(representation)

    def _intervals(self, outputs: Outputs) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
        """Return lower ends, upper ends, sets; NaN or None where there are none."""
        if self.conformal is None:
            shape = (len(outputs.prediction), len(self.config.targets))
            unknown = np.full(shape, np.nan) if self.config.has_numbers else None
            return unknown, unknown, None
        from scitrain.evaluation.conformal import how_sure  # brings scipy, which declaring a model needs not

        return how_sure(self.conformal, outputs.prediction, outputs.spread, outputs.ends)

    def _empty(self) -> Outputs:
        width = 0 if self.domain is None else len(self.domain.mean)
        nothing = np.zeros((0, self.config.n_outputs), np.float32)
        ends = np.zeros((*nothing.shape, 2), np.float32) if self.config.head == "quantile" else None
        return Outputs(nothing, nothing, np.zeros((0, width), np.float32), ends)


def batch_size(shape: tuple[int, ...]) -> int:
    """Return how many rows go through the network at once."""
    return int(min(2048, max(16, CELLS // max(1, int(np.prod(shape))))))


def load_model(run: Run, backend: Backend = "auto") -> TrainedModel:
    """Load the model of a trained run.

    Args:
        run: A run with ``models/config.json``.
        backend: ``onnx`` needs ``models/model.onnx`` and imports no torch; ``torch`` uses a GPU where there is one;
            ``auto`` takes the first where the file is there.

    Raises:
        RunStateError: The run holds no trained model.
        ScitrainError: A file does not belong to the others, or cannot be read.
    """
    config = read_config(run)
    chosen: Literal["torch", "onnx"] = (
        backend if backend != "auto" else "onnx" if (run.path / ONNX).is_file() else "torch"
    )
    featuriser = config.featuriser_object()
    if featuriser.shape() != config.shape.input_shape():
        raise ScitrainError(
            f"run {run.id}: featuriser and network in models/config.json differ in their shapes; train again"
        )
    if config.weights == "int8" and backend == "torch":
        raise ScitrainError(f"the int8 model of run {run.id} is computed by onnxruntime alone; leave backend out")
    compute = onnx_compute(run.path / ONNX) if chosen == "onnx" else _torch(run)
    return TrainedModel(config, featuriser, chosen, compute, config.conformal_object(), load_domain(run))


def _torch(run: Run) -> Compute:
    from scitrain.resources import choose_device

    return torch_compute(load_predictor(run), choose_device()[0])
