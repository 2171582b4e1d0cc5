"""Rows of two domains side by side: those of the source with labels to learn from, those of the target without."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from scitrain.data.atomic import atomic_folder
from scitrain.data.cache import REPORT, first_few, load, save, write_rejected
from scitrain.data.columns import behind, take
from scitrain.data.draft import Draft, clean, split_rows, split_values
from scitrain.data.duplicates import codes
from scitrain.data.long import reread
from scitrain.data.options import DataOptions, DomainOptions
from scitrain.data.prepare import build, cache_key, finished
from scitrain.data.prepared import Prepared
from scitrain.data.read import fingerprint, read
from scitrain.data.roles import SPLIT_WORDS, as_list
from scitrain.data.source import Broken, Source
from scitrain.data.split import divide
from scitrain.data.values import missing_mask
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.modalities import MODALITIES
from scitrain.runs import Decision, Run
from scitrain.workflow.labels import known_labels
from scitrain.workspace import Workspace

__all__ = ["Domains", "check_domains", "prepare_domains"]

PARTS = "domains.npz"
FEWEST = 10
"""Rows of a domain below which nothing can be said of how they are spread."""
FEW_LABELS = 20
"""Labelled rows of the target below which all of them measure, and none is left for an oracle."""
TEST = 0.4
"""Share of the target's labelled rows that measure: they cost no training row, for their labels teach nothing."""


@dataclass(frozen=True)
class Domains:
    """Both domains in one set of rows, the source's first."""

    prepared: Prepared
    """``train`` and ``val`` are the source's; ``test`` the target's labelled rows, or the source's where it has none."""
    adapt: np.ndarray
    """Rows of the target that are adapted to; only an oracle may read their labels."""
    oracle: dict[str, np.ndarray]
    """``train`` and ``val`` rows of the target with labels, both empty where they are too few; part of ``adapt``."""
    source_test: np.ndarray
    """Held-out rows of the source."""

    @property
    def measured(self) -> bool:
        """Tell whether the target has labels to measure by."""
        return bool(self.prepared.report["domains"]["test"])  # type: ignore[index, call-overload]

    @property
    def names(self) -> tuple[str, str]:
        """Names of source and target."""
        told: Mapping[str, str] = self.prepared.report["domains"]  # type: ignore[assignment]
        return told["source"], told["target"]


def check_domains(options: DataOptions, domains: DomainOptions, workspace: Workspace) -> None:
    """Refuse, from headers and contents alone, a target that is the source itself, and a split that gives no single test.

    Raises:
        ScitrainError: Says what to do.
    """
    if options.auxiliary is not None:
        raise DataError("auxiliary rows are of no domain, and adapt_domain tells two apart; leave `auxiliary` out")
    if options.split.kind == "kfold":
        raise DataError("folds divide one domain, and adapt_domain measures on another; leave split out")
    if domains.target_data is not None and fingerprint(domains.target_data, workspace) == fingerprint(
        options.data, workspace
    ):
        raise DataError(
            f"target_data={domains.target_data!r} has the very content of data: nothing to adapt to; give the file of the other "
            "domain, or name the column that tells domains apart in domain"
        )


def prepare_domains(
    options: DataOptions, domains: DomainOptions, workspace: Workspace, run: Run | None = None
) -> Domains:
    """Read, check and clean both domains, cached by content.

    Raises:
        DataError: A domain has too few rows, or its labels do not fit; says what to do.
        UnknownNameError: A column or a domain is not there.
    """
    check_domains(options, domains, workspace)
    folder = workspace.datasets / _key(options, domains, workspace)
    if not (folder / REPORT).is_file():
        with atomic_folder(folder) as new:
            found, rejected = _both(options, domains, workspace, folder.name, run)
            save(found.prepared, new)
            write_rejected(rejected, new)
            train, val = found.oracle["train"], found.oracle["val"]
            np.savez(new / PARTS, adapt=found.adapt, source_test=found.source_test, oracle_train=train, oracle_val=val)
    with np.load(folder / PARTS, allow_pickle=False) as parts:
        oracle = {name: parts[f"oracle_{name}"] for name in ("train", "val")}
        return Domains(load(folder), parts["adapt"], oracle, parts["source_test"])


