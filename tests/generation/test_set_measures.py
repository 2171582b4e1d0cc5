import numpy as np
import pytest
from rdkit import DataStructs

from scitrain.chem.formulas import parse
from scitrain.chem.molecule_criteria import fingerprints
from scitrain.generation.compositions import (
    composition_measures,
    element_divergence,
    element_shares,
    nearest_formula,
    random_formulas,
    yardsticks,
)
from scitrain.generation.describe import describe
from scitrain.generation.molecules import diversity, molecule_measures, nearest_known

MOLECULES = ["CCO", "c1ccccc1O", "c1ccccc1N", "O=C1C=CC(=O)C=C1"]
REAL = ["NaCl", "Fe2O3", "CaTiO3", "LiCoO2", "MgO", "Al2O3", "KBr", "ZnS"]


def test_diversity_is_one_minus_the_mean_over_pairs() -> None:
    prints = fingerprints(MOLECULES[:3])
    pairs = [DataStructs.TanimotoSimilarity(prints[i], prints[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    found = diversity(MOLECULES[:3], 0)
    assert found.value == pytest.approx(1 - np.mean(pairs))
    assert diversity(["C"], 0).value is None


def test_diversity_of_few_molecules_has_no_interval() -> None:
    few, ten = diversity(MOLECULES[:2], 0), diversity(["C" * n for n in range(1, 11)], 0)
    assert (few.low, few.high) == (None, None)
    assert few.value is not None
    assert ten.low is not None
    assert ten.low < (ten.value or 0)


def test_scaffolds_are_counted_among_molecules_with_rings() -> None:
    found = {m.name: m for m in molecule_measures(MOLECULES, describe("smiles", MOLECULES), None, 0)}
    assert (found["scaffold_diversity"].value, found["scaffold_diversity"].n) == (pytest.approx(2 / 3), 3)
    assert found["pains_free"].value == 0.75
    assert found["wasserstein_logp"].value is None


def test_a_set_compared_with_itself_is_no_distance_away() -> None:
    own = describe("smiles", MOLECULES)
    found = {m.name: m for m in molecule_measures(MOLECULES, own, own, 0)}
    assert found["wasserstein_logp"].value == pytest.approx(0)
    assert found["mean_qed"].beside["reference"] == pytest.approx(found["mean_qed"].value)
    similarities, mean = nearest_known(MOLECULES, frozenset(MOLECULES), 0)
    assert similarities.tolist() == [1.0] * 4
    assert mean.value == 1.0


def test_real_and_random_formulas_stand_beside() -> None:
    own = describe("formula", REAL)
    found = {m.name: m for m in composition_measures(own, own, yardsticks({"mine": REAL}, 0))}
    assert found["balanced"].value == 1.0
    assert found["balanced"].beside["mine"] == 1.0
    assert found["balanced"].beside["random formulas like mine"] < 0.7
    assert found["familiar_stoichiometry"].value == 1.0


def test_random_formulas_keep_amounts_and_are_the_same_for_a_seed() -> None:
    made = random_formulas(REAL, 50, 1)
    assert made == random_formulas(REAL, 50, 1)
    assert made != random_formulas(REAL, 50, 2)
    amounts = {tuple(sorted(parse(name).values())) for name in REAL}
    assert {tuple(sorted(parse(name).values())) for name in made} <= amounts


def test_the_nearest_formula_is_named() -> None:
    names, distances, mean = nearest_formula(["KCl", "MgO"], frozenset({"NaCl", "MgO"}))
    assert names == ["NaCl", "MgO"]
    assert distances.tolist() == pytest.approx([0.5, 0.0])
    assert mean.value == pytest.approx(0.25)


def test_element_divergence_is_one_bit_where_nothing_is_shared() -> None:
    assert element_shares(["NaCl", "KCl"]) == {"Na": 0.5, "Cl": 1.0, "K": 0.5}
    assert element_divergence({"Na": 1.0}, {"K": 1.0}, 1).value == pytest.approx(1.0)
    assert element_divergence({"Na": 0.5, "K": 0.5}, {"Na": 0.5, "K": 0.5}, 1).value == pytest.approx(0.0)
