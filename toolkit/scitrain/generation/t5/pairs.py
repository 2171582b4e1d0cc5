"""Formulas, and what is known of each as one text that can be read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from scitrain.chem.formulas import parse
from scitrain.errors import DataError
from scitrain.spec import Spec

__all__ = ["Pairs", "Parts", "Written", "divided_by_system", "read_back"]

SHARE = 0.1
"""Of the rows that are held out to stop by, and of those that test."""
FEWEST = 30
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Written(Spec):
    """A column that is written."""

    name: str
    unit: str | None = None
    number: bool


@dataclass(frozen=True)
class Pairs:
    """Rows of formulas with what is written of each."""

    column: str
    source: str
    formulas: tuple[str, ...]
    """Reduced formulas, each once."""
    columns: tuple[Written, ...]
    numbers: np.ndarray
    """float64 (n, columns), NaN where a row has none or the column holds words; of repeated formulas their mean."""
    words: tuple[tuple[str, ...], ...]
    """(n, columns), empty where a row has none or the column holds numbers; of repeated formulas the first."""
    facts: dict[str, JsonValue]

    def text(self, row: int) -> str:
        """Return what is written of a row: ``name=value; name=value``, or the words alone where one column of words is all."""
        if _alone(self.columns):
            return self.words[row][0]
        said = []
        for at, column in enumerate(self.columns):
            value = f"{self.numbers[row, at]:.4g}" if column.number else self.words[row][at]
            if value not in ("", "nan"):
                said.append(f"{column.name}={value}")
        return "; ".join(said)


def _alone(columns: Sequence[Written]) -> bool:
    return len(columns) == 1 and not columns[0].number


def read_back(columns: Sequence[Written], text: str) -> dict[str, float | str]:
    """Return what a text says, by column; what it does not say, or says in no number, is left out."""
    if _alone(columns):
        return {columns[0].name: text} if text else {}
    others = "|".join(re.escape(column.name) for column in columns)
    found: dict[str, float | str] = {}
    for column in columns:
        said = re.search(rf"(?:^|; ){re.escape(column.name)}=(.*?)(?=; (?:{others})=|$)", text, re.DOTALL)
        if said is None:
            continue
        if not column.number:
            found[column.name] = said[1]
        elif NUMBER.fullmatch(said[1].strip()):
            found[column.name] = float(said[1])
    return found


@dataclass(frozen=True)
class Parts:
    """Rows by what they are for; no two parts share a chemical system."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def divided_by_system(formulas: Sequence[str], seed: int) -> Parts:
    """Divide by chemical systems, drawn at random: a tenth of the rows tests, a tenth says when to stop.

    Raises:
        DataError: There are too few rows or systems.
    """
    systems = ["-".join(sorted(parse(formula))) for formula in formulas]
    names, owner = np.unique(systems, return_inverse=True)
    if len(formulas) < FEWEST or len(names) < 3:
        raise DataError(
            f"{len(formulas)} different formulas of {len(names)} chemical systems; at least {FEWEST} of three systems are needed"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.cumsum(np.bincount(owner)[order]) / len(formulas)
    first, second = (int(np.searchsorted(ends, share)) + 1 for share in (SHARE, 2 * SHARE))
    second = min(max(second, first + 1), len(names) - 1)
    place = np.full(len(names), 2)
    place[order[:second]] = 1
    place[order[: min(first, second - 1)]] = 0
    test, val, train = (np.flatnonzero(place[owner] == part) for part in range(3))
    return Parts(train, val, test)
