"""What is predicted: read labels, and tell regression from classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scitrain.data.columns import as_arrow
from scitrain.data.options import Task
from scitrain.data.prepared import Target
from scitrain.data.source import Broken, Source
from scitrain.data.values import missing_mask, numbers, spelt_numbers
from scitrain.errors import DataError, UnknownNameError, listed

__all__ = ["Chosen", "Labels", "check_labels", "choose_task", "read_labels"]

MAX_CLASSES = 1000
FEW_VALUES = 20
"""Whole numbers 0…k−1 with at most so many values may be class indices."""
ROWS_A_CLASS = 20
"""… when there are so many rows a value."""
NEGATIVE = (
    "0",
    "false",
    "no",
    "n",
    "f",
    "negative",
    "neg",
    "inactive",
    "-1",
    "absent",
    "fail",
    "failed",
    "off",
    "non-toxic",
    "control",
)


@dataclass(frozen=True)
class Labels:
    """Labels of every row of a source."""

    task: Task
    targets: tuple[Target, ...]
    y: np.ndarray
    """float32 (n, targets), NaN where missing; int64 (n,) for ``multiclass``, −1 where missing."""
    problems: dict[int, Broken] = field(default_factory=dict)
    """Row index to why it cannot be used."""


@dataclass(frozen=True)
class _Values:
    """What the labels of one column look like."""

    name: str
    labelled: int
    distinct: tuple[str, ...]
    """Different labels, at most `MAX_CLASSES` + 1 of them."""
    numeric: np.ndarray
    """Different finite numbers, ascending."""
    share: float
    """Share of the labels that are finite numbers."""
    remark: str
    """How numbers are written where that is not plain."""

    @property
    def is_numeric(self) -> bool:
        """Mostly numbers: the few others are mistakes, to be named by line."""
        return self.share >= 0.9 or (self.share > 0.5 and len(self.numeric) > FEW_VALUES)

    @property
    def whole(self) -> bool:
        return bool(np.all(self.numeric == np.round(self.numeric)))


class Chosen(NamedTuple):
    """What is predicted."""

    task: Task
    kinds: tuple[Task, ...]
    """By target: ``regression``, ``binary`` or ``multiclass``."""
    why: str


def choose_task(columns: Mapping[str, Sequence[str]], asked: Task | str | Mapping[str, Task]) -> Chosen:
    """Return the task, and that of each target, with the reason.

    Raises:
        DataError: The values allow no task, or not the one that was asked for.
        UnknownNameError: A task was asked for of a column that is no target.
    """
    found = [_look(name, cells) for name, cells in columns.items()]
    empty = [values.name for values in found if values.labelled == 0]
    if empty:
        raise DataError(f"column {listed(empty)} holds no label; choose another target, or fill it in")
    if asked == "mixed" or not isinstance(asked, str):
        return _by_target(found, {} if isinstance(asked, str) else asked)
    if asked != "auto":
        _check_asked(found, asked)
        return _alike(asked, found, "asked for")  # type: ignore[arg-type]  # one of Task's words, as DataOptions has checked
    if len(found) == 1:
        task, why = _one(found[0])
        return Chosen(task, (task,), why)
    return _several(found)


def _alike(task: Task, found: Sequence[_Values], why: str) -> Chosen:
    return Chosen(task, ("binary" if task == "multilabel" else task,) * len(found), why)


def _by_target(found: list[_Values], asked: Mapping[str, Task]) -> Chosen:
    """Take what was asked of some targets, and read the others' off their values."""
    names = [values.name for values in found]
    if unknown := [name for name in asked if name not in names]:
        raise UnknownNameError("target", unknown[0], names)
    if len(found) == 1 and not asked:
        raise DataError(f"task='mixed' has several targets, and {names[0]!r} is the only one; leave task out")
    kinds, reasons = [], []
    for values in found:
        kind = asked.get(values.name)
        if kind == "mixed":
            raise DataError(f"task={{{values.name!r}: 'mixed'}}: one target is regression, binary or multiclass")
        if kind is not None:
            _check_asked([values], kind)
        kind, why = _among_others(values) if kind is None else (kind, f"{values.name} is {kind}, as asked for")
        kinds.append("binary" if kind == "multilabel" else kind)
        reasons.append(why)
    return Chosen(_together(kinds), tuple(kinds), "; ".join(reasons))


def _together(kinds: Sequence[Task]) -> Task:
    if len(kinds) == 1:
        return kinds[0]
    alike = {"regression": "regression", "binary": "multilabel"}
    return alike.get(kinds[0], "mixed") if len(set(kinds)) == 1 else "mixed"  # type: ignore[return-value]  # words of Task


def _look(name: str, cells: Sequence[str]) -> _Values:
    read = spelt_numbers(cells)
    labelled = int((~read.missing).sum())
    finite = read.values[~np.isnan(read.values) & ~read.missing]
    labels = pc.filter(pc.utf8_trim_whitespace(as_arrow(cells)), pa.array(~read.missing))
    distinct = tuple(pc.unique(labels)[: MAX_CLASSES + 1].to_pylist())
    share = len(finite) / labelled if labelled else 0.0
    return _Values(name, labelled, distinct, np.unique(finite), share, read.remark)


