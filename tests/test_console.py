import io
from pathlib import Path

from rich.console import Console

from scitrain.console import show_result
from scitrain.contracts.operation import Result


class Shown(Result):
    metrics: list[dict[str, str | float | bool | None]]

    def summary(self) -> str:
        return "RMSE 0.61 [0.55, 0.68]"


def shown(rows):
    out = io.StringIO()
    show_result(Shown(metrics=rows), console=Console(file=out, width=100))
    return out.getvalue()


def test_the_summary_comes_last_and_as_it_was_written():
    assert shown([{"title": "RMSE"}]).rstrip().endswith("RMSE 0.61 [0.55, 0.68]")


def test_the_place_of_what_was_written_is_told_at_the_end():
    out = io.StringIO()
    show_result(Shown(metrics=[]), Path("runs/one"), Console(file=out, width=100))
    assert out.getvalue().rstrip().endswith("written to runs/one")


def test_records_make_a_table_without_what_is_empty_or_said_twice():
    text = shown([{"name": "rmse", "title": "RMSE [x]", "value": 0.123456, "reason": None, "higher_is_better": False}])
    assert "RMSE [x]" in text
    assert "0.1235" in text
    assert "rmse" not in text
    assert "reason" not in text
    assert "higher" not in text


def test_a_long_table_is_cut_and_says_so():
    assert "first 20 of 30" in shown([{"title": str(index)} for index in range(30)])


def test_a_run_id_stays_whole_and_what_does_not_fit_is_left_to_the_json():
    run_id = "train_model-20260101T120000-0a1b2c3d"
    text = shown([{"run_id": run_id, "about": "word " * 30, "operation": "train_model", "x": "y" * 40, "z": 1}])
    assert run_id in text
    assert "operation" in text
    assert "│ z" not in text
    assert all(len(line) <= 100 for line in text.splitlines())
