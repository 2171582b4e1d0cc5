"""Molecules as numbers: SMILES are standardised, then become descriptors and counts of fragments, or tokens.

Self-contained on purpose (numpy and RDKit only): an exported bundle carries this very file, so that all describe alike.

Sources: RDKit's MolStandardize; circular fingerprints doi:10.1021/ci100050t; atom pairs doi:10.1021/ci00046a002; torsions
doi:10.1021/ci00054a008; log P and molar refractivity doi:10.1021/ci990307l; surface areas doi:10.1016/S1093-3263(00)00068-1;
E-state doi:10.1021/ci00001a012; MQN doi:10.1002/cmdc.200900317.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Fragments, rdFingerprintGenerator, rdMolDescriptors, rdPartialCharges
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.rdMolDescriptors import CalcExactMolWt

__all__ = ["MAX_ATOMS", "MAX_CHARACTERS", "Standardised", "blocks", "featurise", "names", "standardise_one", "tokenise"]

MAX_CHARACTERS = 5_000
"""Longer text is refused unread: no molecule of at most `MAX_ATOMS` atoms needs it."""
MAX_ATOMS = 1_000
"""Heavy atoms; the descriptors are made for small molecules, mean little beyond it and take seconds."""
MISSPELLED = "is not a valid SMILES"
LARGEST = 1e6
"""Descriptors are clipped here, so that their squares still fit float32."""
PADDING, UNKNOWN = 0, 1

# Li Na Mg K Ca Rb Sr Cs Ba: their bonds to N, O, S and halogens are salts; other metals form complexes, kept whole.
IONIC_METALS = frozenset({3, 11, 12, 19, 20, 37, 38, 55, 56})
# Neutral groups that have a charged twin, as sulfoxides do: RDKit's Normalizer writes both in one way.
TWO_SPELLINGS = Chem.MolFromSmarts("[$([#16,#34,#52;X3;+0]=*),$([#15,#33,#51;X3;+0](=*)=*)]")
# A canonical SMILES of one neutral part without metals, dummies or atom numbers, as nearly all are.
PLAIN = re.compile(r"(?:[^\[.*]|\[nH\]|\[C@@?H?\])+")
TOKEN = re.compile(r"\[[^\[\]]+\]|Br|Cl|%\d{2}|[BCNOPSFIbcnops]|\d|[()=#$:/\\.+\-*]")

Options = Mapping[str, Any]
"""JSON, as a run records it."""


@dataclass(frozen=True)
class Standardised:
    """One cell of a SMILES column, brought to standard form; either ``smiles`` or ``error`` is None."""

    smiles: str | None
    """Canonical SMILES of the parent molecule; isotopes and stereo are kept, tautomers left as drawn."""
    error: str | None
    """What is wrong with the text."""
    change: str | None
    """What was changed beyond the spelling, such as ``removed salt Cl; neutralised``."""


class UnreadableError(ValueError):
    """The text is no molecule that can be described; never leaves this file."""


def _read(text: str) -> Chem.Mol:
    """Parse one SMILES.

    Raises:
        UnreadableError: What is wrong with it.
    """
    if problem := _unfit(text):
        raise UnreadableError(problem)
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise UnreadableError(f"{_quoted(text)} {MISSPELLED}{_chemistry(text)}")
    if (heavy := mol.GetNumHeavyAtoms()) > MAX_ATOMS:
        raise UnreadableError(f"{_quoted(text)} has {heavy:,} heavy atoms; at most {MAX_ATOMS:,} are described")
    return mol


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}…"


def _unfit(text: str) -> str | None:
    """Name what makes a text unfit for the parser, which would swallow all after a space or a stray byte."""
    if not text:
        return "empty; expected a SMILES such as CCO"
    if len(text) > MAX_CHARACTERS:
        return f"{_quoted(text)} has {len(text):,} characters; a SMILES of at most {MAX_CHARACTERS:,} is read"
    at = next((i for i, character in enumerate(text) if not "!" <= character <= "~"), None)
    if at is None:
        return None
    if text[at].isspace():
        return f"{_quoted(text)} has a space at position {at + 1}; expected one SMILES a cell, without a name behind it"
    return f"{_quoted(text)} has the character {text[at]!r} at position {at + 1}; a SMILES is plain printable ASCII"


def _chemistry(text: str) -> str:
    """Say what keeps a well-spelled text from being a molecule, such as a valence; empty where it is misspelled."""
    mol = Chem.MolFromSmiles(text, sanitize=False)
    problems = Chem.DetectChemistryProblems(mol) if mol is not None else ()
    if not problems:
        return ""
    hint = " (a hydrogen such as [nH] may be missing)" if problems[0].GetType() == "KekulizeException" else ""
    return f": {problems[0].Message().strip()}{hint}"


# Standard form


def standardise_one(text: str) -> Standardised:
    """Standardise one SMILES: cut ionic metal bonds, normalise groups, keep the largest organic part, neutralise it."""
    quiet = rdBase.BlockLogs()
    try:
        _, smiles, changes = _standard(text)
    except UnreadableError as error:
        return Standardised(None, str(error), None)
    finally:
        del quiet
    return Standardised(smiles, None, "; ".join(changes) or None)


def _standard(text: str) -> tuple[Chem.Mol, str, list[str]]:
    """Return the parent molecule, its canonical SMILES and what was changed.

    Raises:
        UnreadableError: The text is no molecule, or cannot be put in standard form.
    """
    given = text.strip()
    mol = _read(given)
    smiles = Chem.MolToSmiles(mol)
    if PLAIN.fullmatch(smiles) and not mol.HasSubstructMatch(TWO_SPELLINGS):
        return mol, smiles, []
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise UnreadableError(f"{_quoted(given)} has a dummy atom (*), an open end; expected a whole molecule")
    changes = _drop_atom_numbers(mol)
    try:
        parent, more = _parent(mol)
    except (ValueError, RuntimeError) as error:
        raise UnreadableError(f"{_quoted(given)} cannot be brought to standard form: {error}") from error
    mol = _read(Chem.MolToSmiles(parent))
    return mol, Chem.MolToSmiles(mol), changes + more


def _canonical_mol(text: str) -> Chem.Mol:
    """Return the parent, its atoms in the order of its canonical SMILES: sums then round alike for all spellings."""
    mol, smiles, _ = _standard(text)
    return mol if smiles == text else Chem.MolFromSmiles(smiles)


def _drop_atom_numbers(mol: Chem.Mol) -> list[str]:
    numbered = [atom for atom in mol.GetAtoms() if atom.GetAtomMapNum()]
    for atom in numbered:
        atom.SetAtomMapNum(0)
    return ["removed atom numbers"] if numbered else []


@cache
def _disconnector() -> rdMolStandardize.MetalDisconnector:
    metals = ",".join(f"#{number}" for number in sorted(IONIC_METALS))
    disconnector = rdMolStandardize.MetalDisconnector()
    disconnector.SetMetalNof(Chem.MolFromSmarts(f"[{metals}]~[#7,#8,F]"))
    disconnector.SetMetalNon(Chem.MolFromSmarts(f"[{metals}]~[#16,Cl,Br,I]"))
    return disconnector


NORMALIZER, REIONIZER, UNCHARGER = (
    rdMolStandardize.Normalizer(),
    rdMolStandardize.Reionizer(),
    rdMolStandardize.Uncharger(),
)


def _parent(mol: Chem.Mol) -> tuple[Chem.Mol, list[str]]:
    """Return the neutral parent and what was changed on the way to it."""
    changes: list[str] = []
    steps: tuple[tuple[Callable[[Chem.Mol], Chem.Mol], str], ...] = (
        (_disconnector().Disconnect, "cut bonds to an ionic metal"),
        (NORMALIZER.normalize, "normalised the spelling of groups"),
        (lambda mol: _largest(mol, changes), ""),
        (_neutral, "neutralised"),
    )
    for step, change in steps:
        before = Chem.MolToSmiles(mol)
        mol = step(mol)
        if change and Chem.MolToSmiles(mol) != before:
            changes.append(change)
    return mol, changes


def _neutral(mol: Chem.Mol) -> Chem.Mol:
    """Return the neutral molecule, or the charged one where hydrogens cannot balance it, as for ``[SbH6+3]``."""
    neutral: Chem.Mol = UNCHARGER.uncharge(REIONIZER.reionize(mol))
    return mol if Chem.DetectChemistryProblems(neutral) else neutral


def _largest(mol: Chem.Mol, changes: list[str]) -> Chem.Mol:
    """Return the largest organic part; a molecule without carbon, such as ``[Na+].[Cl-]``, is kept whole."""
    parts = [(part, Chem.MolToSmiles(part)) for part in Chem.GetMolFrags(mol, asMols=True)]
    organic = [pair for pair in parts if any(atom.GetAtomicNum() == 6 for atom in pair[0].GetAtoms())]
    if len(parts) < 2 or not organic:
        return mol
    best, name = min(organic, key=lambda pair: (-pair[0].GetNumHeavyAtoms(), -CalcExactMolWt(pair[0]), pair[1]))
    others = Counter(smiles for _, smiles in parts)
    if others.pop(name) > 1:
        changes.append("kept one of several equal parts")
    if others:
        listed = ", ".join(f"{count} × {smiles}" if count > 1 else smiles for smiles, count in sorted(others.items()))
        largest = max(part.GetNumHeavyAtoms() for part, smiles in parts if smiles != name)
        mixture = largest * 2 >= best.GetNumHeavyAtoms() and not any(Chem.GetFormalCharge(part) for part, _ in parts)
        changes.append(f"{'kept the largest part of a mixture, removed' if mixture else 'removed salt'} {listed}")
    parent: Chem.Mol = best
    return parent


# Descriptors. Each family is one function, so that what it computes for an atom is computed once.

PROPERTY_NAMES = """
    exactmw amw lipinskiHBA lipinskiHBD NumRotatableBonds NumHBD NumHBA NumHeavyAtoms NumAtoms NumHeteroatoms
    NumAmideBonds FractionCSP3 NumRings NumAromaticRings NumAliphaticRings NumSaturatedRings NumHeterocycles
    NumAromaticHeterocycles NumSaturatedHeterocycles NumAliphaticHeterocycles NumSpiroAtoms NumBridgeheadAtoms
    NumAtomStereoCenters NumUnspecifiedAtomStereoCenters labuteASA tpsa chi0v chi1v chi2v chi3v chi4v
    chi0n chi1n chi2n chi3n chi4n hallKierAlpha kappa1 kappa2 kappa3 Phi
