"""The steps between a source and prepared rows: label, sample, clean, merge, split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from scitrain.contracts.modality import Modality
from scitrain.data.cache import first_few
from scitrain.data.columns import TextColumn, as_arrow, take, text_column
from scitrain.data.duplicates import Merged, codes, merge
from scitrain.data.options import DataOptions, Task
from scitrain.data.prepared import Target
from scitrain.data.roles import SPLIT_WORDS, Roles
from scitrain.data.slots import one_hot, slots_of
from scitrain.data.source import Broken, Source
from scitrain.data.split import MIN_ROWS, Division, Rows, divide, too_few
from scitrain.data.targets import choose_task, read_labels
from scitrain.data.values import numbers, times
from scitrain.errors import DataError, UnknownNameError
from scitrain.modalities import MODALITIES
from scitrain.runs import Decision, Run

__all__ = ["Draft", "clean", "label", "sample", "split", "split_rows", "without_duplicates"]


@dataclass(frozen=True)
class Draft:
    """Rows on their way from the source to `Prepared`; every step returns a new one."""

    source: Source
    roles: Roles
    task: Task
    targets: tuple[Target, ...]
    index: np.ndarray
    """int64 (n,): the rows still in, as indices of the source."""
    y: np.ndarray
    """Labels of those rows."""
    columns: dict[str, TextColumn] = field(default_factory=dict)
    """Cleaned inputs of those rows."""
    identity: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """int64 (n,): rows with the same input share a number."""
    split_values: np.ndarray | None = None
    """Values of the split column of those rows: float64 times, or words."""
    rejected: tuple[Broken, ...] = ()
    decisions: tuple[Decision, ...] = ()
    changes: tuple[Broken, ...] = ()
    """Rows the modality changed; the reason says how."""
    merged: Merged | None = None

    def kept(self, keep: np.ndarray, **changes: object) -> "Draft":
        """Return the draft with rows ``keep`` only."""
        shrunk = replace(
            self,
            index=self.index[keep],
            y=self.y[keep],
            columns=take(self.columns, keep),
            identity=self.identity[keep] if len(self.identity) else self.identity,
            split_values=None if self.split_values is None else self.split_values[keep],
        )
        return replace(shrunk, **changes)  # type: ignore[arg-type]  # fields of this class by name

    def line(self, i: int) -> int:
        """Return where row ``i`` stands in the source."""
        return int(self.source.lines[self.index[i]])


def label(options: DataOptions, source: Source, roles: Roles) -> Draft:
    """Read labels and split values; leave out rows without."""
    chosen = choose_task({name: source.columns[name] for name in roles.targets}, options.task)
    labels = read_labels(source, roles.targets, chosen, units_of(options, source, roles.targets))
    values, problems = split_values(options, source, roles.split_column)
    problems = labels.problems | problems
    keep = np.setdiff1d(np.arange(len(source)), np.array(sorted(problems), dtype=np.int64))
    notes = (Decision(what="reading", value=source.name, why=note) for note in source.notes)
    draft = Draft(
        source=source,
        roles=roles,
        task=chosen.task,
        targets=labels.targets,
        index=np.arange(len(source)),
        y=labels.y,
        split_values=values,
        rejected=(*source.broken, *(source.told(i, problems[i]) for i in sorted(problems))),
        decisions=(*notes, *roles.decisions, Decision(what="task", value=chosen.task, why=chosen.why)),
    )
    return draft.kept(keep)


def units_of(options: DataOptions, source: Source, targets: Sequence[str]) -> dict[str, str]:
    """Return the unit by target: as said, else as the source says.

    Raises:
        UnknownNameError: A unit is given for a column that is no target.
    """
    said = dict.fromkeys(targets, options.unit) if isinstance(options.unit, str) else options.unit or {}
    for name in said:
        if name not in targets:
            raise UnknownNameError("target", name, list(targets))
    return {
        **{name: source.units[name] for name in targets if name in source.units},
        **{k: v for k, v in said.items() if v},
    }


def split_values(
    options: DataOptions, source: Source, column: str | None
) -> tuple[np.ndarray | None, dict[int, Broken]]:
    """Read the split column: times as numbers, words in one spelling, folds without ``.0``; auxiliary rows need none."""
    if column is None or options.split.kind not in {"time", "column"}:
        return None, {}
    cells = text_column(source.columns[column])[: source.own]
    if options.split.kind == "time":
        values = times(cells).values
        wrong, reason = np.flatnonzero(np.isnan(values)), "is no time: give a number, or a date such as 2024-05-17"
    else:
        values = _folds(cells)
        wrong, reason = np.flatnonzero(values == ""), "is neither train, val or test nor the number of a fold"
    if len(wrong) > 0.5 * len(values):
        first = int(wrong[0])
        raise DataError(
            f"column {column!r} cannot say the split: {source.place} {source.lines[first]} {reason} (found {cells[first][:80]!r})"
        )
    values = np.concatenate([values, np.repeat(values[:1], len(source) - len(values))])
    return values, {int(i): Broken(int(source.lines[i]), column, cells[int(i)], reason) for i in wrong}


def _folds(cells: Sequence[str]) -> np.ndarray:
    """Return text (n,): train, val, test or a fold number; empty where it is neither."""
    encoded = as_arrow(cells).dictionary_encode()
    words = [word.strip().lower() for word in encoded.dictionary.to_pylist()]
    folds = numbers(words).values
    named = [
        SPLIT_WORDS.get(word, "" if np.isnan(fold) or fold != int(fold) else str(int(fold)))
        for word, fold in zip(words, folds, strict=True)
    ]
    found: np.ndarray = np.array(named, dtype="<U24")[np.asarray(encoded.indices)]
    return found


def sample(options: DataOptions, draft: Draft) -> Draft:
    """Keep a random sample of ``max_rows`` rows."""
    n = len(draft.index)
    if options.max_rows is None or n <= options.max_rows:
        return draft
    chosen = np.sort(np.random.default_rng(options.seed).choice(n, options.max_rows, replace=False))
    why = f"max_rows: a random sample of the {n:,} usable rows"
    return draft.kept(chosen, decisions=(*draft.decisions, Decision(what="rows", value=options.max_rows, why=why)))


def clean(options: DataOptions, draft: Draft, run: Run | None) -> Draft:
    """Bring inputs to canonical form; leave out rows that cannot be."""
    modality = MODALITIES[draft.roles.modality]
    impute = options.rows == modality.fills == "auto" or (options.rows == "impute" and modality.fills != "never")
    raw = take({name: draft.source.columns[name] for name in draft.roles.inputs}, draft.index)
    cleaned = modality.clean(raw, impute, None if run is None else _ticker(run))
    only = draft.roles.inputs[0] if len(draft.roles.inputs) == 1 else ""

    def found(reasons: dict[int, str]) -> tuple[Broken, ...]:
        return tuple(
            Broken(draft.line(i), only, raw[only][i] if only else "", why) for i, why in sorted(reasons.items())
        )

    keep = np.setdiff1d(np.arange(len(draft.index)), np.array(sorted(cleaned.errors), dtype=np.int64))
    policy = _policy(options.rows, modality.name, impute)
    full = replace(draft, columns={name: text_column(cells) for name, cells in cleaned.columns.items()})
    changes = found({i: why for i, why in cleaned.changes.items() if i not in cleaned.errors})
    decisions = (*draft.decisions, policy)
    return full.kept(keep, rejected=(*draft.rejected, *found(cleaned.errors)), changes=changes, decisions=decisions)


FILLED = {"series": "gaps are filled in along a straight line between their neighbours"}
"""How a modality fills missing cells, where not from the training rows."""


def _policy(asked: str, modality: str, impute: bool) -> Decision:
    """Say what becomes of bad rows."""
    listed_rows = "bad rows are dropped and listed in rejected.csv"
    if impute:
        how = FILLED.get(modality, "missing cells are filled in from the training rows")
        return Decision(what="bad rows", value="impute", why=f"{how}; other {listed_rows}")
    if asked == "impute":
        return Decision(
            what="bad rows", value="drop", why=f"a missing {modality} cannot be filled in, so {listed_rows}"
        )
    return Decision(
        what="bad rows", value=asked if asked == "fail" else "drop", why=listed_rows if asked == "auto" else "asked for"
    )


def _ticker(run: Run) -> Callable[[int, int], None]:
    """Tell of the cleaning at most once a percent, however often the modality does."""
    told = -1

    def tick(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // max(total, 1)
        if percent > told:
            told = percent
            run.progress("prepare", 1 + done / max(total, 1), 3, f"cleaned {done:,} of {total:,} rows")

    return tick


def without_duplicates(options: DataOptions, draft: Draft) -> Draft:
    """Merge or drop rows with the same input, within one value of the split column."""
    if len(draft.index) == 0:
        raise DataError(f"no usable row in {draft.source.name}: {first_few(draft.rejected, draft.source.place)}")
    layout = draft.source.layout
    if layout is not None and layout.horizon is not None:  # that the past repeats itself is what a forecast lives on
        identity = np.arange(len(draft.index))
    else:
        identity = codes(MODALITIES[draft.roles.modality].identity(draft.columns))
    together = identity
    if draft.split_values is not None:
        words, value = np.unique(draft.split_values, return_inverse=True)
        together = np.unique(identity * len(words) + value, return_inverse=True)[1]
    numeric = [target.classes is None for target in draft.targets]
    merged = merge(together, draft.y, numeric, options.duplicates)
    how = MERGED.get(tuple(sorted(set(numeric))), "mean of numbers, majority of classes")
    reasons = {
        i: f"same input as {draft.source.place} {draft.line(j)}; labels merged ({how})" for i, j in merged.twin.items()
    }
    reasons |= {
        i: f"same input as {draft.source.place} {draft.line(j)}, and the labels disagree"
        if i != j
        else "labels of rows with this input disagree"
        for i, j in merged.conflicting.items()
    }
    whole = replace(draft, identity=identity, merged=merged)
    return whole.kept(merged.keep, y=merged.y, rejected=(*draft.rejected, *_gone(draft, reasons)))


MERGED: dict[tuple[bool, ...], str] = {(True,): "mean", (False,): "majority"}
"""How labels are merged where all targets are numbers, or none is."""


def _gone(draft: Draft, reasons: dict[int, str]) -> tuple[Broken, ...]:
    name = draft.roles.inputs[0]
    return tuple(Broken(draft.line(i), name, draft.columns[name][i], reason) for i, reason in sorted(reasons.items()))


def split(options: DataOptions, draft: Draft) -> tuple[Draft, Division]:
    """Divide the rows; those that would lie in two splits leave.

    Raises:
        DataError: There are too few; says why rows were left out.
    """
    if len(draft.index) < MIN_ROWS and draft.rejected:
        why = first_few(draft.rejected, draft.source.place, 3)
        raise DataError(f"{too_few(len(draft.index))}; {len(draft.rejected):,} were left out: {why}")
    division = divide(options.split, split_rows(options, draft))
    if draft.task == "mixed" and division.folds is not None:
        raise DataError(
            "a cross-validation does not pool mixed targets (numbers and classes together): give split.fold for one fold, or train the "
            "targets of each kind by themselves"
        )
    place = draft.source.place
    reasons = {
        i: f"same input as {place} {draft.line(j)}, which is in a later split" for i, j in division.removed.items()
    }
    chosen = Decision(what="split", value=division.kind, why=division.why)
    used = np.sort(np.concatenate(list(division.split.values())))
    position = np.full(len(draft.index), -1, dtype=np.int64)
    position[used] = np.arange(len(used))
    moved = {part: np.sort(position[indices]) for part, indices in division.split.items()}
    smaller = draft.kept(used, rejected=(*draft.rejected, *_gone(draft, reasons)), decisions=(*draft.decisions, chosen))
    return smaller, replace(division, split=moved)


def split_rows(options: DataOptions, draft: Draft) -> Rows:
    """Return what a split looks at."""
    modality: Modality = MODALITIES[draft.roles.modality]
    return Rows(
        identity=np.unique(draft.identity, return_inverse=True)[1],
        y=one_hot(slots_of(draft.task, draft.targets), draft.y) if draft.task == "mixed" else draft.y,
        task="multilabel" if draft.task == "mixed" else draft.task,
        seed=options.seed,
        groups=partial(modality.groups, draft.columns),
        default=(modality.default_split, modality.default_split_reason),
        column=draft.split_values,
        reach=0 if draft.source.layout is None else (draft.source.layout.horizon or 1) - 1,
        forecast=draft.source.layout is not None and draft.source.layout.horizon is not None,
    )
