import numpy as np

from scitrain.figures.adaptation import Trained, adaptation
from scitrain.figures.domains import Plane, domains_apart


def test_each_way_of_training_has_its_value_and_its_gain_over_the_first() -> None:
    entries = [
        Trained("source-only", (0.5, 0.4, 0.6), (None, None, None)),
        Trained("coral", (0.4, 0.3, 0.5), (0.1, 0.05, 0.15), kept=True),
        Trained("oracle", (0.2, None, None), (0.3, None, None)),
    ]
    figure = adaptation(entries, "RMSE", "eV", subtitle="20 rows")
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["source-only", "coral (kept)", "oracle"]
    assert left.get_xlabel() == "RMSE (eV), lower is better"
    assert (len(left.collections), len(right.collections)) == (2, 1)
    assert len(right.get_lines()) == 3, "the line of no gain, and two gains"


def test_both_domains_are_told_apart_by_colour_and_form_in_each_panel() -> None:
    plane = Plane("coral: proxy A-distance 0.10", np.zeros((3, 2)), np.ones((2, 2)), ("main axis 1", "main axis 2"))
    figure = domains_apart([plane, plane], ("a.csv", "b.csv"))
    for axes in figure.axes:
        source, target = axes.get_lines()
        assert (source.get_marker(), target.get_marker()) == ("o", "^")
        assert source.get_color() != target.get_color()
        assert len(target.get_xdata()) == 2
