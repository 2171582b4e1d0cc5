"""What a kind of data offers: recognise it, clean it, split it, turn it into arrays."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ValidationError

from scitrain.contracts.model import InputKind, InputShape
from scitrain.errors import ScitrainError, UnknownNameError
from scitrain.spec import Spec

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Cleaned", "Columns", "Featuriser", "Modality", "Recognition"]

Columns = Mapping[str, Sequence[str]]
"""Input columns as text, exactly as they stood in the source; an empty string is a missing cell."""
Ticker = Callable[[int, int], None]
"""Told (rows done, rows in all)."""


@dataclass(frozen=True)
class Recognition:
    """Which columns of a table are of this modality, and how sure that is."""

    columns: tuple[str, ...]
    confidence: float
    """0…1; the modality with the highest wins."""
    reason: str


@dataclass(frozen=True)
class Cleaned:
    """Input columns brought to their canonical form, row by row."""

    columns: Columns
    """Canonical text; same number of rows as given."""
    errors: dict[int, str] = field(default_factory=dict)
    """Row index to what is wrong with the row."""
    changes: dict[int, str] = field(default_factory=dict)
    """Row index to what was changed, such as ``removed salt Cl``."""


class Featuriser(Spec):
    """Turns raw input columns into the array a network reads; frozen JSON, so that a run can predict later.

    The work is done by ``module``, a file of its own that imports numpy and at most one science library and offers
    ``featurise(columns: dict[str, list[str]], options: dict) -> tuple[numpy.ndarray, list[str | None]]``: the array
    (n, …) and per row None or what is wrong with it (such a row's values are zero). An exported bundle copies that file
    beside ``inference.py``, so training, prediction and the bundle run the same code.
    Subclasses carry ``kind: Literal["name"] = "name"`` as their discriminator.
    """

    output: ClassVar[InputKind]
    """Kind of array it makes."""
    adjustable: ClassVar[tuple[str, ...]] = ()
    """Fields that a request may set; all others are learned from the training rows."""
    requirements: ClassVar[tuple[str, ...]]
    """Distributions the bundle needs beside numpy and onnxruntime, such as ``("rdkit",)``."""

    @abstractmethod
    def module(self) -> Path:
        """Return the self-contained source file that does the work."""

    def data_files(self) -> tuple[Path, ...]:
        """Return further files which that module reads from its own folder."""
        return ()

    @abstractmethod
    def options(self) -> dict[str, object]:
        """Return the JSON options handed to ``featurise``."""

    @abstractmethod
    def shape(self) -> InputShape:
        """Return what one row of the array looks like."""

    @abstractmethod
    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return the array (n, …) and the reason by row index where a row is bad; large inputs run in parallel processes."""

    def as_written(self) -> "Featuriser | None":
        """Return a featuriser that tells equivalent spellings apart, for training; None where they make no difference."""
        return None

    def names(self) -> tuple[str, ...] | None:
        """Return a name for each column of a vector, or None."""
        return None

    def plain(self) -> int | None:
        """Return how many columns, from the first, the simple models read where all would only blur them; None is all."""
        return None

    def adjusted(self, features: Mapping[str, object]) -> "Featuriser":
        """Return this featuriser with what a request says of it.

        Raises:
            UnknownNameError: It has no such option, or none that may be set.
            ScitrainError: The value does not fit.
        """
        for name in features:
            if name not in self.adjustable:
                raise UnknownNameError(f"option of {self.output} features", name, list(self.adjustable))
        try:
            return type(self).model_validate({**self.model_dump(), **features})
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ScitrainError(f"features={dict(features)} cannot be taken: {said}") from None

    def reason(self) -> str | None:
        """Return what was chosen from the training rows, and why; None where nothing was."""
        return None


class Modality(ABC):
    """One kind of data. Subclass it in a new file of ``scitrain/modalities``."""

    name: ClassVar[str]
    default_split: ClassVar[str]
    """Split kind taken when the request says ``auto`` and the task does not ask for another."""
    default_split_reason: ClassVar[str]
    kinds: ClassVar[tuple[InputKind, ...]]
    """Input kinds it can be turned into, the default first."""
    fills: ClassVar[Literal["never", "asked", "auto"]] = "never"
    """Whether missing cells are filled in: never, with ``rows="impute"``, or by default."""

    @abstractmethod
    def recognise(self, columns: Columns) -> Recognition | None:
        """Look at a sample of rows (at most 1,000) and say which columns are of this modality, or None."""

    @abstractmethod
    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Bring each row to canonical form; with ``impute`` a missing cell is no error where the modality can fill it."""

    @abstractmethod
    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Choose the featuriser for cleaned ``columns``; what is learned (vocabularies, sizes) is learned from rows ``train``."""

    def groups(self, columns: Columns, split: str) -> Sequence[str] | None:
        """Return the group of each row for a group split such as ``scaffold``, or None where it does not apply."""
        return None

    def identity(self, columns: Columns) -> Sequence[str]:
        """Return a key that two rows share exactly when they are the same input."""
        return ["\x1f".join(row) for row in zip(*columns.values(), strict=True)]

    def enumerate(self, columns: Columns, times: int, seed: int) -> Columns | None:
        """Return ``times`` equivalent spellings a row (SMILES enumeration), rows repeated in blocks, or None."""
        return None
