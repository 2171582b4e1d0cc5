"""What a request says about a search."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from scitrain.spec import Spec

__all__ = ["Objective", "Pruner", "Sampler", "SearchSpec", "TuningOptions", "Values"]

Objective = Literal["error", "error_and_latency", "error_and_parameters"]
Sampler = Literal["tpe", "cmaes", "random", "grid"]
Pruner = Literal["auto", "hyperband", "median", "none"]


class Values(Spec):
    """Numbers from ``low`` to ``high``, both included, or ``choices``."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[JsonValue] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        ends = [end for end in (self.low, self.high) if end is not None]
        if len(ends) != (2 if self.choices is None else 0):
            raise ValueError("needs low and high, or choices")
        if ends and not ends[0] < ends[1]:
            raise ValueError(f"low={ends[0]:g} must lie below high={ends[1]:g}")
        if self.log and (not ends or ends[0] <= 0):
            raise ValueError("log=true needs low above 0, such as 1e-5")
        return self


SearchSpec = Mapping[str, Values | None]


class TuningOptions(Spec):
    """How hyperparameters are searched."""

    n_trials: int = Field(40, ge=1, le=100_000)
    """Variants that are tried."""
    search: dict[str, Values | None] | None = None
    """Parameters to search, and their values; a list of names, or null values, take the declared ranges. Null: all that declare one."""
    sampler: Sampler = "tpe"
    """How the next variant is chosen."""
    pruner: Pruner = "auto"
    """How hopeless variants are given up early."""
    objective: Objective = "error"
    """What is minimised on validation rows; two objectives give a Pareto front."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that try variants at once; GPUs are shared out."""
    storage: str | None = None
    """PostgreSQL URL without password for a study that several machines share. Null: a file of the run."""
    study: str | None = None
    """Name of the study in `storage`."""

    @field_validator("search", mode="before")
    @classmethod
    def _short_forms(cls, search: object) -> object:
        """Accept a name, a list of names, a list of choices as the values, and ``"auto"`` for the declared range."""
        if isinstance(search, str):
            return {search: None}
        if isinstance(search, list):
            return {str(name): None for name in search}
        if not isinstance(search, dict):
            return search
        return {name: _spelled_out(values) for name, values in search.items()}

    @field_validator("search")
    @classmethod
    def _something(cls, search: SearchSpec | None) -> SearchSpec | None:
        """Refuse a search of nothing."""
        if search is not None and not search:
            raise ValueError("names no parameter; leave it out to search all that model and training declare")
        return search

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Refuse what does not go together."""
        if self.study is not None and self.storage is None:
            raise ValueError(
                "study names one in a shared storage: give storage too; resume_run goes on with a run's own study"
            )
        if self.objective != "error" and self.sampler == "cmaes":
            raise ValueError("sampler='cmaes' minimises one objective; take 'tpe' for two")
        if self.objective != "error" and self.pruner not in ("auto", "none"):
            raise ValueError(f"pruner={self.pruner!r} compares one objective; with two leave it out")
        return self


def _spelled_out(values: object) -> object:
    if values == "auto":
        return None
    return {"choices": values} if isinstance(values, list) else values
