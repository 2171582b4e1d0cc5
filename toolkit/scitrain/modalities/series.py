"""Spectra and time series: many columns along a numeric axis, or all values of a row in one cell."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import ScitrainError
from scitrain.modalities._chunks import featurise_in_chunks

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Series", "SeriesChannels", "SeriesValues"]

ROWS = 8192
POINTS = 12
"""Fewest columns that make an axis."""
LISTED = 6
"""Fewest numbers in a cell that make a series."""
SMOOTH = 0.8
"""Median correlation of neighbouring columns from which a table is a sampled curve: unrelated columns have about 0."""
READABLE = 0.9
MOSTLY = 0.9
"""Share of the rows that must have one length; the others are mistakes. Below it rows differ in length by nature."""
GENTLE = 0.2
"""Change from point to point, in deviations of its row, up to which a derivative shows more than noise."""
WINDOW = 9
"""Points that a derivative is smoothed over."""
_AXIS = re.compile(r"^(\D*?)([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)(\D*)$")


class _Values(Featuriser):
    """What both forms share."""

    requirements: ClassVar[tuple[str, ...]] = ()
    adjustable: ClassVar[tuple[str, ...]] = ("views", "window")

    columns: tuple[str, ...]
    """A column a point, or a column a channel."""
    layout: Literal["columns", "cells"]
    """Whether a column is a point, or a cell holds a whole series."""
    length: int = Field(ge=1)
    """Values of a row, in each channel."""
    axis: tuple[float, ...] = ()
    """Where the columns lie; empty where points are evenly spaced."""
    center: tuple[float, ...]
    """Mean of the training values, one a channel."""
    scale: tuple[float, ...]
    """Their standard deviation."""
    ragged: bool = False
    """Rows may be shorter than ``length``."""
    fill: bool = False
    """Gaps are filled in along a line."""
    views: tuple[Literal["values", "snv", "d1", "d2"], ...]
    """What is made of the values: themselves, their standard normal variate, first and second derivative."""
    window: int = Field(WINDOW, ge=5, le=101)
    """Points, an odd number, that a derivative is smoothed over."""
    why: str = ""
    """Why these views."""

    @field_validator("views")
    @classmethod
    def _some(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        if not views:
            raise ValueError("name at least one view: values, snv, d1, d2")
        return tuple(dict.fromkeys(views))

    @field_validator("window")
    @classmethod
    def _odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError("a window has a middle: an odd number of points, such as 9")
        return window

    def module(self) -> Path:
        """Return the file that reads and differentiates."""
        return Path(__file__).with_name("_series_features.py")

    def options(self) -> dict[str, object]:
        """Return columns, layout, length and what is made of the values."""
        return self.model_dump(mode="json", exclude={"kind", "why"}) | {"output": self.output}

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, width) or (n, channels, length)."""
        from scitrain.modalities._series_features import featurise

        self._check()
        used = {name: columns[name] for name in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)

    def reason(self) -> str:
        """Return what is made of the values, and why."""
        return f"{', '.join(self.views)}: {self.why}"

    def _check(self) -> None:
        derived = {"d1", "d2"} & set(self.views)
        if derived and (self.window > self.length or self.ragged):
            short = "rows of different lengths" if self.ragged else f"rows of {self.length} values"
            raise ScitrainError(
                f"derivatives over {self.window} points cannot be taken of {short}; take views values, snv"
            )


class SeriesValues(_Values):
    """x = the views of a row side by side, such as values ⊕ standard normal variate ⊕ second derivative."""

    output: ClassVar[InputKind] = "vector"

    kind: Literal["series_values"] = "series_values"

    def shape(self) -> InputShape:
        """Return a vector with a block a view."""
        from scitrain.modalities._series_features import blocks

        found = blocks(self.options())
        return InputShape("vector", (max(end for _, end in found.values()),), blocks=found)

    def names(self) -> tuple[str, ...]:
        """Return names such as ``d2 at 850.0``."""
        from scitrain.modalities._series_features import names

        return tuple(names(self.options()))


