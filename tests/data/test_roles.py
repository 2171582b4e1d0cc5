"""Which columns can be learned from."""

import pytest

from scitrain.data.roles import recognise
from scitrain.errors import DataError


@pytest.mark.parametrize(
    ("cell", "modality"),
    [
        ("we measured the rate at which the solid dissolves in water, {}, once more", "text"),
        ("MQYKLILNGKTLKGE{}", "sequence"),
    ],
)
def test_prose_and_proteins_are_known(cell: str, modality: str) -> None:
    cells = [cell.format("ACDEFGHIKL"[i % 10] * (i + 1)) for i in range(40)]
    assert recognise({"source": cells}, "auto")[0] == modality


def test_names_are_no_kind_of_data() -> None:
    with pytest.raises(DataError, match="no column looks like data of a known kind"):
        recognise({"name": [f"sample {i}" for i in range(40)]}, "auto")
