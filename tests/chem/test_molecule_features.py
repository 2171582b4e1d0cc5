from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdMolDescriptors

from scitrain.chem.molecule_features import (
    DESCRIPTORS,
    MAX_ATOMS,
    MAX_CHARACTERS,
    blocks,
    featurise,
    names,
    standardise_one,
    tokenise,
)

OPTIONS = {"output": "vector", "columns": ["smiles"], "radius": 2, "bits": 256}
MOLECULES = [
    "CCO",
    "C",
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1CCC[C@H]1c1cccnc1",
    "O=[N+]([O-])c1ccc(Cl)cc1",
    "C[S+]([O-])c1ccccc1",
    "F/C=C/Br",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "NS(=O)(=O)c1cc2c(cc1Cl)NCNS2(=O)=O",
    "CC(C)(C)P(=O)(O)O",
    "C#CC1(O)CCC2C3CCC4=CC(=O)CCC4C3CCC21C",
    "[2H]C([2H])([2H])O",
    "N[Pt](N)(Cl)Cl",
    "C[Si](C)(C)OB(O)O",
]


def vector(*smiles: str) -> np.ndarray:
    array, errors = featurise({"smiles": list(smiles)}, OPTIONS)
    assert errors == [None] * len(smiles)
    return array


def spellings(smiles: str, times: int = 4) -> list[str]:
    return list(Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), times, randomSeed=7))


@pytest.mark.parametrize("smiles", MOLECULES)
def test_every_spelling_of_a_molecule_has_the_same_standard_form_and_identical_features(smiles):
    expected = standardise_one(smiles).smiles
    texts = spellings(smiles)
    assert [standardise_one(text).smiles for text in texts] == [expected] * len(texts)
    assert np.array_equal(vector(*texts), np.repeat(vector(smiles), len(texts), axis=0), equal_nan=True)


@pytest.mark.parametrize("smiles", MOLECULES)
def test_standard_form_is_a_fixed_point(smiles):
    once = standardise_one(smiles)
    again = standardise_one(once.smiles or "")
    assert (again.smiles, again.change, again.error) == (once.smiles, None, None)


@pytest.mark.parametrize(
    ("given", "parent", "change"),
    [
        ("CCN.Cl", "CCN", "removed salt Cl"),
        ("CC(=O)[O-].[Na+]", "CC(=O)O", "removed salt [Na+]; neutralised"),
        ("CC(=O)O[Na]", "CC(=O)O", "cut bonds to an ionic metal; removed salt [Na+]; neutralised"),
        ("C[NH2+]C.[Cl-]", "CNC", "removed salt [Cl-]; neutralised"),
        ("[NH3+]CC(=O)[O-]", "NCC(=O)O", "neutralised"),
        ("CCO.O.O", "CCO", "removed salt 2 × O"),
        ("CCO.CCO", "CCO", "kept one of several equal parts"),
        ("CCCCCC.CCO", "CCCCCC", "kept the largest part of a mixture, removed CCO"),
        ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", None),
        ("[Na+].[Cl-]", "[Cl-].[Na+]", None),
        ("N[Pt](N)(Cl)Cl", "[NH2][Pt]([NH2])([Cl])[Cl]", None),
        ("CS(C)=O", "C[S+](C)[O-]", "normalised the spelling of groups"),
        ("CN(=O)=O", "C[N+](=O)[O-]", None),
        ("[13CH3]O", "[13CH3]O", None),
        ("C[C@@H](N)O", "C[C@@H](N)O", None),
        ("F/C=C/F", "F/C=C/F", None),
        ("[CH3:1][OH:2]", "CO", "removed atom numbers"),
        ("  OCC \t", "CCO", None),
    ],
)
def test_standard_form_and_what_changed(given, parent, change):
    found = standardise_one(given)
    assert (found.smiles, found.change, found.error) == (parent, change, None)


