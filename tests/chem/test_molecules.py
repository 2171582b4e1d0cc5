import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from scitrain.chem.molecules import check, nearest_similarity, random_spellings, scaffold, scaffolds, standardise
from scitrain.errors import DataError

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def test_standardise_keeps_the_order_and_counts_the_rows():
    seen = []
    found = standardise(["OCC", "C1CC", "CCN.Cl", ""], lambda done, total: seen.append((done, total)))
    assert [one.smiles for one in found] == ["CCO", None, "CCN", None]
    assert found[2].change == "removed salt Cl"
    assert seen[-1] == (4, 4)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("C1CC", "'C1CC' is not a valid SMILES: ring 1 opened at position 2 is never closed"),
        ("C==C", "'C==C' is not a valid SMILES: its symbols stand in an order that means nothing"),
        ("CF(C)", "'CF(C)' is not a valid SMILES: Explicit valence for atom # 1 F, 2, is greater than permitted"),
        ("", "empty; expected a SMILES such as CCO"),
    ],
)
def test_an_error_says_where_the_mistake_is(text, error):
    assert standardise([text])[0].error == error


@pytest.mark.parametrize("smiles", [ASPIRIN, "C[C@H](c1ccccc1)C1CCNC1", "O=C1CCCN1Cc1ccncc1", "C=C1CCCC1", "CCO"])
def test_scaffold_is_the_one_of_bemis_and_murcko(smiles):
    expected = MurckoScaffold.MurckoScaffoldSmiles(smiles)
    assert Chem.CanonSmiles(scaffold(smiles)) == Chem.CanonSmiles(expected)


@pytest.mark.parametrize(
    ("text", "hint"), [("[U-238]", "[238U]"), ("[Fe+300]", "at most 15"), ("C.[Fe+16]", "[Fe+16]")]
)
def test_a_charge_that_rdkit_would_wrap_is_refused(text, hint):
    """RDKit keeps charges in eight bits: it reads [Fe+300] as [Fe+44]."""
    [found] = standardise([text])
    assert found.smiles is None
    assert hint in found.error
    with pytest.raises(DataError, match="charge of"):
        check(text)


@pytest.mark.parametrize("text", ["[238U]", "[Fe+3]", "[68Ga+3]", "[U+6]"])
def test_isotopes_and_usual_charges_are_read(text):
    check(text)


def test_scaffolds_by_hand():
    assert scaffolds([ASPIRIN, "Cc1ccccc1", "CCO"]) == ["c1ccccc1", "c1ccccc1", ""]


def test_stereo_does_not_part_a_scaffold():
    assert scaffold("O[C@H]1CC[C@H](c2ccccc2)CC1") == scaffold("O[C@H]1CC[C@@H](c2ccccc2)CC1")


def test_random_spellings_are_the_same_molecule_and_follow_the_seed():
    spelled = random_spellings(ASPIRIN, 10, seed=3)
    assert {Chem.CanonSmiles(text) for text in spelled} == {Chem.CanonSmiles(ASPIRIN)}
    assert len(set(spelled)) > 3
    assert spelled == random_spellings(ASPIRIN, 10, seed=3) != random_spellings(ASPIRIN, 10, seed=4)


def test_nearest_similarity_is_one_for_a_known_molecule_and_small_for_a_stranger():
    found = nearest_similarity([ASPIRIN, "CCCCCC"], ["CCO", ASPIRIN, ASPIRIN])
    assert found[0] == 1
    assert found[1] < 0.5
    assert found.dtype == np.float32


def test_nearest_similarity_by_hand():
    # environments: ethane has CH3 and C-C; propane has CH3, CH2, CH3-CH2 and CH3-CH2-CH3
    assert nearest_similarity(["CC"], ["CCC"]) == pytest.approx(1 / 5)


def test_nearest_similarity_without_a_reference_is_undefined():
    assert np.isnan(nearest_similarity(["CCO"], [])).all()


def test_what_is_no_molecule_is_an_error(capfd):
    with pytest.raises(DataError, match="not a valid SMILES"):
        scaffold("C1CC")
    assert capfd.readouterr() == ("", "")
