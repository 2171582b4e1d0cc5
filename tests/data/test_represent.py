"""Arrays of prepared rows, kept beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from scitrain.contracts.modality import Columns, Featuriser, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.data.columns import text_column
from scitrain.data.prepared import Prepared, Target
from scitrain.data.represent import represent
from scitrain.errors import DataError
from scitrain.workspace import Workspace


class Lengths(Featuriser):
    """x = number of characters, times a factor."""

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ("numpy",)
    calls: ClassVar[list[int]] = []

    kind: Literal["lengths"] = "lengths"
    factor: float = 1.0

    def module(self) -> Path:
        return Path(__file__)

    def options(self) -> dict[str, object]:
        return {"factor": self.factor}

    def shape(self) -> InputShape:
        return InputShape("vector", (1,))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> tuple[np.ndarray, dict[int, str]]:
        self.calls.append(1)
        (cells,) = columns.values()
        errors = {i: "is empty" for i, cell in enumerate(cells) if not cell}
        return np.array([[len(cell) * self.factor] for cell in cells], dtype=np.float32), errors


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    Lengths.calls.clear()


def prepared(workspace: Workspace, cells: Sequence[str]) -> Prepared:
    folder = workspace.datasets / "key"
    folder.mkdir(parents=True, exist_ok=True)
    n = len(cells)
    split = {"train": np.arange(n), "val": np.arange(0), "test": np.arange(0)}
    columns = {"text": text_column(cells)}
    return Prepared(
        "key", folder, "text", "regression", (Target(name="y"),), columns, np.zeros((n, 1)), split, np.arange(1, n + 1)
    )


def test_the_array_is_made_once_and_read_back(workspace: Workspace) -> None:
    rows = prepared(workspace, ["a", "bb", "ccc"])
    first, second = represent(rows, Lengths(), workspace), represent(rows, Lengths(), workspace)
    assert first.tolist() == second.tolist() == [[1.0], [2.0], [3.0]]
    assert len(Lengths.calls) == 1
    assert first.dtype == np.float32
    assert not first.flags.writeable


def test_other_options_make_another_array(workspace: Workspace) -> None:
    rows = prepared(workspace, ["a", "bb"])
    represent(rows, Lengths(), workspace)
    assert represent(rows, Lengths(factor=2.0), workspace).tolist() == [[2.0], [4.0]]
    assert len(list(rows.folder.glob("features-*.npy"))) == 2


def test_a_row_that_cannot_be_represented_is_named_and_nothing_is_kept(workspace: Workspace) -> None:
    rows = prepared(workspace, ["a", "", "c"])
    with pytest.raises(DataError, match="row 2 of the source: is empty"):
        represent(rows, Lengths(), workspace)
    assert not list(rows.folder.iterdir())
