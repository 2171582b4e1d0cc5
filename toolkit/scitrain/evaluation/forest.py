"""What a random forest says of the very rows it learns from, as if it had not seen them: by the trees that did not."""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from scitrain.data.slots import Slot, own_labels
from scitrain.evaluation.baselines import TREE_ROWS, Effort, Flat, Rows
from scitrain.evaluation.metrics import Array

__all__ = ["TREES", "forest_says"]

TREES = 200
"""Of each target: a row is out of the bag of about seventy."""


def forest_says(slots: Sequence[Slot], rows: Rows, train: np.ndarray, others: np.ndarray, effort: Effort) -> Array:
    """Return values and probabilities (n, outputs), a forest a target; zeros for rows that were not asked for.

    Args:
        slots: Where each target lies among the outputs; a pair of classes has the probability of the second.
        rows: All n rows.
        train: Rows it is fitted to where they have a label; each is told by the trees that have not seen it (Breiman 2001,
            doi:10.1023/A:1010933404324), those without a label by all.
        others: Rows it is asked of besides.
        effort: Threads and seed.
    """
    flat = Flat.fit(rows.x[train])
    asked = np.concatenate([train, others])
    x = flat.apply(rows.x[asked])
    found = np.zeros((len(rows.y), slots[-1].end))
    for i, slot in enumerate(slots):
        labels = own_labels(slot, rows.y, i).reshape(-1)[asked]
        found[asked, slot.start : slot.end] = _said(slot, x, labels, np.arange(len(asked)) < len(train), effort)
    return found


def _said(slot: Slot, x: np.ndarray, labels: Array, train: np.ndarray, effort: Effort) -> Array:
    """Return what the forest of one target says of rows (n, width), (n, outputs)."""
    known = np.flatnonzero(train & np.isfinite(labels))
    regression = slot.task == "regression"
    kind = RandomForestRegressor if regression else RandomForestClassifier
    forest = kind(
        TREES,
        max_features=1 / 3 if regression else "sqrt",
        max_samples=TREE_ROWS if len(known) > TREE_ROWS else None,
        oob_score=True,
        n_jobs=effort.n_jobs,
        random_state=effort.seed,
    ).fit(x[known], labels[known] if regression else labels[known].astype(int))
    if regression:
        values = np.asarray(forest.predict(x), dtype=float)
        values[known] = forest.oob_prediction_
        return values[:, None]
    classes = max(2, slot.end - slot.start)
    p = np.zeros((len(x), classes))
    p[:, forest.classes_] = forest.predict_proba(x)
    p[known] = 0.0
    p[np.ix_(known, forest.classes_)] = forest.oob_decision_function_
    return p if slot.task == "multiclass" else p[:, 1:]