@pytest.mark.parametrize("salt", ["CC(=O)[O-].[Na+]", "CC(=O)O[K]", "CC(O)=O.O", "[Ca+2].CC(=O)[O-].CC(=O)[O-]"])
def test_a_salt_has_the_features_of_its_parent(salt):
    assert np.array_equal(vector(salt), vector("CC(=O)O"), equal_nan=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty; expected a SMILES such as CCO"),
        (" \t\n", "empty"),
        ("C1CC", "not a valid SMILES"),
        ("[Xx]C", "not a valid SMILES"),
        ("CQ", "not a valid SMILES"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "[nH]"),
        ("*CC", "dummy atom"),
        ("C\0C", "'\\x00' at position 2"),
        ("C😀", "'😀' at position 2"),
        ("CCO ethanol", "space at position 4"),
        ("C" * 2000, "2,000 heavy atoms"),
        ("C" * (MAX_CHARACTERS + 1), "5,001 characters"),
        ("(" * 3000, "not a valid SMILES"),
        ("C>>O", "not a valid SMILES"),
        ("nan", "not a valid SMILES"),
    ],
)
def test_text_that_is_no_molecule_is_an_error_and_makes_no_noise(text, words, capfd):
    found = standardise_one(text)
    assert found.smiles is None
    assert words in (found.error or "")
    assert len(found.error or "") < 200
    array, errors = featurise({"smiles": [text, "CCO"]}, OPTIONS)
    assert errors == [found.error, None]
    assert not array[0].any()
    assert array[1].any()
    assert capfd.readouterr() == ("", "")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="CNOSPc1n2o()[]=#+-@/\\.%BrlH*é \0", max_size=25))
def test_no_text_crashes(text):
    found = standardise_one(text)
    assert (found.smiles is None) != (found.error is None)


def test_large_molecules_up_to_the_limit_are_described():
    array = vector("C" * MAX_ATOMS)
    assert np.isfinite(array).all()


@pytest.mark.parametrize(
    "smiles", ["[H][H]", "[Na+]", "[Cl-].[Na+]", "[He]", "[U]", "O", "[SbH6+3]", "[CH3]", "C[Hg]C"]
)
def test_odd_molecules_have_features_without_infinities(smiles):
    assert not np.isinf(vector(smiles)).any()


def test_descriptors_are_those_of_rdkit():
    known = dict(Descriptors.descList)
    checked = [name for name in DESCRIPTORS if name in known and "EState" not in name]
    assert len(checked) > 140
    for smiles in MOLECULES[:10]:
        row = dict(zip(names(OPTIONS), vector(smiles)[0], strict=True))
        mol = Chem.MolFromSmiles(standardise_one(smiles).smiles)
        for name in checked:
            assert row[name] == pytest.approx(known[name](mol), rel=1e-5, abs=1e-5), (smiles, name)


@pytest.mark.parametrize("name", [name for name in DESCRIPTORS if "EState" in name])
def test_estate_descriptors_are_those_of_rdkit(name):
    known = dict(Descriptors.descList)
    at = names(OPTIONS).index(name)
    found = [known[name](Chem.MolFromSmiles(standardise_one(smiles).smiles)) for smiles in MOLECULES]
    assert vector(*MOLECULES)[:, at] == pytest.approx(np.array(found), rel=1e-5, abs=1e-5)


def test_ethanol_by_hand():
    row = dict(zip(names(OPTIONS), vector("CCO")[0], strict=True))
    assert row["NumHeavyAtoms"] == 3
    assert row["NumHBD"] == 1
    assert row["amw"] == pytest.approx(46.069, abs=1e-3)
    assert row["tpsa"] == pytest.approx(20.23, abs=1e-2)
    # environments: 3 atoms, 3 of radius 1, and none new at radius 2
    assert counted("CCO", "morgan") == pytest.approx(6, abs=1e-4)


def counted(smiles, kind):
    """Return how many fragments of a kind a molecule has."""
    start, end = blocks(OPTIONS)[f"{kind}_counts"]
    return np.expm1(vector(smiles)[0, start:end]).sum()


def test_fragments_of_butane_are_counted_by_hand():
    # 4 atoms and 4 environments of radius 1; 3 pairs of neighbours, 2 of second and 1 of third; one chain of four
    assert counted("CCCC", "role") == pytest.approx(counted("CCCC", "morgan"), abs=1e-4)
    assert counted("CCCC", "pair") == pytest.approx(6, abs=1e-4)
    assert counted("CCCC", "torsion") == pytest.approx(1, abs=1e-4)


