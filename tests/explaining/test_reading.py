"""What a person reads: atoms, columns, elements, places, positions; and what it sums to."""

import numpy as np
import pytest
from rdkit import Chem

from scitrain.evaluation.metrics import METRICS
from scitrain.explaining.atoms import from_counts, from_tokens
from scitrain.explaining.importance import mean_absolute
from scitrain.explaining.layout import layout_of, permuted_together
from scitrain.explaining.permutation import Shuffling, permutation_importance
from scitrain.explaining.reading import matrix, read_row
from scitrain.explaining.tokens import by_element
from scitrain.modalities import MODALITIES

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
RNG = np.random.default_rng(4)


def featuriser(modality, kind, **columns):
    rows = np.arange(len(next(iter(columns.values()))))
    return MODALITIES[modality].featuriser(kind, columns, rows)


def attributed(made, columns):
    x, errors = made.transform(columns)
    assert not errors
    return x, np.where(x != 0, RNG.normal(size=x.shape), 0.0).astype(np.float32)


def test_atoms_and_descriptors_hold_the_whole_attribution():
    made = featuriser("smiles", "vector", smiles=[ASPIRIN])
    x, values = attributed(made, {"smiles": [ASPIRIN]})
    read = read_row(made, {"smiles": ASPIRIN}, x[0], values[0])
    assert sum(read.parts.values()) == pytest.approx(float(values.sum()), rel=1e-4)
    mol, atoms = read.picture.atoms
    start, end = made.shape().blocks["descriptors"]
    assert atoms.sum() == pytest.approx(float(values[0, end:].sum()), rel=1e-4)
    assert mol.GetNumAtoms() == len(atoms) == 13
    assert start == 0


def test_a_count_colours_the_atoms_of_its_fragment_alone():
    made = featuriser("smiles", "vector", smiles=["CCO"])
    x, _ = made.transform({"smiles": ["CCO"]})
    options = made.options()
    start, _ = made.shape().blocks["morgan_counts"]
    oxygen = next(
        bit
        for bit in np.flatnonzero(x[0, start : start + 1024])
        if from_counts(["CCO"], one_hot(x.shape[1], start + bit), options).atoms.tolist() == [0, 0, 1]
    )
    assert oxygen >= 0


def one_hot(width, at):
    values = np.zeros(width, np.float32)
    values[at] = 1.0
    return values


def test_a_permuted_smiles_colours_the_same_atoms():
    made = featuriser("smiles", "vector", smiles=[ASPIRIN])
    mol = Chem.MolFromSmiles(ASPIRIN)
    spelled = [Chem.MolToSmiles(mol, doRandom=True) for _ in range(3)]
    _, values = attributed(made, {"smiles": [ASPIRIN]})
    first = from_counts([ASPIRIN], values[0], made.options())
    for text in spelled:
        other = from_counts([text], values[0], made.options())
        assert Chem.MolToSmiles(other.mol) == Chem.MolToSmiles(first.mol)
        np.testing.assert_allclose(np.sort(other.atoms), np.sort(first.atoms), atol=1e-5)


def test_counts_that_a_molecule_lacks_are_listed_apart():
    made = featuriser("smiles", "vector", smiles=["C"])
    x, _ = made.transform({"smiles": ["C"]})
    start, _ = made.shape().blocks["morgan_counts"]
    lacking = int(np.flatnonzero(x[0, start:] == 0)[0])
    found = from_counts(["C"], one_hot(x.shape[1], start + lacking), made.options())
    assert found.apart == {"fragments it lacks": 1.0}
    assert not found.atoms.any()


def test_tokens_of_a_smiles_colour_atoms_and_leave_bonds_apart():
    found = from_tokens(["CC(=O)[O-]"], np.array([1.0, 2, 3, 4, 5, 6, 7]))
    assert found.atoms.tolist() == [1, 2, 5, 7]
    assert found.apart == {"(": 3, "=": 4, ")": 6}


def test_a_category_with_its_levels_and_flags_is_one_column():
    columns = {"a": ["1", "2", "", "4"] * 3, "phase": ["x", "y", "x", "y"] * 3}
    made = featuriser("tabular", "vector", **columns)
    layout = layout_of(made)
    assert layout.names == ("a", "phase")
    x, _ = made.transform(columns)
    names, sums = matrix(made, columns, x, np.ones_like(x))
    assert list(names) == ["a", "phase"]
    assert sums.sum() == x.size


def test_a_formula_is_told_by_element_and_by_property():
    made = featuriser("formula", "vector", formula=["Fe2O3", "NaCl"])
    names = layout_of(made).names
    assert {"Fe", "O", "electronegativity"} <= set(names)
    assert not [name for name in names if name.startswith(("fraction", "mean ", "max "))]
    assert by_element(["Fe", "2", "O", "1", ".", "5"]) == ["Fe", "Fe", "O", "O", "O", "O"]


def test_aligned_sequences_are_told_by_position():
    made = featuriser("sequence", "vector", seq=["ACDEFGHIKLMN", "ACDWFGHIKLMN", "ACDEFGHIKLMY"])
    assert layout_of(made).names == ("position 4", "position 12")


def test_the_counts_of_molecules_are_shuffled_kind_by_kind():
    made = featuriser("smiles", "vector", smiles=["CCO", "CCN"])
    names = permuted_together(made, layout_of(made)).names
    assert names[-4:] == ("morgan_counts", "role_counts", "pair_counts", "torsion_counts")


def test_mean_absolute_attributions_have_intervals_and_shares():
    values = np.column_stack([RNG.normal(2, 0.1, 50), np.zeros(50), RNG.normal(0, 1, 50)])
    found = mean_absolute(["a", "none", "c"], values)
    assert [one.feature for one in found] == ["a", "c", "none"]
    assert found[0].low < found[0].value < found[0].high
    assert found[0].value == pytest.approx(np.abs(values[:, 0]).mean())
    assert (found[2].value, found[2].low, found[2].high) == (0, 0, 0)
    assert sum(one.share for one in found) == pytest.approx(1)


def test_shuffling_finds_what_matters_and_holds_zero_for_what_does_not():
    made = featuriser("tabular", "vector", **{name: [f"{v:.3f}" for v in RNG.normal(size=120)] for name in "abc"})
    x = RNG.normal(size=(120, 3)).astype(np.float32)
    y = (2 * x[:, :1]).astype(np.float32) + RNG.normal(scale=0.1, size=(120, 1)).astype(np.float32)
    noisy = Shuffling("regression", METRICS["rmse"], 0, lambda rows: 2 * rows[:, :1] + 0.02 * rows[:, 1:2])
    found = {one.feature: one for one in permutation_importance(noisy, layout_of(made), x, y)}
    # shuffling x of variance v in 2 x leaves an error of variance 4 · 2 v beside the noise
    assert found["a"].value == pytest.approx(np.sqrt(8 * x[:, 0].var()), rel=0.2)
    assert found["b"].low < 0.02
    assert (found["c"].value, found["c"].low, found["c"].high) == (0, 0, 0)
    again = {one.feature: one for one in permutation_importance(noisy, layout_of(made), x, y)}
    assert again == found