def _key(options: DataOptions, domains: DomainOptions, workspace: Workspace) -> str:
    other = "" if domains.target_data is None else fingerprint(domains.target_data, workspace)
    content = json.dumps([cache_key(options, workspace), domains.model_dump(mode="json"), other])
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def _both(
    options: DataOptions, domains: DomainOptions, workspace: Workspace, key: str, run: Run | None
) -> tuple[Domains, tuple[Broken, ...]]:
    source, target = _sources(options, domains, workspace)
    draft, division = build(_of_source(options, source), workspace, run, source)
    if division.folds is not None:
        raise DataError("the split column holds folds: say which one is the test with split={'fold': …}")
    own = finished(draft, division, options, key)
    other, why_left = _target(options, draft, target, own)
    shares, words = _divided(options, other)
    start = len(own.rows)
    adapt, test = (shares[name] + start for name in ("adapt", "test"))
    facts: dict[str, JsonValue] = {
        "source": source.name,
        "target": target.name,
        "source_rows": start,
        "target_rows": len(other.index),
        "labelled": int(_labelled(other).sum()),
        "adapted_to": len(adapt),
        "test": len(test),
        "oracle": len(shares["train"]),
        "left_out": why_left,
    }
    prepared = _joined(own, other, test, facts, words)
    oracle = {name: shares[name] + start for name in ("train", "val")}
    told = tuple(replace(one, reason=f"target domain: {one.reason}") for one in other.rejected)
    return Domains(prepared, adapt, oracle, own.split["test"]), (*draft.rejected, *told)


def _of_source(options: DataOptions, source: Source) -> DataOptions:
    """Leave a split column aside that names test rows of the target alone: the source is divided by itself then."""
    column = options.split.column
    if options.split.kind != "column" or column not in source.columns:
        return options
    words = {SPLIT_WORDS.get(cell.strip().lower(), cell) for cell in source.columns[str(column)]}
    if "test" in words or not words & {"train", "val"}:
        return options
    bare = options.split.model_copy(update={"kind": "auto", "column": None})
    return options.model_copy(update={"split": bare, "ignore": [*options.ignore, str(column)]})


def _sources(options: DataOptions, domains: DomainOptions, workspace: Workspace) -> tuple[Source, Source]:
    """Return the tables of both domains."""
    table = read(options.data, workspace)
    if domains.target_data is not None:
        return table, read(domains.target_data, workspace)
    column = str(domains.domain)
    if column not in table.columns:
        raise UnknownNameError("column (with each row's domain)", column, list(table.columns))
    if column in (*as_list(options.target), *as_list(options.inputs)):
        raise DataError(f"domain={column!r} cannot be target or input too: the network would read the domain off it")
    words = np.array([cell.strip() for cell in table.columns[column]])
    named = sorted(set(words.tolist()) - {""})
    if len(named) < 2:
        raise DataError(
            f"column {column!r} has {len(named)} value{'' if len(named) == 1 else 's'} ({listed(map(repr, named)) or 'all empty'}), and a "
            "domain to adapt from and one to adapt to are two; name another column in domain, or give target_data"
        )
    chosen = _chosen(options, domains, table, words, named)
    others = listed(name for name in named if name != chosen)
    return (
        _rows_of(table, column, (words != chosen) & (words != ""), others),
        _rows_of(table, column, words == chosen, chosen),
    )


def _chosen(options: DataOptions, domains: DomainOptions, table: Source, words: np.ndarray, named: list[str]) -> str:
    """Return the domain that is the target."""
    if domains.target_domain is not None:
        if domains.target_domain not in named:
            raise UnknownNameError(f"domain (a value of column {domains.domain!r})", domains.target_domain, named)
        return domains.target_domain
    targets = as_list(options.target) or as_list(table.default_target)
    known = [name for name in targets if name in table.columns]
    there = np.zeros(len(words), dtype=bool)
    for name in known:
        there |= ~missing_mask(table.columns[name])
    bare = [name for name in named if known and not there[words == name].any()]
    if len(bare) == 1:
        return bare[0]
    why = "several have no label" if bare else "all have labels" if known else "target is not said"
    raise DataError(f"say target_domain, which of {listed(map(repr, named))} to adapt to ({why})")


def _rows_of(table: Source, column: str, keep: np.ndarray, name: str) -> Source:
    rows = np.flatnonzero(keep)
    columns = {key: cells for key, cells in take(table.columns, rows).items() if key != column}
    named = f"{table.name} ({column}: {name})"
    return replace(table, name=named, columns=columns, rows=table.rows[rows], lines=table.lines[rows])


def _target(options: DataOptions, draft: Draft, table: Source, own: Prepared) -> tuple[Draft, str]:
    """Return the target's rows as the source's were read, without those that the source has too, and what was left out."""
    layout = draft.source.layout
    table = table if layout is None else reread(layout, table)
    for name in draft.roles.inputs:
        if name not in table.columns:
            raise UnknownNameError(f"column (an input of the source) in {table.name}", name, list(table.columns))
    bare = Draft(table, draft.roles, draft.task, draft.targets, np.arange(len(table)), _labels(draft, table))
    column = options.split.column or draft.roles.split_column
    values = split_values(options, table, column)[0] if column in table.columns else None
    cleaned = clean(options, replace(bare, split_values=values, rejected=table.broken), None)
    modality = MODALITIES[draft.roles.modality]
    keys = list(modality.identity(cleaned.columns))
    known, seen, new = set(modality.identity(own.columns)), set[str](), list[int]()
    for i in np.argsort(~_labelled(cleaned), kind="stable").tolist():  # of equal rows one with a label stays
        if keys[i] not in known and keys[i] not in seen:
            seen.add(keys[i])
            new.append(i)
    kept = cleaned.kept(np.sort(np.array(new, dtype=np.int64)))
    twice = f"{sum(key in known for key in keys):,} that the source has too, {len(keys) - len(set(keys)):,} repeated"
    left = f"{len(kept.rejected):,} unreadable, {twice}"
    if len(kept.index) < FEWEST:
        first = f"; {first_few(kept.rejected, table.place, 3)}" if kept.rejected else ""
        raise DataError(
            f"the target domain {table.name} has {len(kept.index)} usable row{'' if len(kept.index) == 1 else 's'} of its own, and at "
            f"least {FEWEST} are needed to see how they are spread; left out: {left}{first}"
        )
    identity = codes(MODALITIES[draft.roles.modality].identity(kept.columns))
    return replace(kept, identity=identity), left