class SeriesChannels(_Values):
    """x = a channel for each view of each column, (channels, length); rows that differ in length add one that says where they end."""

    output: ClassVar[InputKind] = "series"

    kind: Literal["series_channels"] = "series_channels"

    def shape(self) -> InputShape:
        """Return (channels, length)."""
        channels = len(self.views) * len(self.center) + self.ragged
        return InputShape(
            "series", (channels, self.length), blocks={"there": (channels - 1, channels)} if self.ragged else {}
        )


class Series(Modality):
    """Columns along an axis such as 850.0, 852.0, …, or columns whose cells hold many numbers."""

    name: ClassVar[str] = "series"
    default_split: ClassVar[str] = "random"
    default_split_reason: ClassVar[str] = "nothing says that the series belong together"
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector", "series")
    fills: ClassVar[Literal["never", "asked", "auto"]] = "asked"

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find cells with many numbers, else columns whose names are an axis and whose neighbours go together."""
        listed = tuple(name for name, cells in columns.items() if _lists_numbers(cells))
        if listed:
            return Recognition(listed, 0.95, f"the cells of {', '.join(listed[:4])} each hold a row of numbers")
        group = max(_axes(list(columns)), key=len, default=())
        numeric = sum(_numeric(cells) for cells in columns.values())
        if len(group) < POINTS or len(group) < 0.5 * numeric or not all(_numeric(columns[name]) for name in group):
            return None
        together = _neighbours_agree([columns[name] for name in group])
        if together < SMOOTH:
            return None
        ends = f"{group[0]} … {group[-1]}"
        why = f"{len(group)} numeric columns, {ends}, are an axis, and neighbours go together (correlation {together:.2f})"
        return Recognition(group, 0.9, why)

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Refuse what is no number, rows of another length, and gaps unless ``impute``."""
        from scitrain.modalities._series_features import read

        options = _shape_of(columns) | {"fill": impute}
        n = len(next(iter(columns.values())))
        errors: dict[int, str] = {}
        for start in range(0, n, ROWS):
            some = {name: list(cells[start : start + ROWS]) for name, cells in columns.items()}
            errors |= {start + row: problem for row, problem in enumerate(read(some, options)[1]) if problem}
            if tick is not None:
                tick(min(start + ROWS, n), n)
        return Cleaned(columns, errors)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Learn mean and deviation from the training rows, and whether their curves are smooth enough for derivatives."""
        import numpy as np

        from scitrain.modalities._series_features import read

        shape = _shape_of(columns)
        rows = np.sort(train)[:: max(1, len(train) // 20_000)]
        sample = {name: [cells[int(row)] for row in rows] for name, cells in columns.items()}
        values, problems = read(sample, shape | {"fill": True})
        values = values[[problem is None for problem in problems]]
        deviation = np.nanstd(values, axis=(0, 2))
        smooth = not shape["ragged"] and values.shape[2] >= POINTS and _gentle(values)
        views, why = (
            (("values", "snv", "d2"), "the curves are smooth, so baselines and scatter can be taken out of them")
            if smooth
            else (("values",), "neighbouring points differ too much for derivatives")
        )
        learned = {
            "center": tuple(np.nanmean(values, axis=(0, 2)).tolist()),
            "scale": tuple(np.where(deviation > 0, deviation, 1.0).tolist()),
            "fill": _any_gap(columns, shape),
            "views": views,
            "window": WINDOW,
            "why": why,
        }
        made = SeriesChannels if kind == "series" else SeriesValues
        return made.model_validate(shape | learned)

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return a hash of each row's numbers: 1.0 and 1 are the same value."""
        from scitrain.modalities._series_features import read

        values, problems = read(
            {name: list(cells) for name, cells in columns.items()}, _shape_of(columns) | {"fill": True}
        )
        keys = [hashlib.blake2b((row + 0.0).tobytes(), digest_size=12).hexdigest() for row in values]
        return [f"row {row}" if problem else key for row, (key, problem) in enumerate(zip(keys, problems, strict=True))]


