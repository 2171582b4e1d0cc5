"""One number, as it is told to a person."""

from collections.abc import Sequence

from pydantic import JsonValue

from scitrain.spec import Spec

__all__ = ["Headline", "metric_table"]


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
    baselines: dict[str, float | None] = {}
    """The same metric of the simple models."""

    def words(self) -> str:
        """Return the number with interval, unit and n."""
        where = f" of {self.target}" if self.target else ""
        if self.value is None:
            return f"{self.split} {self.title}{where}: not defined ({self.reason})"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.split} {self.title}{where}: {self.value:.3g}{interval}{unit}, n = {self.n:,}"


def metric_table(metrics: Sequence[Headline]) -> list[dict[str, JsonValue]]:
    """Return a row a metric for a terminal: the network with its interval, then the simple models."""
    return [
        {
            "metric": f"{m.split} {m.title}" + (f" of {m.target}" if m.target else ""),
            "network [95 % interval]": _with_interval(m),
            **{name: "–" if value is None else f"{value:.3g}" for name, value in m.baselines.items()},
            "unit": m.unit or "",
            "n": f"{m.n:,}",
        }
        for m in metrics
    ]


def _with_interval(metric: Headline) -> str:
    if metric.value is None:
        return f"– ({metric.reason})"
    interval = "" if metric.low is None or metric.high is None else f" [{metric.low:.3g}, {metric.high:.3g}]"
    return f"{metric.value:.3g}{interval}"
