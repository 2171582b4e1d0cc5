from pathlib import Path

from scitrain.workflow.rows import read_rows


def test_named_columns_are_read_as_they_are_written_and_the_others_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("row,formula,value,error\n1,NaN,1.5,\n2,NA,,null\n3,007,2,\n4,,3,None\n")
    assert read_rows(path, 4, ("formula", "error")) == [
        {"row": 1, "formula": "NaN", "value": 1.5, "error": None},
        {"row": 2, "formula": "NA", "value": None, "error": "null"},
        {"row": 3, "formula": "007", "value": 2.0, "error": None},
        {"row": 4, "formula": None, "value": 3.0, "error": "None"},
    ]
