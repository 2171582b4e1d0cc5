"""Divide rows into folds, each of which is the test once."""

from dataclasses import dataclass

import numpy as np

from scitrain.data.dealing import Division, Rows, Split, carved, numbered, separated, strata, stratified
from scitrain.data.options import SplitOptions
from scitrain.errors import DataError, listed

__all__ = ["by_column", "deal_groups", "kfold"]

STARVED = 0.5
"""A fold with a smaller part of its share of rows is too small to test on."""
MOST = 0.5
"""A fold with a larger part of all rows leaves too few to learn from."""
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Dealt:
    """Rows in folds."""

    of: np.ndarray
    """int64 (n,): fold of each row."""
    units: np.ndarray
    """int64 (n,): rows that stay together share a number."""
    why: str
    groups: int | None = None
    """Number of groups; None where rows of equal input alone stay together."""


def kfold(options: SplitOptions, rows: Rows) -> Division:
    """Deal rows into folds of whole groups; one fold is the test, or (``fold`` null) each in its turn.

    Raises:
        DataError: There is no such fold, there are fewer rows than folds, or the rows are moments of a forecast.
    """
    if options.fold is not None and options.fold >= options.folds:
        raise DataError(f"`split.fold` {options.fold} is not among folds 0…{options.folds - 1}")
    if rows.forecast:
        raise DataError(
            "folds of a forecast would learn from what comes after the test; leave `split` out, or say split={'kind': 'time'}"
        )
    dealt = _dealt(options, rows)
    if len(np.unique(dealt.of)) < options.folds:
        raise DataError(
            f"{len(np.unique(dealt.units)):,} different inputs or groups do not fill {options.folds} folds; say fewer `split.folds`"
        )
    if options.fold is None:
        why = f"{dealt.why}; each of the {options.folds} folds is the test once, and what is kept learns from all rows"
        split = _with_val(np.arange(len(rows)), NOTHING, options.val, dealt, rows)
        return Division(split, "kfold", why, dealt.groups, folds=dealt.of)
    test = dealt.of == options.fold
    split = _with_val(np.flatnonzero(~test), np.flatnonzero(test), options.val, dealt, rows)
    return Division(split, "kfold", f"{dealt.why}; fold {options.fold} of {options.folds} is the test", dealt.groups)


def by_column(options: SplitOptions, rows: Rows, column: np.ndarray) -> Division:
    """Take the folds that a column numbers; one is the test, or (``fold`` null) each in its turn.

    Raises:
        DataError: No row, or every row, has that fold.
    """
    val = f"{options.val:.0%} were taken from train for validation"
    if options.fold is not None:
        test = column == str(options.fold)
        if not test.any() or test.all():
            raise DataError(
                f"no usable row has fold {options.fold}; the column holds {listed(sorted(set(column.tolist())))}; say `split.fold`"
            )
        split: Split = {"train": np.flatnonzero(~test), "val": NOTHING, "test": np.flatnonzero(test)}
        split, removed = separated(carved(split, options.val, rows), rows.identity)
        return Division(split, "column", f"asked for; {val}", None, removed)
    folds = column.astype(np.int64)
    if len(np.unique(folds)) < 2:
        raise DataError(f"all usable rows have fold {folds[0]}: nothing is left to learn from when it is the test")
    split = carved({"train": np.arange(len(rows)), "val": NOTHING, "test": NOTHING}, options.val, rows)
    why = f"asked for; each of the {len(np.unique(folds))} folds of the column is the test once; {val}"
    return Division(split, "column", why, None, folds=folds)


def _dealt(options: SplitOptions, rows: Rows) -> _Dealt:
    """Deal whole groups of the modality's own split where it has one, unless that starves a fold; else rows."""
    kind = rows.default[0]
    groups = rows.groups(kind) if options.grouped else None
    if groups is None:
        return _rows(options, rows, "rows are taken to be independent of each other")
    units = numbered(
        np.array([group or f"\0{i}" for group, i in zip(groups, rows.identity, strict=True)], dtype=object).astype(str)
    )
    of = deal_groups(units, _strata(rows), options.folds, rows.seed)
    if lack := _lack(of, options.folds, rows):
        return _rows(options, rows, f"folds by {kind} were not taken, as they {lack}")
    return _Dealt(of, units, f"whole groups by {kind}: {rows.default[1]}", int(units.max()) + 1)


def _rows(options: SplitOptions, rows: Rows, why: str) -> _Dealt:
    parts = stratified(_strata(rows), rows.identity, [1 / options.folds] * options.folds, rows.seed)
    of = np.empty(len(rows), dtype=np.int64)
    for number, part in enumerate(parts):
        of[part] = number
    classes = "" if rows.task == "regression" else "each fold has its share of each class; "
    return _Dealt(of, numbered(rows.identity), classes + why)


def _strata(rows: Rows) -> np.ndarray:
    return np.zeros(len(rows), dtype=np.int64) if rows.task == "regression" else strata(rows.task, rows.y)


def deal_groups(units: np.ndarray, strata: np.ndarray, parts: int, seed: int) -> np.ndarray:
    """Return int64 (n,), the part of each row: whole groups, the largest first, each to where rows and strata are fewest.

    A part's fullness is the sum over the strata of its share of that stratum, squared, so that a rare class is spread too.

    Args:
        units: int64 (n,), the group 0…m−1 of each row.
        strata: int64 (n,), such as the class of each row.
        parts: Number of parts.
        seed: Of the order of groups of one size.
    """
    m, kinds = int(units.max()) + 1, numbered(strata)
    counts = np.zeros((m, int(kinds.max()) + 1))
    np.add.at(counts, (units, kinds), 1)
    shuffled = np.random.default_rng(seed).permutation(m)
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    shares = counts / counts.sum(axis=0)
    filled, part = np.zeros((parts, counts.shape[1])), np.empty(m, dtype=np.int64)
    for group in order:
        added = 2 * filled @ shares[group]
        # of equals the one with the fewest rows, so that groups of one class fill the parts evenly too
        part[group] = np.lexsort((filled.sum(axis=1), added))[0]
        filled[part[group]] += shares[group]
    found: np.ndarray = part[units]
    return found


def _lack(of: np.ndarray, folds: int, rows: Rows) -> str | None:
    """Say what folds lack that the test or learning needs, or None."""
    sizes = np.bincount(of, minlength=folds)
    if sizes.min() < max(1.0, STARVED * len(of) / folds):
        return f"leave a fold with {sizes.min()} of {len(of)} rows"
    if sizes.max() > MOST * len(of):
        return f"put {sizes.max()} of {len(of)} rows into one fold"
    if rows.task == "binary" and any(len(np.unique(rows.y[of == fold])) < 2 for fold in range(folds)):
        return "leave one class only in a fold"
    return None


def _with_val(train: np.ndarray, test: np.ndarray, share: float, dealt: _Dealt, rows: Rows) -> Split:
    """Take about ``share`` of all rows out of train for validation, whole groups where the folds are of groups."""
    split: Split = {"train": train, "val": NOTHING, "test": test}
    if dealt.groups is None:
        return carved(split, share, rows)
    wanted = min(len(train) / 2, share * len(rows))
    parts = max(2, round(len(train) / max(wanted, 1)))
    of = deal_groups(numbered(dealt.units[train]), _strata(rows)[train], parts, rows.seed)
    nearest = int(np.argmin(np.abs(np.bincount(of, minlength=parts) - wanted)))
    return split | {"train": train[of != nearest], "val": train[of == nearest]}
