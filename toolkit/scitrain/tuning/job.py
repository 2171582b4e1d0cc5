"""One search with nothing left open: what each of its processes is told."""

from typing import Literal

from pydantic import JsonValue

from scitrain.spec import Spec
from scitrain.tuning.options import Sampler
from scitrain.tuning.space import Space

__all__ = ["Goal", "SearchJob"]


class Goal(Spec):
    """A number that is minimised."""

    name: str
    """``error``, ``latency`` or ``parameters``."""
    title: str
    """As a person reads it, such as ``validation RMSE of logS``."""
    unit: str | None
    """An empty string is dimensionless, None a unit that nobody stated."""

    def words(self) -> str:
        """Return title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


class SearchJob(Spec):
    """What is searched, how, and for how long."""

    space: Space
    sampler: Sampler
    pruner: Literal["hyperband", "median", "none"]
    goals: list[Goal]
    n_trials: int
    seed: int
    epochs: int
    """Most epochs of a trial, alike for all: what is reported after the k-th can be compared."""
    patience: int
    workers: int
    start: dict[str, JsonValue]
    """Values of the untuned network, which are tried first."""
    deadline: float | None
    """`time.time` at which the search ends, in seconds."""
    storage: str | None
    """PostgreSQL URL, or None for a file of the run."""
    study: str
    """Name of the study."""
    identity: str
    """Hash of data, network, space and goals: only trials of the same question are shared."""
