"""Learn a second time from rows without labels, of which the first network says what they are."""

from dataclasses import replace

import numpy as np

from scitrain.data.options import Task
from scitrain.errors import ScitrainError
from scitrain.training.predict import predict_array
from scitrain.training.predictor import Predictor
from scitrain.training.soft import Soft
from scitrain.transfer.arms import Study, Trained
from scitrain.transfer.options import Arm

__all__ = ["refuse_untaught", "taught_study"]

ALPHA = 0.7
"""Share of the first network in the loss, as in distill_model; the labels have the rest."""
BATCH = 64


def refuse_untaught(arm: Arm, task: Task) -> None:
    """Refuse what learns nothing from rows without labels.

    Raises:
        ScitrainError: A head on a frozen network, which is an exact minimum and says the same again; targets of several kinds.
    """
    if arm == "feature" or task == "mixed":
        what = "strategy='feature' fits a head alone" if arm == "feature" else "these targets are of several kinds"
        raise ScitrainError(
            f"{what}, and rows without labels teach it nothing; leave unlabelled out, or take strategy='full' and targets of one kind"
        )


def taught_study(study: Study, first: Trained, more: np.ndarray) -> Study:
    """Return the study in which a strategy learns again, from the same beginning: labelled rows and ``more`` (n, …) without labels.

    The loss is (1 − α) · that of the labels + α · KL(first ‖ second), of rows without a label the second part alone (Xie et al. 2020,
    doi:10.1109/CVPR42600.2020.01070). Validation rows keep their labels alone, and select as before.
    """
    learning = study.learning
    nothing = np.full(
        (len(more), *learning.y.shape[1:]), -1 if learning.task == "multiclass" else np.nan, learning.y.dtype
    )
    train = np.concatenate([learning.train, len(learning.y) + np.arange(len(more))])
    x = np.concatenate([learning.x, more])
    told = np.concatenate([train, learning.val])
    said = _said(first.fitted.predictor, x[told])
    whole = np.zeros((len(x), said.shape[1]), np.float32)
    whole[told] = said
    again = replace(
        learning,
        x=x,
        y=np.concatenate([learning.y, nothing]),
        train=train,
        soft=Soft(whole, temperature=1.0, alpha=ALPHA),
    )
    return replace(study, learning=again, given=replace(study.given, rows=len(train)))


def _said(predictor: Predictor, x: np.ndarray) -> np.ndarray:
    """Return logits before the temperature, float32 (n, outputs); of a regression means and equal variances, (n, 2 · targets)."""
    regression = predictor.task == "regression"
    found = predict_array(predictor, x, BATCH, logits=not regression).prediction
    parts = [found, np.ones_like(found)] if regression else [found]
    return np.concatenate(parts, axis=1).astype(np.float32)
