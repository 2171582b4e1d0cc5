"""How a long table was put together to series."""

from scitrain.spec import Spec

__all__ = ["SeriesLayout"]


class SeriesLayout(Spec):
    """How rows of a long table became series: what is needed to read another such table alike."""

    id: str | None
    """Column that says which series a row belongs to."""
    time: str
    """Column with the time, or the place on the axis."""
    values: tuple[str, ...]
    """Columns whose values make the series, a channel each."""
    target: str | None = None
    """Column that is forecast, the first of ``values``; None where whole series have a target."""
    horizon: int | None = None
    """Values that are forecast."""
    window: int | None = None
    """Values that a forecast looks back on."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the forecast values."""
        return tuple(f"{self.target}+{step}" for step in range(1, (self.horizon or 0) + 1))
