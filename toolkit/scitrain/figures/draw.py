"""Every figure that a run's artifacts can fill."""

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.figure import Figure

from scitrain.evaluation.ways import Ways
from scitrain.figures._read import METRICS, Artifacts, read_artifacts
from scitrain.figures.calibration import calibration
from scitrain.figures.comparison import Compared, comparison
from scitrain.figures.confusion_matrix import confusion_matrix
from scitrain.figures.folds import folds
from scitrain.figures.learning_curve import learning_curve
from scitrain.figures.parity import parity
from scitrain.figures.residuals import residuals
from scitrain.figures.roc_pr import roc_pr
from scitrain.figures.save import save
from scitrain.figures.uncertainty import uncertainty
from scitrain.figures.words import count, percent
from scitrain.runs import Run

__all__ = ["TRAINING_LOG", "draw_all"]

TRAINING_LOG = "results/dl_training_log.json"
UNCERTAINTY = "results/uncertainty.json"
FOLDS = "results/folds.json"

Drawn = tuple[str, Callable[[], Figure]]
"""File name below ``figures/``, and what draws it."""


def draw_all(run: Run) -> list[str]:
    """Draw the learning curve and the figures of the test split.

    Reads ``results/dl_training_log.json``, ``folds.json``, ``metrics.json`` and ``predictions.csv``; what has no file has no figure.

    Returns:
        Paths below the run directory, in the order in which a report shows them.
    """
    names = []
    for name, draw in (*_of_training(run), *_of_folds(run), *_of_evaluation(run)):
        save(draw(), run.path / name)
        names.append(name)
    return names


def _of_training(run: Run) -> Iterator[Drawn]:
    if (run.path / TRAINING_LOG).is_file():
        log = run.read_json(TRAINING_LOG)
        if log.get("epochs"):
            yield "figures/dl_learning_curve.png", lambda: learning_curve(log)


def _of_folds(run: Run) -> Iterator[Drawn]:
    if (run.path / FOLDS).is_file():
        told = run.read_json(FOLDS)
        deciding = [metric for metric in told["metrics"] if metric["name"] == told["primary"]][-1]
        yield "figures/folds.png", lambda: folds(told, deciding)


def _of_evaluation(run: Run) -> Iterator[Drawn]:
    if not (run.path / METRICS).is_file():
        return
    found = read_artifacts(run)
    yield from _of_numbers(found)
    yield from _of_classes(found)
    if compared := _against_baselines(found):
        yield "figures/baselines.png", compared
    if (run.path / UNCERTAINTY).is_file():
        content = run.read_json(UNCERTAINTY)
        ways = Ways.model_validate({name: content[name] for name in Ways.model_fields})
        yield "figures/uncertainty.png", lambda: uncertainty(ways)


def _of_numbers(found: Artifacts) -> Iterator[Drawn]:
    targets = found.numeric()
    if not targets:
        return
    yield "figures/parity.png", lambda: parity(targets)
    yield "figures/residuals.png", lambda: residuals(targets)
    curves = [curve for curve in found.evaluation.calibration if curve.raw or curve.conformal]
    if curves:
        rows = {target.name: target.y for target in targets}
        scores = {target.name: found.told("coverage", target.name) for target in targets}
        name = "calibration_of_intervals" if found.task == "mixed" else "calibration"
        yield f"figures/{name}.png", lambda: calibration(curves, rows, scores)


def _of_classes(found: Artifacts) -> Iterator[Drawn]:
    targets = found.classed()
    if not targets:
        return
    yield "figures/confusion_matrix.png", lambda: confusion_matrix(targets)
    if any(len(np.unique(target.y)) > 1 for target in targets):
        yield "figures/roc_pr.png", lambda: roc_pr(targets)
    curves = [curve for curve in found.evaluation.calibration if curve.reliability]
    if curves:
        rows = {t.name: t.probabilities[:, 1] if len(t.classes) == 2 else t.probabilities.max(axis=1) for t in targets}
        scores = {target.name: found.told("ece", target.name) for target in targets}
        yield "figures/calibration.png", lambda: calibration(curves, rows, scores)


def _against_baselines(found: Artifacts) -> Callable[[], Figure] | None:
    row = found.evaluation.row(found.evaluation.primary)
    if not row.baselines:
        return None
    own = Compared("network", row.value, row.low, row.high, row.reason, emphasis=True)
    others = [Compared(name, b.value, b.low, b.high, b.reason) for name, b in row.baselines.items()]
    of = row.target or "mean over the targets"
    told = f"{of} · {row.split} rows, n = {count(row.n)} · {percent(row.level)} intervals"
    return lambda: comparison([own, *others], row.title, row.unit, row.higher_is_better, told)
