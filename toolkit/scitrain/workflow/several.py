"""What cannot be done with several targets, told before anything trains; imports nothing heavy."""

from scitrain.data.options import Task
from scitrain.data.prepared import Prepared
from scitrain.errors import ScitrainError

__all__ = ["refuse_mixed", "refuse_single"]


def refuse_mixed(task: Task, what: str, instead: str) -> None:
    """Refuse what is not made for numbers and classes together.

    Raises:
        ScitrainError: Says what to do instead.
    """
    if task == "mixed":
        raise ScitrainError(f"{what} does not take a model of mixed targets (numbers and classes together); {instead}")


def refuse_single(prepared: Prepared) -> None:
    """Refuse to compare with single tasks where there are none, or no test rows to compare on.

    Raises:
        ScitrainError: Says which.
    """
    if len(prepared.targets) < 2:
        raise ScitrainError(
            f"single_tasks=true compares with a network for each of several targets, and {prepared.targets[0].name!r} is the only one; "
            "leave it out, or name more targets"
        )
    if prepared.folds:
        raise ScitrainError(
            "single_tasks=true compares on one test split, and here each fold is the test in its turn; give split.fold, or leave it out"
        )
