"""One number, as it is told to a person."""

from scitrain.spec import Spec

__all__ = ["Headline"]


class Headline(Spec):
    """One number a person is told first."""

    name: str
    title: str
    target: str | None
    """Null is the mean over several targets."""
    value: float | None
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    """Upper end."""
    unit: str | None
    """An empty string is dimensionless, null a unit that nobody stated."""
    n: int
    split: str
    reason: str | None = None
    """Why something is null."""

    def words(self) -> str:
        """Return the number with interval, unit and n."""
        where = f" of {self.target}" if self.target else ""
        if self.value is None:
            return f"{self.split} {self.title}{where}: not defined ({self.reason})"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.split} {self.title}{where}: {self.value:.3g}{interval}{unit}, n = {self.n:,}"
