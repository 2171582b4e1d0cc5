"""Formulas or molecules of a file of any length as token rows on disk."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import JsonValue

from scitrain.chem.molecules import standardise
from scitrain.data.read import stream
from scitrain.errors import DataError
from scitrain.modalities.formula import FormulaElements
from scitrain.runs import atomic_write
from scitrain.tokenizers import encode, smiles
from scitrain.workspace import Workspace

__all__ = ["Corpus", "CorpusReport", "Notation", "Wanted", "read_corpus"]

Notation = Literal["composition", "smiles"]
PIECE = 16_384
"""Rows of the file that are in memory at once."""
MOST_TOKENS = 256
"""Tokens of a molecule; longer ones are left out and counted."""
SHOWN = 20
DTYPE = np.int32


@dataclass
class CorpusReport:
    """What became of the rows of the file."""

    read: int = 0
    kept: int = 0
    held_out: int = 0
    invalid: int = 0
    repeated: int = 0
    """The same formula or molecule stood before; labels are averaged."""
    excluded: int = 0
    """Named in the file of what shall not be seen."""
    examples: list[str] = field(default_factory=list)
    """The first that are not valid, with the reason."""


@dataclass(frozen=True)
class Corpus:
    """Distinct rows."""

    notation: Notation
    rows: np.ndarray
    """int32 (n, width), a memory map: ids, for compositions followed by as many fractions in units of 1e-7; 0 pads."""
    labels: np.ndarray
    """float32 (n, targets), NaN where there is none."""
    held: np.ndarray
    """bool (n,): measured on, never learned from."""
    report: CorpusReport

    @property
    def length(self) -> int:
        """Most tokens of a row."""
        return int(self.rows.shape[1]) // (2 if self.notation == "composition" else 1)


class Wanted(NamedTuple):
    """What of a file is read."""

    data: str
    column: str
    notation: Notation
    targets: tuple[str, ...]
    exclude: tuple[str, str] | None
    """File and column of what shall not be seen."""
    held_out: float


class _Kept(NamedTuple):
    """Rows of one piece of a file that can be read."""

    rows: np.ndarray
    """(n, width)"""
    keys: list[bytes]
    """Equal where two rows are the same formula or molecule."""
    groups: list[bytes]
    """Rows of one group are all held out or none."""
    at: list[int]
    """Places in the piece."""


def read_corpus(wanted: Wanted, folder: Path, workspace: Workspace) -> Corpus:
    """Read a file piece by piece into ``folder``, or take up what lies there whole.

    Formulas are held out by chemical system, so that no near copy of a held-out one is learned; molecules one by one.

    Raises:
        DataError: Nothing can be learned from it.
    """
    told = folder / "corpus.json"
    said = json.loads(json.dumps(wanted._asdict()))
    if not told.is_file() or json.loads(told.read_text(encoding="utf-8"))["wanted"] != said:
        report = _write(wanted, folder, workspace)
        atomic_write(told, json.dumps({"wanted": said, "report": vars(report)}))
    report = CorpusReport(**json.loads(told.read_text(encoding="utf-8"))["report"])
    if report.kept - report.held_out < 2 or report.held_out < 1:
        raise DataError(
            f"{wanted.data}: {report.kept:,} distinct {wanted.notation} rows of {report.read:,} can be used, {report.held_out:,} of them "
            f"held out; at least two to learn and one to measure are needed (not valid: {report.examples[:3]}); give more rows, or held_out"
        )
    width = _width(wanted.notation)
    rows = np.memmap(folder / "rows.bin", DTYPE, "r", shape=(report.kept, width))
    labels = np.fromfile(folder / "labels.bin", np.float32).reshape(report.kept, len(wanted.targets))
    return Corpus(wanted.notation, rows, labels, np.fromfile(folder / "held.bin", np.bool_), report)


def _width(notation: Notation) -> int:
    return FormulaElements(columns=("x",)).shape().shape[0] if notation == "composition" else MOST_TOKENS


def _write(wanted: Wanted, folder: Path, workspace: Workspace) -> CorpusReport:
    """Write rows, labels and what is held out; memory holds one piece, and a hash and the labels of each row."""
    folder.mkdir(parents=True, exist_ok=True)
    report = CorpusReport()
    seen = _Seen(_keys(wanted, workspace), len(wanted.targets), report)
    with (folder / "rows.bin").open("wb") as rows, (folder / "held.bin").open("wb") as held:
        for columns in _pieces(wanted.data, (wanted.column, *wanted.targets), workspace):
            texts = columns[wanted.column]
            found = _read(wanted.notation, texts, report)
            report.read += len(texts)
            fresh = seen.take(found.keys, _numbers([columns[name] for name in wanted.targets], found.at))
            out = np.array([_is_held(found.groups[i], wanted.held_out) for i in fresh], dtype=np.bool_)
            rows.write(np.ascontiguousarray(found.rows[fresh], dtype=DTYPE).tobytes())
            held.write(out.tobytes())
            report.kept += len(fresh)
            report.held_out += int(out.sum())
    (folder / "labels.bin").write_bytes(seen.labels().tobytes())
    return report


class _Seen:
    """Rows that were there before, by a hash of each; the labels of equal rows are averaged."""

    def __init__(self, hidden: set[bytes], targets: int, report: CorpusReport) -> None:
        self.hidden, self.report = hidden, report
        self.places: dict[bytes, int] = {}
        self.sums = np.zeros((0, targets))
        self.counts = np.zeros((0, targets), dtype=np.int64)

    def take(self, keys: Sequence[bytes], labels: np.ndarray) -> list[int]:
        """Note the rows of a piece with their labels (rows, targets), and return the places of those that are new."""
        fresh: list[int] = []
        kept: list[int] = []
        places: list[int] = []
        for i, key in enumerate(map(_hash, keys)):
            if key in self.hidden:
                self.report.excluded += 1
                continue
            if key in self.places:
                self.report.repeated += 1
            else:
                self.places[key] = len(self.places)
                fresh.append(i)
            kept.append(i)
            places.append(self.places[key])
        more = ((0, len(self.places) - len(self.sums)), (0, 0))
        self.sums, self.counts = np.pad(self.sums, more), np.pad(self.counts, more)
        there = np.isfinite(labels[kept])
        np.add.at(self.sums, places, np.where(there, labels[kept], 0))
        np.add.at(self.counts, places, there)
        return fresh

    def labels(self) -> np.ndarray:
        """Return float32 (rows, targets), NaN where no row had a number."""
        found = np.full(self.sums.shape, np.nan, dtype=np.float32)
        there = self.counts > 0
        found[there] = self.sums[there] / self.counts[there]
        return found


def _hash(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=16).digest()


def _is_held(group: bytes, share: float) -> bool:
    return zlib.crc32(group) % 100_000 < share * 100_000


def _pieces(data: str, names: Sequence[str], workspace: Workspace) -> Iterator[Mapping[str, list[str]]]:
    for batch, _ in stream(data, workspace, PIECE):
        yield {name: list(batch[name]) for name in names}


def _keys(wanted: Wanted, workspace: Workspace) -> set[bytes]:
    """Return the keys of what shall not be seen."""
    if wanted.exclude is None:
        return set()
    data, column = wanted.exclude
    found = (
        _read(wanted.notation, piece[column], CorpusReport()).keys for piece in _pieces(data, (column,), workspace)
    )
    return {_hash(key) for keys in found for key in keys}


def _read(notation: Notation, texts: Sequence[str], report: CorpusReport) -> _Kept:
    return _formulas(texts, report) if notation == "composition" else _molecules(texts, report)


def _formulas(texts: Sequence[str], report: CorpusReport) -> _Kept:
    featuriser = FormulaElements(columns=("x",))
    array, errors = featuriser.transform({"x": texts})
    _tell(report, errors, texts)
    good = [i for i in range(len(texts)) if i not in errors]
    rows = array[good].astype(DTYPE)
    # the row itself is the reduced composition; fractions are rounded alike for all its spellings
    keys = [row.tobytes() for row in rows]
    return _Kept(rows, keys, [row[: featuriser.length].tobytes() for row in rows], good)


def _molecules(texts: Sequence[str], report: CorpusReport) -> _Kept:
    found = standardise(texts)
    errors = {i: one.error or "" for i, one in enumerate(found) if one.smiles is None}
    good = [i for i, one in enumerate(found) if one.smiles is not None]
    tokens = encode(smiles(), [str(found[i].smiles) for i in good])
    short = tokens.lengths <= MOST_TOKENS
    for at in np.flatnonzero(~short):
        errors[good[at]] = f"{tokens.lengths[at]} tokens; at most {MOST_TOKENS} are learned"
    _tell(report, errors, texts)
    kept = [good[at] for at in np.flatnonzero(short)]
    keys = [str(found[i].smiles).encode() for i in kept]
    return _Kept(tokens.chosen(np.flatnonzero(short)).padded(MOST_TOKENS), keys, keys, kept)


def _tell(report: CorpusReport, errors: Mapping[int, str], texts: Sequence[str]) -> None:
    report.invalid += len(errors)
    for place in sorted(errors)[: max(0, SHOWN - len(report.examples))]:
        report.examples.append(f"{texts[place][:40]!r}: {errors[place]}")


def _numbers(columns: Sequence[Sequence[str]], places: Iterable[int]) -> np.ndarray:
    """Return float32 (rows, columns), NaN where a cell is no finite number."""
    rows = [[_number(cells[place]) for cells in columns] for place in places]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(columns))


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def facts(report: CorpusReport) -> dict[str, JsonValue]:
    """Return the report as JSON."""
    return dict(vars(report))
