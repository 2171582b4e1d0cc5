"""What is told of two runs compared on the same rows."""

from pydantic import BaseModel

__all__ = ["Pair"]


class Pair(BaseModel):
    """Whether the best run is better than another on the rows that both were tested on."""

    best: str
    other: str
    n: int
    improvement: float | None = None
    """Positive is in the best one's favour."""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Paired bootstrap, corrected by Holm."""
    reason: str | None = None

    def words(self, unit: str | None) -> str:
        """Return the pair as a sentence."""
        if self.improvement is None:
            return f"{self.best} against {self.other}: not paired ({self.reason})"
        interval = f" [{self.low:.3g}, {self.high:.3g}]" if self.low is not None and self.high is not None else ""
        said = (
            f"improvement {self.improvement:.3g}{interval}{f' {unit}' if unit else ''} on {self.n:,} shared test rows"
        )
        return f"{self.best} against {self.other}: {said}" + ("" if self.p is None else f", p = {self.p:.2g}")
