"""Divide rows into train, val and test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scitrain.data.options import SplitOptions, Task
from scitrain.errors import DataError, listed

__all__ = ["MIN_ROWS", "Division", "Rows", "Split", "balanced_groups", "divide", "stratified", "too_few"]

MIN_ROWS = 10
"""Fewer rows give no train, val and test split that says anything."""
GOLDEN = 0.6180339887498949
PARTS = ("train", "val", "test")
Split = dict[str, np.ndarray]


@dataclass(frozen=True)
class Rows:
    """What a split looks at."""

    identity: np.ndarray
    """int64 (n,): rows with the same input share a number."""
    y: np.ndarray
    """Labels as in `Prepared`."""
    task: Task
    seed: int
    groups: Callable[[str], Sequence[str] | None]
    """Group of each row for a group split such as ``scaffold``; None where the modality has none."""
    default: tuple[str, str] = ("random", "")
    """Split kind of the modality, and its reason."""
    column: np.ndarray | None = None
    """Values of the split column: float64 times, or text."""
    reach: int = 0
    """Moments after its own that the labels of a row tell of."""

    def __len__(self) -> int:
        return len(self.identity)


@dataclass(frozen=True)
class Division:
    """A split, and how it came about."""

    split: Split
    kind: str
    why: str
    groups: int | None = None
    """Number of groups, for a group split."""
    removed: dict[int, int] = field(default_factory=dict)
    """Row left out, because its input also lies in a later split, to that other row."""
    reaching: dict[int, int] = field(default_factory=dict)
    """Row left out, because its labels tell of the time of a later split, to the first row of that."""


def divide(options: SplitOptions, rows: Rows) -> Division:
    """Divide the rows; the same seed gives the same split.

    Raises:
        DataError: There are too few rows, or the asked kind leaves a split empty; says how many rows are needed.
    """
    if len(rows) < MIN_ROWS:
        raise DataError(too_few(len(rows)))
    division = _auto(options, rows) if options.kind == "auto" else KINDS[options.kind](options, rows)
    _check(division, rows)
    return division


def too_few(n: int) -> str:
    """Say that so many rows are too few."""
    return f"{n} usable rows; at least {MIN_ROWS} are needed for train, val and test, and some hundred for a model"


def _check(division: Division, rows: Rows) -> None:
    empty = [part for part in PARTS if len(division.split[part]) == 0]
    if empty:
        sizes = ", ".join(f"{part} {len(division.split[part])}" for part in PARTS)
        raise DataError(
            f"the {division.kind} split leaves {' and '.join(empty)} without rows ({sizes} of {len(rows):,} rows"
            f"{'' if division.groups is None else f' in {division.groups:,} groups'}); at least {MIN_ROWS} rows of different groups are "
            "needed: give more rows, larger `split.val` and `split.test`, or split={'kind': 'random'}"
        )
    together = np.concatenate([division.split[part] for part in PARTS])
    if len(np.unique(together)) != len(together):
        raise AssertionError("splits overlap")


def _auto(options: SplitOptions, rows: Rows) -> Division:
    """Take the modality's split, unless it starves a split of rows or classes; then stratified or random."""
    kind, why = rows.default
    fallback, reason = _without_groups(rows)
    if kind == "random":
        return _renamed(KINDS[fallback](options, rows), reason)
    found = _renamed(KINDS[kind](options, rows), why)
    lack = _lack(found, rows)
    if lack is None:
        return found
    return _renamed(KINDS[fallback](options, rows), f"{reason}; the {kind} split was not taken, as it {lack}")


def _without_groups(rows: Rows) -> tuple[str, str]:
    if rows.task == "regression":
        return "random", "rows are taken to be independent of each other"
    return "stratified", "keeps the share of each class in every split"


def _renamed(division: Division, why: str) -> Division:
    return Division(division.split, division.kind, why, division.groups, division.removed, division.reaching)


