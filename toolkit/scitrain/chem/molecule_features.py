"""Molecules as numbers: SMILES are standardised, then become descriptors and Morgan counts, or tokens.

Self-contained on purpose: it needs numpy and RDKit only, and an exported bundle carries a copy of this very file, so
that training, prediction and the bundle standardise and describe a molecule in the same way.

Sources: RDKit's MolStandardize; Rogers and Hahn, J. Chem. Inf. Model. 50, 742 (2010), doi:10.1021/ci100050t (circular
fingerprints); Wildman and Crippen, J. Chem. Inf. Comput. Sci. 39, 868 (1999), doi:10.1021/ci990307l (log P, refractivity);
Labute, J. Mol. Graph. Model. 18, 464 (2000), doi:10.1016/S1093-3263(00)00068-1 (surface areas); Hall, Mohney and Kier,
J. Chem. Inf. Comput. Sci. 31, 76 (1991), doi:10.1021/ci00001a012 (E-state); Nguyen et al., ChemMedChem 4, 1803 (2009),
doi:10.1002/cmdc.200900317 (MQN).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Fragments, GraphDescriptors, rdFingerprintGenerator, rdMolDescriptors, rdPartialCharges
from rdkit.Chem.MolStandardize import rdMolStandardize

__all__ = ["MAX_ATOMS", "MAX_CHARACTERS", "Standardised", "blocks", "featurise", "names", "standardise_one", "tokenise"]

MAX_CHARACTERS = 5_000
"""Longer text is refused unread: no molecule of at most `MAX_ATOMS` atoms needs it."""
MAX_ATOMS = 1_000
"""Heavy atoms; the descriptors are made for small molecules, mean little beyond it and take seconds."""
LARGEST = 1e6
"""Descriptors are clipped here, so that their squares still fit float32."""

IONIC_METALS = frozenset({3, 11, 12, 19, 20, 37, 38, 55, 56})  # Li … Ba: their bonds to N, O, S and halogens are salts
TWO_SPELLINGS = frozenset(
    {15, 16, 33, 34, 51, 52}
)  # P S As Se Sb Te: neutral groups with a charged twin, as in sulfoxides
PADDING, UNKNOWN = 0, 1
TOKEN = re.compile(r"\[[^\[\]]+\]|Br|Cl|%\d{2}|[BCNOPSFIbcnops]|\d|[()=#$:/\\.+\-*]")
ELEMENT = re.compile(r"\[\d*([A-Z][a-z]?|[a-z]{1,2})")


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


# Reading: what is wrong with a text is found out by our own look at it, since RDKit only writes it to stderr.


def _parser() -> Chem.SmilesParserParams:
    parameters = Chem.SmilesParserParams()
    parameters.allowCXSMILES = False  # else everything after a space or a stray byte is swallowed
    parameters.parseName = False
    return parameters


PARSER = _parser()


def _read(text: str) -> Chem.Mol:
    """Parse one SMILES.

    Raises:
        UnreadableError: What is wrong with it, and where.
    """
    if problem := _unfit(text):
        raise UnreadableError(problem)
    mol = Chem.MolFromSmiles(text, PARSER)
    if mol is None:
        raise UnreadableError(f"{_quoted(text)} is not a valid SMILES: {_syntax(text) or _chemistry(text)}")
    if mol.GetNumHeavyAtoms() > MAX_ATOMS:
        raise UnreadableError(
            f"{_quoted(text)} has {mol.GetNumHeavyAtoms():,} heavy atoms; molecules of at most {MAX_ATOMS:,} are described"
        )
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise UnreadableError(
            f"{_quoted(text)} has a dummy atom (*): an attachment point or polymer end, not a whole molecule"
        )
    return mol


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}…"


def _unfit(text: str) -> str | None:
    """Name what makes a text unfit for the parser, or None."""
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


def _syntax(text: str) -> str | None:
    """Find the first mistake in the spelling: a symbol, an element, a parenthesis or a ring that does not close."""
    if ">" in text:
        return "it is a reaction (>); expected one molecule"
    open_rings: dict[str, int] = {}
    open_branches: list[int] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            return (
                f"'[' at position {at + 1} is never closed"
                if text[at] == "["
                else f"no SMILES symbol {text[at]!r} at position {at + 1}"
            )
        token = match[0]
        if problem := _element(token, at) or _branch(token, at, open_branches):
            return problem
        if token.isdigit() or token[0] == "%":
            ring = token.lstrip("%0")
            open_rings.pop(ring) if ring in open_rings else open_rings.update({ring: at})
        at = match.end()
    if open_branches:
        return f"'(' at position {open_branches[-1] + 1} is never closed"
    return next((f"ring {ring} opened at position {at + 1} is never closed" for ring, at in open_rings.items()), None)


def _branch(token: str, at: int, open_branches: list[int]) -> str | None:
    if token == "(":
        open_branches.append(at)
    elif token == ")":
        if not open_branches:
            return f"')' at position {at + 1} closes nothing"
        open_branches.pop()
    return None


@cache
def _elements() -> frozenset[str]:
    table = Chem.GetPeriodicTable()
    return frozenset(table.GetElementSymbol(number) for number in range(1, 119)) | {
        "b",
        "c",
        "n",
        "o",
        "p",
        "s",
        "se",
        "as",
        "te",
        "si",
    }


def _element(token: str, at: int) -> str | None:
    """Name an unknown element in a bracket atom; a second letter may belong to the hydrogens, as in ``[CH3]``."""
    found = ELEMENT.match(token)
    if not found or found[1] in _elements() or found[1][0] in _elements():
        return None
    return f"no element {found[1]!r} (in {token} at position {at + 1})"


def _chemistry(text: str) -> str:
    """Say what keeps a well-spelled text from being a molecule: valence or aromaticity."""
    parameters = _parser()
    parameters.sanitize = False
    mol = Chem.MolFromSmiles(text, parameters)
    problems = Chem.DetectChemistryProblems(mol) if mol is not None else ()
    if not problems:
        return "symbols stand in an order that means nothing"
    message = problems[0].Message().strip()
    if problems[0].GetType() == "KekulizeException":
        return f"aromatic bonds cannot be alternated, a hydrogen such as [nH] may be missing ({message})"
    return message


# Standard form


def standardise_one(text: str) -> Standardised:
    """Standardise one SMILES: ionic metal bonds cut, groups normalised, largest organic part kept, charges neutralised."""
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
        UnreadableError: The text is no molecule, or its parts cannot be put in standard form.
    """
    given = text.strip()
    mol = _read(given)
    changes = _drop_atom_numbers(mol)
    if not _needs_work(mol):
        return mol, str(Chem.MolToSmiles(mol)), changes
    try:
        mol, more = _parent(mol)
        again = Chem.MolFromSmiles(Chem.MolToSmiles(mol), PARSER)
    except (ValueError, RuntimeError) as error:
        raise UnreadableError(f"{_quoted(given)} cannot be brought to standard form: {error}") from error
    if again is None:
        raise UnreadableError(
            f"{_quoted(given)} cannot be brought to standard form: {Chem.MolToSmiles(mol)} is no molecule"
        )
    return again, str(Chem.MolToSmiles(again)), changes + more


