"""Which rows without a label are worth one: those the model is unsure of, far from what it learned from and from each other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scitrain.contracts.modality import Columns
from scitrain.data.slots import Slot
from scitrain.inference.predictions import Predictions

__all__ = ["Candidates", "Pick", "choose", "uncertainty"]

POOL = 20_000
"""Rows among which the choice is made; of more those of most value by themselves."""
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pick:
    """A row that is worth a label."""

    row: int
    """Its number in the source."""
    value: float
    """Expected value of its label as it was chosen: uncertainty × distance, 0 for what tells nothing new."""
    uncertainty: float
    """Of the prediction alone, see `uncertainty`."""
    novelty: float | None
    """Distance to the training rows over that to the edge of the training domain, 1 and more being outside; None: no domain known."""
    apart: float | None
    """Distance to the nearest row chosen before; None for the first."""


def uncertainty(slots: Sequence[Slot], said: Predictions, tells_spread: bool) -> Array:
    """Return how unsure the model is of each row and of each target that says it, (n, targets); NaN where a row has no prediction.

    Classes: entropy of the calibrated probabilities over the most there can be, 0…1 (Settles 2009, Active Learning Literature
    Survey, minds.wisconsin.edu/handle/1793/60660). Numbers: the spread of the ensemble or of its head, in the target's unit. Where the
    network does not tell it, the classes beside them speak alone, and of numbers alone all rows have 1.
    """
    told = [slot for slot in slots if tells_spread or slot.task != "regression"]
    return np.stack([_of_slot(slot, said, tells_spread) for slot in told or slots], axis=1)


def _of_slot(slot: Slot, said: Predictions, tells_spread: bool) -> Array:
    p = np.asarray(said.prediction[:, slot.start : slot.end], dtype=float)
    if slot.task == "regression":
        one = np.where(np.isfinite(p[:, 0]), 1.0, np.nan)
        return np.asarray(said.spread[:, slot.start], dtype=float) if tells_spread else one
    if slot.task == "multiclass":
        return np.asarray(_entropy(p).sum(axis=1) / np.log(p.shape[1]))
    return np.asarray((_entropy(p) + _entropy(1 - p))[:, 0] / np.log(2))


def _entropy(p: Array) -> Array:
    return np.asarray(-p * np.log(np.clip(p, 1e-12, 1.0)))


@dataclass
class Candidates:
    """What is known of the rows of a stream, in a few numbers a row."""

    slots: Sequence[Slot]
    tells_spread: bool
    edge: float | None
    """Largest distance inside the training domain; None where none was learned."""
    _rows: list[np.ndarray] = field(default_factory=list)
    _unsure: list[Array] = field(default_factory=list)
    _distance: list[Array] = field(default_factory=list)
    _place: list[npt.NDArray[np.float32]] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def add(self, columns: Columns, rows: np.ndarray, said: Predictions) -> None:
        """Take in a block: its inputs, the number of each row in the source, and what was said of it; bad rows are left out."""
        if said.place is None or not len(said):
            return
        unsure = uncertainty(self.slots, said, self.tells_spread)
        good = np.array(np.isfinite(unsure).all(axis=1))
        good[list(said.errors)] = False
        distance = np.full(len(good), np.nan) if said.distance is None else np.asarray(said.distance, dtype=float)
        self._rows.append(np.asarray(rows)[good])
        self._unsure.append(unsure[good])
        self._place.append(np.asarray(said.place, np.float32)[good])
        self._distance.append(distance[good])
        cells = list(zip(*columns.values(), strict=True))
        self._names += [hashlib.sha256("\0".join(cells[i]).encode()).hexdigest() for i in np.flatnonzero(good)]

    def reason(self, pick: Pick) -> str:
        """Say why a row was chosen."""
        of = f"uncertainty {pick.uncertainty:.2g} of at most 1"
        if all(slot.task == "regression" for slot in self.slots):
            of = f"uncertainty {pick.uncertainty:.2g} × that of the usual row"
            of = of if self.tells_spread else "one network, which does not say how sure it is"
        parts = [
            of,
            ""
            if pick.novelty is None
            else f"{pick.novelty:.2g} × as far from the training rows as the edge of their domain",
            "" if pick.apart is None else f"{pick.apart:.2g} from the nearest row chosen before",
        ]
        return "; ".join(part for part in parts if part)

    def best(self, count: int) -> list[Pick]:
        """Return at most ``count`` rows, the most valuable first."""
        if not any(map(len, self._rows)):
            return []
        unsure = self._comparable(np.concatenate(self._unsure))
        distance, edge = np.concatenate(self._distance), self.edge
        novelty = None if edge is None else distance / max(edge, 1e-12)
        return choose(
            np.concatenate(self._rows), unsure.mean(axis=1), novelty, np.concatenate(self._place), self._names, count
        )

    def _comparable(self, unsure: Array) -> Array:
        """Bring targets to one scale: numbers to that of the usual row, r; beside classes, to r / (1 + r), 0…1 as the entropy is."""
        numbers = [slot.task == "regression" for slot in self.slots]
        if not any(numbers) or unsure.shape[1] < len(numbers):
            return unsure
        found = _common(unsure)
        return found if all(numbers) else np.where(numbers, found / (1 + found), unsure)


def _common(spread: Array) -> Array:
    """Bring the spreads of several targets to one scale: that of the usual row."""
    usual = np.median(spread, axis=0)
    return np.asarray(spread / np.where(usual > 0, usual, 1.0))


def choose(
    rows: np.ndarray, unsure: Array, novelty: Array | None, place: np.ndarray, names: Sequence[str], count: int
) -> list[Pick]:
    """Return at most ``count`` rows, each the one of most value beside those before it.

    The value of row i is uᵢ · min(nᵢ, 1) · min(dᵢ, D) with its uncertainty u, its novelty n, its distance d to the nearest row chosen
    before and the median distance D of rows to their middle: greedy k-centre (Sener & Savarese 2018, arXiv:1708.00489) weighted by
    uncertainty, as the gradients of BADGE weigh it (Ash et al. 2020, arXiv:1906.03671), but without chance. Beyond the edge of the
    training domain, and beyond D, farther is no better: else outliers were all that is ever chosen. A row like one that is chosen has
    d = 0, and comes last. Equal rows are told apart by ``names``, never by their order.

    Args:
        rows: (n,) their numbers.
        unsure: (n,) ≥ 0.
        novelty: (n,) distance to the training rows, 1 at the edge of their domain; None where no domain is known.
        place: (n, width) where they lie.
        names: n texts, equal for equal inputs.
        count: Rows wanted.
    """
    if not len(rows):
        return []
    alone = unsure if novelty is None else unsure * np.minimum(novelty, 1.0)
    order = np.lexsort((np.array(names), -alone))[:POOL]
    rows, unsure, alone, at = rows[order], unsure[order], alone[order], np.asarray(place[order], dtype=float)
    new = None if novelty is None else novelty[order]
    usual = float(np.median(np.linalg.norm(at - np.median(at, axis=0), axis=1))) or 1.0
    nearest, free = np.full(len(rows), np.inf), np.ones(len(rows), dtype=bool)
    picks: list[Pick] = []
    for _ in range(min(count, len(rows))):
        value = alone * np.minimum(nearest, usual) / usual
        i = int(np.where(free, value, -1.0).argmax())
        apart = None if np.isinf(nearest[i]) else float(nearest[i])
        picks.append(
            Pick(int(rows[i]), float(value[i]), float(unsure[i]), None if new is None else float(new[i]), apart)
        )
        free[i] = False
        nearest = np.minimum(nearest, np.linalg.norm(at - at[i], axis=1))
    return picks
