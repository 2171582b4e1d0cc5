import json
from pathlib import Path

from scitrain.chem.element_screening import PATH, build, screening, write


def test_the_file_is_what_the_sources_say_today(tmp_path: Path) -> None:
    assert json.loads(PATH.read_text(encoding="utf-8")) == build()
    write(tmp_path / "table.json")
    assert (tmp_path / "table.json").read_bytes() == PATH.read_bytes()


def test_known_values() -> None:
    table = screening()
    assert len(table) == 118
    assert table["Li"]["states"] == [1]
    assert table["O"]["electronegativity"] == 3.44
    assert table["Pb"]["hazard"] == "toxic (ICH Q3D class 1)"
    assert table["Tc"]["hazard"] == table["U"]["hazard"] == "radioactive"
    assert table["Fe"]["hazard"] == table["Bi"]["hazard"] == ""
    assert table["Au"]["cost"] is not None
    assert table["Au"]["cost"] > 10_000
