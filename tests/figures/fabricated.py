"""Run directories as a training leaves them, made without training; through the package's own classes, so they cannot drift."""

from pathlib import Path
from typing import Any

import numpy as np

from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.evaluation.report import Evaluation, Predicted, Problem, evaluate
from scitrain.inference.config import ShapeConfig, TrainedConfig
from scitrain.inference.predictions import Predictions
from scitrain.inference.tables import write_predictions
from scitrain.provenance import provenance
from scitrain.runs import Run, utc_now
from scitrain.workspace import Workspace

KINDS = ("regression", "binary", "multiclass", "multilabel")
SYSTEMS = ("cubic", "hexagonal", "monoclinic", "orthorhombic", "tetragonal", "triclinic", "trigonal")
ASSAYS = ("NR-AR", "NR-AhR", "NR-ER", "SR-ARE", "SR-HSE", "SR-MMP", "SR-p53", "NR-PPAR")
TARGETS: dict[str, tuple[Target, ...]] = {
    "regression": (Target(name="logSolubility", unit="log10(mol/L)"),),
    "binary": (Target(name="crosses the blood–brain barrier", classes=("no", "yes")),),
    "multiclass": (Target(name="crystal system", classes=SYSTEMS),),
    "multilabel": tuple(Target(name=f"assay-{name}", classes=("inactive", "active")) for name in ASSAYS),
}


def fabricate(
    kind: str, root: Path, n: int = 160, targets: tuple[Target, ...] | None = None, name: str = "esol.csv"
) -> Run:
    """Write a completed run of one kind below the workspace ``root``."""
    task: Task = kind  # type: ignore[assignment]  # one of KINDS
    chosen = targets or TARGETS[kind]
    made = {"test": _predicted(task, chosen, n, 1), "val": _predicted(task, chosen, n, 2)}
    evaluation = evaluate(Problem(task, chosen, resamples=200), made["test"], made["val"])
    run = Run.create("train_model", {"data": name, "target": [t.name for t in chosen], "seed": 42}, Workspace(root))
    config = _config(task, chosen, evaluation, name)
    run.write_json("models/config.json", config.model_dump(mode="json"))
    run.write_json("results/metrics.json", _metrics(run, config, evaluation))
    run.write_json("results/data.json", data_report(n, name, chosen))
    run.write_json("results/dl_training_log.json", training_log())
    layer = {"name": "encoder.layers.0", "kind": "linear", "shape": [256], "parameters": 317_952, "flops": 635_392}
    run.write_json(
        "results/architecture.json", {"input": [1241], "layers": [layer], "parameters": 317_952, "flops": 635_392}
    )
    write_table(run, config, made["test"], evaluation)
    run.decide(
        "model", "mlp", f"{n * 8} training rows of vectors: a small network with an ensemble is the best known choice"
    )
    run.decide("split", "scaffold", "molecules: the test split holds unseen ring systems")
    run.decide("device", "cpu", "no accelerator was found")
    run.update(
        status="completed",
        started=utc_now(),
        ended=utc_now(),
        provenance=provenance(),
        timings={"train": 12.3, "total": 20.1},
    )
    return run


def _predicted(task: Task, targets: tuple[Target, ...], n: int, seed: int) -> Predicted:
    make = {"regression": _regression, "multiclass": _multiclass}.get(task, _two_classes)
    return make(targets, n, np.random.default_rng(seed))


def _regression(targets: tuple[Target, ...], n: int, rng: np.random.Generator) -> Predicted:
    y = rng.normal(-3, 2, (n, len(targets)))
    spread = rng.gamma(4, 0.1, y.shape)
    prediction = y + rng.normal(0, 1.5 * spread)
    named = {
        "mean": np.full_like(y, -3.0),
        "ridge": y + rng.normal(0, 0.9, y.shape),
        "random forest": y + rng.normal(0, 0.75, y.shape),
    }
    return Predicted(y, prediction, spread, rng.random(n) > 0.1, named)


def _two_classes(targets: tuple[Target, ...], n: int, rng: np.random.Generator) -> Predicted:
    y = (rng.random((n, len(targets))) < np.linspace(0.35, 0.15, len(targets))).astype(float)

    def logits(strength: float) -> np.ndarray:
        return 1 / (1 + np.exp(-(strength * (y - 0.5) + rng.normal(-0.5, 1.0, y.shape))))

    named = {"majority": np.full_like(y, y.mean()), "logistic": logits(1.8), "random forest": logits(2.2)}
    found = Predicted(y, logits(3.0), None, rng.random(n) > 0.15, named)
    if len(targets) > 1:
        found.y[rng.random(y.shape) < 0.2] = np.nan
    return found


def _multiclass(targets: tuple[Target, ...], n: int, rng: np.random.Generator) -> Predicted:
    classes = len(targets[0].classes or ())
    y = np.sort(rng.integers(0, classes, n))

    def softmax(strength: float) -> np.ndarray:
        z: np.ndarray = np.exp(strength * np.eye(classes)[y] + rng.normal(0, 1, (n, classes)))
        p: np.ndarray = z / z.sum(axis=1, keepdims=True)
        return p

    named = {"majority": np.full((n, classes), 1 / classes), "logistic": softmax(1.5), "random forest": softmax(2.0)}
    return Predicted(y, softmax(3.0), None, rng.random(n) > 0.1, named)


