"""Read what the figures of a search need from ``results/optuna_trials.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.figures._style import axis_name

__all__ = ["Axis", "SearchData", "Tried", "read_search"]


@dataclass(frozen=True)
class Tried:
    """One trial."""

    number: int
    state: str
    values: tuple[float, ...] | None
    """One a goal; None where the trial did not come to its end."""
    reported: tuple[float, ...]
    parameters: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Axis:
    """One parameter: a range, or choices."""

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[JsonValue, ...] = ()

    def at(self, value: JsonValue) -> float:
        """Return the place of a value, 0 at the lower end and 1 at the upper."""
        if self.choices:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        low, high, x = self.low, self.high, float(str(value))
        if self.log:
            low, high, x = np.log(low), np.log(high), np.log(x)
        return float((x - low) / (high - low))


@dataclass(frozen=True)
class SearchData:
    """A search as its figures see it."""

    titles: tuple[str, ...]
    """Of each goal."""
    units: tuple[str | None, ...]
    axes: tuple[Axis, ...]
    trials: tuple[Tried, ...]
    best: int
    """Number of the trial with the lowest error."""
    front: tuple[int, ...]
    importance: Mapping[str, float] | None

    def label(self, goal: int) -> str:
        """Return the label of an axis for a goal."""
        return axis_name(self.titles[goal], self.units[goal])

    def done(self) -> list[Tried]:
        """Return the trials that came to their end."""
        return [trial for trial in self.trials if trial.values is not None]

    def told(self) -> str:
        """Return how many trials came to what."""
        states = [trial.state for trial in self.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        return f"{len(self.trials)} trials: {counts}"


def read_search(told: Mapping[str, JsonValue]) -> SearchData:
    """Read the content of ``results/optuna_trials.json``."""
    goals = [goal for goal in _list(told["objectives"]) if isinstance(goal, dict)]
    space = told["space"]
    importance = told.get("importance")
    return SearchData(
        titles=tuple(str(goal["title"]) for goal in goals),
        units=tuple(None if goal["unit"] is None else str(goal["unit"]) for goal in goals),
        axes=tuple(_axis(name, said) for name, said in (space.items() if isinstance(space, dict) else ())),
        trials=tuple(_tried(trial) for trial in _list(told["trials"]) if isinstance(trial, dict)),
        best=int(str(told["best"])),
        front=tuple(int(str(number)) for number in _list(told["front"])),
        importance={n: float(str(v)) for n, v in importance.items()} if isinstance(importance, dict) else None,
    )


def _axis(name: str, said: JsonValue) -> Axis:
    said = said if isinstance(said, dict) else {}
    choices = tuple(_list(said.get("choices")))
    return Axis(name, float(str(said.get("low", 0))), float(str(said.get("high", 0))), bool(said.get("log")), choices)


def _tried(trial: Mapping[str, JsonValue]) -> Tried:
    values, parameters = trial["values"], trial["parameters"]
    return Tried(
        number=int(str(trial["number"])),
        state=str(trial["state"]),
        values=None if values is None else _floats(values),
        reported=_floats(trial["reported"]),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def _floats(values: JsonValue) -> tuple[float, ...]:
    return tuple(float(str(value)) for value in _list(values))


def _list(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []
