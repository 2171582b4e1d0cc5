"""A random forest as a teacher."""

from pathlib import Path

import numpy as np
import pytest

import scitrain
from scitrain.data.slots import Slot
from scitrain.errors import ScitrainError
from scitrain.evaluation.baselines import Effort, Rows
from scitrain.evaluation.forest import forest_says
from scitrain.workspace import Workspace

RNG = np.random.default_rng(2)
NUMBER, PAIR, THREE = Slot("y", "regression", 0, 1), Slot("y", "binary", 0, 1), Slot("y", "multiclass", 0, 3)
EFFORT = Effort(0.0, seed=1)


def says(slot: Slot, x: np.ndarray, y: np.ndarray, train: int = 80) -> np.ndarray:
    return forest_says([slot], Rows(x, y), np.arange(train), np.arange(train, len(x)), EFFORT)


def test_a_row_is_told_by_trees_that_have_not_seen_its_label() -> None:
    x = RNG.normal(size=(100, 4))
    noise = RNG.normal(size=(100, 1))
    assert abs(np.corrcoef(says(NUMBER, x, noise)[:80, 0], noise[:80, 0])[0, 1]) < 0.4
    law = x[:, :1]
    assert np.corrcoef(says(NUMBER, x, law)[:, 0], law[:, 0])[0, 1] > 0.9


def test_a_row_without_a_label_is_told_too() -> None:
    x = RNG.normal(size=(100, 3))
    y = (x[:, :1] > 0).astype(float)
    y[:80:4] = np.nan
    said = says(PAIR, x, y)[:80:4, 0]
    assert ((said > 0.5) == (x[:80:4, 0] > 0)).mean() > 0.8


def test_classes_have_a_probability_each_and_a_class_that_no_label_shows_has_none() -> None:
    x = RNG.normal(size=(100, 3))
    said = says(THREE, x, np.where(x[:, 0] > 0, 2, 0))
    assert said.sum(axis=1) == pytest.approx(np.ones(100))
    assert (said[:, 1] == 0).all()


def table(workspace: Workspace, n: int = 120) -> Path:
    path = Path(workspace.root) / "t.csv"
    a, b = RNG.normal(size=(2, n))
    rows = [f"{a[i]},{b[i]},{'' if i % 3 == 0 else int(a[i] > 0)},{int(b[i] > 0)},{a[i]:.3f}" for i in range(n)]
    path.write_text("\n".join(["a,b,p,q,y", *rows]) + "\n", encoding="utf-8")
    return path


def asked(workspace: Workspace, **more: object) -> scitrain.TrainModel:
    quick = {"epochs": 2, "ensemble": 1, "export": [], "model": {"family": "mlp", "widths": [8]}, "forest": 0.5}
    given = {"data": str(table(workspace)), "target": ["p", "q"], "ignore": ["y"]}
    return scitrain.TrainModel.model_validate(given | quick | more)


def test_a_network_taught_by_a_forest_is_a_run_like_any_other(workspace: Workspace) -> None:
    done = asked(workspace, refit=True).run(workspace=workspace)
    assert done.task == "multilabel"
    [decision] = [one for one in done.decisions if one.what == "forest"]
    assert decision.value == 0.5


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"target": ["p", "y"], "ignore": ["q"]}, "mixed targets"),
        ({"task_weights": "uncertainty"}, "one of the two"),
    ],
)
def test_what_a_forest_cannot_teach_is_refused_with_what_to_do(
    workspace: Workspace, more: dict[str, object], word: str
) -> None:
    with pytest.raises(ScitrainError, match=word):
        asked(workspace, **more).run(workspace=workspace)