def _canonical_mol(text: str) -> Chem.Mol:
    """Return the parent molecule with its atoms in the order of its canonical SMILES: sums then round alike for every spelling."""
    mol, smiles, _ = _standard(text)
    return mol if smiles == text else Chem.MolFromSmiles(smiles, PARSER)


def _drop_atom_numbers(mol: Chem.Mol) -> list[str]:
    numbered = [atom for atom in mol.GetAtoms() if atom.GetAtomMapNum()]
    for atom in numbered:
        atom.SetAtomMapNum(0)
    return ["removed atom numbers"] if numbered else []


def _needs_work(mol: Chem.Mol) -> bool:
    """Tell a molecule that may change from the common case, one neutral part without groups of two spellings."""
    special = IONIC_METALS | TWO_SPELLINGS
    if any(atom.GetFormalCharge() or atom.GetAtomicNum() in special for atom in mol.GetAtoms()):
        return True
    return len(Chem.GetMolFrags(mol)) > 1


@cache
def _tools() -> tuple[
    rdMolStandardize.MetalDisconnector,
    rdMolStandardize.Normalizer,
    rdMolStandardize.Reionizer,
    rdMolStandardize.Uncharger,
]:
    metals = ",".join(f"#{number}" for number in sorted(IONIC_METALS))
    disconnector = rdMolStandardize.MetalDisconnector()
    disconnector.SetMetalNof(Chem.MolFromSmarts(f"[{metals}]~[#7,#8,F]"))
    disconnector.SetMetalNon(Chem.MolFromSmarts(f"[{metals}]~[#16,Cl,Br,I]"))
    return disconnector, rdMolStandardize.Normalizer(), rdMolStandardize.Reionizer(), rdMolStandardize.Uncharger()


