"""Trained runs that several tests look at."""

from collections.abc import Callable
from types import ModuleType

import pytest

from scitrain.data.options import Task
from scitrain.exporters._onnx import export
from scitrain.inference import load_predictor
from scitrain.inference.files import ONNX, read_config
from scitrain.runs import Run


@pytest.fixture(scope="session")
def run_of(trained: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Task], Run]:
    """Return a function that gives the trained run of a task; it has no ONNX file."""
    made: dict[Task, Run] = {}

    def get(task: Task) -> Run:
        if task not in made:
            made[task] = trained.trained_run(tmp_path_factory.mktemp(task), task)
        return made[task]

    return get


@pytest.fixture(scope="session")
def with_onnx(trained: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A regression run that has an ONNX file."""
    run: Run = trained.trained_run(tmp_path_factory.mktemp("onnx"), "regression")
    x, _ = read_config(run).featuriser_object().transform({"formula": trained.FORMULAS[:2]})
    export(load_predictor(run), x, run.path / ONNX)
    return run
