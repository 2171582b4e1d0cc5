"""Tables of numbers, categories, truth values and dates."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import DataError
from scitrain.modalities._chunks import featurise_in_chunks, only_rows
from scitrain.spec import Spec

if TYPE_CHECKING:
    import numpy as np

__all__ = ["TableColumn", "TableFeaturiser", "Tabular"]

ROWS = 65536
UNIQUE = 0.9
"""Share of distinct values from which a column of words names its rows."""
LONG = 60
"""Mean characters from which a column of words is prose."""


class TableColumn(Spec):
    """What was learned of one column from the training rows."""

    name: str
    kind: Literal["number", "boolean", "date", "category"]
    why: str
    """Why it is taken for that."""
    indicator: bool
    """Whether a further column flags missing cells; on where a training row lacks it."""
    optional: bool
    """Whether a cell may be missing; where none ever was, a prediction from a missing one would be made up."""
    style: str = "plain"
    """Spelling of numbers: plain 1234.5, thousands 1,234.5, comma 1.234,5, percent 12 %."""
    shift: float = 0.0
    """Subtracted before the cast to float32."""
    scale: float = 1.0
    """Divided by before the cast to float32."""
    order: str = "ymd"
    """Order of year, month and day."""
    origin: float = 0.0
    """First training date, in seconds since 1970 UTC."""
    phases: tuple[str, ...] = ()
    """Rhythms of a date: year, day."""
    levels: tuple[str, ...] = ()
    """Categories with a column of their own."""


class TableFeaturiser(Featuriser):
    """x = numbers, truth values and dates (NaN where missing) ⊕ one-hot categories ⊕ flags of missing cells."""

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["table_features"] = "table_features"
    columns: tuple[TableColumn, ...]
    """Columns in the order of the table."""

    def module(self) -> Path:
        """Return the file that reads cells."""
        return Path(__file__).with_name("_table_features.py")

    def options(self) -> dict[str, object]:
        """Return what was learned of each column."""
        return {"columns": [column.model_dump(mode="json", exclude={"why"}) for column in self.columns]}

    def shape(self) -> InputShape:
        """Return a vector of values and flags."""
        from scitrain.modalities._table_features import blocks

        found = blocks(self.options())
        return InputShape("vector", (max(end for _, end in found.values()),), blocks=found)

    def names(self) -> tuple[str, ...]:
        """Return names such as ``phase = alpha``."""
        from scitrain.modalities._table_features import names

        return tuple(names(self.options()))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, width), NaN where a value is missing."""
        from scitrain.modalities._table_features import featurise

        used = {column.name: columns[column.name] for column in self.columns}
        return featurise_in_chunks(featurise, used, self.options(), ROWS, tick)


class Tabular(Modality):
    """Columns of numbers, truth values, dates and words."""

    name: ClassVar[str] = "tabular"
    default_split: ClassVar[str] = "random"
    default_split_reason: ClassVar[str] = "nothing in the table says that rows belong together"
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector",)
    fills: ClassVar[Literal["never", "asked", "auto"]] = "auto"

    def recognise(self, columns: Columns) -> Recognition | None:
        """Take every column that can become numbers; leave out prose, row names and empty columns."""
        left = {name: reason for name, cells in columns.items() if (reason := _unusable(cells))}
        used = tuple(name for name in columns if name not in left)
        if not used:
            return None
        out = "".join(f"; left out {name}: {reason}" for name, reason in left.items())
        return Recognition(used, 0.4, f"{len(used)} columns hold numbers, categories, truth values or dates{out}")

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Keep the text; a cell unlike the rest of its column is an error, a missing one too unless ``impute``."""
        from scitrain.modalities._table_columns import examine

        errors: dict[int, str] = {}
        for done, (name, cells) in enumerate(columns.items(), start=1):
            seen = examine(cells)
            for row in seen.bad:
                errors.setdefault(row, f"{name}: {cells[row][:60]!r} is no {seen.what.kind}; {seen.what.reason}")
            for row in () if impute else seen.absent.nonzero()[0].tolist():
                errors.setdefault(row, f"{name}: missing; fill it in, or ask for rows='impute'")
            if tick is not None:
                tick(done * len(cells) // len(columns), len(cells))
        return Cleaned(columns, errors)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Learn each column's categories, dates, magnitudes and missing flags from training rows.

        What kind of column it is, is decided from all rows, so that no later row contradicts it; that uses no label.
        """
        learned = [_learn(name, cells, train) for name, cells in columns.items()]
        found = tuple(column for column in learned if column is not None)
        if not found:
            raise DataError(f"none of the columns {', '.join(columns)} has a value in the training rows")
        if all(column.kind == "category" and not column.levels for column in found):
            raise DataError(
                f"no word of {', '.join(columns)} occurs twice in the training rows, as in prose, names or ids: there is nothing to learn "
                "from; give other columns in `inputs`"
            )
        return TableFeaturiser(columns=found)

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return a hash of each row's values: 1.0 and 1 are the same number."""
        import numpy as np

        from scitrain.modalities._table_columns import examine

        keys = np.column_stack([examine(cells, tolerance=0).values + 0.0 for cells in columns.values()])
        keys[np.isnan(keys)] = np.nan  # one bit pattern for all
        return [hashlib.blake2b(row, digest_size=12).hexdigest() for row in keys]


def _learn(name: str, cells: Sequence[str], train: "np.ndarray") -> TableColumn | None:
    """Return what training rows say of a column, None where they say nothing."""
    from scitrain.modalities._table_columns import examine, learn_category, learn_date, learn_number

    seen = examine(cells, tolerance=0)  # mistakes were left out by ``clean``; what is left must never fail
    lacking, own = seen.absent[train], seen.values[train]
    if lacking.all():
        return None
    learned: dict[str, Any] = {"name": name, "kind": seen.what.kind, "why": seen.what.reason}
    learned |= {"indicator": bool(lacking.any()), "optional": bool(seen.absent.any())}
    if seen.what.kind == "number":
        learned |= {"style": seen.what.detail, **learn_number(own)}
    elif seen.what.kind == "date":
        learned |= {"order": seen.what.detail, **learn_date(own)}
    elif seen.what.kind == "category":
        learned |= {"levels": learn_category(only_rows(cells, train))}
    return TableColumn(**learned)


def _unusable(cells: Sequence[str]) -> str | None:
    """Return why a column of a sample is no use, or None."""
    from scitrain.modalities._table_columns import guess

    what = guess(cells)
    filled = [cell.strip() for cell in cells if cell.strip()]
    if what.kind != "category":
        return None if what.kind else what.reason
    if sum(map(len, filled)) > LONG * len(filled):
        return "its cells are prose"
    if len(filled) >= 20 and len(set(filled)) > UNIQUE * len(filled):
        return "nearly every cell is different, as in a name or an id"
    return None
