"""One of several training processes: ``python -m scitrain.training.helper JOB RUN RANK WORLD PORT``."""

import sys
from pathlib import Path

from scitrain.runs import Run
from scitrain.training.auto import choose
from scitrain.training.fit import train_members
from scitrain.training.journal import Journal
from scitrain.training.processes import Processes, leave_group, read_learning
from scitrain.workspace import Workspace

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Train along with the first process; writes nothing but its own log."""
    job, folder, rank, world, port = arguments
    learning = read_learning(Path(job))
    settings, _ = choose(learning.options, learning.model, learning.shape, len(learning.train))
    run = Run(Path(folder), Workspace.from_environment())
    processes = Processes(int(rank), int(world), int(port))
    try:
        train_members(learning, settings, Journal(None, 0, settings.device), run, processes)
    finally:
        leave_group()


if __name__ == "__main__":
    main(sys.argv[1:])
