import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from scitrain.models.mlp import Mlp
from scitrain.training.fit import fit
from scitrain.training.predict import predict_array
from scitrain.training.processes import read_learning, write_learning

SCRIPT = """
import sys
from pathlib import Path
from scitrain.runs import Run
from scitrain.training.fit import fit
from scitrain.training.processes import read_learning
from scitrain.workspace import Workspace
learning = read_learning(Path(sys.argv[1]))
fit(learning, Run.create("train_model", {}, Workspace(Path(sys.argv[2]))))
"""


def test_a_learning_survives_the_way_to_another_process(learning, tmp_path):
    work = learning("multilabel")
    found = read_learning(write_learning(work, tmp_path / "job"))
    assert found.key() == work.key()
    assert (found.model, found.options, found.shape) == (work.model, work.options, work.shape)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(learning, new_run, tmp_path):
    model = Mlp(widths=[16], norm="layer", dropout=0.0)
    work = learning("multilabel", model=model, ensemble=2, epochs=4)
    y = work.y.copy()
    y[::5, 1] = np.nan
    work = type(work)(**{**vars(work), "y": y})
    alone = fit(work, new_run())
    shared = type(work)(**{**vars(work), "options": work.options.model_copy(update={"devices": 2})})
    job = write_learning(shared, tmp_path / "job")
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(job), str(tmp_path / "workspace")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    logs = "\n".join(path.read_text() for path in tmp_path.rglob("checkpoints/processes/*.log"))
    assert done.returncode == 0, done.stderr + logs
    log = json.loads(next(tmp_path.rglob("workspace/**/dl_training_log.json")).read_text())
    assert (log["processes"], log["parallel"]) == (2, "ddp")
    ours = [[row["train_loss"], row["val_loss"]] for row in log["epochs"]]
    np.testing.assert_allclose(ours, [[row["train_loss"], row["val_loss"]] for row in alone.history], rtol=1e-3)


@pytest.mark.gpu
def test_on_a_gpu_the_members_stay_finite(learning, run):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    work = learning(device="cuda", ensemble=2)
    assert np.isfinite(predict_array(fit(work, run).predictor, work.x).prediction).all()