"""
COUNTS = PROPERTY_NAMES.split()
PROPERTIES = rdMolDescriptors.Properties(COUNTS)
SLOGP_BINS = np.array([-0.4, -0.2, 0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6])
SMR_BINS = np.array([1.29, 1.82, 2.24, 2.45, 2.75, 3.05, 3.63, 3.8, 4.0])
CHARGE_BINS = np.array([-0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
ESTATE_BINS = np.array([-0.39, 0.29, 0.717, 1.165, 1.54, 1.807, 2.05, 4.69, 9.17, 15.0])
AREA_BINS = np.array([4.78, 5.0, 5.41, 5.74, 6.0, 6.07, 6.45, 7.0, 11.0])
LAST_OF_SHELL = np.array([2, 10, 18, 36, 54, 86])


def _binned(values: np.ndarray, weights: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Sum ``weights`` (n_atoms,) by the bin of ``values`` (n_atoms,); (len(bins) + 1,)."""
    return np.bincount(np.searchsorted(bins, values, side="right"), weights=weights, minlength=len(bins) + 1)


def _counts(mol: Chem.Mol) -> Sequence[float]:
    return list(PROPERTIES.ComputeProperties(mol))


def _surface(mol: Chem.Mol) -> np.ndarray:
    """Return log P, molar refractivity, and surface area (Å²) by atomic log P, refractivity, charge and E-state."""
    n_atoms = mol.GetNumAtoms()
    areas = np.array(rdMolDescriptors._CalcLabuteASAContribs(mol)[0])
    crippen = np.array(rdMolDescriptors._CalcCrippenContribs(Chem.AddHs(mol)))
    log_p, refractivity = crippen[:n_atoms, 0], crippen[:n_atoms, 1]
    rdPartialCharges.ComputeGasteigerCharges(mol)
    charges = np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()])
    estate = _estate(mol)
    parts = [
        crippen.sum(axis=0),
        _binned(log_p, areas, SLOGP_BINS),
        _binned(refractivity, areas, SMR_BINS),
        _binned(charges, areas, CHARGE_BINS),
        _binned(estate, areas, ESTATE_BINS),
        _binned(areas, estate, AREA_BINS),
    ]
    high, low = charges.max(), charges.min()
    ends = [high, low, max(abs(high), abs(low)), min(abs(high), abs(low))]
    ends += [estate.max(), estate.min(), np.abs(estate).max(), np.abs(estate).min()]
    return np.concatenate([*parts, ends])


