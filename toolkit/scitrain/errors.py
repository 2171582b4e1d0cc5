"""Failures a user can act on. Anything else that escapes is a bug in this package."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "CancelledError",
    "DataError",
    "MissingExtraError",
    "PathNotAllowedError",
    "RunNotFoundError",
    "RunStateError",
    "ScitrainError",
    "UnknownNameError",
    "did_you_mean",
    "listed",
]


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Join names for a message, cutting a long list where a reader would stop reading."""
    words = [str(name) for name in names]
    tail = f", … ({len(words)} in all)" if len(words) > limit else ""
    return ", ".join(words[:limit]) + tail


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'? `` for the nearest known name, or an empty string where none is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]!r}? " if near else ""


class ScitrainError(Exception):
    """Base of every failure whose message tells the user what was given, what was expected and what to do."""


class UnknownNameError(ScitrainError):
    """A name is not among those that exist (a column, a model family, a built-in data set …)."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no {kind} named {name!r}; {did_you_mean(name, known)}known: {listed(known) or 'none'}")


class DataError(ScitrainError):
    """The data cannot be used as asked."""


class PathNotAllowedError(ScitrainError):
    """A path leads out of the folders that may be read or written."""


class RunNotFoundError(ScitrainError):
    """A run id names no run directory."""

    def __init__(self, run_id: str, known: Sequence[str]) -> None:
        hint = f"newest runs: {listed(known, 5)}" if known else "no run has been recorded in this workspace yet"
        super().__init__(f"no run named {run_id!r}; {did_you_mean(run_id, known)}{hint}; list_runs shows them all")


class RunStateError(ScitrainError):
    """A run is not in a state in which this can be done."""


class CancelledError(ScitrainError):
    """Somebody asked the run to stop."""


class MissingExtraError(ScitrainError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed; `pip install 'scitrain[{extra}]'` adds it"
        )
