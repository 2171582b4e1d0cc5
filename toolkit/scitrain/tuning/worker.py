"""A further process of a search: ``python -m scitrain.tuning.worker RUN_DIR WORKER PARENT``, told on its input when to begin."""

import sys
from pathlib import Path

from scitrain.resources import torch_threads
from scitrain.runs import Run
from scitrain.training.processes import read_learning
from scitrain.tuning.crew import BEGIN, FOLDER, JOB, LEARNING
from scitrain.tuning.job import SearchJob
from scitrain.tuning.loop import OrphanedError, Searching
from scitrain.tuning.measuring import cheap
from scitrain.tuning.storage import open_study, quiet_optuna
from scitrain.workspace import Workspace

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Try variants until there are enough; what it finds stands in the study, what it says in its own log."""
    if sys.stdin.buffer.readline() != BEGIN:
        return
    path, worker, parent = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    run = Run(path, Workspace.from_environment())
    job = SearchJob.model_validate_json((path / FOLDER / JOB).read_text(encoding="utf-8"))
    learning = read_learning(path / FOLDER / LEARNING)
    with quiet_optuna(), torch_threads():
        try:
            Searching(job, open_study(job, path), cheap(learning, job), run, worker, parent).work()
        except OrphanedError:
            sys.exit("the search that started this process is gone")


if __name__ == "__main__":
    main(sys.argv[1:])