def _estate(mol: Chem.Mol) -> np.ndarray:
    """Return the electrotopological state of each atom (n_atoms,): I_i + Σ_j (I_i − I_j) / (d_ij + 1)²."""
    table = Chem.GetPeriodicTable()
    rows = [(atom.GetAtomicNum(), atom.GetDegree(), atom.GetTotalNumHs()) for atom in mol.GetAtoms()]
    numbers, degrees, hydrogens = np.array(rows).T
    outer = np.array([table.GetNOuterElecs(int(number)) for number in numbers])
    shell = np.searchsorted(LAST_OF_SHELL, numbers) + 1
    intrinsic = np.where(degrees > 0, (4.0 / shell**2 * (outer - hydrogens) + 1) / np.maximum(degrees, 1), 0.0)
    distance = Chem.GetDistanceMatrix(mol) + 1
    weight = np.where(distance < 1e6, 1 / distance**2, 0.0)
    result: np.ndarray = intrinsic + intrinsic * weight.sum(axis=1) - (weight * intrinsic).sum(axis=1)
    return result


def _groups(mol: Chem.Mol) -> Sequence[float]:
    return [count(mol) for _, count in Fragments.fns]


BINNED = (("SlogP_VSA", 12), ("SMR_VSA", 10), ("PEOE_VSA", 14), ("EState_VSA", 11), ("VSA_EState", 10))
ENDS = [f"{end}{of}" for of in ("PartialCharge", "EStateIndex") for end in ("Max", "Min", "MaxAbs", "MinAbs")]
SURFACE = ["MolLogP", "MolMR", *(f"{name}{i + 1}" for name, bins in BINNED for i in range(bins)), *ENDS]
Family = Callable[[Chem.Mol], Sequence[float] | np.ndarray]
FAMILIES: tuple[tuple[Family, list[str]], ...] = (
    (_counts, COUNTS),
    (_surface, SURFACE),
    (rdMolDescriptors.MQNs_, [f"MQN{i + 1}" for i in range(42)]),
    (_groups, [name for name, _ in Fragments.fns]),
)
DESCRIPTORS = [name for _, family in FAMILIES for name in family]


