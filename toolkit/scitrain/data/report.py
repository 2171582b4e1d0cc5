"""Say in numbers and words what happened to the data."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import JsonValue

from scitrain.data.draft import Draft
from scitrain.data.leaks import find_leaks
from scitrain.data.options import DataOptions
from scitrain.data.prepared import Prepared
from scitrain.data.source import Broken
from scitrain.data.split import Division

__all__ = ["describe", "target_facts"]

EXAMPLES = 10
OVERLAPPING = (
    "windows of a forecast overlap, so that test rows repeat each other: intervals of the test numbers are too narrow"
)
KINDS = 20


def describe(prepared: Prepared, draft: Draft, division: Division, options: DataOptions) -> dict[str, JsonValue]:
    """Return `Prepared.report`; its keys are documented there."""
    source, merged = draft.source, draft.merged
    leaks, warnings = find_leaks(_tested(prepared, division), options.seed)
    helping = _helping(prepared, draft)
    facts: dict[str, JsonValue] = {
        "source": source.name,
        "fingerprint": source.fingerprint,
        "description": source.description,
        "licence": source.licence,
        "citation": source.citation,
        "place": source.place,
        "modality": draft.roles.modality,
        "task": draft.task,
        "input_columns": list(draft.roles.inputs),
        "series": None if source.layout is None else source.layout.model_dump(mode="json"),
        "left_out": {**draft.roles.left_out},
        "rows_read": len(source) + len(source.broken),
        "rows_kept": len(prepared.rows),
        **_broken(draft),
        "duplicates": {
            "inputs": 0 if merged is None else merged.groups,
            "conflicting": 0 if merged is None else merged.conflicts,
            "policy": options.duplicates,
            "rows_removed": 0 if merged is None else len(merged.twin) + len(merged.conflicting),
        },
        "targets": target_facts(prepared),
        "split": {
            "kind": division.kind,
            "why": division.why,
            "groups": division.groups,
            "folds": _folds(division),
            **{part: len(indices) for part, indices in prepared.split.items()},
        },
        "auxiliary": None if source.own is None else _auxiliary(draft, helping),
        "leaks": leaks,
    }
    return facts | {"warnings": [*_warnings(prepared, helping), *warnings, *_overlap(draft)]}


def _broken(draft: Draft) -> dict[str, JsonValue]:
    return {
        "rows_rejected": len(draft.rejected),
        "rejected": _by_kind(draft.rejected),
        "rejected_examples": _examples(draft.rejected),
        "rows_changed": len(draft.changes),
        "changes": _by_kind(draft.changes),
        "change_examples": _examples(draft.changes),
    }


def _overlap(draft: Draft) -> list[JsonValue]:
    layout = draft.source.layout
    return [] if layout is None or layout.horizon is None else [OVERLAPPING]


def _folds(division: Division) -> JsonValue:
    """Return the rows of each fold by its number, or null where one test split was made."""
    if division.folds is None:
        return None
    return {str(fold): int(n) for fold, n in zip(*np.unique(division.folds, return_counts=True), strict=True)}


def _tested(prepared: Prepared, division: Division) -> Prepared:
    """Return the rows as they are when the first fold is the test, where each is in its turn: what leaks there leaks elsewhere."""
    if division.folds is None:
        return prepared
    test = division.folds == division.folds.min()
    return replace(prepared, split={"train": np.flatnonzero(~test), "test": np.flatnonzero(test)})


def kind_of(reason: str) -> str:
    """Return a reason with its particulars blanked, so that equal mistakes are counted together."""
    quoted = re.sub(r"'[^']*'…?|\"[^\"]*\"", "…", reason)
    blanked = re.sub(r"\S*[\d\[\]()=#/\\@+]\S*", "…", quoted)
    return re.sub(r"…(?:[\s,×]*…)+", "…", blanked)


def _by_kind(broken: Sequence[Broken]) -> dict[str, JsonValue]:
    counted = Counter(kind_of(one.reason) for one in broken)
    shown: dict[str, JsonValue] = dict(counted.most_common(KINDS))
    rest = sum(counted.values()) - sum(n for _, n in counted.most_common(KINDS))
    return shown | ({"other reasons": rest} if rest else {})


def _examples(broken: Sequence[Broken]) -> list[JsonValue]:
    return [
        {"line": one.line, "column": one.column, "value": one.shown, "reason": one.reason} for one in broken[:EXAMPLES]
    ]


def target_facts(prepared: Prepared) -> list[JsonValue]:
    """Return name, unit, counts and distribution of each target."""
    columns = [prepared.y] if prepared.y.ndim == 1 else list(prepared.y.T)
    found: list[JsonValue] = []
    for target, column in zip(prepared.targets, columns, strict=True):
        known = column >= 0 if prepared.task == "multiclass" else ~np.isnan(column)
        facts: dict[str, JsonValue] = {
            "name": target.name,
            "unit": target.unit,
            "labelled": int(known.sum()),
            "missing": int((~known).sum()),
        }
        found.append(
            facts | (_numbers(column[known]) if target.classes is None else _classes(column[known], target.classes))
        )
    return found


def _numbers(values: np.ndarray) -> dict[str, JsonValue]:
    """Return moments, quantiles and a histogram of at most 20 bins of equal width."""
    values = values.astype(np.float64)
    shares = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    counts, edges = np.histogram(values, bins=min(20, max(5, int(np.sqrt(len(values))))))
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "quantiles": {f"{share:g}": float(q) for share, q in zip(shares, np.quantile(values, shares), strict=True)},
        "histogram": {"edges": [float(e) for e in edges], "counts": [int(c) for c in counts]},
    }


def _classes(codes: np.ndarray, classes: Sequence[str]) -> dict[str, JsonValue]:
    counts = np.bincount(codes.astype(np.int64), minlength=len(classes))
    return {"classes": {name: int(count) for name, count in zip(classes, counts, strict=True)}}


def _auxiliary(draft: Draft, helping: frozenset[str]) -> dict[str, JsonValue]:
    """Return which rows only train, and what they alone have labels of."""
    source = draft.source
    rows = int((draft.index >= int(source.own or 0)).sum())
    named = {"source": source.auxiliary, "fingerprint": source.auxiliary_fingerprint}
    return {**named, "rows": rows, "targets": [*sorted(helping)]}


def _helping(prepared: Prepared, draft: Draft) -> frozenset[str]:
    """Return the targets that auxiliary rows alone have labels of: they help to learn the others, and nothing measures them."""
    own = draft.index < (len(draft.source) if draft.source.own is None else draft.source.own)
    if prepared.y.ndim == 1:
        return frozenset()
    bare = np.isnan(prepared.y[own]).all(axis=0)
    return frozenset(target.name for target, alone in zip(prepared.targets, bare, strict=True) if alone)


def _warnings(prepared: Prepared, helping: frozenset[str]) -> list[JsonValue]:
    """Say what a reader of the results should know about the labels."""
    found: list[JsonValue] = []
    columns = [prepared.y] if prepared.y.ndim == 1 else list(prepared.y.T)
    for target, column in zip(prepared.targets, columns, strict=True):
        for part, rows in prepared.split.items():
            if len(rows) == 0:  # where each fold is the test in its turn
                continue
            if target.name in helping and part != "train":
                continue
            values = column[rows]
            values = values[values >= 0] if prepared.task == "multiclass" else values[~np.isnan(values)]
            found += _about(target.name, target.classes, part, values)
    return found


def _about(name: str, classes: Sequence[str] | None, part: str, values: np.ndarray) -> list[str]:
    if len(values) == 0:
        return [f"{part} has no label of {name!r}"]
    if classes is None:
        return [f"{name!r} has one value only in {part}"] if len(values) > 1 and values.min() == values.max() else []
    absent = [c for i, c in enumerate(classes) if not (values == i).any()]
    return [f"{part} has no row of class {', '.join(map(repr, absent[:5]))} of {name!r}"] if absent else []
