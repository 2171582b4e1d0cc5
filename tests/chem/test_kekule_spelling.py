"""Double bonds instead of aromatic atoms: the same molecule, the same order, whole or begun."""

import re

import pytest
from rdkit import Chem

from scitrain.chem.kekule_spelling import TOKEN, kekulised, kekulised_beginning
from scitrain.chem.molecules import random_spellings
from scitrain.data.builtin import read_builtin
from scitrain.workspace import Workspace

DRUGS = [
    "CN1C(=O)C=Nc2c1cccc2-c1ccc(C#N)cc1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "O=c1[nH]cnc2nc[nH]c12",
    "C[n+]1ccccc1.[Br-]",
    "c1ccc2c(c1)oc1ccccc12",
    "CC(=O)Nc1nnc(S(N)(=O)=O)s1",
]


def atoms(text):
    """Return what is left without bonds and aromaticity."""
    return re.sub(r"[-=:]", "", text.upper().replace("[NH]", "N"))


def test_it_is_the_same_molecule_with_the_same_atoms_in_the_same_order(tmp_path):
    found = read_builtin("builtin:nci-molecules", Workspace(tmp_path)).columns["smiles"][:300]
    texts = [Chem.MolToSmiles(mol) for text in found if (mol := Chem.MolFromSmiles(text)) is not None]
    for number, text in enumerate([*texts, *DRUGS]):
        for spelling in (text, *random_spellings(text, 1, number)):
            new = kekulised(spelling)
            assert not any(token[0].islower() for token in TOKEN.findall(new)), new
            assert Chem.CanonSmiles(new) == Chem.CanonSmiles(text)
            assert atoms(new) == atoms(spelling)


def test_bonds_between_rings_and_out_of_them_stay():
    assert kekulised("c1ccccc1-c1ccccc1") == "C1=CC=CC=C1C1=CC=CC=C1"
    assert kekulised("O=c1cc[nH]cc1") == "O=C1C=CNC=C1"
    assert kekulised("F/C=C/c1cccs1") == "F/C=C/C1=CC=CS1"
    assert kekulised("C1=CC=CC=C1c1ccccc1") == "C1=CC=CC=C1C1=CC=CC=C1"


def test_what_has_no_aromatic_atom_stays_as_it_is():
    assert kekulised("CC(=O)[N-]C1CC1") == "CC(=O)[N-]C1CC1"
    assert kekulised_beginning("CC(=O)C1CC(") == "CC(=O)C1CC("


@pytest.mark.parametrize(
    ("begun", "spelled"),
    [
        ("c1ccc(", "C1=CC=C("),
        ("c1ccc2c(c1)", "C1=CC=C2C(=C1)"),
        ("c1ccc(N2CCN(c3cc", "C1=CC=C(N2CCN(C3=CC"),
        ("O=C(N)c1ccc(C(=O)", "O=C(N)C1=CC=C(C(=O)"),
        ("c1ccccc1C=", "C1=CC=CC=C1C="),
        ("C[n+]1ccc", "C[N+]1=CC=C"),
    ],
)
def test_a_beginning_is_spelled_as_a_molecule_that_goes_on_so(begun, spelled):
    assert kekulised_beginning(begun) == spelled


def test_each_beginning_of_a_drug_can_be_spelled():
    for text in DRUGS:
        tokens = TOKEN.findall(text)
        for end in range(1, len(tokens) + 1):
            begun = "".join(tokens[:end])
            found = kekulised_beginning(begun)
            assert found is not None, begun
            assert atoms(found) == atoms(begun)


@pytest.mark.parametrize("nonsense", ["c1cccc1", "c1ccccc1)", "cc(((", "c1ccccc1x", "n1n1"])
def test_what_no_molecule_begins_with_has_no_spelling(nonsense):
    assert kekulised_beginning(nonsense) is None
    assert kekulised(nonsense) is None
