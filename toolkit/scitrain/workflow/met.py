"""Rows that weights have met before, with labels: what is judged on them is judged too well."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydantic import JsonValue

from scitrain.data.columns import as_arrow
from scitrain.data.prepared import Prepared
from scitrain.data.read import stream
from scitrain.errors import DataError, ScitrainError
from scitrain.generation.config import Known
from scitrain.modalities import MODALITIES
from scitrain.runs import Run
from scitrain.spec import Spec
from scitrain.transfer.origin import pretrained_folder
from scitrain.workflow.again import prepared_again
from scitrain.workflow.pretrain import find_texts

__all__ = ["PRETRAINING", "Met", "met_before", "spared", "withhold"]

WITHHELD = "results/withheld.npy"
"""Hashes of the inputs that a run in between must not learn from: what it leads to is judged on them."""


PRETRAINING = "results/pretraining.json"
NOTATIONS = {"formula": "composition", "smiles": "smiles"}
PIECE = 10_000


class Met(Spec):
    """Judged rows that a station of the weights learned from."""

    weights: str
    """Run."""
    targets: list[str]
    """Whose labels it learned."""
    val: int
    test: int
    tested: int
    """All test rows."""


def inputs_of(prepared: Prepared, parts: Sequence[str]) -> list[str]:
    """Return the inputs of some parts of the split, equal where the modality takes them as the same."""
    rows = np.concatenate([prepared.split[part] for part in parts])
    found: list[str] = as_arrow(MODALITIES[prepared.modality].identity(prepared.columns)).take(rows).to_pylist()
    return found


def withhold(prepared: Prepared, run: Run) -> None:
    """Have a run in between not learn from what val and test rows of ``prepared`` hold."""
    if prepared.folds:
        return
    (run.path / WITHHELD).parent.mkdir(parents=True, exist_ok=True)
    np.save(run.path / WITHHELD, Known.of(inputs_of(prepared, ("val", "test"))).hashes, allow_pickle=False)


def spared(prepared: Prepared, run: Run) -> tuple[Prepared, int]:
    """Return the rows without the training rows that are withheld from a run, and how many those were.

    Raises:
        DataError: None is left.
    """
    if not (run.path / WITHHELD).is_file():
        return prepared, 0
    hidden = Known(np.load(run.path / WITHHELD, allow_pickle=False))
    train = prepared.split["train"]
    kept = train[[text not in hidden for text in inputs_of(prepared, ("train",))]]
    if not len(kept):
        raise DataError(
            "each training row of the run in between is a val or test row of the run it leads to: nothing is left to learn from; "
            "name other data in intermediate"
        )
    return replace(prepared, split=prepared.split | {"train": kept}), len(train) - len(kept)


def met_before(stations: Sequence[str], prepared: Prepared, run: Run) -> list[Met]:
    """Return which val and test rows the stations of the weights learned from with labels, or chose their epoch by.

    A station whose data changed or are gone tells nothing, and is left out.
    """
    if not stations:
        return []
    keys = as_arrow(MODALITIES[prepared.modality].identity(prepared.columns))
    judged = {part: keys.take(prepared.split[part]).to_pylist() for part in ("val", "test")}
    found = []
    for station in stations:
        source = Run.open(station, run.workspace)
        try:
            targets, taught = _taught(source, prepared.modality, run)
        except ScitrainError:
            continue
        counts = {part: sum(text in taught for text in texts) for part, texts in judged.items()}
        if any(counts.values()):
            found.append(Met(weights=station, targets=targets, tested=len(judged["test"]), **counts))
    return found


def _taught(source: Run, modality: str, run: Run) -> tuple[list[str], Known]:
    """Return the targets of a run and the inputs it learned them of."""
    if pretrained_folder(source) is not None:
        targets = [str(name) for name in source.read_json(PRETRAINING)["targets"]]
        return targets, Known.of(_labelled(source, modality) if targets else ())
    before = prepared_again(source, run)
    names = [target.name for target in before.targets]
    if before.modality != modality:
        return names, Known.of(())
    left, _ = spared(before, source)
    return names, Known.of(inputs_of(left, ("train", "val")))


def _labelled(source: Run, modality: str) -> Iterator[str]:
    """Yield the inputs of the rows whose numbers a pretraining was told, its held-out ones too: they chose the epoch."""
    facts = source.read_json(PRETRAINING)
    if facts["notation"] != NOTATIONS.get(modality):
        return
    hidden = Known.of(() if facts["exclude"] is None else _read(str(facts["exclude"]), None, [], modality, source))
    for text in _read(str(facts["data"]), source.record().spec.get("column"), facts["targets"], modality, source):
        if text not in hidden:
            yield text


def _read(data: str, column: JsonValue, targets: Sequence[str], modality: str, run: Run) -> Iterator[str]:
    """Yield the inputs of a file's column, of rows that have a number of one of the targets where some are named."""
    name = str(column) if column else find_texts(data, None, run.workspace)[0]
    known = MODALITIES[modality]
    for batch, _ in stream(data, run.workspace, PIECE):
        cells = [batch[target] for target in targets]
        texts = [t for i, t in enumerate(batch[name]) if not targets or any(own[i].strip() for own in cells)]
        yield from known.identity(known.clean({name: texts}, False).columns)
