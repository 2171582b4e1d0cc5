"""Is the named data there, with the columns that are asked for? Asked before a run is made."""

from scitrain.data.options import DataOptions
from scitrain.errors import UnknownNameError
from scitrain.workspace import Workspace

__all__ = ["check_data", "check_source"]


def check_data(options: DataOptions, workspace: Workspace) -> None:
    """Refuse data that cannot be there, and columns that their header does not name.

    Raises:
        UnknownNameError: No such built-in set or column; says the near name.
        ScitrainError: No such file, it may not be read, or it is no table.
    """
    from scitrain.data.header import check_columns

    for source in (options.data, options.auxiliary):
        if source is not None:
            check_source(source, workspace)
    check_columns(options, workspace)


def check_source(source: str, workspace: Workspace) -> None:
    """Refuse data that cannot be there.

    Raises:
        UnknownNameError: No built-in set has that name.
        ScitrainError: No such file, or it may not be read.
    """
    from scitrain.data.builtin import NAMES, PREFIX

    if not source.startswith(PREFIX):
        workspace.readable(source)
    elif source.removeprefix(PREFIX) not in NAMES:
        raise UnknownNameError("built-in data set", source.removeprefix(PREFIX), list(NAMES))
