"""Makes runs that hold a whole, untrained but calibrated model of formulas: what inference and exports work on."""

from pathlib import Path

import numpy as np
import torch

from scitrain.contracts.model import ModelSpec
from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.slots import slots_of
from scitrain.evaluation.conformal import Conformal, fit_conformal, fit_quantiles
from scitrain.evaluation.domain import fit_domain
from scitrain.evaluation.report import Predicted, Problem, calibrated
from scitrain.inference import TrainedConfig, load_model, save_model, write_predictions
from scitrain.inference.config import ShapeConfig
from scitrain.modalities import MODALITIES
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.heads import make_head
from scitrain.training.mixed_head import MixedHead
from scitrain.training.options import HeadKind
from scitrain.training.outputs import Outputs
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor, build_predictor
from scitrain.training.transforms import learn_input
from scitrain.workspace import Workspace

__all__ = ["FORMULAS", "TARGETS", "trained_run"]

ELEMENTS = ("Li", "Na", "K", "Mg", "Ca", "Ti", "Fe", "Cu", "Zn", "Al")
FORMULAS = [
    f"{a}{i}{b}{j}O{k}" for a in ELEMENTS[:5] for b in ELEMENTS[5:] for i, j, k in ((1, 1, 2), (2, 1, 4), (1, 3, 5))
]
LABELS = ("no", "yes")
TARGETS: dict[Task, tuple[Target, ...]] = {
    "regression": (Target(name="energy", unit="eV"), Target(name="gap", unit="eV")),
    "binary": (Target(name="stable", classes=LABELS),),
    "multilabel": (Target(name="stable", classes=LABELS), Target(name="metal", classes=LABELS)),
    "mixed": (
        Target(name="energy", unit="eV"),
        Target(name="stable", classes=LABELS),
        Target(name="system", classes=("cubic", "hexagonal", "other, or none")),
    ),
    "multiclass": (Target(name="system", classes=("cubic", "hexagonal", "other, or none")),),
}


def trained_run(
    folder: Path,
    task: Task = "regression",
    model: ModelSpec | None = None,
    members: int = 2,
    data: tuple[str, dict[str, list[str]]] = ("formula", {"formula": FORMULAS}),
    head: HeadKind = "point",
    floors: tuple[float, ...] = (),
) -> Run:
    """Write a run with model, calibration, domain and test predictions; ``data`` is a modality and its columns."""
    torch.manual_seed(7)
    workspace = Workspace(folder)
    run = Run.create("train_model", {}, workspace)
    run.update(status="completed")
    spec = model or Mlp(widths=[16, 16])
    modality, columns = data
    n = len(next(iter(columns.values())))
    kind = next(kind for kind in spec.kinds() if kind in MODALITIES[modality].kinds)
    own = spec.featuriser(modality, columns)
    featuriser = own or MODALITIES[modality].featuriser(kind, columns, np.arange(n * 2 // 3))
    x, errors = featuriser.transform(columns)
    assert not errors
    slots = slots_of(task, TARGETS[task])
    said_by = MixedHead(slots) if task == "mixed" else make_head(head, 0.9, floors)
    inputs, inner = learn_input(featuriser.shape(), x, np.arange(n // 2))
    predictor = build_predictor(task, spec, inner, slots[-1].end, members, said_by)
    predictor.inputs = inputs
    settle(predictor, x)
    said = predict_array(predictor, x)
    half = n * 2 // 3
    config = TrainedConfig(
        task=task,
        targets=TARGETS[task],
        modality=modality,
        input_columns=tuple(columns),
        featuriser=featuriser.model_dump(mode="json"),
        model=spec.model_dump(mode="json"),
        members=members,
        head=said_by.kind,
        floors=floors,
        shape=ShapeConfig.of(featuriser.shape()),
        inner=ShapeConfig.of(inner),
        conformal=calibration(task, said).model_dump(mode="json"),
        source="made up",
    )
    save_model(run, predictor, config, fit_domain(said.representation[:half], said.representation[half:]))
    model_at_work = load_model(run, "torch")
    test = {name: cells[half:] for name, cells in columns.items()}
    y = labels(task, said.prediction)[half:]
    write_predictions(
        run.file("results/predictions.csv"), config, test, np.arange(half + 1, n + 1), model_at_work.predict(test), y
    )
    return run


def calibration(task: Task, said: Outputs) -> Conformal:
    y = labels(task, said.prediction)
    if task == "mixed":
        return calibrated(Problem(task, TARGETS[task]), Predicted(y, said.prediction, said.spread))
    if said.ends is not None:
        return fit_quantiles(y, said.prediction, said.ends)
    return fit_conformal(task, y, said.prediction, spread(task, said.spread))


def spread(task: Task, values: np.ndarray) -> np.ndarray | None:
    return values if task == "regression" and values.any() else None


def settle(predictor: Predictor, x: np.ndarray) -> None:
    """Give every statistic of the networks a value that is not its neutral one, as training would."""
    predictor.train()
    with torch.no_grad():
        for _ in range(3):
            predictor(torch.from_numpy(x))
        predictor.shift.copy_(torch.linspace(-2, 3, predictor.n_outputs))
        predictor.scale.copy_(torch.linspace(0.5, 4, predictor.n_outputs))
        predictor.temperature.fill_(0.3)
    predictor.eval()


def labels(task: Task, prediction: np.ndarray) -> np.ndarray:
    """Labels that mostly agree with the prediction."""
    rng = np.random.default_rng(3)
    if task == "regression":
        return (prediction + rng.normal(0, 0.3, prediction.shape)).astype(np.float32)
    if task == "mixed":
        parts = [labels(s.task, prediction[:, s.start : s.end]) for s in slots_of(task, TARGETS[task])]
        return np.stack([part.reshape(len(part), -1)[:, 0] for part in parts], axis=1).astype(np.float32)
    if task == "multiclass":
        return np.asarray((prediction + rng.normal(0, 0.3, prediction.shape)).argmax(axis=1))
    return (rng.random(prediction.shape) < prediction).astype(np.float32)