def _one(values: _Values) -> tuple[Task, str]:
    k = len(values.numeric)
    if values.is_numeric:
        if k == 2 and values.whole:
            return "binary", f"{values.name} has two values, {values.numeric[0]:g} and {values.numeric[1]:g}"
        indices = (
            values.whole
            and 2 < k <= FEW_VALUES
            and values.numeric[0] in (0, 1)
            and values.numeric[-1] - values.numeric[0] == k - 1
        )
        if indices and values.labelled >= ROWS_A_CLASS * k:
            ends = f"{values.numeric[0]:g}…{values.numeric[-1]:g}"
            return (
                "multiclass",
                f"{values.name} has only the {k} whole values {ends}; task='regression' takes them as numbers",
            )
        return "regression", f"{values.name} has {k:,} different numbers{values.remark}"
    classes = len(values.distinct)
    if classes == 2:
        return "binary", f"{values.name} has two values, {values.distinct[0]!r} and {values.distinct[1]!r}"
    if classes > MAX_CLASSES or classes > 0.5 * values.labelled:
        raise DataError(
            f"column {values.name!r} holds text with {_count(classes)} different values in {values.labelled:,} rows, such as "
            f"{listed(map(repr, values.distinct), 3)}: neither numbers nor classes; choose another target"
        )
    return "multiclass", f"{values.name} has {classes} different words"


def _several(found: list[_Values]) -> Chosen:
    """Take numbers for numbers, however few they are: of several targets only words, and 0 and 1, are classes."""
    names = listed(values.name for values in found)
    if all(values.is_numeric and set(values.numeric) <= {0.0, 1.0} for values in found):
        return _alike("multilabel", found, f"{names} hold only 0 and 1")
    if all(not values.is_numeric and len(values.distinct) <= 2 for values in found):
        words = listed(map(repr, found[0].distinct))
        return _alike("multilabel", found, f"{names} hold only words such as {words}")
    kinds, reasons = zip(*map(_among_others, found), strict=True)
    if set(kinds) == {"regression"}:
        remarks = "".join(dict.fromkeys(values.remark for values in found))
        return _alike("regression", found, f"{names} are numbers{remarks}")
    return Chosen(_together(kinds), kinds, f"{'; '.join(reasons)}; a head each on one encoder")


def _among_others(values: _Values) -> tuple[Task, str]:
    if values.is_numeric and not set(values.numeric) <= {0.0, 1.0}:
        return "regression", f"{values.name} has {len(values.numeric):,} different numbers{values.remark}"
    return _one(values)


def _count(classes: int) -> str:
    return f"more than {MAX_CLASSES:,}" if classes > MAX_CLASSES else f"{classes:,}"


def _check_asked(found: list[_Values], asked: str) -> None:
    several = len(found) > 1
    if several and asked in {"binary", "multiclass"}:
        raise DataError(
            f"task={asked!r} has one target, but {len(found)} were given; say task='multilabel' for 0/1 columns, or give one target"
        )
    for values in found:
        if asked in {"binary", "multilabel"} and len(values.distinct) > 2 and len(values.numeric) != 2:
            raise DataError(
                f"task={asked!r} needs two values in {values.name!r}, but it has {_count(len(values.distinct))}: "
                f"{listed(map(repr, values.distinct), 5)}; say task='multiclass' or 'regression'"
            )
        if asked == "multiclass" and (
            len(values.distinct) > MAX_CLASSES or len(values.distinct) > 0.5 * values.labelled
        ):
            raise DataError(
                f"task='multiclass' needs classes that repeat, but {values.name!r} has {_count(len(values.distinct))} different values "
                f"in {values.labelled:,} rows; say task='regression' where it is a number"
            )


def read_labels(source: Source, names: Sequence[str], chosen: Chosen, units: Mapping[str, str]) -> Labels:
    """Read the labels of every row.

    Raises:
        DataError: Regression was asked for where most values are text; names the first by line.
    """
    task = chosen.task
    if task == "multiclass":
        return _multiclass(source, names[0])
    targets, ys = [], []
    problems: dict[int, Broken] = {}
    for name, kind in zip(names, chosen.kinds, strict=True):
        target, y, bad = READERS[kind](source, name)
        unit = units.get(name, target.unit) if kind == "regression" else target.unit
        targets.append(target.model_copy(update={"unit": unit}))
        ys.append(y)
        problems |= bad
    y = np.stack(ys, axis=1).astype(np.float32)
    for i in np.flatnonzero(np.isnan(y).all(axis=1)):
        problems.setdefault(int(i), _unlabelled(source, names, int(i)))
    return Labels(task, tuple(targets), y, problems)


def _unlabelled(source: Source, names: Sequence[str], i: int) -> Broken:
    shown = source.columns[names[0]][i] if len(names) == 1 else ""
    return Broken(int(source.lines[i]), names[0] if len(names) == 1 else "", shown, "has no label")


