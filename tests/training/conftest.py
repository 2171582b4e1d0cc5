import numpy as np
import pytest

from scitrain.contracts.model import InputShape
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.workspace import Workspace


@pytest.fixture
def run(tmp_path):
    return Run.create("train_model", {}, Workspace(tmp_path))


@pytest.fixture
def new_run(tmp_path):
    return lambda: Run.create("train_model", {}, Workspace(tmp_path))


@pytest.fixture
def learning():
    """Return a function that makes a small learning; options are given by name."""

    def make(task="regression", model=None, n=120, seed=3, **options):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(n, 5)).astype(np.float32)
        y = (50 + 4 * x[:, :1] - 2 * x[:, 1:2] ** 2).astype(np.float32)
        outputs = 1
        if task == "binary":
            y = (y > 48).astype(np.float32)
        elif task == "multilabel":
            y, outputs = np.hstack([y > 48, x[:, :1] > 0]).astype(np.float32), 2
        elif task == "multiclass":
            y, outputs = np.digitize(y[:, 0], [47, 50]).astype(np.int64), 3
        rows = np.arange(n)
        settings = TrainingOptions(**{"epochs": 6, "ensemble": 1, "checkpoint_seconds": 0, "device": "cpu"} | options)
        model = model or Mlp(widths=[16], dropout=0.0)
        return Learning(
            task,
            x,
            y,
            rows[: n * 3 // 4],
            rows[n * 3 // 4 :],
            outputs,
            model,
            InputShape("vector", (5,)),
            settings,
            seed,
        )

    return make
