"""Divide rows into train, val and test."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scitrain.data.dealing import (
    PARTS,
    Division,
    Rows,
    Split,
    balanced_groups,
    carved,
    deal,
    numbered,
    separated,
    sizes_of,
    strata,
    stratified,
)
from scitrain.data.folds import by_column, kfold
from scitrain.data.options import SplitOptions
from scitrain.errors import DataError

__all__ = ["MIN_ROWS", "Division", "Rows", "Split", "balanced_groups", "divide", "stratified", "too_few"]

MIN_ROWS = 10
"""Fewer rows give no train, val and test split that says anything."""


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
    needed = PARTS if division.folds is None else PARTS[:2]
    empty = [part for part in needed if len(division.split[part]) == 0]
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
    return replace(division, why=why)


def _lack(division: Division, rows: Rows) -> str | None:
    """Say what a split lacks that training or the test needs, or None."""
    wanted = sizes_of(len(rows), 0.05, 0.05)
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


def _random(options: SplitOptions, rows: Rows) -> Division:
    units = numbered(rows.identity)
    order = np.random.default_rng(rows.seed).permutation(int(units.max()) + 1)
    train, val, test = deal(units, order, sizes_of(len(rows), options.val, options.test))
    return Division({"train": train, "val": val, "test": test}, "random", "asked for")


def _stratified(options: SplitOptions, rows: Rows) -> Division:
    shares = (1 - options.val - options.test, options.val, options.test)
    train, val, test = stratified(strata(rows.task, rows.y), rows.identity, shares, rows.seed)
    return Division({"train": train, "val": val, "test": test}, "stratified", "asked for")


def _grouped(kind: str) -> Callable[[SplitOptions, Rows], Division]:
    def division(options: SplitOptions, rows: Rows) -> Division:
        groups = rows.groups(kind)
        if groups is None:
            raise DataError(
                f"the {kind} split is not there for this modality; take random, stratified, time, column or kfold"
            )
        named = [group or f"\0{i}" for group, i in zip(groups, rows.identity, strict=True)]
        train, val, test = balanced_groups(named, sizes_of(len(rows), options.val, options.test), rows.seed)
        return Division({"train": train, "val": val, "test": test}, kind, "asked for", len(set(named)))

    return division


def _time(options: SplitOptions, rows: Rows) -> Division:
    """Train on the past, validate on the recent, test on the newest; equal times stay together."""
    if rows.column is None:
        raise DataError("split kind 'time' needs `column`, the column with the time")
    moment = numbered(rows.column)
    train, val, test = deal(moment, np.arange(int(moment.max()) + 1), sizes_of(len(rows), options.val, options.test))
    apart, reaching = _embargo({"train": train, "val": val, "test": test}, moment, rows.reach)
    split, removed = separated(apart, rows.identity)
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


def _column(options: SplitOptions, rows: Rows) -> Division:
    """Take the words or fold numbers of a column; val is carved out of train where the column names none."""
    if rows.column is None:
        raise DataError("split kind 'column' needs `column`, the column with fold numbers or the words train/val/test")
    if not set(rows.column.tolist()) & set(PARTS):
        return by_column(options, rows, rows.column)
    split, why = {part: np.flatnonzero(rows.column == part) for part in PARTS}, "asked for"
    if len(split["val"]) == 0:
        split, why = (
            carved(split, options.val, rows),
            f"asked for; the column names no val rows, so {options.val:.0%} were taken from train",
        )
    split, removed = separated(split, rows.identity)
    return Division(split, "column", why, None, removed)


KINDS: dict[str, Callable[[SplitOptions, Rows], Division]] = {
    "random": _random,
    "stratified": _stratified,
    "scaffold": _grouped("scaffold"),
    "chemical_system": _grouped("chemical_system"),
    "cluster": _grouped("cluster"),
    "time": _time,
    "column": _column,
    "kfold": kfold,
}
