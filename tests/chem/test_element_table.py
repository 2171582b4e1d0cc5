import json
from pathlib import Path
from typing import Any

import pytest

from scitrain.chem.element_table import PATH, build, write

Table = dict[str, list[Any]]


@pytest.fixture(scope="module")
def table() -> Table:
    return build()


def test_the_file_is_what_the_sources_say_today(table: Table) -> None:
    assert json.loads(PATH.read_text(encoding="utf-8")) == table


def test_writing_gives_the_file(tmp_path: Path) -> None:
    write(tmp_path / "table.json")
    assert (tmp_path / "table.json").read_text(encoding="utf-8") == PATH.read_text(encoding="utf-8")


def test_every_value_is_there_and_what_was_filled_in_says_from_where(table: Table) -> None:
    for column in table["properties"]:
        assert len(column["values"]) == 118
        assert all(isinstance(value, float) for value in column["values"])
        assert len(column["filled"]) < 60
        assert all("known" in reason for reason in column["filled"].values())


def test_known_values_of_iron() -> None:
    table = json.loads(PATH.read_text(encoding="utf-8"))
    iron = {column["name"]: column["values"][25] for column in table["properties"]}
    assert iron["atomic_number"] == 26
    assert iron["electronegativity"] == 1.83
    assert iron["melting_point"] == 1811
    assert (iron["valence_s"], iron["valence_p"], iron["valence_d"], iron["unfilled_d"]) == (2, 0, 6, 4)
    assert iron["column"] == 8
