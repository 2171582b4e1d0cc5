"""A new operation, as CONTRIBUTING shows it."""

from scitrain.contracts import Query, Result
from scitrain.workspace import Workspace

__all__ = ["CountRows", "Counted"]


class Counted(Result):
    """How many rows there are."""

    rows: int


class CountRows(Query):
    """Count the rows of a table."""

    data: str
    """Path of the table."""

    def execute(self, workspace: Workspace) -> Counted:
        """Read and count."""
        from scitrain.data.read import read

        return Counted(rows=len(read(self.data, workspace).rows))
