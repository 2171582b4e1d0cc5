"""The picture of the ways to say how sure a model is."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from scitrain.data.prepared import Target
from scitrain.evaluation.problem import Predicted, Problem
from scitrain.evaluation.ways import Way, Ways, compare_ways
from scitrain.figures.uncertainty import uncertainty

RNG = np.random.default_rng(5)


def words(figure: Figure) -> str:
    figure.canvas.draw()
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


def numbers(targets: int, spread: bool = True) -> Ways:
    sigma = RNG.uniform(0.1, 2, (80, targets))
    told = Predicted(sigma * RNG.normal(size=sigma.shape), np.zeros_like(sigma), sigma if spread else None)
    named = tuple(Target(name=f"gap $_{i}", unit="eV") for i in range(targets))
    doubts = {"spread": sigma} if spread else {}
    ways = [Way("a", "Gaussian head", "", told, told, True, doubts), Way("b", "constant width", "", told, told)]
    return compare_ways(Problem("regression", named, resamples=100), ways)


@pytest.mark.parametrize("targets", [1, 2])
def test_promise_doubt_score_and_width_are_drawn(targets: int) -> None:
    said = words(uncertainty(numbers(targets)))
    for part in (
        "nominal coverage",
        "Does doubt tell of error?",
        "interval score (eV)",
        "mean width (eV)",
        "holds ",
        "its own",
    ):
        assert part in said
    assert ("Upper panels: the first target" in said) == (targets > 1)


def test_where_all_rows_are_alike_it_says_so() -> None:
    assert "every row is as doubtful as any other" in words(uncertainty(numbers(1, spread=False)))


def test_classes_are_drawn_by_log_loss() -> None:
    y = (RNG.random((60, 1)) < 0.5).astype(float)
    told = Predicted(y, np.clip(0.2 + 0.6 * y + 0.1 * RNG.normal(size=y.shape), 0.01, 0.99))
    problem = Problem("binary", (Target(name="stable", classes=("no", "yes")),), resamples=100)
    said = words(uncertainty(compare_ways(problem, [Way("a", "ensemble", "", told, told, True, {"entropy": y})])))
    for part in ("predicted probability", "log loss", "mean size of sets", "error rate of the others"):
        assert part in said
