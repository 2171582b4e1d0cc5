"""A trained model at work."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scitrain.errors import DataError, RunStateError, ScitrainError, UnknownNameError
from scitrain.inference import load_model
from scitrain.inference import model as module
from scitrain.inference.model import NOT_FINITE
from scitrain.runs import Run
from scitrain.workspace import Workspace

RunOf = Callable[[str], Run]


def some(values: np.ndarray | None) -> np.ndarray:
    assert values is not None
    return values


GIVEN = ["Fe2O3", "Fe2O3)", "NaCl", "", "Xx2"]


@pytest.mark.parametrize(
    ("task", "width", "sets"),
    [("regression", 2, None), ("binary", 1, (1, 2)), ("multilabel", 2, (2, 2)), ("multiclass", 3, (1, 3))],
)
def test_predictions_have_the_shapes_of_their_task(
    task: str, width: int, sets: tuple[int, int] | None, run_of: RunOf
) -> None:
    found = load_model(run_of(task), "torch").predict({"formula": ["Fe2O3", "NaCl", "MgO"]})
    assert found.prediction.shape == found.spread.shape == (3, width)
    assert found.distance is not None
    assert found.distance.shape == (3,)
    if sets is None:
        assert found.sets is None
        assert found.low is not None
        assert found.high is not None
        assert (found.low < found.prediction).all()
        assert (found.high > found.prediction).all()
    else:
        assert found.low is None
        assert found.sets is not None
        assert found.sets.shape == (3, *sets)
        assert found.sets.any(axis=2).all()


def test_a_bad_row_gets_its_reason_and_the_others_their_prediction(run_of: RunOf) -> None:
    model = load_model(run_of("regression"), "torch")
    found, alone = model.predict({"formula": GIVEN}), model.predict({"formula": ["Fe2O3", "NaCl"]})
    assert set(found.errors) == {1, 3, 4}
    assert "Xx" in found.errors[4]
    np.testing.assert_allclose(found.prediction[[0, 2]], alone.prediction, rtol=1e-5)
    assert np.isnan(found.prediction[[1, 3, 4]]).all()
    assert found.inside is not None
    assert not found.inside[[1, 3, 4]].any()
    assert found.low is not None
    assert np.isnan(found.low[1]).all()


def test_rows_that_are_all_bad_and_no_rows_at_all_are_no_crash(run_of: RunOf) -> None:
    model = load_model(run_of("multiclass"), "torch")
    assert len(model.predict({"formula": ["", "?"]}).errors) == 2
    nothing = model.predict({"formula": []})
    assert len(nothing) == 0
    assert nothing.sets is not None
    assert nothing.sets.shape == (0, 1, 3)


def test_blocks_of_rows_give_what_one_block_gives(
    run_of: RunOf, trained: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(run_of("regression"), "torch")
    columns = {"formula": [*trained.FORMULAS[:9], "bad(", "Fe"]}
    whole, told = model.predict(columns), []
    monkeypatch.setattr(module, "BLOCK", 4)
    parts = model.predict(columns, lambda done, total: told.append((done, total)))
    np.testing.assert_allclose(parts.prediction, whole.prediction, rtol=1e-5)
    np.testing.assert_allclose(some(parts.distance), some(whole.distance), rtol=1e-5)
    assert parts.errors == whole.errors
    assert list(parts.errors) == [9]
    assert told == [(4, 11), (8, 11), (11, 11)]


def test_the_order_of_the_rows_does_not_matter(run_of: RunOf, trained: ModuleType) -> None:
    model = load_model(run_of("multilabel"), "torch")
    order = np.random.default_rng(0).permutation(30)
    straight = model.predict({"formula": trained.FORMULAS[:30]})
    mixed = model.predict({"formula": [trained.FORMULAS[i] for i in order]})
    np.testing.assert_allclose(mixed.prediction, straight.prediction[order], atol=1e-6)


def test_features_that_are_there_already_give_the_same(run_of: RunOf) -> None:
    model = load_model(run_of("regression"), "torch")
    columns = {"formula": ["Fe2O3", "NaCl"]}
    x, _ = model.featuriser.transform(columns)
    np.testing.assert_array_equal(model.predict_features(x).low, model.predict(columns).low)
    with pytest.raises(DataError, match=r"shape \(7,\), the model was trained on"):
        model.predict_features(np.zeros((2, 7), np.float32))


def test_a_prediction_that_is_not_finite_is_the_rows_error(run_of: RunOf) -> None:
    model = load_model(run_of("regression"), "torch")

    def overflowing(x: np.ndarray) -> tuple[np.ndarray, ...]:
        prediction, spread, representation = model.compute(x)
        return np.where(np.arange(len(x))[:, None] == 1, np.inf, prediction), spread, representation

    found = replace(model, compute=overflowing).predict({"formula": ["Fe", "bad(", "NaCl", "MgO"]})
    assert found.errors[2] == NOT_FINITE
    assert set(found.errors) == {1, 2}
    assert np.isfinite(found.prediction[[0, 3]]).all()
    assert np.isnan(found.prediction[2]).all()


def test_a_model_without_calibration_and_domain_still_predicts(run_of: RunOf) -> None:
    bare = {
        task: replace(load_model(run_of(task), "torch"), conformal=None, domain=None)
        for task in ("regression", "binary")
    }
    found = bare["regression"].predict({"formula": ["Fe2O3"]})
    assert found.low is not None
    assert np.isnan(found.low).all()
    assert found.inside is None
    assert found.distance is None
    assert bare["binary"].predict({"formula": ["Fe2O3"]}).sets is None


def test_missing_and_uneven_columns_are_named(run_of: RunOf) -> None:
    model = load_model(run_of("binary"), "torch")
    with pytest.raises(UnknownNameError, match="did you mean 'Formula'"):
        model.predict({"Formula": ["Fe"]})
    two = replace(model, config=model.config.model_copy(update={"input_columns": ("formula", "other")}))
    with pytest.raises(DataError, match="formula 1, other 2"):
        two.predict({"formula": ["Fe"], "other": ["a", "b"]})


def test_onnx_is_taken_where_it_is_there_and_says_the_same(with_onnx: Run, run_of: RunOf) -> None:
    assert load_model(run_of("regression")).backend == "torch"
    by_onnx, by_torch = load_model(with_onnx), load_model(with_onnx, "torch")
    assert by_onnx.backend == "onnx"
    columns = {"formula": ["Fe2O3", "NaCl", "x"]}
    ours, theirs = by_onnx.predict(columns), by_torch.predict(columns)
    np.testing.assert_allclose(ours.prediction, theirs.prediction, atol=1e-5)
    np.testing.assert_allclose(some(ours.distance), some(theirs.distance), atol=1e-4)
    assert ours.errors == theirs.errors


def test_predicting_through_onnxruntime_imports_no_torch(with_onnx: Run, tmp_path: Path) -> None:
    code = (
        "import sys, json, pathlib; from scitrain.inference import load_model; from scitrain.runs import Run;"
        "from scitrain.workspace import Workspace;"
        f"run = Run(pathlib.Path({str(with_onnx.path)!r}), Workspace(pathlib.Path({str(tmp_path)!r})));"
        "found = load_model(run, 'onnx').predict({'formula': ['Fe2O3']});"
        "print(json.dumps([float(found.prediction[0, 0]), 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    value, with_torch = json.loads(done.stdout)
    assert with_torch is False
    assert value == pytest.approx(
        float(load_model(with_onnx, "torch").predict({"formula": ["Fe2O3"]}).prediction[0, 0]), abs=1e-4
    )


def test_a_run_without_a_model_or_onnx_says_what_to_do(run_of: RunOf, tmp_path: Path) -> None:
    with pytest.raises(RunStateError, match=r"no models/config.json"):
        load_model(Run.create("train_model", {}, Workspace(tmp_path)))
    with pytest.raises(ScitrainError, match=r"no model.onnx .* export_model"):
        load_model(run_of("binary"), "onnx")


def test_a_damaged_onnx_file_is_an_error_a_person_can_read(with_onnx: Run, tmp_path: Path) -> None:
    copy = Run(tmp_path / with_onnx.id, Workspace(tmp_path))
    shutil.copytree(with_onnx.path, copy.path)
    (copy.path / "models/model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(ScitrainError, match="cannot be opened by onnxruntime"):
        load_model(copy, "onnx")


def test_large_rows_go_through_in_small_batches() -> None:
    assert module.batch_size((3, 224, 224)) == 16
    assert module.batch_size((200,)) == 2048
