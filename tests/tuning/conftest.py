"""A search that takes a moment: three short trainings of a tiny network."""

import numpy as np
import pytest

from scitrain.contracts.model import InputShape
from scitrain.data.prepared import Target
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.tuning.options import TuningOptions
from scitrain.tuning.planning import plan_search
from scitrain.workspace import Workspace

TARGETS = (Target(name="y", unit="eV"),)


@pytest.fixture
def targets():
    return TARGETS


@pytest.fixture
def run(tmp_path):
    return Run.create("tune_hyperparameters", {}, Workspace(tmp_path))


@pytest.fixture
def new_run(tmp_path):
    return lambda: Run.create("tune_hyperparameters", {}, Workspace(tmp_path))


@pytest.fixture
def learning():
    """Return a function that makes a small learning of rows whose last quarter are nobody's: test rows."""

    def make(task="regression", test_label=0.0, **options):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(80, 5)).astype(np.float32)
        y = (3 * x[:, :1] - x[:, 1:2]).astype(np.float32)
        if task == "binary":
            y = (y > 0).astype(np.float32)
        y[60:] = test_label
        rows = np.arange(60)
        settings = TrainingOptions(**{"epochs": 4, "device": "cpu"} | options)
        shape = InputShape("vector", (5,))
        return Learning(task, x, y, rows[:40], rows[40:], 1, Mlp(widths=[8], norm="none"), shape, settings, 3)

    return make


@pytest.fixture
def plan(learning):
    """Return a function that settles a search of ``dropout`` and ``learning_rate``, or as it is told."""

    def make(work=None, **asked):
        asked = {"n_trials": 4, "search": ["dropout", "learning_rate"], "pruner": "none"} | asked
        work = work or learning()
        return plan_search(TuningOptions(**asked), work, None, TARGETS, asked.pop("deadline", None), "run-1")[0]

    return make
