import numpy as np
import pytest
from rdkit import DataStructs

from scitrain.chem.molecule_criteria import PROPERTIES, Criteria, criteria, fingerprints, mean_similarities
from scitrain.chem.molecules import scaffold

ASPIRIN, QUINONE = "CC(=O)Oc1ccccc1C(=O)O", "O=C1C=CC(=O)C=C1"


def test_the_numbers_of_aspirin_are_the_published_ones() -> None:
    [found] = criteria([ASPIRIN])
    assert found.qed == pytest.approx(0.550, abs=2e-3)
    assert found.logp == pytest.approx(1.3101)
    assert found.tpsa == pytest.approx(63.6)
    assert found.sa == pytest.approx(1.58, abs=0.01)
    assert (found.rings, found.heavy_atoms, found.h_donors) == (1, 13, 1)
    assert found.brenk == "phenol_ester"
    assert found.scaffold == scaffold(ASPIRIN) == "c1ccccc1"


def test_a_quinone_is_an_alert_of_pains() -> None:
    assert criteria([QUINONE])[0].pains == "quinone_A(370)"


def test_numbers_come_in_the_order_of_their_names() -> None:
    [found] = criteria([ASPIRIN])
    assert [getattr(found, name) for name in PROPERTIES] == list(found.numbers())
    assert list(Criteria.__dataclass_fields__)[: len(PROPERTIES)] == list(PROPERTIES)


@pytest.mark.parametrize("smiles", ["[H][H]", "[Na+].[Cl-]", "C", "[He]"])
def test_the_smallest_molecules_have_finite_numbers(smiles: str) -> None:
    assert np.isfinite(criteria([smiles])[0].numbers()).all()


def test_mean_similarity_leaves_out_the_molecule_itself() -> None:
    smiles = ["CCO", "CCN", ASPIRIN]
    one, two, three = fingerprints(smiles)
    pairs = DataStructs.TanimotoSimilarity(one, two), DataStructs.TanimotoSimilarity(one, three)
    assert mean_similarities(smiles)[0] == pytest.approx(sum(pairs) / 2)
    assert mean_similarities(["CCO", "CCO"]).tolist() == [1.0, 1.0]
