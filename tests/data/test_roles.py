"""Which columns can be learned from."""

import pytest

from scitrain.data.roles import recognise
from scitrain.errors import DataError


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("we measured the rate of {} anew", "prose"), ("MQYKLILNGKTLKGE{}", "a protein or a nucleic acid")],
)
def test_data_of_a_kind_that_is_not_read_yet_is_named(cell: str, kind: str) -> None:
    cells = [cell.format("ACDEFGHIKL"[i % 10] * (i + 1)) for i in range(40)]
    with pytest.raises(DataError, match=f"source holds .*{kind}, which this version cannot learn from"):
        recognise({"source": cells}, "auto")


def test_names_are_no_kind_of_data() -> None:
    with pytest.raises(DataError, match="no column looks like data of a known kind"):
        recognise({"name": [f"sample {i}" for i in range(40)]}, "auto")