def _numbers_of(source: Source, name: str) -> tuple[Target, np.ndarray, dict[int, Broken]]:
    cells = source.columns[name]
    read = spelt_numbers(cells)
    bad = np.flatnonzero(read.bad)
    if len(bad) > 0.5 * (~read.missing).sum():
        first = int(bad[0])
        raise DataError(
            f"{source.name}: regression needs numbers in {name!r}, but {source.place} {source.lines[first]} holds {cells[first][:80]!r} "
            f"({len(bad):,} of {(~read.missing).sum():,} values are no numbers); choose another target, or say task='multiclass'"
        )
    problems = {int(i): Broken(int(source.lines[i]), name, cells[int(i)], _why_no_number(cells[int(i)])) for i in bad}
    return Target(name=name, unit="%" if read.spelling == "percent" else None), read.values, problems


def _why_no_number(cell: str) -> str:
    if cell.strip().lower().lstrip("+-") in {"inf", "infinity"}:
        return "target is infinite"
    if cell.strip()[:1] in {"<", ">", "≤", "≥", "~"}:
        return "target is a bound, not a number"
    try:
        float(cell)
    except ValueError:
        return "target is not a number"
    return "target is too large, or not in plain decimal notation"


def _classes(cells: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return sorted class names and the index (n,) of each row's class, −1 where missing; 1.0 and 1 are one class."""
    missing = missing_mask(cells)
    encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(as_arrow(cells)))
    codes, words = np.asarray(encoded.indices), encoded.dictionary.to_pylist()
    used = np.unique(codes[~missing])
    as_numbers = numbers([words[i] for i in used]).values
    numeric = len(used) > 0 and not np.isnan(as_numbers).any()
    named = {int(i): _number_name(x) if numeric else words[i] for i, x in zip(used, as_numbers, strict=True)}
    classes = sorted(
        set(named.values()), key=(lambda name: (float(name), name)) if numeric else (lambda name: (0.0, name))
    )
    table = np.full(len(words), -1, dtype=np.int64)
    for i, name in named.items():
        table[i] = classes.index(name)
    found = table[codes]
    found[missing] = -1
    return classes, found


def _number_name(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _multiclass(source: Source, name: str) -> Labels:
    classes, y = _classes(source.columns[name])
    problems = {int(i): _unlabelled(source, [name], int(i)) for i in np.flatnonzero(y < 0)}
    return Labels("multiclass", (Target(name=name, classes=tuple(classes)),), y, problems)


def _two_of(source: Source, name: str) -> tuple[Target, np.ndarray, dict[int, Broken]]:
    cells = source.columns[name]
    classes, codes = _classes(cells)
    problems: dict[int, Broken] = {}
    if len(classes) > 2:
        # Mostly 0/1: the few others are mistakes.
        as_numbers = numbers(classes).values
        names = [c for c, x in zip(classes, as_numbers, strict=True) if not np.isnan(x)]
        allowed = {classes.index(c) for c in names}
        for i in np.flatnonzero(~np.isin(codes, [*allowed, -1])):
            problems[int(i)] = Broken(
                int(source.lines[i]), name, cells[int(i)], f"target is neither {names[0]} nor {names[1]}"
            )
            codes[i] = -1
    else:
        names = classes
    ordered = _negative_first(names)
    y = np.full(len(codes), np.nan, dtype=np.float32)
    for value, label in enumerate(ordered):
        y[codes == classes.index(label)] = value
    return Target(name=name, classes=tuple(ordered)), y, problems


def _many_of(source: Source, name: str) -> tuple[Target, np.ndarray, dict[int, Broken]]:
    classes, codes = _classes(source.columns[name])
    y = np.where(codes < 0, np.nan, codes).astype(np.float32)
    return Target(name=name, classes=tuple(classes)), y, {}


READERS: dict[Task, Callable[[Source, str], tuple[Target, np.ndarray, dict[int, Broken]]]] = {
    "regression": _numbers_of,
    "binary": _two_of,
    "multiclass": _many_of,
}
"""How a target among several is read."""


def _negative_first(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.lower() not in NEGATIVE, names.index(name)))


def check_labels(task: Task, targets: Sequence[Target], y: np.ndarray) -> None:
    """Refuse labels from which nothing can be learned.

    Raises:
        DataError: A target has one value only in all usable rows.
    """
    columns = [y] if y.ndim == 1 else list(y.T)
    for target, column in zip(targets, columns, strict=True):
        labelled = column[column >= 0] if task == "multiclass" else column[~np.isnan(column)]
        values = np.unique(labelled)
        if len(values) >= 2:
            continue
        if len(values) == 0:
            raise DataError(
                f"no usable row has a label of {target.name!r}; leave it out of `target`, or look at the rejected rows"
            )
        shown = f"{values[0]:g}" if target.classes is None else repr(target.classes[int(values[0])])
        what = "is the same value" if target.classes is None else "is one class"
        raise DataError(
            f"target {target.name!r} {what}, {shown}, in all {len(labelled):,} usable rows: there is nothing to learn; "
            "choose another target, or add rows that differ"
        )
