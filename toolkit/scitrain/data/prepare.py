"""From a source to rows that can be learned from, cached by content."""

import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from scitrain.data.atomic import atomic_folder
from scitrain.data.auxiliary import apart, read_both, rejoined
from scitrain.data.cache import REPORT, first_few, load, save, write_rejected
from scitrain.data.draft import Draft, clean, label, sample, split, without_duplicates
from scitrain.data.long import as_series
from scitrain.data.options import DataOptions
from scitrain.data.prepared import Prepared
from scitrain.data.read import fingerprint, read
from scitrain.data.report import describe
from scitrain.data.roles import choose_roles
from scitrain.data.source import Source
from scitrain.data.split import Division
from scitrain.data.targets import check_labels
from scitrain.errors import DataError
from scitrain.runs import Run
from scitrain.workspace import Workspace

__all__ = ["build", "cache_key", "finished", "prepare"]

SCHEMA = 3
"""Raised when the same request would be prepared differently."""


def cache_key(options: DataOptions, workspace: Workspace) -> str:
    """Return the name of the cache folder: a hash of the data's content and of what was asked.

    Raises:
        ScitrainError: There is no such data, or it may not be read.
    """
    asked = options.model_dump(mode="json")
    versions = [SCHEMA, version("scitrain"), version("rdkit")]
    files = [fingerprint(name, workspace) for name in (options.data, options.auxiliary) if name is not None]
    content = json.dumps([versions, files, asked], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def prepare(options: DataOptions, workspace: Workspace, run: Run | None = None) -> Prepared:
    """Read, check, clean and split; a second call with the same data and request reads the cache.

    Args:
        options: What to do.
        workspace: Where the cache lies, and what may be read.
        run: Told of the progress.

    Raises:
        DataError: The data cannot be used as asked; says where and what to do.
        UnknownNameError: A column or modality is not there.
    """
    folder = workspace.datasets / cache_key(options, workspace)
    if not (folder / REPORT).is_file():
        with atomic_folder(folder) as new:
            draft, division = build(options, workspace, run)
            prepared = finished(draft, division, options, folder.name)
            save(prepared, new)
            write_rejected(draft.rejected, new)
    return load(folder)


def build(
    options: DataOptions, workspace: Workspace, run: Run | None = None, source: Source | None = None
) -> tuple[Draft, Division]:
    """Do all of it in memory; with ``source``, of these rows instead of all the data's."""
    _tell(run, 0, "reading")
    options, source = as_series(options, source or read(options.data, workspace))
    if options.auxiliary is not None:
        source = read_both(options, source, read(options.auxiliary, workspace))
    draft, others = apart(label(options, source, choose_roles(options, source)))
    _tell(run, 1, f"cleaning {len(draft.index) + (0 if others is None else len(others.index)):,} rows")
    draft = _cleaned(options, draft, run)
    others = None if others is None else _cleaned(options, others, run)
    check_labels(draft.task, draft.targets, draft.y if others is None else np.concatenate([draft.y, others.y]))
    _tell(run, 2, "splitting")
    draft, division = split(options, draft)
    return (draft, division) if others is None else rejoined(draft, division, others)


def _cleaned(options: DataOptions, draft: Draft, run: Run | None) -> Draft:
    """Return the rows that can be read, each input once."""
    draft = clean(options, sample(options, draft), run)
    if options.rows == "fail" and draft.rejected:
        raise DataError(
            f"{draft.source.name}: rows='fail' and {first_few(draft.rejected, draft.source.place)}; mend them, or say rows='drop'"
        )
    return without_duplicates(options, draft)


def _tell(run: Run | None, step: int, message: str) -> None:
    if run is not None:
        run.progress("prepare", step, 3, message)


def finished(draft: Draft, division: Division, options: DataOptions, key: str) -> Prepared:
    """Return the rows with their report, not yet in a folder."""
    bare = Prepared(
        key=key,
        folder=Path(),
        modality=draft.roles.modality,
        task=draft.task,
        targets=draft.targets,
        columns=draft.columns,
        y=draft.y,
        split={part: indices.astype(np.int64) for part, indices in division.split.items()},
        rows=draft.source.rows[draft.index],
        decisions=draft.decisions,
    )
    return replace(bare, report=describe(bare, draft, division, options))
