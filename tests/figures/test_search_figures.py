from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from scitrain.figures._search import read_search
from scitrain.figures.draw_search import draw_search
from scitrain.figures.search_history import search_history
from scitrain.figures.search_importance import search_importance
from scitrain.figures.search_parallel import search_parallel
from scitrain.figures.search_pareto import search_pareto
from scitrain.runs import Run
from scitrain.workspace import Workspace

SPACE = {
    "widths": {"of": "model", "kind": "choice", "choices": [[8, 8], [16]]},
    "dropout": {"of": "model", "kind": "float", "high": 0.6},
    "learning_rate": {"of": "training", "kind": "float", "low": 1e-4, "high": 1e-2, "log": True},
}


def told(goals=1, trials=12, pruned=True, failed=True):
    rng = np.random.default_rng(0)
    made = []
    for n in range(trials):
        state = "failed" if failed and n == 3 else "pruned" if pruned and n % 4 == 2 else "complete"
        made.append({
            "number": n, "state": state, "reported": [2.0, 1.5],
            "values": list(rng.uniform(0.5, 1, goals)) if state == "complete" else None,
            "parameters": {"widths": [[8, 8], [16]][n % 2], "dropout": rng.uniform(0, 0.6), "learning_rate": 10 ** rng.uniform(-4, -2)},
        })  # fmt: skip
    done = [t for t in made if t["values"]]
    best = min(done, key=lambda t: t["values"])
    objectives = [{"title": "validation RMSE of log S", "unit": "mol/L"}, {"title": "latency of one row", "unit": "ms"}]
    importance = {"dropout": 0.7, "widths": 0.2, "learning_rate": 0.1}
    return {
        "objectives": objectives[:goals], "space": SPACE, "trials": made, "best": best["number"],
        "front": [best["number"]], "importance": importance,
    }  # fmt: skip


def words(figure: Figure) -> str:
    figure.savefig(BytesIO(), format="png")
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


DRAWN = {
    "history": lambda: search_history(told()),
    "history of two": lambda: search_history(told(2)),
    "history of one trial": lambda: search_history(told(trials=1)),
    "importance": lambda: search_importance(told()),
    "parallel": lambda: search_parallel(told()),
    "parallel of one trial": lambda: search_parallel(told(trials=1)),
    "pareto": lambda: search_pareto(told(2)),
    "pareto of one trial": lambda: search_pareto(told(2, trials=1)),
}


@pytest.mark.parametrize("name", list(DRAWN))
def test_every_figure_fits_on_its_page(name):
    figure = DRAWN[name]()
    assert words(figure)
    width, height = figure.get_size_inches()
    drawn = figure.get_tightbbox()
    assert -0.02 < drawn.x0 < drawn.x1 < width + 0.02
    assert -0.02 < drawn.y0 < drawn.y1 < height + 0.02


def test_the_history_tells_states_best_and_unit():
    said = words(search_history(told()))
    for part in ("12 trials: 8 complete, 3 pruned, 1 failed", "best 0.", "mol/L", "best so far", "failed", "given up"):
        assert part in said


def test_one_absurd_trial_does_not_press_the_others_together():
    made = told(pruned=False, failed=False)
    made["trials"][5]["values"] = [1e6]
    figure = search_history(made)
    assert figure.axes[0].get_ylim()[1] < 10
    assert "Values above the upper edge are drawn on it." in words(figure)


def test_importances_stand_in_their_order():
    axes = search_importance(told()).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["dropout", "widths", "learning_rate"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_a_parameter_has_its_place_between_the_ends_of_its_range():
    widths, dropout, rate = read_search(told()).axes
    assert [widths.at([8, 8]), widths.at([16])] == [0, 1]
    assert dropout.at(0.15) == pytest.approx(0.25)
    assert rate.at(1e-3) == pytest.approx(0.5)


def test_a_search_leaves_the_figures_it_can_fill(tmp_path):
    run = Run.create("tune_hyperparameters", {}, Workspace(tmp_path))
    assert sorted(draw_search(run, told())) == [
        f"figures/optuna_{n}.png" for n in ("history", "importance", "parallel")
    ]
    without = told(2) | {"importance": None}
    assert sorted(draw_search(run, without)) == [f"figures/optuna_{n}.png" for n in ("history", "parallel", "pareto")]
    assert all((run.path / f"figures/optuna_{n}.png").stat().st_size > 5_000 for n in ("history", "parallel", "pareto"))
