"""What the searches of the folds chose, and how far they agree: ``results/nested.json``."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from scitrain.figures.nested import nested
from scitrain.figures.save import save
from scitrain.figures.words import number
from scitrain.runs import Run
from scitrain.tuning.job import SearchJob
from scitrain.tuning.space import Parameter
from scitrain.tuning.trials import TrialRecord
from scitrain.workflow.folds import FoldRun

__all__ = ["NESTED", "agreement_lines", "write_nested"]

NESTED = "results/nested.json"
FIGURE = "figures/nested.png"
Values = Mapping[str, JsonValue]


def write_nested(run: Run, runs: Sequence[FoldRun], job: SearchJob, kept: TrialRecord) -> dict[str, JsonValue]:
    """Write what each search chose, with its validation errors, and the agreement by parameter; draw it.

    Args:
        run: Of the nested cross-validation.
        runs: The searches of the folds, each completed.
        job: The search over all rows.
        kept: Its best trial.
    """
    folds = [_fold(one) for one in runs]
    agreement = {
        p.name: _agreement(p, [_chosen(fold) for fold in folds], kept.parameters) for p in job.space.parameters
    }
    said: dict[str, JsonValue] = {
        "run_id": run.id,
        "objectives": [goal.words() for goal in job.goals],
        "folds": list(folds),
        "kept": {"trial": kept.number, "parameters": dict(kept.parameters), "validation": list(kept.values or [])},
        "agreement": dict(agreement),
        "space": job.space.told(),
    }
    run.write_json(NESTED, said)
    save(nested(said), run.file(FIGURE))
    return said


def agreement_lines(said: Mapping[str, JsonValue]) -> list[str]:
    """Return a line for each parameter: how far the folds agree, and what is kept."""
    found = said["agreement"]
    return (
        [f"{name}: {told['words']}" for name, told in found.items() if isinstance(told, dict)]
        if isinstance(found, dict)
        else []
    )


def _fold(one: FoldRun) -> dict[str, JsonValue]:
    result = one.run.record().result or {}
    best = result["best"] if isinstance(result["best"], dict) else {}
    return {
        "fold": one.fold,
        "run_id": one.run.id,
        "trained": one.trained.id,
        "trial": best["number"],
        "parameters": best["parameters"],
        "validation": best["values"],
        "untuned": result["untuned"],
    }


def _chosen(fold: Values) -> Values:
    chosen = fold["parameters"]
    return chosen if isinstance(chosen, dict) else {}


def _agreement(parameter: Parameter, folds: Sequence[Values], kept: Values) -> dict[str, JsonValue]:
    """Return how far the folds agree: the commonest choice's share, or the part of the range that their values span."""
    values = [chosen[parameter.name] for chosen in folds if parameter.name in chosen]
    last = kept[parameter.name]
    if parameter.kind == "choice" or not values:
        [(commonest, n)] = Counter(map(str, values)).most_common(1) or [("–", 0)]
        words = f"{n} of {len(folds)} folds chose {commonest}, all rows {last}"
        return {"values": values, "kept": last, "share": n / len(folds), "span": None, "words": words}
    numbers = [float(str(value)) for value in values]
    low, high = min(numbers), max(numbers)
    span = (_scaled(parameter, high) - _scaled(parameter, low)) / (
        _scaled(parameter, parameter.high) - _scaled(parameter, parameter.low)
    )
    words = (
        f"{number(low)} … {number(high)} in the folds ({span:.0%} of its range), all rows {number(float(str(last)))}"
    )
    return {"values": values, "kept": last, "share": None, "span": span, "words": words}


def _scaled(parameter: Parameter, value: float) -> float:
    return math.log(value) if parameter.log else value