def _lack(division: Division, rows: Rows) -> str | None:
    """Say what a split lacks that training or the test needs, or None."""
    wanted = _sizes(len(rows), 0.05, 0.05)
    for part, least in zip(PARTS, (wanted[0] // 2, wanted[1] // 2, wanted[2] // 2), strict=True):
        if len(division.split[part]) < max(1, least):
            return f"leaves only {len(division.split[part])} rows for {part}"
    if rows.task == "binary":
        for part in PARTS:
            if len(np.unique(rows.y[division.split[part]])) < 2:
                return f"leaves one class only in {part}"
    if rows.task == "multiclass" and len(np.unique(rows.y[division.split["train"]])) < len(np.unique(rows.y)):
        return "leaves train without one of the classes"
    return None


def _sizes(n: int, val: float, test: float) -> tuple[int, int, int]:
    n_val, n_test = max(1, round(val * n)), max(1, round(test * n))
    return n - n_val - n_test, n_val, n_test


def _deal(units: np.ndarray, order: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Deal whole units, in this order, into parts of about these sizes.

    Args:
        units: int64 (n,), the unit 0…m−1 of each row.
        order: int64 (m,), the units in the order they are dealt.
        sizes: Rows wanted in each part.
    """
    weight = np.bincount(units)[order]
    middle = np.cumsum(weight) - weight / 2
    part = np.empty(len(order), dtype=np.int64)
    part[order] = np.searchsorted(np.cumsum(sizes), middle, side="right").clip(0, len(sizes) - 1)
    return [np.flatnonzero(part[units] == i) for i in range(len(sizes))]


def _numbered(values: np.ndarray) -> np.ndarray:
    """Return int64 (n,): the rank of each value among the different ones."""
    ranks: np.ndarray = np.unique(values, return_inverse=True)[1]
    return ranks


def _random(options: SplitOptions, rows: Rows) -> Division:
    units = _numbered(rows.identity)
    order = np.random.default_rng(rows.seed).permutation(int(units.max()) + 1)
    train, val, test = _deal(units, order, _sizes(len(rows), options.val, options.test))
    return Division({"train": train, "val": val, "test": test}, "random", "asked for")


def _stratified(options: SplitOptions, rows: Rows) -> Division:
    shares = (1 - options.val - options.test, options.val, options.test)
    train, val, test = stratified(strata(rows.task, rows.y), rows.identity, shares, rows.seed)
    return Division({"train": train, "val": val, "test": test}, "stratified", "asked for")


def strata(task: Task, y: np.ndarray) -> np.ndarray:
    """Return int64 (n,): the stratum of each row.

    Classes are strata; numbers fall into ten quantile bins of the first target; a multilabel row belongs to its rarest positive label.
    """
    if task == "multiclass":
        return np.asarray(y, dtype=np.int64)
    if task == "binary":
        return np.asarray(np.nan_to_num(y[:, 0], nan=-1), dtype=np.int64)
    if task == "multilabel":
        positive = np.nan_to_num(y) > 0.5
        rarity = np.argsort(np.argsort(positive.sum(axis=0), kind="stable"), kind="stable")
        rank = np.where(positive, rarity, y.shape[1])
        return np.asarray(rank.min(axis=1), dtype=np.int64)
    first = y[:, 0]
    edges = np.unique(np.nanquantile(first, np.linspace(0, 1, 11)[1:-1]))
    return np.where(np.isnan(first), -1, np.searchsorted(edges, first, side="right"))


def stratified(strata: np.ndarray, identity: np.ndarray, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """Deal rows into parts of these shares so that each stratum has nearly its share in each part.

    Within a stratum rows are shuffled; all are then laid out so that each stratum is spread evenly, and dealt by position, so that the
    sizes of the parts are right too, however small the strata.
    """
    units = _numbered(identity)
    of_unit = strata[np.unique(units, return_index=True)[1]]
    random = np.random.default_rng(seed)
    order = random.permutation(len(of_unit))
    order = order[np.argsort(of_unit[order], kind="stable")]
    # Position in a low-discrepancy sequence: any run of consecutive units is spread over all parts.
    place = (np.arange(len(order)) * GOLDEN + random.random()) % 1.0
    counts = [max(1, round(share * len(identity))) for share in shares]
    counts[0] = len(identity) - sum(counts[1:])
    return _deal(units, order[np.argsort(place, kind="stable")], counts)


def balanced_groups(groups: Sequence[str], sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Deal whole groups into train, val and test; groups too large for half of val or test go to train first.

    The order is drawn by ``seed``, large groups before small ones: the balanced scaffold split of Yang et al., J. Chem. Inf. Model. 59,
    3370 (2019), doi:10.1021/acs.jcim.9b00237; but a group that fits nowhere trains, so that a giant never fills the test.
    """
    units = _numbered(np.asarray(groups, dtype=object).astype(str))
    weight = np.bincount(units)
    random = np.random.default_rng(seed)
    is_large = weight > min(sizes[1], sizes[2]) / 2
    order = np.concatenate(
        [random.permutation(np.flatnonzero(is_large)), random.permutation(np.flatnonzero(~is_large))]
    )
    part_of_unit, filled = np.empty(len(weight), dtype=np.int64), [0, 0, 0]
    for unit in order:
        size = int(weight[unit])
        part = next((i for i in range(3) if filled[i] + size <= sizes[i]), 0)
        part_of_unit[unit] = part
        filled[part] += size
    return [np.flatnonzero(part_of_unit[units] == i) for i in range(3)]


def _grouped(kind: str) -> Callable[[SplitOptions, Rows], Division]:
    def division(options: SplitOptions, rows: Rows) -> Division:
        groups = rows.groups(kind)
        if groups is None:
            raise DataError(
                f"the {kind} split is not there for this modality; take random, stratified, time, column or kfold"
            )
        named = [group or f"\0{i}" for group, i in zip(groups, rows.identity, strict=True)]
        train, val, test = balanced_groups(named, _sizes(len(rows), options.val, options.test), rows.seed)
        return Division({"train": train, "val": val, "test": test}, kind, "asked for", len(set(named)))

    return division


def _time(options: SplitOptions, rows: Rows) -> Division:
    """Train on the past, validate on the recent, test on the newest; equal times stay together."""
    if rows.column is None:
        raise DataError("split kind 'time' needs `column`, the column with the time")
    moment = _numbered(rows.column)
    train, val, test = _deal(moment, np.arange(int(moment.max()) + 1), _sizes(len(rows), options.val, options.test))
    apart, reaching = _embargo({"train": train, "val": val, "test": test}, moment, rows.reach)
    split, removed = _separate(apart, rows.identity)
    why = "asked for" if not rows.reach else "a forecast is judged on what came after all it learned from"
    return Division(split, "time", why, int(moment.max()) + 1, removed, reaching)


def _embargo(split: Split, moment: np.ndarray, reach: int) -> tuple[Split, dict[int, int]]:
    """Take out rows whose labels reach into the time of the next part."""
    if not reach:
        return split, {}
    kept = dict(split)
    reaching: dict[int, int] = {}
    for part, later in (("train", "val"), ("val", "test")):
        if not len(split[later]):
            continue
        first = int(split[later][moment[split[later]].argmin()])
        late = moment[split[part]] + reach >= moment[first]
        reaching |= dict.fromkeys(split[part][late].tolist(), first)
        kept[part] = split[part][~late]
    return kept, reaching


def _separate(split: Split, identity: np.ndarray) -> tuple[Split, dict[int, int]]:
    """Take inputs out of train that val or test holds too, and out of val those that test holds."""
    removed: dict[int, int] = {}
    kept = dict(split)
    for part, later in (("train", ("val", "test")), ("val", ("test",))):
        others = np.concatenate([split[name] for name in later])
        first = {int(identity[i]): int(i) for i in reversed(others)}
        twice = np.isin(identity[split[part]], identity[others])
        removed |= {int(i): first[int(identity[i])] for i in split[part][twice]}
        kept[part] = split[part][~twice]
    return kept, removed


def _column(options: SplitOptions, rows: Rows) -> Division:
    """Take the words or fold numbers of a column; val is carved out of train where the column names none."""
    if rows.column is None:
        raise DataError("split kind 'column' needs `column`, the column with fold numbers or the words train/val/test")
    words = set(rows.column.tolist())
    split = _by_words(rows.column) if words & set(PARTS) else _by_fold(rows.column, options.fold)
    why = "asked for"
    if len(split["val"]) == 0:
        split, why = (
            _carve(split, options.val, rows),
            f"asked for; the column names no val rows, so {options.val:.0%} were taken from train",
        )
    split, removed = _separate(split, rows.identity)
    return Division(split, "column", why, None, removed)


def _by_words(column: np.ndarray) -> Split:
    return {part: np.flatnonzero(column == part) for part in PARTS}


def _by_fold(column: np.ndarray, fold: int) -> Split:
    test = column == str(fold)
    if not test.any() or test.all():
        raise DataError(
            f"no usable row has fold {fold}; the column holds {listed(sorted(set(column.tolist())))}; say `split.fold`"
        )
    return {"train": np.flatnonzero(~test), "val": np.zeros(0, dtype=np.int64), "test": np.flatnonzero(test)}


def _carve(split: Split, share: float, rows: Rows) -> Split:
    train = split["train"]
    if len(train) < 2:
        return split
    among = strata(rows.task, rows.y[train]) if rows.task != "regression" else np.zeros(len(train), dtype=np.int64)
    of_train = min(0.5, share * len(rows) / len(train))
    rest, val = stratified(among, rows.identity[train], (1 - of_train, of_train), rows.seed)
    return split | {"train": train[rest], "val": train[val]}


def _kfold(options: SplitOptions, rows: Rows) -> Division:
    """Deal rows into folds, stratified for classes; one is the test, val is carved out of the others."""
    if options.fold >= options.folds:
        raise DataError(f"`split.fold` {options.fold} is not among folds 0…{options.folds - 1}")
    among = strata(rows.task, rows.y) if rows.task != "regression" else np.zeros(len(rows), dtype=np.int64)
    dealt = stratified(among, rows.identity, [1 / options.folds] * options.folds, rows.seed)
    test = dealt[options.fold]
    train = np.sort(np.concatenate([part for i, part in enumerate(dealt) if i != options.fold]))
    split = _carve({"train": train, "val": np.zeros(0, dtype=np.int64), "test": test}, options.val, rows)
    return Division(split, "kfold", f"asked for: fold {options.fold} of {options.folds} is the test")


KINDS: dict[str, Callable[[SplitOptions, Rows], Division]] = {
    "random": _random,
    "stratified": _stratified,
    "scaffold": _grouped("scaffold"),
    "chemical_system": _grouped("chemical_system"),
    "cluster": _grouped("cluster"),
    "time": _time,
    "column": _column,
    "kfold": _kfold,
}