def described(mol: Chem.Mol) -> np.ndarray:
    """Return all descriptors (n_descriptors,); NaN where one is not defined for the molecule."""
    values: list[np.ndarray] = []
    for function, family in FAMILIES:
        try:
            values.append(np.asarray(function(mol), dtype=float))
        except (ValueError, RuntimeError, ZeroDivisionError):
            values.append(np.full(len(family), np.nan))
    row = np.concatenate(values)
    return np.where(np.isfinite(row), np.clip(row, -LARGEST, LARGEST), np.nan)


# Fragments, of four kinds, for what one takes for the same another tells apart: an atom with all within so many bonds, the
# same of atoms known by their role alone (donor, acceptor, aromatic, …), two atoms up to five bonds apart, four in a row.

RD = rdFingerprintGenerator
FINGERPRINTS: dict[str, Callable[[int, int], RD.FingerprintGenerator64]] = {
    "morgan": lambda radius, bits: RD.GetMorganGenerator(radius, fpSize=bits),
    "role": lambda radius, bits: RD.GetMorganGenerator(
        radius, fpSize=bits, atomInvariantsGenerator=RD.GetMorganFeatureAtomInvGen()
    ),
    "pair": lambda _, bits: RD.GetAtomPairGenerator(maxDistance=5, fpSize=bits, countSimulation=False),
    "torsion": lambda _, bits: RD.GetTopologicalTorsionGenerator(fpSize=bits, countSimulation=False),
}