def _config(task: Task, targets: tuple[Target, ...], evaluation: Evaluation, source: str) -> TrainedConfig:
    return TrainedConfig(
        task=task,
        targets=targets,
        modality="smiles",
        input_columns=("smiles",),
        featuriser={"kind": "molecule_vector"},
        model={"family": "mlp", "width": 256},
        members=5,
        shape=ShapeConfig(kind="vector", shape=(1241,), blocks={"descriptors": (0, 217), "counts": (217, 1241)}),
        inner=ShapeConfig(kind="vector", shape=(1241,), blocks={"descriptors": (0, 217), "counts": (217, 1241)}),
        conformal=None if evaluation.conformal is None else evaluation.conformal.model_dump(mode="json"),
        domain_threshold=4.2,
        source=source,
    )


def _metrics(run: Run, config: TrainedConfig, evaluation: Evaluation) -> dict[str, Any]:
    return evaluation.model_dump(mode="json") | {
        "run_id": run.id,
        "task": config.task,
        "targets": [target.model_dump(mode="json") for target in config.targets],
        "modality": config.modality,
        "coverage": config.coverage,
        "baselines": [
            {"name": name, "note": f"{name}: as it comes"} for name in evaluation.row(evaluation.primary).baselines
        ],
        "temperature": None,
    }


def data_report(n: int, source: str, targets: tuple[Target, ...]) -> dict[str, Any]:
    """As `scitrain.data.prepared.Prepared.report` says."""
    labels: list[dict[str, Any]] = []
    for target in targets:
        numbers = {"mean": -3.05, "std": 2.1, "quantiles": {"0": -11.6, "0.5": -2.8, "1": 1.58}}
        kind = numbers if target.classes is None else {"classes": dict.fromkeys(target.classes, 2 * n)}
        labels.append({"name": target.name, "unit": target.unit, "labelled": 10 * n, "missing": 3} | kind)
    return {
        "source": source,
        "fingerprint": "sha256:5f1d3c0a9b",
        "description": "",
        "licence": None,
        "citation": None,
        "place": "line",
        "modality": "smiles",
        "task": "regression",
        "input_columns": ["smiles"],
        "left_out": {"compound <id>": "names each row: nothing can be learned from it"},
        "rows_read": 10 * n + 9,
        "rows_kept": 10 * n,
        "rows_rejected": 9,
        "rejected": {"cannot be parsed as SMILES": 7, "no label": 2},
        "rejected_examples": [{"line": 7, "column": "smiles", "value": "C(C", "reason": "cannot be parsed as SMILES"}],
        "rows_changed": 4,
        "changes": {"removed salt": 4},
        "change_examples": [],
        "duplicates": {"inputs": 11, "conflicting": 2, "policy": "merge", "rows_removed": 11},
        "targets": labels,
        "split": {"kind": "scaffold", "why": "molecules", "groups": 401, "train": 8 * n, "val": n, "test": n},
        "leaks": {"same_input_in_two_splits": 0, "telling_features": [], "near_copies": None},
        "warnings": ["12 of 160 test rows have a near-copy among the training rows"],
    }


def write_table(run: Run, config: TrainedConfig, test: Predicted, evaluation: Evaluation) -> None:
    n = len(test.y)
    spread = np.zeros(test.prediction.shape) if test.spread is None else test.spread
    said = evaluation.conformal
    ends: dict[str, Any] = {}
    if said is not None and said.kind == "interval":
        ends["low"], ends["high"] = said.apply(test.prediction, spread)
    elif said is not None and said.kind == "sets":
        ends["sets"] = said.apply(test.prediction)
    predictions = Predictions(test.prediction, spread, inside=test.inside, distance=np.linspace(1, 6, n), **ends)
    smiles = {"smiles": [f"C{i}" for i in range(n)]}
    write_predictions(run.file("results/predictions.csv"), config, smiles, np.arange(1, n + 1), predictions, test.y)


def training_log(epochs: int = 60, members: int = 5) -> dict[str, Any]:
    at = np.arange(1, epochs + 1)
    train, val = 1.2 * np.exp(-at / 12) + 0.05, 1.1 * np.exp(-at / 10) + 0.16 + 0.0012 * at
    rate = 1e-3 * np.minimum(at / 5, 0.5 * (1 + np.cos(np.pi * at / epochs)))
    cost = {"seconds": 0.2, "samples_per_s": 8e3, "memory_mb": 400.0}
    rows = [
        {"epoch": int(e), "train_loss": float(t), "val_loss": float(v), "learning_rate": float(r)} | cost
        for e, t, v, r in zip(at, train, val, rate, strict=True)
    ]
    best = int(val.argmin()) + 1
    return {
        "epochs": rows,
        "stopped": "validation loss has not improved for 20 epochs",
        "best_epoch": best,
        "best_epochs": [best - 4, best + 1, best, best + 5, best - 1][:members],
        "steps": epochs * 40,
        "seconds": 12.3,
        "device": "cpu",
        "precision": "float32",
        "batch_size": 32,
        "parameters": 1_934_215,
        "members": members,
    }