def test_atoms_of_one_role_count_as_one():
    start, end = blocks(OPTIONS)["role_counts"]
    chlorine, bromine = (vector(f"c1ccccc1{halogen}")[0, start:end] for halogen in ("Cl", "Br"))
    assert np.array_equal(chlorine, bromine)


def test_counts_are_the_log_of_the_folded_morgan_counts():
    mol = Chem.MolFromSmiles("CCCCCCCC")
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=256, countSimulation=False)
    expected = np.log1p(generator.GetCountFingerprintAsNumPy(mol))
    start, end = blocks(OPTIONS)["morgan_counts"]
    assert np.allclose(vector("CCCCCCCC")[0, start:end], expected)


def test_blocks_names_and_array_agree():
    found = blocks(OPTIONS)
    ends = [len(DESCRIPTORS) + 256 * i for i in range(5)]
    assert list(found) == ["descriptors", "morgan_counts", "role_counts", "pair_counts", "torsion_counts"]
    assert list(found.values()) == list(pairwise([0, *ends]))
    listed = names(OPTIONS)
    assert len(listed) == len(set(listed)) == vector("CCO").shape[1]
    assert vector("CCO").dtype == np.float32


def test_a_batch_equals_its_rows_one_by_one():
    together = vector(*MOLECULES)
    assert np.array_equal(together, np.concatenate([vector(smiles) for smiles in MOLECULES]), equal_nan=True)


def test_several_columns_stand_side_by_side_descriptors_first():
    options = OPTIONS | {"columns": ["solute", "solvent"]}
    array, errors = featurise({"solute": ["CCO", "C1CC"], "solvent": ["O", "O"]}, options)
    n = len(DESCRIPTORS)
    assert np.array_equal(array[0, :n], vector("CCO")[0, :n])
    assert np.array_equal(array[0, n : 2 * n], vector("O")[0, :n])
    assert np.array_equal(array[0, 2 * n : 2 * n + 256], vector("CCO")[0, n : n + 256])
    assert errors[0] is None
    assert errors[1] is not None
    assert names(options)[n] == "solvent:" + DESCRIPTORS[0]
    assert len(names(options)) == array.shape[1]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_tokens_joined_give_back_the_text(smiles):
    assert "".join(tokenise(smiles)) == smiles


def test_tokens_are_atoms_bonds_branches_and_rings():
    assert tokenise("C[C@H](Cl)c1cc%12Br") == ["C", "[C@H]", "(", "Cl", ")", "c", "1", "c", "c", "%12", "Br"]


def test_token_ids_are_padded_and_unknown_tokens_are_one():
    options = {"output": "tokens", "columns": ["smiles"], "vocabulary": ["C", "O"], "length": 4}
    array, errors = featurise({"smiles": ["OCC", "CN", "CCCCCC", "C1"]}, options)
    assert array.dtype == np.int64
    assert array.tolist() == [[2, 2, 3, 0], [2, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert "6 tokens" in (errors[2] or "")
    assert errors[3]


def test_spelling_is_kept_for_enumerated_smiles():
    options = {"output": "tokens", "columns": ["smiles"], "vocabulary": ["C", "O"], "length": 3, "canonical": False}
    assert featurise({"smiles": ["OCC", "CCO"]}, options)[0].tolist() == [[3, 2, 2], [2, 2, 3]]


def test_no_row_gives_an_empty_array_of_the_right_width():
    array, errors = featurise({"smiles": []}, OPTIONS)
    assert array.shape == (0, len(DESCRIPTORS) + 4 * 256)
    assert errors == []


def test_mqn_counts_are_those_of_rdkit():
    at = names(OPTIONS).index("MQN1")
    for smiles in ("CCO", "c1ccncc1Cl"):
        assert vector(smiles)[0, at : at + 42].tolist() == list(rdMolDescriptors.MQNs_(Chem.MolFromSmiles(smiles)))