# Arrays


def tokenise(smiles: str) -> list[str]:
    """Cut a SMILES into atoms, bonds, branches and ring closures; joined they give it back."""
    return TOKEN.findall(smiles)


def names(options: Options) -> list[str]:
    """Return a name for each column of the vector; with several SMILES columns it starts with the column."""
    columns = options["columns"]
    heads = [f"{column}:" for column in columns] if len(columns) > 1 else [""]
    counts = ([f"{kind}_{i}" for i in range(options["bits"])] for kind in FINGERPRINTS)
    return [head + name for family in (DESCRIPTORS, *counts) for head in heads for name in family]


def blocks(options: Options) -> dict[str, tuple[int, int]]:
    """Return the column ranges of the descriptors and of each kind of counts, such as ``morgan_counts``."""
    found, start = {}, 0
    widths = {"descriptors": len(DESCRIPTORS)} | {f"{kind}_counts": options["bits"] for kind in FINGERPRINTS}
    for name, width in widths.items():
        found[name] = (start, start + width * len(options["columns"]))
        start = found[name][1]
    return found


def featurise(columns: Mapping[str, Sequence[str]], options: Options) -> tuple[np.ndarray, list[str | None]]:
    """Turn SMILES into the array that a network reads.

    Args:
        columns: Text by column name.
        options: ``output`` ``"vector"`` with ``columns``, ``bits``, ``radius``; or ``"tokens"`` with ``columns``,
            ``vocabulary``, ``length`` and ``canonical`` (False keeps the spelling, for enumerated SMILES).

    Returns:
        float32 (n, width), NaN where a descriptor is not defined, or int64 (n, length); and per row None or what is
        wrong with it, such a row being zero.
    """
    rows = list(zip(*(columns[name] for name in options["columns"]), strict=True))
    tokens = options["output"] == "tokens"
    width = options["length"] if tokens else max(end for _, end in blocks(options).values())
    array = np.zeros((len(rows), width), dtype=np.int64 if tokens else np.float32)
    errors: list[str | None] = [None] * len(rows)
    one = _tokens(options) if tokens else _vector(options)
    quiet = rdBase.BlockLogs()
    for i, row in enumerate(rows):
        try:
            found = one(row)
            array[i, : len(found)] = found
        except UnreadableError as error:
            errors[i] = str(error)
    del quiet
    return array, errors


def _vector(options: Options) -> Callable[[Sequence[str]], np.ndarray]:
    """Return the function of a row: descriptors, then log(1 + count) of each kind of folded fragments; (width,)."""
    generators = [make(options["radius"], options["bits"]) for make in FINGERPRINTS.values()]

    def one(row: Sequence[str]) -> np.ndarray:
        mols = [_canonical_mol(text) for text in row]
        counts = [np.log1p(made.GetCountFingerprintAsNumPy(mol)) for made in generators for mol in mols]
        return np.concatenate([*map(described, mols), *counts])

    return one


def _tokens(options: Options) -> Callable[[Sequence[str]], list[int]]:
    """Return the function of a row: token ids, several columns joined by a dot as parts of a mixture are."""
    ids = {token: i for i, token in enumerate(options["vocabulary"], UNKNOWN + 1)}

    def one(row: Sequence[str]) -> list[int]:
        spelled = ".".join(_standard(text)[1] if options.get("canonical", True) else text for text in row)
        tokens = tokenise(spelled)
        if len(tokens) > options["length"]:
            raise UnreadableError(f"{_quoted(spelled)} has {len(tokens)} tokens; the network reads {options['length']}")
        return [ids.get(token, UNKNOWN) for token in tokens]

    return one
