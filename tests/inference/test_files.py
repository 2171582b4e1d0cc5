"""The files of a trained model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from scitrain.errors import RunStateError, ScitrainError
from scitrain.evaluation.conformal import ConformalRegression, ConformalSets
from scitrain.inference import load_domain, load_predictor, read_config, save_model
from scitrain.inference.files import CONFIG, DOMAIN, WEIGHTS
from scitrain.runs import Run
from scitrain.workspace import Workspace

RunOf = Callable[[str], Run]


@pytest.mark.parametrize(
    ("operation", "parents", "ended", "said"),
    [
        ("evaluate_model", ["train_model-x"], "completed", "say that one, run='train_model-x'"),
        ("train_model", [], None, "it is still queued; wait for it with get_run"),
        ("train_model", [], "failed", "resume_run"),
        ("compare_runs", [], "completed", "trains no model"),
    ],
)
def test_a_run_without_a_model_says_which_run_to_name_instead(
    operation: str, parents: list[str], ended: str | None, said: str, tmp_path: Path
) -> None:
    run = Run.create(operation, {}, Workspace(tmp_path), parents)
    if ended:
        run.end(ended)
    with pytest.raises(RunStateError, match=r"no models/config.json") as refused:
        read_config(run)
    assert said in str(refused.value)
    run.release()


@pytest.fixture
def copy(run_of: RunOf, tmp_path: Path) -> Run:
    source = run_of("regression")
    run = Run(tmp_path / source.id, Workspace(tmp_path))
    shutil.copytree(source.path, run.path)
    return run


def test_what_is_saved_is_what_is_loaded(copy: Run) -> None:
    predictor, config, domain = load_predictor(copy), read_config(copy), load_domain(copy)
    again = Run.create("train_model", {}, Workspace(copy.path.parent))
    save_model(again, predictor, config, domain)
    theirs, ours = predictor.state_dict(), load_predictor(again).state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
    assert read_config(again) == config
    for name, value in load_domain(again).arrays().items():  # type: ignore[union-attr]
        np.testing.assert_array_equal(value, domain.arrays()[name])  # type: ignore[union-attr]
    assert not predictor.training


def test_a_model_without_a_domain_has_none(copy: Run) -> None:
    (copy.path / DOMAIN).unlink()
    assert load_domain(copy) is None


@pytest.mark.parametrize(("task", "kind"), [("regression", ConformalRegression), ("multiclass", ConformalSets)])
def test_the_calibration_comes_back_as_what_it_was(task: str, kind: type, run_of: RunOf) -> None:
    config = read_config(run_of(task))
    assert isinstance(config.conformal_object(), kind)
    assert config.model_copy(update={"conformal": None}).conformal_object() is None
    assert config.n_outputs == {"regression": 2, "multiclass": 3}[task]


def test_weights_of_another_network_are_refused_with_every_difference(copy: Run) -> None:
    path = copy.path / WEIGHTS
    stored = load_file(path)
    wrong = dict(stored)
    lost = next(name for name in wrong if name.endswith("head.bias"))
    del wrong[lost]
    reshaped = next(name for name in wrong if name.endswith("head.weight"))
    wrong[reshaped] = torch.zeros(5, 4)
    wrong["stranger"] = torch.zeros(1)
    save_file(wrong, path)
    with pytest.raises(ScitrainError) as caught:
        load_predictor(copy)
    assert f"missing {lost}" in str(caught.value)
    assert "unexpected stranger" in str(caught.value)
    assert f"{reshaped} is (5, 4), expected (2, 16)" in str(caught.value)


def test_a_damaged_or_missing_weights_file_is_an_error_a_person_can_read(copy: Run) -> None:
    path = copy.path / WEIGHTS
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ScitrainError, match="no whole safetensors file"):
        load_predictor(copy)
    path.unlink()
    with pytest.raises(ScitrainError, match="no weights at"):
        load_predictor(copy)


def test_a_pickle_in_place_of_the_weights_is_not_opened(copy: Run, trained: ModuleType) -> None:
    torch.save({"anything": torch.zeros(1)}, copy.path / WEIGHTS)
    with pytest.raises(ScitrainError, match="safetensors"):
        load_predictor(copy)
    assert trained.FORMULAS


def test_a_configuration_of_another_version_names_what_cannot_be_read(copy: Run) -> None:
    content = copy.read_json(CONFIG)
    content["schema_version"] = 99
    content["members"] = 0
    copy.write_json(CONFIG, content)
    with pytest.raises(ScitrainError, match=r"schema_version: .*members: .*train again"):
        read_config(copy)
