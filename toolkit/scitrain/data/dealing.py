"""Deal rows and groups of rows into parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scitrain.data.options import Task

__all__ = [
    "PARTS",
    "Division",
    "Rows",
    "Split",
    "balanced_groups",
    "carved",
    "deal",
    "numbered",
    "separated",
    "sizes_of",
    "strata",
    "stratified",
]

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
    forecast: bool = False
    """Whether the labels are what comes after the row."""

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
    folds: np.ndarray | None = None
    """int64 (n,): fold of each row, where each fold is the test in its turn; then ``split`` has no test rows."""


def sizes_of(n: int, val: float, test: float) -> tuple[int, int, int]:
    """Return how many of n rows train, validate and test."""
    n_val, n_test = max(1, round(val * n)), max(1, round(test * n))
    return n - n_val - n_test, n_val, n_test


def deal(units: np.ndarray, order: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
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


def numbered(values: np.ndarray) -> np.ndarray:
    """Return int64 (n,): the rank of each value among the different ones."""
    ranks: np.ndarray = np.unique(values, return_inverse=True)[1]
    return ranks


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
    units = numbered(identity)
    of_unit = strata[np.unique(units, return_index=True)[1]]
    random = np.random.default_rng(seed)
    order = random.permutation(len(of_unit))
    order = order[np.argsort(of_unit[order], kind="stable")]
    # Position in a low-discrepancy sequence: any run of consecutive units is spread over all parts.
    place = (np.arange(len(order)) * GOLDEN + random.random()) % 1.0
    counts = [max(1, round(share * len(identity))) for share in shares]
    counts[0] = len(identity) - sum(counts[1:])
    return deal(units, order[np.argsort(place, kind="stable")], counts)


def balanced_groups(groups: Sequence[str], sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Deal whole groups into train, val and test; groups too large for half of val or test go to train first.

    The order is drawn by ``seed``, large groups before small ones: the balanced scaffold split of Yang et al., J. Chem. Inf. Model. 59,
    3370 (2019), doi:10.1021/acs.jcim.9b00237; but a group that fits nowhere trains, so that a giant never fills the test.
    """
    units = numbered(np.asarray(groups, dtype=object).astype(str))
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


def separated(split: Split, identity: np.ndarray) -> tuple[Split, dict[int, int]]:
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


def carved(split: Split, share: float, rows: Rows) -> Split:
    """Take about ``share`` of all rows out of train for validation, equal inputs together, classes in their shares."""
    train = split["train"]
    if len(train) < 2:
        return split
    among = strata(rows.task, rows.y[train]) if rows.task != "regression" else np.zeros(len(train), dtype=np.int64)
    of_train = min(0.5, share * len(rows) / len(train))
    rest, val = stratified(among, rows.identity[train], (1 - of_train, of_train), rows.seed)
    return split | {"train": train[rest], "val": train[val]}