def _parent(mol: Chem.Mol) -> tuple[Chem.Mol, list[str]]:
    """Return the neutral parent and what was changed on the way to it."""
    disconnector, normalizer, reionizer, uncharger = _tools()
    changes = []
    before = Chem.MolToSmiles(mol)
    mol = disconnector.Disconnect(mol)
    cut = Chem.MolToSmiles(mol)
    if cut != before:
        changes.append("cut bonds to an ionic metal")
    mol = normalizer.normalize(mol)
    normal = Chem.MolToSmiles(mol)
    if normal != cut:
        changes.append("normalised the spelling of groups")
    mol, removed = _largest(mol)
    kept = Chem.MolToSmiles(mol)
    mol = uncharger.uncharge(reionizer.reionize(mol))
    neutral = [] if Chem.MolToSmiles(mol) == kept else ["neutralised"]
    return mol, changes + removed + neutral


def _largest(mol: Chem.Mol) -> tuple[Chem.Mol, list[str]]:
    """Return the largest organic part; a molecule without carbon, such as ``[Na+].[Cl-]``, is kept whole."""
    parts = Chem.GetMolFrags(mol, asMols=True)
    organic = [part for part in parts if any(atom.GetAtomicNum() == 6 for atom in part.GetAtoms())]
    if len(parts) < 2 or not organic:
        return mol, []
    best = min(
        organic,
        key=lambda part: (-part.GetNumHeavyAtoms(), -rdMolDescriptors.CalcExactMolWt(part), Chem.MolToSmiles(part)),
    )
    rest = [part for part in parts if part is not best]
    spelled = Counter(Chem.MolToSmiles(part) for part in rest)
    copies = spelled.pop(Chem.MolToSmiles(best), 0)
    listed = ", ".join(f"{count} × {smiles}" if count > 1 else smiles for smiles, count in sorted(spelled.items()))
    changes = ["kept one of several equal parts"] if copies else []
    if listed:
        comparable = max(part.GetNumHeavyAtoms() for part in rest) * 2 >= best.GetNumHeavyAtoms()
        mixture = comparable and not copies and not any(Chem.GetFormalCharge(part) for part in parts)
        changes.append(f"kept the largest part of a mixture, removed {listed}" if mixture else f"removed salt {listed}")
    return best, changes


# Descriptors. Each family is one function, so that what it computes for an atom is computed once.

