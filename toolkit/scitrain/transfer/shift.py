"""Overfitting and domain shift, measured and named."""

import numpy as np

from scitrain.evaluation.metrics import METRICS
from scitrain.evaluation.scoring import What, columns
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor

__all__ = ["Gap", "domain_auc", "gap_of", "shift_words"]

MOST = 1_000
FOLDS = 5
FAR, SOME = 0.9, 0.7
WIDE = 0.15
"""Difference in accuracy, or in the share of the variance that is explained, from which a network is said to overfit."""


class Gap:
    """How much better a network is on rows it has seen."""

    def __init__(self, train: float, val: float, name: str) -> None:
        self.train, self.val, self.name = train, val, name

    @property
    def wide(self) -> bool:
        """Tell whether the network has learned its training rows by heart."""
        return self.train - self.val > WIDE

    def words(self) -> str:
        """Return the numbers, and the remedy where one is called for."""
        told = f"{self.name} {self.train:.2f} on training rows, {self.val:.2f} on validation rows"
        if not self.wide:
            return f"No overfitting to speak of: {told}."
        return (
            f"It overfits: {told}. More labels help most; else train less of the network (strategy 'feature' or 'lora'), lower "
            "layer_decay, or raise weight_decay and dropout."
        )


def gap_of(task: What, predictor: Predictor, x: np.ndarray, y: np.ndarray, train: np.ndarray, val: np.ndarray) -> Gap:
    """Compare accuracy (R² of numbers, mean skill of mixed targets) on at most `MOST` training rows with that on validation rows."""
    some = train[:: max(1, len(train) // MOST)][:MOST]
    if y.ndim > 1 and len(val):  # targets that validation rows tell nothing of are compared nowhere
        y = np.where(np.isnan(y[val]).all(axis=0), np.nan, y)
    seen, new = (_score(task, predict_array(predictor, x[rows]).prediction, y[rows]) for rows in (some, val))
    return Gap(seen, new, ("R²" if task == "regression" else "accuracy") if isinstance(task, str) else "skill")


def _score(task: What, said: np.ndarray, y: np.ndarray) -> float:
    if not isinstance(task, str):
        each = [METRICS["skill"].value(column.y, column.prediction) for column in columns(task, y, said)]
        return float(np.mean([value for value in each if value is not None] or [0.0]))
    if task == "multiclass":
        return float((said.argmax(1) == y).mean())
    there = ~np.isnan(y)
    if task == "regression":
        known = there.any(axis=0)
        rest, labels = np.where(there, said - y, 0.0)[:, known], y[:, known]
        spread = np.nansum((labels - np.nanmean(labels, axis=0)) ** 2, axis=0)
        return float(np.mean(1 - (rest**2).sum(axis=0) / np.maximum(spread, 1e-12)))
    return float((((said > 0.5) == (y > 0.5)) & there).sum() / max(1, there.sum()))


def domain_auc(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """Return how well a linear classifier tells features (n, width) of source and target rows apart, by cross-validation.

    0.5 is not at all, 1 always; 2 (1 − 2 ε) of the same error ε is the proxy A-distance (Ben-David et al. 2010,
    doi:10.1007/s10994-009-5152-4).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.concatenate([source, target])
    y = np.repeat([0, 1], [len(source), len(target)])
    folds = StratifiedKFold(min(FOLDS, int(np.bincount(y).min())), shuffle=True, random_state=seed)
    machine = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    return float(roc_auc_score(y, cross_val_predict(machine, x, y, cv=folds, method="decision_function")))


def shift_words(auc: float) -> str:
    """Return what the domain classifier found, and the remedy where one is called for."""
    if auc < SOME:
        return f"The source's rows and these look alike to the network (AUC of a domain classifier {auc:.2f})."
    far = "far from" if auc >= FAR else "apart from"
    return (
        f"Domain shift: these rows lie {far} the source's (AUC of a domain classifier {auc:.2f}). Features that are frozen fit them "
        "less: train more of the network ('gradual', 'full'), compare with 'scratch', and trust predictions inside the domain."
    )
