from pathlib import Path

import numpy as np
import pytest
import torch

from scitrain.contracts.model import InputShape
from scitrain.data.prepared import Prepared, Target
from scitrain.models.pretrained import Pretrained
from scitrain.runs import Run
from scitrain.training.learning import Learning
from scitrain.training.options import TrainingOptions
from scitrain.training.predict import predict_array
from scitrain.transfer import comparing
from scitrain.transfer.arms import Study
from scitrain.transfer.comparing import compare_arms
from scitrain.transfer.finished_arms import FinishedArms, forget_arms
from scitrain.transfer.options import FinetuneOptions
from scitrain.transfer.recipe import Given

ARMS = ("lora", "adapter")


@pytest.fixture
def run(workspace):
    return Run.create("finetune_model", {}, workspace)


@pytest.fixture
def study(tiny_bert):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 20, (68, 12))
    y = (x == 5).any(axis=1).astype(np.float32)[:, None]
    options = TrainingOptions(epochs=1, batch_size=16, learning_rate=1e-2, device="cpu", checkpoint_seconds=1e9)
    model = Pretrained(name=str(tiny_bert)).settled()
    shape = InputShape("tokens", (12,), vocabulary=20)
    learning = Learning("binary", x, y, np.arange(44), np.arange(44, 56), 1, model, shape, options)
    given = Given(rows=44, classes=2, family="pretrained", parameters=7_000, blocks=4, auc=None)
    return Study(learning, FinetuneOptions(source=str(tiny_bert), rank=1), None, given)


@pytest.fixture
def prepared(study):
    learning = study.learning
    split = {"train": learning.train, "val": learning.val, "test": np.arange(56, 68)}
    target = Target(name="metal", classes=("no", "yes"))
    return Prepared("key", Path(), "text", "binary", (target,), {"text": ["a"] * 68}, learning.y, split, np.arange(68))


def counting(monkeypatch, stop_after=None):
    """Let trainings be counted, and the one after so many be killed."""
    begun, train_arm = [], comparing.train_arm

    def counted(study, arm, run, tell=None, rows=None):
        if stop_after is not None and len(begun) == stop_after:
            raise KeyboardInterrupt
        begun.append((arm, None if rows is None else len(rows)))
        return train_arm(study, arm, run, tell, rows)

    monkeypatch.setattr(comparing, "train_arm", counted)
    return begun


def test_an_interrupted_comparison_goes_on_where_it_was_and_comes_to_the_same(monkeypatch, run, study, prepared):
    whole, told = compare_arms(study, prepared, ARMS, Run.create("finetune_model", {}, run.workspace))
    with monkeypatch.context() as patch:
        first = counting(patch, stop_after=3)
        with pytest.raises(KeyboardInterrupt):
            compare_arms(study, prepared, ARMS, run)
    second = counting(monkeypatch)
    again, retold = compare_arms(study, prepared, ARMS, run)
    assert len(first) == 3
    assert not set(first) & set(second), "nothing is trained twice"
    assert {row.arm: row.test for row in retold.rows} == {row.arm: row.test for row in told.rows}
    assert retold.curve == told.curve
    for arm in ARMS:
        ours, theirs = (predict_array(one[arm].fitted.predictor, study.learning.x) for one in (again, whole))
        assert np.array_equal(ours.prediction, theirs.prediction)
        assert (again[arm].trainable, again[arm].decisions) == (whole[arm].trainable, whole[arm].decisions)


def test_what_was_trained_by_another_request_is_not_taken(run, study):
    kept = FinishedArms.of(study, run)
    found = comparing.train_arm(study, "feature", run)
    kept.save(found, None, 0.5)
    other = FinishedArms.of(Study(study.learning, FinetuneOptions(source="x", rank=2), None, study.given), run)
    assert kept.load("feature", None).validation == 0.5
    assert other.load("feature", None) is None
    assert kept.load("feature", study.learning.train[:20]) is None
    torch.load(next(kept.folder.iterdir()), weights_only=True)
    forget_arms(run)
    assert kept.load("feature", None) is None
