"""Molecules written as SMILES, such as ``CC(=O)Oc1ccccc1C(=O)O``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from scitrain.contracts.modality import Cleaned, Columns, Featuriser, Modality, Recognition, Ticker
from scitrain.contracts.model import InputKind, InputShape
from scitrain.modalities._chunks import featurise_in_processes

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MoleculeFeaturiser", "Smiles", "SmilesTokens"]

ROWS = 32
"""Rows featurised at once: a tenth of a second, so that progress moves and the first of them, done here, delay nobody."""
SAMPLE = 200
"""Distinct values a column is judged by."""
READABLE = 0.8
"""Smallest share of the values that must be molecules; the rest may be mistakes to report."""
STRUCTURED = 0.5
"""Smallest share that must show a bond, ring, branch or carbon chain: words such as CO, NO or IN are readable too."""

_NAMED = re.compile(r"smiles|(^|_)smi($|_)", re.IGNORECASE)
_HINTED = re.compile(r"mol|structure|compound|ligand|drug|solvent|solute", re.IGNORECASE)
_ATOM = re.compile(r"[A-DF-Za-df-z*]")
"""A letter that is no exponent, or the wildcard: what every SMILES has."""
_STRUCTURE = re.compile(r"[=#@(\[]|CC|cc|[BCNOPSbcnops]\d")
_ALPHABET = (
    "C N O S P F Cl Br I B c n o s p b [nH] [C@H] [C@@H] [C@] [C@@] [N+] [O-] [n+] [S+] ( ) = # / \\ - . 1 2 3 4 5 6"
)


class MoleculeFeaturiser(Featuriser):
    """x = RDKit descriptors ⊕ log(1 + counts of folded fragments), for each SMILES column.

    The fragments are environments of atoms (Morgan), the same by the atoms' roles, pairs of atoms, and chains of four.

    A SMILES is standardised first, so that every spelling and salt of a molecule has the same features.
    """

    output: ClassVar[InputKind] = "vector"
    requirements: ClassVar[tuple[str, ...]] = ("rdkit",)

    kind: Literal["molecule"] = "molecule"
    columns: tuple[str, ...]
    """SMILES columns, in this order."""
    radius: int = 2
    """Bonds around an atom that an environment reaches."""
    bits: int = 1024
    """Number of counts that each kind of fragments is folded into."""

    def module(self) -> Path:
        """Return the file that standardises and describes."""
        return _module()

    def options(self) -> dict[str, object]:
        """Return columns and fingerprint."""
        return {"output": "vector", "columns": list(self.columns), "radius": self.radius, "bits": self.bits}

    def shape(self) -> InputShape:
        """Return a vector with the blocks ``descriptors``, ``morgan_counts``, ``role_counts``, ``pair_counts``, ``torsion_counts``."""
        from scitrain.chem.molecule_features import blocks

        found = blocks(self.options())
        return InputShape("vector", (max(end for _, end in found.values()),), blocks=found)

    def plain(self) -> int:
        """Return the width of descriptors and Morgan counts: forests err more, not less, with all the other counts."""
        from scitrain.chem.molecule_features import blocks

        return blocks(self.options())["morgan_counts"][1]

    def names(self) -> tuple[str, ...]:
        """Return RDKit's descriptor names, then ``morgan_0`` and so on."""
        from scitrain.chem.molecule_features import names

        return tuple(names(self.options()))

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return float32 (n, width); a descriptor that is not defined for a molecule is NaN."""
        return _transform(self, columns, tick)


class SmilesTokens(Featuriser):
    """x = ids of atoms, bonds, branches and rings of the canonical SMILES; 0 pads, 1 was not seen in training."""

    output: ClassVar[InputKind] = "tokens"
    requirements: ClassVar[tuple[str, ...]] = ("rdkit",)

    kind: Literal["smiles_tokens"] = "smiles_tokens"
    columns: tuple[str, ...]
    """SMILES columns, in this order; their tokens are joined by a dot."""
    vocabulary: tuple[str, ...]
    """Tokens by id, from id 2 on."""
    length: int
    """Tokens a row; a longer one is refused."""
    canonical: bool = True
    """False keeps the spelling as given: for enumerated SMILES while training, never for prediction."""

    def module(self) -> Path:
        """Return the file that standardises and tokenises."""
        return _module()

    def options(self) -> dict[str, object]:
        """Return columns, vocabulary, length and whether spellings are kept."""
        listed: dict[str, object] = {"columns": list(self.columns), "vocabulary": list(self.vocabulary)}
        return listed | {"output": "tokens", "length": self.length, "canonical": self.canonical}

    def shape(self) -> InputShape:
        """Return a row of token ids."""
        return InputShape("tokens", (self.length,), vocabulary=len(self.vocabulary) + 2)

    def as_written(self) -> "SmilesTokens":
        """Return the same without the canonical form, so that enumerated SMILES stay apart."""
        return self.model_copy(update={"canonical": False})

    def transform(self, columns: Columns, tick: Ticker | None = None) -> "tuple[np.ndarray, dict[int, str]]":
        """Return int64 (n, length)."""
        return _transform(self, columns, tick)


@dataclass(frozen=True)
class _Look:
    """What a sample of one column shows."""

    readable: float
    structured: float
    """Share of the values that are readable and show a bond, ring, branch or chain."""
    canonical: tuple[str, ...]


class Smiles(Modality):
    """Columns of SMILES; standardised with RDKit's MolStandardize (salts removed, charges neutralised)."""

    name: ClassVar[str] = "smiles"
    default_split: ClassVar[str] = "scaffold"
    default_split_reason: ClassVar[str] = (
        "molecules of one scaffold resemble each other, so a random split would test on near copies of training rows"
    )
    kinds: ClassVar[tuple[InputKind, ...]] = ("vector", "tokens")

    def recognise(self, columns: Columns) -> Recognition | None:
        """Find columns whose values are readable SMILES and, where the name does not say so, look like structures."""
        looks = {name: look for name, values in columns.items() if (look := _look(values))}
        sure = {name: confidence for name, look in looks.items() if (confidence := _confidence(name, look))}
        if not sure:
            return None
        chosen = _without_copies({name: looks[name] for name in sorted(sure, key=lambda name: -sure[name])})
        chosen.sort(key=list(columns).index)
        share = min(looks[name].readable for name in chosen)
        reason = f"{share:.0%} of the values of {', '.join(chosen)} are readable SMILES"
        left = [name for name, look in looks.items() if name not in sure and look.readable >= READABLE]
        if left:
            reason += f"; {', '.join(left)} left out: readable too, but words or formulas without bond, ring or branch"
        return Recognition(tuple(chosen), max(sure[name] for name in chosen), reason)

    def clean(self, columns: Columns, impute: bool, tick: Ticker | None = None) -> Cleaned:
        """Standardise every SMILES; a missing or unreadable one is the row's error, also with ``impute``."""
        from scitrain.chem.molecules import standardise

        cleaned: dict[str, list[str]] = {}
        errors: dict[int, list[str]] = {}
        changes: dict[int, list[str]] = {}
        for at, (name, values) in enumerate(columns.items()):
            found = standardise(values, _shifted(tick, at, len(columns)))
            cleaned[name] = [one.smiles or given for one, given in zip(found, values, strict=True)]
            head = f"{name}: " if len(columns) > 1 else ""
            for row, one in enumerate(found):
                if one.error:
                    errors.setdefault(row, []).append(head + one.error)
                if one.change:
                    changes.setdefault(row, []).append(head + one.change)
        return Cleaned(cleaned, _joined(errors), _joined(changes))

    def featuriser(self, kind: InputKind, columns: Columns, train: "np.ndarray") -> Featuriser:
        """Return descriptors and counts, or tokens with the vocabulary of the training rows.

        The length fits every row given, with a quarter to spare for enumerated spellings; how long the rows of the
        other splits are tells a network nothing about their labels.
        """
        if kind != "tokens":
            return MoleculeFeaturiser(columns=tuple(columns))
        from scitrain.chem.molecule_features import tokenise

        rows = [tokenise(".".join(row)) for row in zip(*columns.values(), strict=True)]
        seen = set(chain.from_iterable(rows[int(row)] for row in train))
        length = -(-max(map(len, rows), default=1) * 5 // 4)
        return SmilesTokens(
            columns=tuple(columns), vocabulary=tuple(sorted(seen.union(_ALPHABET.split()))), length=length
        )

    def groups(self, columns: Columns, split: str) -> Sequence[str] | None:
        """Return the Bemis–Murcko scaffold of the first column; an acyclic molecule is a group by itself."""
        if split != "scaffold":
            return None
        from scitrain.chem.molecules import scaffolds

        smiles = next(iter(columns.values()), [])
        return [found or f"acyclic {own}" for found, own in zip(scaffolds(smiles), smiles, strict=True)]

    def enumerate(self, columns: Columns, times: int, seed: int) -> Columns:
        """Return ``times`` random spellings of each row, those of a row one after the other."""
        from scitrain.chem.molecules import random_spellings

        spelled = {
            name: [random_spellings(smiles, times, seed + row) for row, smiles in enumerate(values)]
            for name, values in columns.items()
        }
        return {name: list(chain.from_iterable(rows)) for name, rows in spelled.items()}


def _module() -> Path:
    """Return the self-contained source file, without importing it."""
    return Path(__file__).parents[1] / "chem" / "molecule_features.py"


def _transform(
    featuriser: MoleculeFeaturiser | SmilesTokens, columns: Columns, tick: Ticker | None
) -> "tuple[np.ndarray, dict[int, str]]":
    """Featurise the SMILES columns on all CPUs; reasons say where the mistake is, which a bundle does not."""
    from scitrain.chem.molecule_features import featurise
    from scitrain.chem.molecules import standardise

    wanted = {name: columns[name] for name in featuriser.columns}
    array, errors = featurise_in_processes(featurise, wanted, featuriser.options(), ROWS, tick)
    for row, error in errors.items():
        located = [one.error for one in standardise([values[row] for values in wanted.values()])]
        named = [
            f"{name}: {text}" if len(wanted) > 1 else text for name, text in zip(wanted, located, strict=True) if text
        ]
        errors[row] = "; ".join(named) or error
    return array, errors


def _look(values: Sequence[str]) -> _Look | None:
    """Read a sample of a column's distinct values; None where there is nothing to read."""
    from scitrain.chem.molecule_features import standardise_one

    sample = [text for text in dict.fromkeys(value.strip() for value in values) if text][:SAMPLE]
    if not sample:
        return None
    # Numbers and dates, of which a wide table has hundreds of columns, need no chemistry to be told from molecules.
    read = [standardise_one(text).smiles if _ATOM.search(text) else None for text in sample]
    readable = [text for text, smiles in zip(sample, read, strict=True) if smiles]
    structured = sum(bool(_STRUCTURE.search(text)) for text in readable)
    return _Look(len(readable) / len(sample), structured / len(sample), tuple(smiles or "" for smiles in read))


def _confidence(name: str, look: _Look) -> float:
    """Return how sure it is that a column holds SMILES, 0 where it does not."""
    if _NAMED.search(name):
        return 0.98 if look.readable >= READABLE / 2 else 0.0
    if look.readable < READABLE or look.structured < (STRUCTURED / 2 if _HINTED.search(name) else STRUCTURED):
        return 0.0
    return 0.95 if _HINTED.search(name) else 0.92


def _without_copies(looks: dict[str, _Look]) -> list[str]:
    """Leave out columns with the molecules of an earlier one, such as ``canonical_smiles`` beside ``smiles``."""
    kept: list[str] = []
    for name, look in looks.items():
        if not any(_overlap(look.canonical, looks[other].canonical) > READABLE for other in kept):
            kept.append(name)
    return kept


def _overlap(some: Sequence[str], others: Sequence[str]) -> float:
    """Return the share of equal molecules in the shorter of two samples of distinct values."""
    return len(set(some) & set(others)) / max(1, min(len(set(some)), len(set(others))))


def _shifted(tick: Ticker | None, at: int, columns: int) -> Ticker | None:
    """Return a ticker for one of several columns that counts the rows of all."""
    return None if tick is None else lambda done, total: tick(at * total + done, columns * total)


def _joined(reasons: dict[int, list[str]]) -> dict[int, str]:
    return {row: "; ".join(parts) for row, parts in sorted(reasons.items())}
