"""Which output of a model a name stands for; imports nothing heavy, for it is asked before a run is made."""

from scitrain.errors import UnknownNameError
from scitrain.inference.config import TrainedConfig

__all__ = ["output_named"]


def output_named(config: TrainedConfig, target: str | None) -> int | None:
    """Return the output that a target, or a class of ``multiclass``, stands for.

    Raises:
        UnknownNameError: There is no such target or class.
    """
    names = [one.name for one in config.targets]
    if config.task == "multiclass":
        classes = list(config.targets[0].classes or ())
        if target is None or target in names:
            return None
        if target not in classes:
            raise UnknownNameError("class", target, classes)
        return classes.index(target)
    if target is not None and target not in names:
        raise UnknownNameError("target", target, names)
    return 0 if target is None else names.index(target)