def _labels(draft: Draft, table: Source) -> np.ndarray:
    """Return the target's labels in terms of the source's, all missing where it has no such column."""
    names = [target.name for target in draft.targets]
    if not any(name in table.columns for name in names):
        n = len(table)
        return np.full(n, -1) if draft.task == "multiclass" else np.full((n, len(names)), np.nan, np.float32)
    found = known_labels(table, draft.targets, draft.task)
    return np.nan_to_num(found, nan=-1).astype(np.int64) if draft.task == "multiclass" else found


def _labelled(draft: Draft) -> np.ndarray:
    """Return bool (n,): rows with a label."""
    return draft.y >= 0 if draft.y.ndim == 1 else ~np.isnan(draft.y).all(axis=1)


def _divided(options: DataOptions, target: Draft) -> tuple[dict[str, np.ndarray], str]:
    """Return the target's rows ``adapt``, ``test`` and the oracle's ``train`` and ``val``, and how they were divided."""
    every, labelled = np.arange(len(target.index)), np.flatnonzero(_labelled(target))
    none = np.zeros(0, dtype=np.int64)
    if len(labelled) == 0:
        return {"adapt": every, "test": none, "train": none, "val": none}, "no labels: nothing of it measures"
    if len(labelled) < FEW_LABELS:
        adapt = np.setdiff1d(every, labelled)
        if len(adapt) < FEWEST:
            raise DataError(
                f"the target has {len(labelled)} labelled rows, which measure, and {len(adapt)} others to adapt to; at least {FEWEST} "
                "are needed: add rows without labels"
            )
        told = f"all {len(labelled)} labelled rows measure: too few for an oracle too"
        return {"adapt": adapt, "test": labelled, "train": none, "val": none}, told
    asked = options.split
    if asked.kind != "column" or target.split_values is None:
        kind = "auto" if asked.kind == "column" else asked.kind
        asked = asked.model_copy(update={"kind": kind, "test": TEST})
    some = target.kept(labelled)
    division = divide(asked, split_rows(options, some))
    parts = {name: labelled[rows] for name, rows in division.split.items()}
    train = parts["train"] if len(parts["train"]) >= FEW_LABELS else none
    bare = np.setdiff1d(every, labelled)
    adapt = np.sort(np.concatenate([bare, parts["train"], parts["val"]]))
    told = f"{division.kind} ({division.why}): {len(parts['test']):,} labelled rows measure, {len(adapt):,} rows are adapted to"
    return {"adapt": adapt, "test": parts["test"], "train": train, "val": parts["val"] if len(train) else none}, told


def _joined(own: Prepared, other: Draft, test: np.ndarray, facts: dict[str, JsonValue], words: str) -> Prepared:
    """Put the target's rows behind those of the source."""
    columns = {name: behind(own.columns[name], other.columns[name]) for name in own.columns}
    split = own.split if len(test) == 0 else own.split | {"test": test}
    hashed = hashlib.sha256(f"{own.report['fingerprint']} {other.source.fingerprint} {facts}".encode()).hexdigest()
    bare: dict[str, JsonValue] = own.report["split"]  # type: ignore[assignment]
    told: dict[str, JsonValue] = {
        **bare,
        **{part: len(rows) for part, rows in split.items()},
        "why": f"source: {bare['kind']} ({bare['why']}); target: {words}",
    }
    kept = {"rows_kept": len(other.index), "rows_read": len(other.source) + len(other.source.broken)}
    kept["rows_rejected"] = len(other.rejected)
    counts: dict[str, JsonValue] = {name: int(own.report[name]) + n for name, n in kept.items()}  # type: ignore[arg-type]
    report = own.report | counts | {"fingerprint": hashed, "split": told, "domains": facts}
    report["source"] = f"{facts['source']} → {facts['target']}"
    chosen = Decision(what="target domain", value=facts["adapted_to"], why=f"{words}; left out: {facts['left_out']}")
    return replace(
        own,
        folder=Path(),
        columns=columns,
        y=np.concatenate([own.y, other.y]),
        split=split,
        rows=np.concatenate([own.rows, other.source.rows[other.index]]),
        decisions=(*own.decisions, chosen),
        report=report,
    )
