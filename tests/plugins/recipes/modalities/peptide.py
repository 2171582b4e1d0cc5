"""A new modality: peptides in one-letter code."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Peptide", "PeptideFeaturiser"]

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
SEQUENCE = re.compile(f"[{LETTERS}]{{5,}}")


class PeptideFeaturiser(Featuriser):
    """x = share of each amino acid ⊕ length."""

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ()

    kind: Literal["peptide_features"] = "peptide_features"
    column: str
    """Column of sequences."""

    def module(self) -> Path:
        """Return the file that counts."""
        return Path(__file__).with_name("_peptide_features.py")

    def options(self) -> dict[str, object]:
        """Return the column."""
        return {"column": self.column}

    def shape(self) -> InputShape:
        """Return a vector of shares and the length."""
        return InputShape("vector", (len(LETTERS) + 1,))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, 21)."""
        from scitrain.modalities._peptide_features import featurise

        array, problems = featurise({self.column: list(columns[self.column])}, self.options())
        return array, {row: problem for row, problem in enumerate(problems) if problem}


class Peptide(Modality):
    """A column of amino-acid sequences."""

    name: ClassVar[str] = "peptide"
    default_split: ClassVar[str] = "random"
    default_split_reason: ClassVar[str] = "nothing is known of how the sequences are related"
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector",)

    def recognise(self, columns: Columns) -> Recognition | None:
        """Take the first column whose every cell is a sequence."""
        for name, cells in columns.items():
            if all(SEQUENCE.fullmatch(cell) for cell in cells):
                return Recognition((name,), 0.98, f"every value of {name} is a sequence of amino acids")
        return None

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Refuse what is no sequence."""
        [(name, cells)] = columns.items()
        bad = {
            row: f"{name}: {cell!r} is no sequence" for row, cell in enumerate(cells) if not SEQUENCE.fullmatch(cell)
        }
        return Cleaned(columns, bad)

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Return the counter; nothing is learned."""
        return PeptideFeaturiser(column=next(iter(columns)))
