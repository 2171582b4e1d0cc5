from dataclasses import replace

import numpy as np
import pytest

from scitrain.contracts.model import InputShape
from scitrain.errors import ScitrainError
from scitrain.models.mlp import Mlp
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.transfer.arms import Study, train_arm
from scitrain.transfer.options import FinetuneOptions
from scitrain.transfer.recipe import Given
from scitrain.transfer.self_training import refuse_untaught, taught_study

OPTIONS = TrainingOptions(
    epochs=40, learning_rate=1e-2, batch_size=16, ensemble=1, device="cpu", patience=99, checkpoint_seconds=1e9
)


def blobs(n, seed):
    """Return points around three centres, and which centre."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return (np.array([[0, 0], [3, 0], [0, 3]])[y] + rng.normal(0, 0.6, (n, 2))).astype(np.float32), y


def study_of(task="multiclass"):
    x, y = blobs(60, 0)
    labels = y if task == "multiclass" else x.sum(1, keepdims=True) if task == "regression" else (y[:, None] == 1)
    outputs = 3 if task == "multiclass" else 1
    shape, model = InputShape("vector", (2,)), Mlp(widths=[16], dropout=0.0)
    y = labels.astype(np.int64 if task == "multiclass" else np.float32)
    learning = Learning(task, x, y, np.arange(20), np.arange(20, 60), outputs, model, shape, OPTIONS)
    return Study(learning, FinetuneOptions(source="x"), None, Given(20, outputs, "mlp", 100, 2, None))


@pytest.fixture
def run(workspace):
    return Run.create("finetune_model", {}, workspace)


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_a_second_network_learns_from_what_the_first_says_of_rows_without_labels(task, run):
    study, (more, _) = study_of(task), blobs(150, 1)
    first = train_arm(study, "scratch", run)
    again = taught_study(study, first, more)
    second = train_arm(again, "scratch", run).fitted.predictor
    said, heard = (predict_array(one, more).prediction for one in (first.fitted.predictor, second))
    spread = max(1.0, float(said.std()))
    assert np.abs(said - heard).mean() < 0.1 * spread
    assert again.given.rows == 170, "the recipe goes by the rows there are now"
    assert len(again.learning.train) == 170


def test_rows_without_labels_change_neither_labels_nor_validation_rows(run):
    study, (more, _) = study_of(), blobs(30, 1)
    first = train_arm(study, "scratch", run)
    again = taught_study(study, first, more).learning
    np.testing.assert_array_equal(again.y[:60], study.learning.y)
    np.testing.assert_array_equal(again.val, study.learning.val)
    assert (again.y[60:] == -1).all()
    other = replace(study, learning=replace(study.learning, y=study.learning.y.copy()))
    other.learning.y[20:] = 0
    np.testing.assert_array_equal(taught_study(other, first, more).learning.soft.said, again.soft.said)


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_it_needs_no_validation_rows(task, run):
    study = study_of(task)
    study = replace(study, learning=replace(study.learning, val=np.zeros(0, np.int64)))
    again = taught_study(study, train_arm(study, "scratch", run), blobs(30, 1)[0])
    history = train_arm(again, "scratch", run).fitted.history
    assert np.isfinite([row["val_loss"] for row in history]).all()


def test_rows_that_are_neither_trained_on_nor_chosen_by_are_not_asked_about(run):
    study = study_of()
    study = replace(study, learning=replace(study.learning, val=np.arange(20, 40)))
    again = taught_study(study, train_arm(study, "scratch", run), blobs(10, 1)[0]).learning
    assert not again.soft.said[40:60].any()
    assert again.soft.said[60:].any(axis=1).all()


@pytest.mark.parametrize(("arm", "task"), [("feature", "multiclass"), ("full", "mixed")])
def test_what_learns_nothing_from_them_is_refused(arm, task):
    with pytest.raises(ScitrainError, match="rows without labels teach it nothing; leave unlabelled out"):
        refuse_untaught(arm, task)
