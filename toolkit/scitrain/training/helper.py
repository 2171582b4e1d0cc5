"""A process that trains along with the first one: ``python -m scitrain.training.helper RUN``, in a place of its environment."""

import os
import sys
from pathlib import Path

from scitrain.errors import ScitrainError
from scitrain.runs import Run
from scitrain.training.fit import train_members
from scitrain.training.group import joined
from scitrain.training.journal import Journal
from scitrain.training.places import Place, place_from
from scitrain.training.processes import Processes, read_learning, read_settings
from scitrain.workspace import Workspace

__all__ = ["follow", "main"]


def follow(place: Place, run: Run) -> None:
    """Train what the first process announces until it ends; writes nothing in the run but why this process failed.

    Raises:
        ScitrainError: The first process, or another one, was lost.
    """
    with joined(place, run) as group:
        for job in group.work():
            settings = read_settings(job)
            try:
                train_members(read_learning(job), settings, Journal(None, 0, settings.device), run, Processes.of(place))
            except BaseException as error:
                if not (isinstance(error, RuntimeError) and group.explained(error)):
                    group.note(str(error) if isinstance(error, ScitrainError) else f"{type(error).__name__}: {error}")
                raise


def main(arguments: list[str]) -> None:
    """Follow the first process of the run."""
    place = place_from(os.environ)
    if place is None:
        raise ScitrainError(
            "a helper is started by the process it helps, which says in the environment where it stands"
        )
    follow(place, Run(Path(arguments[0]), Workspace.from_environment()))


if __name__ == "__main__":
    main(sys.argv[1:])
