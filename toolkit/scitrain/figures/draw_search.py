"""Every figure of a search."""

from collections.abc import Mapping

from pydantic import JsonValue

from scitrain.figures.save import save
from scitrain.figures.search_history import search_history
from scitrain.figures.search_importance import search_importance
from scitrain.figures.search_parallel import search_parallel
from scitrain.figures.search_pareto import search_pareto
from scitrain.runs import Run

__all__ = ["draw_search"]


def draw_search(run: Run, told: Mapping[str, JsonValue]) -> list[str]:
    """Draw the history, the importances (where they can be told), the parameters, and the front of two objectives.

    Args:
        run: Gets ``figures/optuna_….png``.
        told: Content of ``results/optuna_trials.json``.

    Returns:
        Paths below the run directory.
    """
    objectives = told["objectives"]
    wanted = {"history": search_history(told), "parallel": search_parallel(told)}
    if told["importance"] is not None:
        wanted["importance"] = search_importance(told)
    if isinstance(objectives, list) and len(objectives) > 1:
        wanted["pareto"] = search_pareto(told)
    names = {f"figures/optuna_{name}.png": figure for name, figure in wanted.items()}
    for name, figure in names.items():
        save(figure, run.path / name)
    return list(names)
