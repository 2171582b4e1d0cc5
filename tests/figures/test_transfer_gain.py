import pytest

from scitrain.figures.transfer_gain import Strategy, transfer_gain

SCRATCH = Strategy("scratch", (25, 50, 100), (0.5, 0.6, 0.7), 0.68, 0.6, 0.75)
FULL = Strategy("full", (25, 50, 100), (0.7, None, 0.8), 0.79, 0.7, 0.85)


def test_each_strategy_has_a_curve_by_labels_and_a_test_value_with_its_interval() -> None:
    figure = transfer_gain([SCRATCH, FULL], "accuracy", "", "10 validation rows", "full")
    left, right = figure.axes
    assert [line.get_label() for line in left.get_lines()] == ["scratch", "full (kept)"]
    assert list(left.get_lines()[1].get_xdata()) == [25, 100], "a value that is not there leaves a gap"
    assert [text.get_text() for text in left.get_xticklabels()] == ["25", "50", "100"]
    assert [text.get_text() for text in right.get_yticklabels()] == ["scratch", "full"]
    assert len(right.collections) == 2


@pytest.mark.parametrize("test", [None, 0.5])
def test_a_strategy_without_a_test_value_or_interval_is_drawn(test: float | None) -> None:
    figure = transfer_gain([Strategy("lora", (40,), (None,), test, None, None)], "RMSE", "eV")
    assert "RMSE" in figure.axes[1].get_xlabel()