COUNTS = (
    "exactmw amw lipinskiHBA lipinskiHBD NumRotatableBonds NumHBD NumHBA NumHeavyAtoms NumAtoms NumHeteroatoms NumAmideBonds FractionCSP3 "
    "NumRings NumAromaticRings NumAliphaticRings NumSaturatedRings NumHeterocycles NumAromaticHeterocycles NumSaturatedHeterocycles "
    "NumAliphaticHeterocycles NumSpiroAtoms NumBridgeheadAtoms NumAtomStereoCenters NumUnspecifiedAtomStereoCenters labuteASA tpsa "
    "chi0v chi1v chi2v chi3v chi4v chi0n chi1n chi2n chi3n chi4n hallKierAlpha kappa1 kappa2 kappa3 Phi"
).split()
SLOGP_BINS = np.array([-0.4, -0.2, 0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6])
SMR_BINS = np.array([1.29, 1.82, 2.24, 2.45, 2.75, 3.05, 3.63, 3.8, 4.0])
CHARGE_BINS = np.array([-0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
ESTATE_BINS = np.array([-0.39, 0.29, 0.717, 1.165, 1.54, 1.807, 2.05, 4.69, 9.17, 15.0])
AREA_BINS = np.array([4.78, 5.0, 5.41, 5.74, 6.0, 6.07, 6.45, 7.0, 11.0])
LAST_OF_SHELL = np.array([2, 10, 18, 36, 54, 86])
PROPERTIES = rdMolDescriptors.Properties(COUNTS)


def _binned(values: np.ndarray, weights: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Sum ``weights`` (n_atoms,) by the bin of ``values`` (n_atoms,); (len(bins) + 1,)."""
    return np.bincount(np.searchsorted(bins, values, side="right"), weights=weights, minlength=len(bins) + 1)


def _counts(mol: Chem.Mol) -> Sequence[float]:
    return list(PROPERTIES.ComputeProperties(mol))


def _surface(mol: Chem.Mol) -> np.ndarray:
    """Return log P, molar refractivity, and surface area (Å²) by atomic log P, refractivity, charge and E-state."""
    n_atoms = mol.GetNumAtoms()
    areas = np.array(rdMolDescriptors._CalcLabuteASAContribs(mol)[0])
    crippen = np.array(rdMolDescriptors._CalcCrippenContribs(Chem.AddHs(mol)))  # type: ignore[attr-defined]
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
    extremes = [f(values) for values in (charges, estate) for f in (np.max, np.min)]
    sizes = [f(np.abs(values)) for values in (charges, estate) for f in (np.max, np.min)]
    return np.concatenate([*parts, extremes, sizes])


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
    result: np.ndarray = intrinsic + intrinsic * weight.sum(axis=1) - weight @ intrinsic
    return result


def _graph(mol: Chem.Mol) -> Sequence[float]:
    return [GraphDescriptors.BalabanJ(mol), GraphDescriptors.BertzCT(mol), GraphDescriptors.AvgIpc(mol)]


def _fragments(mol: Chem.Mol) -> Sequence[float]:
    return [count(mol) for _, count in Fragments.fns]


BINNED = {
    "SlogP_VSA": SLOGP_BINS,
    "SMR_VSA": SMR_BINS,
    "PEOE_VSA": CHARGE_BINS,
    "EState_VSA": ESTATE_BINS,
    "VSA_EState": AREA_BINS,
}
EXTREMES = [
    f"{end}{size}{of}" for size in ("", "Abs") for of in ("PartialCharge", "EStateIndex") for end in ("Max", "Min")
]
SURFACE = [
    "MolLogP",
    "MolMR",
    *(f"{name}{i + 1}" for name, bins in BINNED.items() for i in range(len(bins) + 1)),
    *EXTREMES,
]

Family = Callable[[Chem.Mol], Sequence[float] | np.ndarray]
FAMILIES: tuple[tuple[Family, list[str]], ...] = (
    (_counts, COUNTS),
    (_surface, SURFACE),
    (rdMolDescriptors.MQNs_, [f"MQN{i + 1}" for i in range(42)]),
    (_fragments, [name for name, _ in Fragments.fns]),
    (_graph, ["BalabanJ", "BertzCT", "AvgIpc"]),
    (
        rdMolDescriptors.BCUT2D,
        [f"BCUT2D_{name}" for name in ("MWHI", "MWLOW", "CHGHI", "CHGLO", "LOGPHI", "LOGPLOW", "MRHI", "MRLOW")],
    ),
)
DESCRIPTORS = [name for _, family in FAMILIES for name in family]


def _described(mol: Chem.Mol) -> np.ndarray:
    """Return all descriptors (n_descriptors,); NaN where one is not defined for the molecule."""
    values: list[np.ndarray] = []
    for function, family in FAMILIES:
        try:
            values.append(np.asarray(function(mol), dtype=float))
        except (ValueError, RuntimeError, ZeroDivisionError):
            values.append(np.full(len(family), np.nan))
    row = np.concatenate(values)
    return np.where(np.isfinite(row), np.clip(row, -LARGEST, LARGEST), np.nan)


@cache
def _generator(radius: int, bits: int) -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits, countSimulation=False)


# Arrays


def tokenise(smiles: str) -> list[str]:
    """Cut a SMILES into atoms, bonds, branches and ring closures; joined they give it back."""
    return TOKEN.findall(smiles)


def _vector(text: str, options: Mapping[str, object]) -> tuple[np.ndarray, np.ndarray]:
    """Return (n_descriptors,) and log(1 + count) of the folded environments (bits,)."""
    mol = _canonical_mol(text)
    counts = _generator(int(str(options["radius"])), int(str(options["bits"]))).GetCountFingerprintAsNumPy(mol)
    return _described(mol), np.log1p(counts)


def names(options: Mapping[str, object]) -> list[str]:
    """Return a name for each column of the vector; with several SMILES columns it starts with the column."""
    columns = _columns(options)
    heads = [f"{column}:" for column in columns] if len(columns) > 1 else [""]
    counts = [f"morgan_{i}" for i in range(int(str(options["bits"])))]
    return [head + name for family in (DESCRIPTORS, counts) for head in heads for name in family]


def blocks(options: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Return the column ranges of descriptors and of counts."""
    n = len(_columns(options))
    split, width = n * len(DESCRIPTORS), n * (len(DESCRIPTORS) + int(str(options["bits"])))
    return {"descriptors": (0, split), "counts": (split, width)}


def _columns(options: Mapping[str, object]) -> list[str]:
    columns = options["columns"]
    return [str(column) for column in columns] if isinstance(columns, (list, tuple)) else []


def featurise(
    columns: Mapping[str, Sequence[str]], options: Mapping[str, object]
) -> tuple[np.ndarray, list[str | None]]:
    """Turn SMILES into the array that a network reads.

    Args:
        columns: Text by column name.
        options: ``output`` ``"vector"`` with ``columns``, ``bits``, ``radius``; or ``"tokens"`` with ``columns``,
            ``vocabulary``, ``length`` and ``canonical`` (False keeps the spelling, for enumerated SMILES).

    Returns:
        float32 (n, width), NaN where a descriptor is not defined, or int64 (n, length); and per row None or what is
        wrong with it, such a row being zero.
    """
    rows = list(zip(*(columns[name] for name in _columns(options)), strict=True))
    tokens = options["output"] == "tokens"
    width = int(str(options["length"])) if tokens else blocks(options)["counts"][1]
    array = np.zeros((len(rows), width), dtype=np.int64 if tokens else np.float32)
    errors: list[str | None] = [None] * len(rows)
    one = _token_row if tokens else _vector_row
    quiet = rdBase.BlockLogs()
    for i, row in enumerate(rows):
        try:
            found = one(row, options)
            array[i, : len(found)] = found
        except UnreadableError as error:
            errors[i] = str(error)
    del quiet
    return array, errors


def _vector_row(row: Sequence[str], options: Mapping[str, object]) -> np.ndarray:
    parts = [_vector(text, options) for text in row]
    return np.concatenate([part[kind] for kind in (0, 1) for part in parts])


def _token_row(row: Sequence[str], options: Mapping[str, object]) -> list[int]:
    """Return token ids; several columns are joined by a dot, as parts of a mixture are.

    Raises:
        UnreadableError: It has more tokens than the network reads.
    """
    spelled = [_standard(text)[1] if options.get("canonical", True) else text for text in row]
    tokens = tokenise(".".join(spelled))
    limit = int(str(options["length"]))
    if len(tokens) > limit:
        raise UnreadableError(
            f"{_quoted('.'.join(row))} has {len(tokens)} tokens; the network was built for at most {limit}"
        )
    ids = _ids(tuple(map(str, options["vocabulary"])))  # type: ignore[call-overload]
    return [ids.get(token, UNKNOWN) for token in tokens]


@cache
def _ids(vocabulary: tuple[str, ...]) -> dict[str, int]:
    return {token: i + UNKNOWN + 1 for i, token in enumerate(vocabulary)}
