"""Exported models that several tests look at; exporting takes seconds, so it is done once."""

from collections.abc import Callable
from types import ModuleType

import pytest

from scitrain.data.options import Task
from scitrain.exporters import BUNDLE, EXPORTERS, export_files
from scitrain.runs import Run


@pytest.fixture(scope="session")
def exported(trained: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Task], Run]:
    """Return a function that gives the run of a task with its model in every format."""
    made: dict[Task, Run] = {}

    def export(task: Task) -> Run:
        if task not in made:
            run = trained.trained_run(tmp_path_factory.mktemp(task), task)
            (run.path / "MODEL_CARD.md").write_text("# a card\n", encoding="utf-8")
            quick = [name for name in EXPORTERS if name != "aoti"]  # compiles for half a minute; see test_cpp
            export_files(run, run, [*quick, BUNDLE] if task == "regression" else ["onnx", BUNDLE])
            made[task] = run
        return made[task]

    return export
