"""Labelled rows for few-shot learning: read, cleaned and without duplicates; no split, for classes are divided and not rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import JsonValue

from scitrain.contracts.modality import Columns
from scitrain.data.draft import Draft, clean, without_duplicates
from scitrain.data.layout import SeriesLayout
from scitrain.data.long import as_series, reread
from scitrain.data.options import DataOptions
from scitrain.data.read import read
from scitrain.data.roles import Roles, choose_roles
from scitrain.data.source import Broken, Source
from scitrain.data.targets import Chosen, read_labels
from scitrain.errors import DataError, UnknownNameError, listed
from scitrain.inference import TrainedConfig
from scitrain.runs import Run

__all__ = ["Examples", "read_examples"]


@dataclass(frozen=True)
class Examples:
    """Rows with a class each."""

    source: str
    modality: str
    target: str
    columns: Columns
    y: np.ndarray
    """int64 (n,)"""
    classes: tuple[str, ...]
    rows: np.ndarray
    """int64 (n,): number in the source, from 1."""
    rejected: tuple[Broken, ...]
    layout: SeriesLayout | None = None
    """How a long table was put together; None where a row is a row."""

    def without(self, bad: dict[int, str]) -> "Examples":
        """Return the examples without the rows ``bad``, by index with the reason.

        Raises:
            DataError: None is left.
        """
        keep = np.setdiff1d(np.arange(len(self.y)), np.array(sorted(bad), dtype=np.int64))
        if not len(keep):
            raise DataError(
                f"no row of {self.source} can be turned into features; the first: {next(iter(bad.values()))}"
            )
        gone = tuple(Broken(int(self.rows[i]), "", "", why) for i, why in bad.items())
        columns = {name: [cells[int(i)] for i in keep] for name, cells in self.columns.items()} if bad else self.columns
        return replace(self, columns=columns, y=self.y[keep], rows=self.rows[keep], rejected=(*self.rejected, *gone))

    def members(self, classes: Sequence[int]) -> list[np.ndarray]:
        """Return the rows of each class."""
        return [np.flatnonzero(self.y == k) for k in classes]

    def facts(self) -> dict[str, JsonValue]:
        """Return what ``results/data.json`` says."""
        counts: dict[str, JsonValue] = {name: int((self.y == k).sum()) for k, name in enumerate(self.classes)}
        rejected: dict[str, JsonValue] = dict(Counter(one.reason for one in self.rejected))
        targets: list[JsonValue] = [{"name": self.target, "labelled": len(self.y), "missing": 0, "classes": counts}]
        return {
            "source": self.source,
            "modality": self.modality,
            "task": "multiclass",
            "input_columns": list(self.columns),
            "rows_read": len(self.y) + len(self.rejected),
            "rows_kept": len(self.y),
            "rows_rejected": len(self.rejected),
            "rejected": rejected,
            "targets": targets,
        }


def read_examples(options: DataOptions, config: TrainedConfig | None, run: Run) -> Examples:
    """Read the labelled table; for a trained encoder in the columns that it reads.

    Raises:
        DataError: There are no classes to tell apart, or the table has not the columns of the encoder.
        UnknownNameError: A column is not there.
    """
    run.progress("prepare", message="reading and cleaning the data")
    source = read(options.data, run.workspace)
    if config is not None and config.series is not None:
        source = reread(config.series, source)
    elif config is None:
        options, source = as_series(options, source)
    if config is not None:
        options = _in_terms_of(config, options, list(source.columns))
    draft = _labelled(source, _roles(options, source, config))
    draft = without_duplicates(options, clean(options, draft, None))
    run.decide_all(draft.decisions)
    return _checked(draft, config)


def _roles(options: DataOptions, source: Source, config: TrainedConfig | None) -> Roles:
    try:
        return choose_roles(options, source)
    except DataError as error:
        if config is None:
            raise
        read = f"the encoder reads {config.modality} data from {listed(config.input_columns)}"
        raise DataError(f"{read}; {source.name}: {error}; or take encoder='features'") from None


def _labelled(source: Source, roles: Roles) -> Draft:
    """Return the rows with a class; unlike for training, a class may have a single row.

    Raises:
        DataError: The labels are measured numbers.
    """
    labels = read_labels(source, roles.targets[:1], Chosen("multiclass", ("multiclass",), "asked for"), {})
    [target] = labels.targets
    classes = target.classes or ()
    broken = next((name for name in classes if "." in name and all(map(_is_number, classes))), None)
    if broken is not None:
        raise DataError(
            f"{source.name}: {target.name!r} holds numbers such as {broken}, and classes are wanted; choose another target, or "
            "train_model for a regression"
        )
    draft = Draft(
        source=source,
        roles=roles,
        task="multiclass",
        targets=labels.targets,
        index=np.arange(len(source)),
        y=labels.y,
        rejected=(*source.broken, *(labels.problems[i] for i in sorted(labels.problems))),
        decisions=roles.decisions,
    )
    return draft.kept(np.setdiff1d(np.arange(len(source)), np.array(sorted(labels.problems), dtype=np.int64)))


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _in_terms_of(config: TrainedConfig, options: DataOptions, columns: Sequence[str]) -> DataOptions:
    """Return the request with the encoder's own modality and columns."""
    if options.modality not in ("auto", config.modality):
        raise DataError(
            f"modality={options.modality!r}, but the encoder was trained on {config.modality} data; leave modality out, or take "
            "another encoder"
        )
    needed = list(config.input_columns)
    there = [name for name in needed if name in columns]
    said = options.inputs or (needed if len(there) == len(needed) else None)
    if said is None and len(needed) > 1:
        missing = [name for name in needed if name not in columns]
        raise DataError(
            f"the encoder reads {config.modality} data from {listed(needed)}; {options.data} lacks {listed(missing)} (it has "
            f"{listed(columns)}); give data with these columns, or encoder='features'"
        )
    return options.model_copy(update={"modality": config.modality, "inputs": said})


def _checked(draft: Draft, config: TrainedConfig | None) -> Examples:
    target = draft.targets[0]
    used = np.unique(draft.y)
    if len(used) < 2:
        only = listed(repr((target.classes or ())[int(k)]) for k in used)
        raise DataError(
            f"{draft.source.name}: {target.name!r} has one class only ({only}) in {len(draft.y)} usable rows; few-shot learning "
            "tells classes apart: add rows of another"
        )
    columns: Columns = draft.columns
    if config is not None and len(config.input_columns) == 1 == len(columns):
        columns = {config.input_columns[0]: next(iter(columns.values()))}  # one input by another name
    if config is not None and set(columns) != set(config.input_columns):
        raise UnknownNameError(
            "column of the encoder",
            next(iter(set(columns) - set(config.input_columns)), ""),
            list(config.input_columns),
        )
    renumbered = np.searchsorted(used, draft.y)
    classes = tuple((target.classes or ())[int(k)] for k in used)
    rows = draft.source.rows[draft.index]
    return Examples(
        draft.source.name,
        draft.roles.modality,
        target.name,
        columns,
        renumbered,
        classes,
        rows,
        draft.rejected,
        draft.source.layout,
    )