def axis_of(names: Sequence[str]) -> tuple[float, ...] | None:
    """Return the positions that column names say, such as ``850.0 nm``; None where they are no axis."""
    found = [_AXIS.match(name.strip()) for name in names]
    if not all(found) or len({(m[1], m[3]) for m in found if m}) != 1:
        return None
    at = [float(m[2].replace(",", ".")) for m in found if m]
    rising = all(a < b for a, b in pairwise(at))
    falling = all(a > b for a, b in pairwise(at))
    return tuple(at) if rising or falling else None


def _axes(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the groups of columns that are an axis."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        if found := _AXIS.match(name.strip()):
            groups[found[1], found[3]].append(name)
    return [tuple(group) for group in groups.values() if axis_of(group)]


def _numeric(cells: Sequence[str]) -> bool:
    """Tell whether the filled cells of a sample are numbers."""
    from scitrain.modalities._series_features import MISSING

    filled = [text for cell in cells if (text := cell.strip()).lower() not in MISSING]
    return bool(filled) and sum(map(_is_number, filled)) >= READABLE * len(filled)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lists_numbers(cells: Sequence[str]) -> bool:
    """Tell whether the filled cells of a sample hold many numbers each."""
    from scitrain.modalities._series_features import MISSING, numbers_in

    filled = [cell for cell in cells if cell.strip()]
    parts = [numbers_in(cell) for cell in filled]
    good = sum(len(p) >= LISTED and all(_is_number(x) or x.lower() in MISSING for x in p) for p in parts)
    return bool(filled) and good >= READABLE * len(filled)


def _neighbours_agree(columns: Sequence[Sequence[str]]) -> float:
    """Return the median correlation of neighbouring columns over the rows of a sample."""
    import numpy as np

    table = np.array([[float(c) if _is_number(c) else np.nan for c in cells] for cells in columns])
    table = table[:, np.isfinite(table).all(axis=0)]
    if table.shape[1] < 3:
        return 0.0
    centred = table - table.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1))
    product = size[1:] * size[:-1]
    agree = (centred[1:] * centred[:-1]).sum(axis=1) / np.where(product > 0, product, 1.0)
    return float(np.median(agree))


def _shape_of(columns: Columns) -> dict[str, object]:
    """Return columns, layout, axis, length, and whether rows differ in length by nature."""
    from scitrain.modalities._series_features import numbers_in

    named: dict[str, object] = {"columns": tuple(columns)}
    counts = Counter(len(numbers_in(cell)) for cells in columns.values() for cell in cells if cell.strip())
    if len(columns) >= POINTS or not counts or counts.most_common(1)[0][0] < 2:
        axis = axis_of(list(columns)) or ()
        return named | {"layout": "columns", "axis": axis, "length": len(columns), "ragged": False}
    length, times = counts.most_common(1)[0]
    ragged = times < MOSTLY * counts.total()
    return named | {"layout": "cells", "axis": (), "length": max(counts) if ragged else length, "ragged": ragged}


def _any_gap(columns: Columns, shape: dict[str, object]) -> bool:
    """Tell whether any row has a gap: then later ones may, and are filled in alike."""
    from scitrain.modalities._series_features import MISSING, numbers_in

    wide = shape["layout"] == "columns"
    return any(
        part.strip().lower() in MISSING
        for cells in columns.values()
        for cell in cells
        for part in ([cell] if wide else numbers_in(cell))
    )


def _gentle(values: "np.ndarray") -> bool:
    """Tell whether rows change little from point to point, in deviations of the row."""
    import numpy as np

    spread = values.std(axis=2)
    change = np.diff(values, axis=2).std(axis=2) / np.where(spread > 0, spread, 1.0)
    return bool(len(values)) and float(np.median(change)) <= GENTLE
