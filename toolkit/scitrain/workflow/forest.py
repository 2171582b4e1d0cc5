"""A random forest as the teacher of a network: what trees see stands in the network that is exported."""

import numpy as np

from scitrain.data.prepared import Prepared
from scitrain.errors import ScitrainError
from scitrain.evaluation.baselines import Effort, Rows
from scitrain.evaluation.forest import TREES, forest_says
from scitrain.resources import cpu_count
from scitrain.runs import Run
from scitrain.training.soft import Soft
from scitrain.workflow.several import refuse_mixed
from scitrain.workflow.stages import stage

__all__ = ["taught"]

SUREST = 3e-3
"""Probabilities are kept this far from 0 and 1, which a forest says easily."""


def taught(prepared: Prepared, natural: np.ndarray, share: float, task_weights: object, seed: int, run: Run) -> Soft:
    """Return what a forest on the natural features says of the training rows out of its bag, and of validation rows.

    Raises:
        ScitrainError: Targets of several kinds, or weights that are learned.
    """
    refuse_mixed(prepared.task, "forest", "leave it out, or train the targets of each kind by themselves")
    if task_weights == "uncertainty":
        raise ScitrainError(
            "task_weights='uncertainty' weighs labels, and a forest says something of every row; take one of the two"
        )
    with stage(run, "forest", f"fitting {TREES} trees for each of {len(prepared.targets)} targets"):
        split, rows = prepared.split, Rows(natural, prepared.y)
        said = forest_says(prepared.slots, rows, split["train"], split["val"], Effort(0.0, cpu_count(), seed))
    run.decide("forest", share, f"asked for; {TREES} trees a target, each row told by those that have not seen it")
    if prepared.task == "regression":
        return Soft(np.concatenate([said, np.ones_like(said)], axis=1).astype(np.float32), 1.0, share)
    p = np.clip(said, SUREST, 1 - SUREST)
    logits = np.log(p) if prepared.task == "multiclass" else np.log(p) - np.log1p(-p)
    return Soft(logits.astype(np.float32), 1.0, share)
